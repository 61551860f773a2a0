# SPDX-License-Identifier: MIT
"""The back door for tests: POST /_control/COMMAND with JSON arguments; never counted, logged or faulted."""
import json

from crm.server import Answer


class Control:
    def __init__(self, app):
        self.app, self.model = app, app.model

    def handle(self, request):
        command = getattr(self, "do_" + request.path.removeprefix("/_control/"), None)
        if command is None:
            return Answer(404, b'{"error":"no such command"}')
        try:
            arguments = json.loads(request.body) if request.body else {}
            result = command(**arguments)
        except Exception as e:  # the test shall see it, whatever it is
            return Answer(400, json.dumps({"error": f"{type(e).__name__}: {e}"}).encode())
        if hasattr(result, "__await__"):
            return self.later(result)
        return Answer(200, json.dumps({"ok": result}).encode())

    async def later(self, coroutine):
        try:
            return Answer(200, json.dumps({"ok": await coroutine}).encode())
        except OSError as e:
            return Answer(400, json.dumps({"error": str(e)}).encode())

    # Records

    def do_fill(self, kind, n):
        self.app.demo.fill(kind, n)

    def do_get(self, kind, i):
        row = self.model.row(kind, i)
        if row is None:
            return None
        from_store = self.app.shapes.text(self.app.shapes.single(kind, row), self.app.admin())
        return json.loads(from_store)

    def do_ids(self, kind):
        return self.model.tables[kind].ids

    def do_count(self, kind):
        return len(self.model.tables[kind].ids)

    def do_trash_ids(self, kind):
        return sorted(self.model.tables[kind].trash)

    def do_change(self, kind, i, members, raw=False):
        """Without raw, members must exist; with it, anything goes."""
        row = self.model.tables[kind].rows[i]
        if not raw:
            members = {k: self.stored(kind, k, v) for k, v in members.items()}
            links = {k: members.pop(k) for k in list(members) if k in self.link_kinds(kind)}
            self.app.writer.associate(kind, i, links)
        self.model.change(kind, row["id"], members)

    def do_insert(self, kind, members):
        row = self.app.fields.blank(kind)
        members = {k: self.stored(kind, k, v) for k, v in members.items()}
        links = {k: members.pop(k) for k in list(members) if k in self.link_kinds(kind)}
        i = self.model.insert(kind, {**row, **members})
        for other, ids in links.items():
            for other_id in ids:
                self.model.attach(kind, i, other, other_id)
        return i

    def link_kinds(self, kind):
        return [f.key for f in self.app.fields.built_in[kind] if f.type == "ids"]

    def stored(self, kind, key, value):
        """Tags by name and options by label, as a person would say them."""
        if key == "tags" and isinstance(value, list):
            family = "deals" if kind == "deals" else "contacts"
            return [self.model.tag(family, t)["id"] if isinstance(t, str) else t for t in value]
        custom = next((c for c in self.app.fields.custom[kind] if c.key == key and c.options is not None), None)
        if custom is None or value is None:
            return value
        return [self.app.fields.option(custom, v) for v in value] if custom.is_multi else (
            self.app.fields.option(custom, value))

    def do_trash(self, kind, i):
        self.model.bin(kind, i)

    def do_purge(self, kind, i):
        self.model.purge(kind, i)

    def do_restore(self, kind, i):
        self.model.restore(kind, i)

    def do_raw_item(self, kind, i, text):
        raw = self.model.tables[kind].raw
        if text is None:
            raw.pop(i, None)
        else:
            raw[i] = text.encode("utf-8", "surrogatepass")

    # The log

    def do_mark(self):
        return len(self.app.log)

    def do_log(self, since):
        return [entry.as_dict() for entry in self.app.log[since:]]

    # Faults

    def do_fault(self, **what):
        return self.app.faults.add(**what)

    def do_release(self, i):
        self.app.faults.all[i].end()

    def do_clear_faults(self):
        for fault in self.app.faults.all.values():
            fault.end()
        self.app.faults.all = {}

    def do_faults_left(self):
        return sum(f.times != 0 for f in self.app.faults.all.values())

    def do_held(self, i):
        return self.app.faults.all[i].held

    # Server

    def do_now(self, seconds=None):
        if seconds is not None:
            self.app.clock.set(seconds)
        return self.app.clock.now()

    def do_freeze(self, seconds):
        self.app.clock.still = seconds

    def do_advance(self, seconds):
        self.app.clock.offset += seconds

    async def do_down(self):
        self.app.server.shut()

    async def do_up(self):
        await self.app.server.listen(*self.app.server.address)

    def do_spend(self, n, user=1):
        self.model.window(user).spend(n)

    def do_budget(self, user=1):
        window = self.model.window(user)
        return {"limit": window.limit, "remaining": window.left(), "reset_in": window.resets_in()}

    def do_page_max(self, n):
        self.app.settings.page_max = n

    def do_rotate(self, old, new):
        self.app.model.tokens[new] = self.app.model.tokens.pop(old)

    def do_forbid(self, kind, on=True):
        (self.app.settings.forbidden.add if on else self.app.settings.forbidden.discard)(kind)

    def do_absent(self, kind, on=True):
        (self.app.settings.absent.add if on else self.app.settings.absent.discard)(kind)

    def do_lie_total(self, kind, delta):
        self.app.settings.lies[kind] = delta

    def do_on_page(self, kind, page, verb, argument):
        verbs = {"trash": self.do_trash, "purge": self.do_purge, "restore": self.do_restore,
                 "insert": self.do_insert, "change": lambda kind, a: self.do_change(kind, *a)}
        run = verbs[verb]
        self.app.settings.on_page.append((kind, page, lambda: run(kind, argument)))
