# SPDX-License-Identifier: MIT
"""python3 tests/model.py SEED N: N random saves of a few records on a real mount, while a colleague changes
them behind its back; after each one the errno, the requests and the file are what reference.py says.

Two people save, each in a process of their own, with the idioms of idioms.py; every second run's mount
asks before it believes (ttl=0). The server's clock stands still, so that updated_at can be foretold."""
import collections
import errno
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time

from conftest import Mount, until
from crm.client import Crm
from crm.fields import COUNTRIES
from crm.model import stamp as stamp_of
import idioms
import reference
from reference import Client, Server, parse, render, view

RECORDS = 14
BATCH = 25  # steps between two looks at the server's log
TAGS = ["alpha", "beta", "gamma"]
WORDS = ["plain", "  padded ", "naïve ☃", 'q"uo\\te/', "tab\there", "", "🙂 surrogates", "x" * 191]
NEVER = 10 ** 6


def is_json(text):
    try:
        parse(text)
        return True
    except ValueError:
        return False


def brief(texts):
    return "".join(f"\n  {t[:3000]}" for t in list(texts)[:3])


class Texts:
    """What a person might save, made from what they have in front of them."""

    def __init__(self, dice):
        self.dice, self.n = dice, 0

    def value(self, name):
        self.n += 1
        if name == "email":
            return self.dice.choice([f"p{self.n}@example.org", None, f" q{self.n}@example.org"])
        if name == "tags":
            return self.dice.choice([[], TAGS[:1], TAGS[1:], TAGS, None])
        if name in ("user_id", "country_id"):
            return self.dice.choice([1, 2, 3, None] if name == "user_id" else [14, 57, None])
        if name == "cf_score":
            return self.dice.choice([self.n, self.n + 0.25, None])
        if name == "cf_newsletter":
            return self.dice.choice([True, False, None])
        if name == "first_name":
            return f"F{self.n}"
        return self.dice.choice([None, f"{name}{self.n}", f"{self.dice.choice(WORDS)}{self.n}"[:191]])

    def members(self, few=3):
        names = ["first_name", "last_name", "email", "job_title", "city", "city", "street", "tags", "user_id",
                 "country_id", "cf_score", "cf_newsletter", "cf_nickname"]
        return {k: self.value(k) for k in self.dice.sample(names, self.dice.randint(1, few))}

    def bad_value(self):
        return self.dice.choice([{"email": "nope"}, {"first_name": None}, {"cf_score": -1}, {"city": "y" * 192},
                                 {"cf_score": 1.0005}])

    def make(self, known, buffer):
        """(kind, bytes)."""
        kinds = {"edit": 50, "same": 6, "order": 8, "part": 6, "id only": 4, "bad value": 8, "no json": 4,
                 "cut": 3, "read only": 3, "stranger": 2, "unknown version": 3, "no object": 1, "empty": 1}
        kind = self.dice.choices(list(kinds), list(kinds.values()))[0]
        return kind, getattr(self, "make_" + kind.replace(" ", "_"))(known, buffer)

    def make_edit(self, known, buffer):
        record = {**buffer, **self.members()}
        return render(record) if self.dice.random() < 0.8 else json.dumps(record).encode()

    def make_same(self, known, buffer):
        return json.dumps(buffer, indent=self.dice.choice([None, 1, 2])).encode()

    def make_order(self, known, buffer):
        record = {**buffer, **self.members()}
        names = self.dice.sample(list(record), len(record))
        return json.dumps({k: record[k] for k in names}, separators=(",", ":")).encode()

    def make_part(self, known, buffer):
        return json.dumps(self.members()).encode()

    def make_id_only(self, known, buffer):
        return json.dumps({"id": known.id, **self.members()}).encode()

    def make_bad_value(self, known, buffer):
        return render({**buffer, **self.members(1), **self.bad_value()})

    def make_no_json(self, known, buffer):
        return render(buffer).replace(b":", b"", 1) + b"%d" % self.n

    def make_cut(self, known, buffer):
        return render(buffer)[:self.dice.randrange(2, 60)]

    def make_read_only(self, known, buffer):
        return render({**buffer, **self.dice.choice([
            {"display_name": "Me"}, {"colour": "red"}])})

    def make_stranger(self, known, buffer):
        return render({**buffer, "id": known.id + 1})

    def make_unknown_version(self, known, buffer):
        return render({**buffer, "job_title": f"from a backup {self.n}", "updated_at": "2001-01-01T00:00:00.000000Z"})

    def make_no_object(self, known, buffer):
        return b"[1]\n"

    def make_empty(self, known, buffer):
        return b"{}\n"


class Run:
    def __init__(self, crm, make_mount, seed):
        self.crm, self.make_mount, self.seed = crm, make_mount, seed
        self.dice = random.Random(seed)
        self.texts = Texts(self.dice)
        self.history = collections.deque(maxlen=4000)
        self.counts = collections.Counter()
        self.n, self.now = 0, int(time.time()) + 100
        self.expected, self.free_gets, self.names = [], 0, 0
        self.is_live = seed % 2 == 1

    # Setting up

    def __enter__(self):
        self.people = [idioms.Self(), idioms.Person()]  # before the mount: a child inherits nothing of it
        self.crm.fill("contacts", RECORDS)
        self.crm.freeze(self.now)
        first = self.crm.ids("contacts")[0]
        self.crm.change("contacts", first, tags=TAGS)
        self.server = Server(self.lookups())
        for i in self.crm.ids("contacts"):
            record = self.server.records[i] = view(self.crm.get("contacts", i))
            self.server.learn_tags(record["tags"])
        self.client = Client(self.server, self.is_live)
        self.seen = collections.defaultdict(lambda: collections.deque(maxlen=8))
        self.mount = self.make_mount(self.crm, ttl=0 if self.is_live else NEVER, max_deletes=0,
                                     create_labels=True)
        self.folder = self.mount / "contacts"
        os.listdir(self.folder)
        self.client.list()
        self.mark = self.crm.mark()
        return self

    def __exit__(self, *_):
        for person in self.people:
            person.leave()

    def lookups(self):
        users = {i: self.crm.get("users", i) for i in self.crm.ids("users")}
        out = {name: {} for name in reference.EMBEDS}
        out["user"] = {i: {k: u[k] for k in ("id", "name", "email")} for i, u in users.items()}
        for i in self.crm.ids("sources"):
            out["source"][i] = {"id": i, "name": self.crm.get("sources", i)["name"]}
        out["country"] = {i: {"id": i, "name": n} for i, n in COUNTRIES.items()}
        return out

    # Telling

    def fail(self, what, about=None):
        steps = [s for s in self.history if about is None or s[1] in (about, None)][-14:]
        lines = "".join(f"\n  {s}" for s in steps)
        raise AssertionError(f"{what}\nreplay: python3 tests/model.py {self.seed} {self.n}\n"
                             f"the last steps with it:{lines}")

    def note(self, about, *words):
        self.history.append((self.n, about, *words))

    def brief(self, known, text):
        """What is different in it from what the mount knows, and its version."""
        try:
            mine = parse(text)
            return {k: v for k, v in mine.items() if not reference.holds(known.now or {}, k, v) or k == "updated_at"}
        except (ValueError, AttributeError):  # no JSON, no object
            return text[:60] + text[60:][-20:]

    # The colleague

    def tick(self, seconds=2):
        self.now += seconds
        self.crm.freeze(self.now)
        return stamp_of(self.now)

    def colleague(self, i, like=None):
        """Changes a record, perhaps just the members that somebody is editing."""
        if i not in self.server.records:
            return
        if self.dice.random() < 0.02:
            self.crm.trash("contacts", i)
            self.server.bin(i)
            self.note(i, "colleague trashes")
            return
        members = self.texts.members(2)
        if like and self.dice.random() < 0.5:
            members = {k: self.dice.choice([v, members.get(k, self.texts.value(k))]) for k, v in like.items()
                       if k in ("city", "job_title", "street", "last_name")}
        members = {k: v or [] if k == "tags" else self.server.stored(k, v) for k, v in members.items()}
        self.crm.change("contacts", i, **members)
        self.server.change(i, members, stamp_of(self.now), colleague=True)
        self.note(i, "colleague", members)

    def newcomer(self):
        stamp = self.tick()
        i = self.crm.insert("contacts", first_name=f"Late{self.n}")
        self.server.records[i] = view(self.crm.get("contacts", i))
        assert self.server.records[i]["updated_at"] == stamp
        self.client.known(i)
        if self.is_live:
            self.look(i)
        self.note(i, "newcomer")

    # Looking

    def path(self, i):
        return str(self.folder / f"{i}.json")

    def read(self, path):
        try:
            with open(path, "rb", buffering=0) as f:
                return f.read()
        except FileNotFoundError:
            return None

    def look(self, i):
        known = self.client.known(i)
        want = self.client.look(known)
        got = self.read(self.path(i))
        if got != want:
            self.fail(f"{i}.json is\n{got}\nand not\n{want}", i)
        if known.now and not known.draft and (not self.seen[i] or self.seen[i][-1] != known.now):
            self.seen[i].append(known.now)
        return got

    def check_log(self):
        log = self.crm.log(since=self.mark)
        self.mark += len(log)
        sent = [(r.method, r.path, r.body) for r in log if r.method != "GET"]
        for got, want in zip(sent + [None], self.expected + [None]):
            if not reference.same(got, want):
                number = (got or want)[1].partition("s/")[2]
                self.fail(f"sent {got}, not {want}", int(number) if number else None)
        gets = [r for r in log if r.method == "GET" and not r.path.endswith("-fields")]
        if not self.is_live and len(gets) > self.free_gets:
            self.fail(f"it asked although it knew: {gets[0]}")
        self.expected, self.free_gets = [], 0
        self.counts["requests"] += len(log)

    def on_disk(self):
        """What is set aside, and what the spool holds. What was unlinked goes with the next operation."""
        self.look(self.usable()[0])
        return [collections.Counter(p.read_bytes() for p in self.mount.state.glob(f"*/{where}/*")
                                    if p.suffix not in (".note", ".error") and p.name != "lock")
                for where in ("rejected", "spool.*")]

    def check_texts(self):
        """Every refused text is on disk, under its name or set aside; and no other."""
        drafts = [k.draft.text for k in self.client.records.values() if k.draft]
        drafts += [d.text for d in self.client.new.values()]
        want = [self.client.rejected, collections.Counter(drafts)]
        try:
            until(lambda: self.on_disk() == want, what="the texts on disk")
        except AssertionError:
            for where, has, wants in zip(("set aside", "in the spool"), self.on_disk(), want):
                if has != wants:
                    self.fail(f"{where} is missing:{brief(wants - has)}\nand for nothing there is:{brief(has - wants)}")

    # Steps

    def step(self):
        self.n += 1
        dice = self.dice.random()
        if len(self.usable()) < RECORDS - 4:
            return self.create()
        if dice < 0.02:
            self.newcomer()
        elif dice < 0.05:
            self.create()
        elif dice < 0.06:
            self.delete()
        elif dice < 0.062:
            self.remount()
        elif dice < 0.12 and self.refused():
            self.drop(self.dice.choice(self.refused()))
        else:
            self.save(self.pick())

    def usable(self):
        return [k.id for k in self.client.records.values() if k.now]

    def refused(self):
        return [k.id for k in self.client.records.values() if k.draft]

    def pick(self):
        """Mostly those few where something is going on."""
        if self.refused() and self.dice.random() < 0.35:
            return self.dice.choice(self.refused())
        return self.dice.choice(self.usable()[-10:])

    def compose(self, known):
        """(kind, text): from what the file shows, or from an older buffer."""
        seen = self.seen[known.id]
        buffer = known.now or (seen[-1] if seen else {"id": known.id})
        if known.draft and self.dice.random() < 0.5:
            if self.dice.random() < 0.4:
                return "again", known.draft.text
            try:
                mine = parse(known.draft.text)
                buffer = mine if isinstance(mine, dict) else buffer
            except ValueError:
                pass
        if seen and self.dice.random() < 0.25:
            buffer = self.dice.choice(seen)
        return self.texts.make(known, buffer)

    def choose_idiom(self, known, text):
        if not known.now or known.id not in self.server.records:
            return "truncate" if known.draft else self.dice.choice(["truncate", "vim"])
        if self.dice.random() < 0.05:
            return "append"
        idiom = self.dice.choice(["truncate", "chunks", "in_place", "mmap", "vim", "emacs", "rename_over"])
        # In pieces, what is no JSON is refused in the middle.
        return "truncate" if idiom == "chunks" and not is_json(text) else idiom

    def save(self, i, alias=None):
        known, who = self.client.known(i), self.dice.randrange(2)
        kind, text = self.compose(known)
        self.tick()
        like = parse(text) if kind in ("edit", "order", "part") else None
        if self.dice.random() < 0.3:
            self.colleague(i, like)
            self.tick()
        idiom = self.choose_idiom(known, text)
        if alias and idiom not in ("truncate", "append", "rename_over"):
            idiom = "in_place"
        if idiom == "append":
            text = b"\n"
        self.note(i, "ab"[who], idiom, kind, self.brief(known, text))
        self.counts[idiom] += 1
        try:
            draft = self.client.begin(known, idiom)
        except FileNotFoundError:
            draft = None
        moves = self.dice.random() < 0.2

        def meanwhile():
            if moves:
                self.colleague(i, like)
                self.tick()
        got, _ = self.people[who].save(idiom, alias or self.path(i), text, meanwhile)
        want, requests = errno.ENOENT, []
        if draft is not None:
            want, requests = self.client.end(known, idiom, draft, who, text, stamp_of(self.now))
        self.expected += requests
        restores = any(r[0] == "POST" for r in requests)
        if not known.now or restores:
            self.free_gets += 9
        self.note(i, "->", errno.errorcode.get(want, 0), [r[2] or r[:2] for r in requests])
        self.counts[errno.errorcode.get(want, "saved" if requests else "unchanged")] += 1
        self.counts["restored"] += restores
        if got != want:
            self.fail(f"{idiom} of {i} ended with {errno.errorcode.get(got, got)}, not "
                      f"{errno.errorcode.get(want, want)}", i)
        self.look(i)

    def drop(self, i):
        known = self.client.known(i)
        self.note(i, "drop")
        os.unlink(self.path(i))
        self.client.drop(known)
        self.free_gets += 9 if not known.now else 0
        self.look(i)

    def delete(self):
        candidates = [i for i in self.usable() if not self.client.known(i).draft and i in self.server.records]
        if not candidates:
            return
        i = self.dice.choice(candidates)
        self.note(i, "delete")
        os.unlink(self.path(i))
        self.expected.append(("DELETE", f"/contacts/{i}", None))
        self.server.bin(i)
        self.client.known(i).learn(None)
        self.look(i)

    def create(self):
        """A new name; often refused first; its alias saved again."""
        self.names += 1
        name = f"new-{self.names}.json"
        path = str(self.folder / name)
        members = {"first_name": f"N{self.n}", **self.texts.members()}
        if self.dice.random() < 0.3:
            self.save_new(name, path, json.dumps({**members, "email": "nope"}).encode())
        elif self.dice.random() < 0.1:
            return
        self.save_new(name, path, json.dumps({k: v for k, v in members.items() if v is not None}).encode())

    def save_new(self, name, path, text):
        stamp, who = self.tick(), self.dice.randrange(2)
        self.note(None, "create", name, text.decode())
        got, _ = self.people[who].save("create", path, text, lambda: None)
        request, want = self.client.create(name, text)
        self.expected.append(request)
        if got != want:
            self.fail(f"the create of {name} ended with {got}, not {want}")
        if want:
            if self.read(path) != text:
                self.fail(f"{name} does not show the refused text")
            return
        i = int(os.readlink(path).split(".")[0])
        record = self.server.records[i] = view(self.crm.get("contacts", i))
        for key, value in parse(text).items():
            if not reference.same(record[key], self.server.stored(key, value)):
                self.fail(f"{name} became {record}")
        self.client.known(i).learn(record)
        # The buffer it was made from may be saved again.
        self.client.known(i).remember(stamp, who, {**record, **parse(text)}, record)
        self.look(i)
        for _ in range(self.dice.randrange(3)):
            if i in self.server.records:
                self.save(i, alias=path)
        os.unlink(path)

    def remount(self):
        self.check_log()
        self.note(None, "remount")
        if self.dice.random() < 0.5:
            self.mount.kill()
        else:
            self.mount.stop()
        self.mount.start()
        os.listdir(self.folder)
        self.client.restart()
        self.check_files()
        self.mark = self.crm.mark()

    def check_files(self):
        for i in list(self.client.records):
            self.look(i)

    def go(self, steps):
        for _ in range(steps):
            self.step()
            if self.n % BATCH == 0:
                self.check_log()
            if self.n % (8 * BATCH) == 0:
                self.check_texts()
        self.check_log()
        self.end()
        return self.counts

    def end(self):
        """Server and model are equal, every refused text is still there, and can be dropped."""
        if self.crm.ids("contacts") != sorted(self.server.records):
            self.fail("the server has other records than the model")
        for i, record in self.server.records.items():
            got = view(self.crm.get("contacts", i))
            if not reference.same(got, record):
                self.fail(f"the server has\n{got}\nnot\n{record}", i)
        self.check_files()
        self.check_texts()
        for i in self.refused():
            self.drop(i)
        for name, draft in list(self.client.new.items()):
            os.unlink(self.folder / name)
            self.client.reject(self.client.new.pop(name))
        self.check_texts()
        self.check_log()


def main(seed, steps):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="model."))
    crm = Crm.start(records=0, rate=0)
    mounts = []

    def mount(crm, **options):
        mounts.append(Mount(crm, folder, **options))
        return mounts[0].start()
    start = time.monotonic()
    try:
        with Run(crm, mount, seed) as run:
            print(dict(sorted(run.go(steps).items())))
            mounts[0].stop()
        mounts[0].check_log()
    finally:
        for m in mounts:
            m.detach()
        crm.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{steps} steps in {time.monotonic() - start:.1f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
