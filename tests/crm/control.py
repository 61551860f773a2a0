# SPDX-License-Identifier: MIT
"""The back door for tests: JSON commands on a connection of its own, never counted or logged."""
import asyncio
import json

from crm import demo
from crm.faults import Fault
from crm.query import sort_key


class Control:
    def __init__(self, app):
        self.app, self.model = app, app.model

    async def serve(self, reader, writer):
        while line := await reader.readline():
            command = json.loads(line)
            try:
                result = getattr(self, "do_" + command.pop("do"))(**command)
                result = {"ok": await result if asyncio.iscoroutine(result) else result}
            except Exception as e:  # the test shall see it, whatever it is
                result = {"error": f"{type(e).__name__}: {e}"}
            writer.write(json.dumps(result).encode() + b"\n")
            await writer.drain()

    def table(self, kind):
        return self.model.tables[kind]

    def do_fill(self, kind, n):
        demo.fill(self.table(kind), n)

    def do_log(self, since):
        return self.app.log[since:]

    def do_mark(self):
        return len(self.app.log)

    def do_get(self, kind, i):
        row = self.model.row(kind, i)
        return self.app.shapes.single(kind, row) if row else None

    def do_ids(self, kind):
        return self.table(kind).ids

    def do_change(self, kind, i, members):
        self.table(kind).change(i, members)

    def do_insert(self, kind, members):
        row = {**self.app.writer.defaults(kind), **members}
        return self.table(kind).insert(row)

    def do_trash(self, kind, i):
        self.table(kind).bin(i)

    def do_purge(self, kind, i):
        self.table(kind).take(i)

    def do_restore(self, kind, i):
        self.table(kind).restore(i)

    def do_newest(self, kind, n):
        return [r["id"] for r in sorted(self.table(kind).rows.values(), key=sort_key("updated_at"))[-n:]]

    def do_fault(self, **what):
        fault = Fault(**what)
        self.app.faults.all.append(fault)
        return fault.id

    def do_release(self, i):
        for fault in self.app.faults.all:
            if fault.id == i:
                fault.times = 0
                fault.released.set()

    def do_clear_faults(self):
        for fault in self.app.faults.all:
            fault.times = 0
            fault.released.set()

    def do_held(self, i):
        return next(f.held for f in self.app.faults.all if f.id == i)

    def do_advance(self, seconds):
        self.model.clock.offset += seconds

    def do_down(self):
        return self.app.down()

    def do_up(self):
        return self.app.up()

    def do_setting(self, name, kind=None, value=None):
        setting = self.model.settings[name]
        if isinstance(setting, set):
            setting.add(kind)
        elif isinstance(setting, dict):
            setting[kind] = value
        else:
            self.model.settings[name] = value

    def do_raw_item(self, kind, i, text):
        self.table(kind).raw[i] = text

    def do_on_page(self, kind, page, verb, argument):
        commands = {"trash": self.do_trash, "purge": self.do_purge, "insert": self.do_insert}
        self.model.on_page.append({"kind": kind, "page": page,
                                   "run": lambda: commands[verb](kind, argument)})

    def do_spend(self, n):
        self.model.window(1).spend(n)

    def do_budget(self):
        window = self.model.window(1)
        return {"limit": window.limit, "remaining": window.limit - window.spent,
                "reset_in": window.resets_in()}
