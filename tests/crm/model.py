# SPDX-License-Identifier: MIT
"""The store: records, trash, links, tags, the clock, rate windows. Knows no HTTP and no JSON."""
import bisect
import itertools
import time

SUBJECTS = ("contacts", "companies", "deals")
MAIN = SUBJECTS + ("activities", "notes", "calls", "products", "documents")
LOOKUPS = ("users", "pipelines", "pipeline-stages", "sources", "industries", "activity-types",
           "call-outcomes", "lost-reasons", "document-types", "document-templates")
SOFT = {"contacts", "companies", "deals", "activities", "products", "documents"}


class Clock:
    """The server's wall clock; tests move it."""

    def __init__(self):
        self.offset, self.still = 0.0, None

    def now(self):
        return time.time() + self.offset if self.still is None else self.still

    def set(self, seconds):
        self.offset = seconds - time.time()

    def stamp(self):
        return stamp(self.now())


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(seconds))


class Collection:
    """One resource. Rows are replaced, never changed; `version` moves with every change."""

    def __init__(self, kind):
        self.kind = kind
        self.rows, self.ids, self.next_id, self.version = {}, [], 1, 0
        self.trash = {}      # id -> row
        self.deleted_at = {}  # id -> stamp
        self.templates = {}  # id -> encoded list shape; dropped when the record or a neighbour changes
        self.raw = {}        # id -> literal JSON text, for hostile content
        self.orders = {}     # orders -> (version, ids)

    def put(self, row):
        if row["id"] not in self.rows:
            bisect.insort(self.ids, row["id"])
            self.next_id = max(self.next_id, row["id"] + 1)
        self.rows[row["id"]] = row
        self.version += 1

    def take(self, row_id):
        self.ids.pop(bisect.bisect_left(self.ids, row_id))
        self.version += 1
        return self.rows.pop(row_id)

    def extend(self, rows):
        """Many new rows with ascending ids beyond the last."""
        self.rows.update((r["id"], r) for r in rows)
        self.ids.extend(r["id"] for r in rows)
        self.next_id = self.ids[-1] + 1 if self.ids else self.next_id
        self.version += 1


class Links:
    """Who is attached to whom, both ways. Records in the trash keep their links."""

    def __init__(self):
        self.of = {}  # (kind, id) -> {other kind: [ids]}

    def ids(self, kind, row_id, other):
        return self.of.get((kind, row_id), {}).get(other, [])

    def all(self, kind, row_id):
        for other, ids in self.of.get((kind, row_id), {}).items():
            for other_id in ids:
                yield other, other_id

    def has(self, kind, row_id, other, other_id):
        return other_id in self.ids(kind, row_id, other)

    def add(self, kind, row_id, other, other_id):
        if self.has(kind, row_id, other, other_id):
            return False
        self.of.setdefault((kind, row_id), {}).setdefault(other, []).append(other_id)
        self.of.setdefault((other, other_id), {}).setdefault(kind, []).append(row_id)
        return True

    def remove(self, kind, row_id, other, other_id):
        if not self.has(kind, row_id, other, other_id):
            return False
        self.of[kind, row_id][other].remove(other_id)
        self.of[other, other_id][kind].remove(row_id)
        return True

    def forget(self, kind, row_id):
        for other, other_id in list(self.all(kind, row_id)):
            self.remove(kind, row_id, other, other_id)
        self.of.pop((kind, row_id), None)


class Window:
    """A user's fixed minute: begins with the first counted request."""

    def __init__(self, clock, limit):
        self.clock, self.limit, self.ends, self.spent = clock, limit, 0, 0

    def refresh(self):
        if self.clock.now() >= self.ends:
            self.ends, self.spent = 0, 0

    def spend(self, n=1):
        """False when nothing is left; what is refused is not counted."""
        self.refresh()
        if self.spent >= self.limit:
            return False
        self.ends = self.ends or int(self.clock.now()) + 60
        self.spent = min(self.limit, self.spent + n)
        return True

    def left(self):
        self.refresh()
        return self.limit - self.spent

    def resets_in(self):
        self.refresh()
        return self.ends - int(self.clock.now()) if self.ends else 0


class Model:
    def __init__(self, clock, rate):
        self.clock, self.rate = clock, rate
        self.tables = {kind: Collection(kind) for kind in MAIN + LOOKUPS}
        self.links = Links()
        self.embedded = {}  # what other records show of lookups; cleared when one changes
        self.tags = {}      # (type, name in lower case) -> tag
        self.phone_numbers = itertools.count(1)  # ids of phones
        self.windows, self.tokens = {}, {}       # by user id; token -> user id

    def row(self, kind, row_id):
        return self.tables[kind].rows.get(row_id)

    def window(self, user_id):
        return self.windows.setdefault(user_id, Window(self.clock, self.rate))

    def tag(self, kind, name):
        """The tag of that name, made when there is none."""
        known = self.tags.get((kind, name.lower()))
        if known is None:
            known = self.tags[kind, name.lower()] = {
                "id": len(self.tags) + 1, "name": name, "swatch_color": "#94a3b8",
                "display_order": len(self.tags) + 1, "type": kind}
        return known

    def insert(self, kind, members):
        table = self.tables[kind]
        now = self.clock.stamp()
        row = {"id": table.next_id, **members}
        row.setdefault("created_at", now)
        row.setdefault("updated_at", now)
        table.put(row)
        self.stale(kind, row["id"])
        return row["id"]

    def change(self, kind, row_id, members):
        """Moves updated_at only if something changed; returns whether it did."""
        old = self.tables[kind].rows[row_id]
        if all(k in old and same(old[k], v) for k, v in members.items()):
            return False
        self.tables[kind].put({**old, "updated_at": self.clock.stamp(), **members})
        self.stale(kind, row_id)
        return True

    def touch(self, kind, row_id):
        row = self.row(kind, row_id)
        if row is not None:
            self.tables[kind].put({**row, "updated_at": self.clock.stamp()})
            self.stale(kind, row_id)

    def bin(self, kind, row_id):
        table, now = self.tables[kind], self.clock.stamp()
        table.trash[row_id] = {**table.take(row_id), "updated_at": now}
        table.deleted_at[row_id] = now
        self.stale(kind, row_id)

    def restore(self, kind, row_id):
        table = self.tables[kind]
        table.put({**table.trash.pop(row_id), "updated_at": self.clock.stamp()})
        del table.deleted_at[row_id]
        self.stale(kind, row_id)

    def purge(self, kind, row_id):
        """For good, from wherever it is."""
        table = self.tables[kind]
        self.stale(kind, row_id)
        if row_id in table.trash:
            del table.trash[row_id], table.deleted_at[row_id]
            table.version += 1
        else:
            table.take(row_id)
        self.links.forget(kind, row_id)

    def delete(self, kind, row_id):
        (self.bin if kind in SOFT else self.purge)(kind, row_id)

    def attach(self, kind, row_id, other, other_id):
        """Both sides are touched. (That this holds for every path is a GUESS.)"""
        if self.links.add(kind, row_id, other, other_id):
            self.touch(kind, row_id)
            self.touch(other, other_id)
            return True
        return False

    def detach(self, kind, row_id, other, other_id):
        if self.links.remove(kind, row_id, other, other_id):
            self.touch(kind, row_id)
            self.touch(other, other_id)
            return True
        return False

    def stale(self, kind, row_id):
        """Drops what was encoded of a record, and of those that show or count it."""
        self.tables[kind].templates.pop(row_id, None)
        for other, other_id in self.links.all(kind, row_id):
            self.tables[other].templates.pop(other_id, None)
        if kind in LOOKUPS:
            self.embedded.clear()


def same(a, b):
    """1 and True are different texts; 1 and 1.0 are not."""
    return a == b and isinstance(a, bool) == isinstance(b, bool)
