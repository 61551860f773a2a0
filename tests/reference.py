# SPDX-License-Identifier: MIT
"""What a mount must do with an edited record, as a model without a file or a socket (design 1.4).

Server keeps the records as the CRM has them. Client is one mount: what it knows, which texts it served,
which it refused. Its save() says what a save must end with: the errno and the request, if any.
A record is the dict that its file shows, in the file's order."""
import collections
import dataclasses
import errno
import json
import re

EDITABLE = ("first_name last_name email phones tags user_id source_id job_title street city state "
            "postal_code country_id").split()
DROPPED = ("actions authorizations associations was_recently_created media path avatar avatar_url "
           "uploaded_avatar_url notifications guest_email guest_display_name contacts companies deals "
           "contact next_activity_date").split()
KEPT = {"user": ("id", "name", "email"), "source": ("id", "name"), "country": ("id", "name"),
        "tags": ("id", "name"), "phones": ("id", "number", "type")}
EMBEDS = {"user": "user_id", "source": "source_id", "country": "country_id"}
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
REMEMBERED = 6  # texts of one record that somebody may still have in an editor


def is_editable(name):
    return name in EDITABLE or name.startswith("cf_")


def rank(name):
    if name in ("id", "created_at", "updated_at"):
        return {"id": 0, "created_at": 3, "updated_at": 4}[name]
    return 1 if is_editable(name) else 2


def shorten(name, value):
    keep = KEPT.get(name) or (("id", "name") if name.startswith("cf_") else None)
    if isinstance(value, list):
        return [shorten(name, v) for v in value]
    return {k: value[k] for k in keep} if keep and isinstance(value, dict) else value


def view(item):
    """What the file of the API's record shows, and in which order."""
    shown = [k for k in item if is_editable(k) or not (
        k in DROPPED or k.endswith("_count") or k.startswith("timeline_"))]
    return {k: shorten(k, item[k]) for k in sorted(shown, key=rank)}


def render(record):
    return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()


def parse(text):
    """A JSON value, or ValueError, which is what UnicodeDecodeError is too."""
    return json.loads(text)


def same(a, b):
    """As JSON: 1 is not true."""
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def holds(record, name, value):
    return name in record and same(record[name], value)


def written(name, value):
    """As the API takes it."""
    if name in ("tags", "phones") and value is None:
        return []
    if name == "cf_newsletter" and value is None:
        return False
    if name == "tags":
        return [t["name"] if isinstance(t, dict) else t for t in value]
    if isinstance(value, list) and name.startswith("cf_"):
        return [v["id"] if isinstance(v, dict) else v for v in value]
    return value


class Refused(Exception):
    def __init__(self, code, names=()):
        super().__init__(code)
        self.errno, self.names = code, frozenset(names)


class Server:
    """Records and what a write does to them. `lookups`: {"user": {id: what is shown}, …}."""

    def __init__(self, lookups):
        self.records, self.trash, self.lookups, self.tags = {}, {}, lookups, []

    def learn_tags(self, tags):
        self.tags = sorted(self.tags + [t for t in tags if t not in self.tags], key=lambda t: t["id"])

    def check(self, body):
        """422, as EINVAL."""
        for name, value in body.items():
            value = value.strip() or None if isinstance(value, str) else value
            if (name == "first_name" and value is None or
                    name == "email" and value is not None and not EMAIL.fullmatch(value) or
                    name == "cf_score" and value is not None and (value < 0 or round(value, 3) != value) or
                    isinstance(value, str) and len(value) > 191):
                raise Refused(errno.EINVAL)

    def stored(self, name, value):
        if isinstance(value, str):
            return value.strip() or None
        if name == "tags":
            return [t for t in self.tags if t["name"] in (value or [])]
        return {"cf_score": 0, "cf_newsletter": False}.get(name) if value is None else value

    def bin(self, i):
        self.trash[i] = self.records.pop(i)

    def restore(self, i, stamp):
        self.records[i] = {**self.trash.pop(i), "updated_at": stamp}

    def change(self, i, body, stamp, colleague=False):
        old = self.records[i]
        new = {**old, **{k: self.stored(k, v) for k, v in body.items()}}
        if same(old, new):
            return
        for shown, name in EMBEDS.items():
            new[shown] = self.lookups[shown].get(new[name])
        if not colleague and new["user_id"] != old["user_id"]:
            new["owner_assigned_date"] = stamp if new["user_id"] else None
        new["display_name"] = f"{new['first_name'] or ''} {new['last_name'] or ''}".strip()
        new["updated_at"] = stamp
        self.records[i] = new


@dataclasses.dataclass
class Draft:
    text: bytes = b""
    base: dict = None  # what it was begun from, and what the server had then; None: no record
    then: dict = None
    stamp: str = None
    errno: int = 0


@dataclasses.dataclass
class Told:
    version: int
    names: frozenset
    text: bytes


def distance(mine, base):
    """How many members were changed, if it was made from that."""
    return sum(not holds(base, k, v) for k, v in mine.items())


class Known:
    """What a mount knows of one record."""

    def __init__(self, i):
        self.id, self.now, self.version, self.served = i, None, 0, False
        self.buffers = []  # (stamp, process or None, base, then), newest first
        self.draft, self.told, self.told_gone = None, None, False

    def remember(self, stamp, process, base, then):
        old = [b for b in self.buffers if b[:2] == (stamp, process)]
        if old and process is None:
            return
        kept = [b for b in self.buffers if b not in old]
        self.buffers = [(stamp, process, base, then), *kept][:REMEMBERED]

    def learn(self, now):
        """Takes in what the server has; None: nothing."""
        if same(now, self.now):
            return
        if self.served and self.now:
            self.remember(self.now["updated_at"], None, self.now, self.now)
        self.served, self.now = False, now
        self.version += 1

    def base(self, stamp, process, mine):
        """What mine was made from: its process' own last save, what was served, or what another process
        here saved, if mine is as near to that."""
        of_stamp = [b for b in self.buffers if b[0] == stamp]
        own = [b[2:] for b in of_stamp if b[1] == process]
        served = [b[2:] for b in of_stamp if b[1] is None]
        saved = [b[2:] for b in of_stamp if b[1] not in (None, process)]
        if own:
            return own[0]
        if self.now and self.now["updated_at"] == stamp:
            return self.now, self.now
        if len(served) == 1 and saved and distance(mine, saved[0][0]) <= distance(mine, served[0][0]):
            return saved[0]
        return served[0] if served else None


def link(record, embed):
    """user_id where it is shown, else the id of user; or nothing."""
    if EMBEDS[embed] in record:
        return [record[EMBEDS[embed]]]
    return [(record[embed] or {}).get("id")] if embed in record else []


def meaning(name, record):
    """What a member says, whichever way it is put; absent is only like absent."""
    if name not in record:
        return []
    value = record[name]
    if name == "tags" and value is not None:
        return [sorted({(t["name"] if isinstance(t, dict) else t).casefold() for t in value})]
    if value is None:
        return [{"cf_score": 0, "cf_newsletter": False}.get(name)]
    return [value.strip() or None if isinstance(value, str) else value]


def is_fit(name, value):
    """What the server would misread is refused before it is sent."""
    return name != "cf_score" or value is None or value >= 0 and round(value, 3) == value


class Comparison:
    def __init__(self, mine, base, then, now, told):
        self.mine, self.base, self.then, self.now, self.told = mine, base, then, now, told
        self.body, self.disputed, self.is_wrong, self.has_asked = {}, [], False, False

    def alike(self, value, *others):
        return any(same(value, other) for other in others)

    def want(self, name, value, base, then, now):
        """Lists of one value, or of none."""
        if self.alike(value, base, then):
            return
        self.has_asked = True
        if self.alike(value, now):
            return
        if not self.alike(then, now) and name not in self.told:
            self.disputed.append(name)
        else:
            self.body[name] = value[0] if name in EMBEDS.values() else written(name, self.mine[name])

    def member(self, name):
        value = self.mine[name]
        if holds(self.now, name, value):
            self.has_asked = True
        elif not is_fit(name, value):
            self.is_wrong = True
        else:
            value = meaning(name, {name: written(name, value)})
            self.want(name, value, *(meaning(name, r) for r in (self.base, self.then, self.now)))

    def link(self, embed):
        name, was = EMBEDS[embed], self.base.get(embed)
        base, then, now = (link(r, embed) for r in (self.base, self.then, self.now))
        number = [self.mine[name]] if name in self.mine else []
        has_id = number and not self.alike(number, base, then)
        shown = [(self.mine[embed] or {}).get("id")] if embed in self.mine else []
        has_embed = shown and not self.alike(self.mine[embed], was, self.then.get(embed))
        moved = has_embed and shown != ([(was or {}).get("id")] if embed in self.base else base)
        if has_id and moved and number != shown:
            self.is_wrong = True
        elif has_id or moved:
            self.want(name, number if has_id else shown, base, then, now)

    def shown_only(self, name):
        if holds(self.now, name, self.mine[name]):
            return False
        if name.endswith(("_at", "_date")):
            return False
        self.is_wrong |= name != "display_name"
        return name == "display_name"

    def result(self):
        is_computed = False
        changed = [k for k, v in self.mine.items() if not holds(self.base, k, v) and not holds(self.then, k, v)]
        for name in changed:
            if name in EMBEDS or name in EMBEDS.values() or name == "id":
                continue
            if is_editable(name):
                self.member(name)
            else:
                is_computed |= self.shown_only(name)
        for embed, name in EMBEDS.items():
            if embed in changed or name in changed:
                self.link(embed)
        if self.is_wrong or is_computed and not self.has_asked:
            raise Refused(errno.EINVAL)
        if self.disputed:
            raise Refused(errno.EBUSY, self.disputed)
        return self.body


class Client:
    """One mount. is_live: it asks before it believes (ttl=0); else what it knows is fresh for ever."""

    def __init__(self, server, is_live):
        self.server, self.is_live = server, is_live
        self.records, self.new, self.rejected = {}, {}, collections.Counter()

    def known(self, i):
        return self.records.setdefault(i, Known(i))

    def list(self):
        for i in {*self.records, *self.server.records}:
            self.known(i).learn(self.server.records.get(i))

    def look(self, known):
        """An open: what stands in the file."""
        if known.draft:
            return known.draft.text
        if self.is_live:
            self.list()
        known.served |= known.now is not None
        return render(known.now) if known.now else None

    def reject(self, draft):
        if draft:
            self.rejected[draft.text] += 1

    def restart(self):
        """The daemon went and came back: what it only had in memory is gone."""
        self.list()
        for known in self.records.values():
            known.buffers, known.told, known.told_gone, known.served = [], None, False, False
            if known.draft:
                known.draft.base = known.draft.then

    # A save, in two parts: others may act between them

    def begin(self, known, idiom):
        """Opens; the draft that will be written, or FileNotFoundError."""
        edits = idiom in ("in_place", "append", "mmap")
        if not known.draft and idiom in ("truncate", "chunks", "in_place", "append", "mmap"):
            if self.look(known) is None:
                raise FileNotFoundError
        if idiom in ("truncate", "chunks"):
            before, known.draft = known.draft, None
            self.reject(before)
            if before and not known.now:  # only that one still has the record's text
                return Draft(b"", before.base, before.then, before.stamp)
        if idiom == "rename_over":
            return Draft()
        if edits and known.draft:
            return known.draft
        return Draft(b"", known.now, known.now, known.now and known.now["updated_at"])

    def end(self, known, idiom, draft, process, text, stamp):
        """(errno, requests), and what the idiom's program does about it."""
        draft.text = draft.text + text if idiom == "append" and draft.text else (
            render(draft.base) + text if idiom == "append" else text)
        request = []
        try:
            self.commit(known, draft, process, stamp, request)
            draft.errno = 0
        except Refused as e:
            draft.errno = e.errno
        before = known.draft if known.draft is not draft else None
        if not draft.errno:
            self.reject(before)
            known.draft = None
            if idiom == "emacs":
                self.look(known)
        elif idiom in ("vim", "rename_over"):
            self.reject(draft)
        else:
            self.reject(before)
            known.draft = draft
        return draft.errno, request

    def commit(self, known, draft, process, stamp, request):
        try:
            mine = parse(draft.text)
        except ValueError:
            raise Refused(errno.EINVAL) from None
        if not isinstance(mine, dict) or mine.get("id", known.id) not in (known.id, None):
            raise Refused(errno.EINVAL)
        if self.is_live or not known.now:
            self.reread(known, stamp, request)
        body = self.judge(known, draft, mine, process)
        if body:
            request.append(("PUT", f"/contacts/{known.id}", body))
            if known.id not in self.server.records:
                self.reread(known, stamp, request)
                body = self.judge(known, draft, mine, process)
                request.append(("PUT", f"/contacts/{known.id}", body))
            self.put(known, body, stamp)
        base = {**known.now, **mine}  # a member left out is as the server has it
        known.remember(mine.get("updated_at", known.now["updated_at"]), process, base, known.now)
        draft.base, draft.then, known.told, known.told_gone = base, known.now, None, False

    def reread(self, known, stamp, request):
        """What was deleted is told once; the next save takes it out of the trash."""
        known.learn(self.server.records.get(known.id))
        if known.now:
            known.told_gone = False
            return
        told, known.told_gone = known.told_gone, True
        if not told:
            raise Refused(errno.EBUSY)
        request.append(("POST", f"/trashed/contacts/{known.id}", None))
        if known.id not in self.server.trash:
            raise Refused(errno.EBUSY)
        self.server.restore(known.id, stamp)
        known.learn(self.server.records[known.id])
        known.told_gone = False

    def put(self, known, body, stamp):
        self.server.check(body)
        self.server.change(known.id, body, stamp)
        known.learn(self.server.records[known.id])

    def judge(self, known, draft, mine, process):
        now, stamp = known.now, mine.get("updated_at")
        pair = known.base(stamp, process, mine) if stamp else None
        if pair is None and draft.base and stamp in (None, draft.stamp):
            pair = draft.base, draft.then
        if pair is None and stamp is None:
            pair = now, now
        told = known.told if known.told and known.told.version == known.version else None
        try:
            if pair:
                return Comparison(mine, *pair, now, told.names if told else ()).result()
            if told and told.text == draft.text:
                return Comparison(mine, now, now, now, ()).result()
            raise Refused(errno.EBUSY)
        except Refused as e:
            if e.errno == errno.EBUSY:
                known.told = Told(known.version, e.names | (told.names if told else set()), draft.text)
            raise

    # Other operations

    def drop(self, known):
        """unlink of a refused text."""
        self.reject(known.draft)
        known.draft = None

    def create(self, name, text):
        """A new name saved; the request, or Refused after it."""
        body = {k: written(k, v) for k, v in parse(text).items()  # what is left empty is not sent
                if v is not None and not (isinstance(v, str) and not v.strip())}
        self.reject(self.new.pop(name, None))
        request = ("POST", "/contacts", body)
        try:
            self.server.check(body)
        except Refused as e:
            self.new[name] = Draft(text, errno=e.errno)
            return request, e.errno
        return request, 0
