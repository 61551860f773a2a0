# SPDX-License-Identifier: MIT
"""The store: records by resource and id, the trash, the clock, the rate windows. Knows no HTTP."""
import bisect
import time

SOFT = {"contacts", "companies", "deals", "activities", "products", "documents"}
RESOURCES = ["contacts", "companies", "deals", "activities", "notes", "calls", "products", "documents",
             "users", "pipelines", "pipeline-stages", "sources", "industries", "activity-types",
             "call-outcomes", "lost-reasons", "document-types", "document-templates"]


class Clock:
    """The server's wall clock; tests move it."""

    def __init__(self):
        self.offset = 0.0

    def now(self):
        return time.time() + self.offset

    def stamp(self):
        return stamp(self.now())


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(seconds))


class Table:
    """One resource. Rows are dicts that are replaced, never changed, so `row is row` means same."""

    def __init__(self, name, clock):
        self.name, self.clock = name, clock
        self.rows, self.trash, self.ids = {}, {}, []
        self.next_id = 1
        self.version = 0  # moves with every change: what is derived may be cached by it
        self.raw = {}     # id -> literal JSON text, for hostile content

    def put(self, row):
        if row["id"] not in self.rows:
            bisect.insort(self.ids, row["id"])
        self.rows[row["id"]] = row
        self.version += 1

    def new_id(self):
        self.next_id += 1
        return self.next_id - 1

    def insert(self, row):
        row = {"id": self.new_id(), **row}
        row.setdefault("created_at", self.clock.stamp())
        row.setdefault("updated_at", row["created_at"])
        self.put(row)
        return row["id"]

    def change(self, row_id, members):
        """Moves updated_at only if something changed."""
        old = self.rows[row_id]
        new = {**old, **members}
        if new != old:
            new["updated_at"] = members.get("updated_at", self.clock.stamp())
            self.put(new)

    def take(self, row_id):
        self.ids.pop(bisect.bisect_left(self.ids, row_id))
        self.version += 1
        return self.rows.pop(row_id)

    def bin(self, row_id):
        self.trash[row_id] = {**self.take(row_id), "updated_at": self.clock.stamp()}

    def restore(self, row_id):
        self.put({**self.trash.pop(row_id), "updated_at": self.clock.stamp()})

    def delete(self, row_id):
        if self.name in SOFT:
            self.bin(row_id)
        else:
            self.take(row_id)


class Window:
    """A user's fixed minute: begins with its first counted request."""

    def __init__(self, clock, limit):
        self.clock, self.limit, self.began, self.spent = clock, limit, None, 0

    def spend(self, n=1):
        """Counts; what is left, below 0 when it was too much."""
        now = self.clock.now()
        if self.began is None or now >= self.began + 60:
            self.began, self.spent = now, 0
        self.spent += n
        return self.limit - self.spent

    def resets_in(self):
        return max(0.0, self.began + 60 - self.clock.now()) if self.began is not None else 0.0


class Model:
    def __init__(self, clock, rate):
        self.clock = clock
        self.tables = {name: Table(name, clock) for name in RESOURCES}
        self.windows = {}
        self.rate = rate
        self.tokens = {}  # token -> user id
        self.tags = {}    # name in lower case -> tag
        self.settings = {"page_max": 0, "forbid": set(), "absent": set(), "lie": {}}
        self.on_page = []

    def window(self, user_id):
        return self.windows.setdefault(user_id, Window(self.clock, self.rate))

    def row(self, resource, row_id):
        return self.tables[resource].rows.get(row_id)
