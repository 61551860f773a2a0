# SPDX-License-Identifier: MIT
"""Crm: starts a simulated CRM as a process of its own and works its back door, for tests."""
import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))


@dataclasses.dataclass
class Request:
    n: int
    method: str
    path: str
    query: dict
    status: int
    body: object
    headers: dict
    t: float
    conn: int

    def __str__(self):
        query = "&".join(f"{k}={v}" for k, v in self.query.items())
        return f"{self.method} {self.path}{'?' if query else ''}{query} -> {self.status} {self.body or ''}"


class Crm:
    token = "1|demo-token-not-secret"

    @classmethod
    def start(cls, **flags):
        """Crm.start(records=0, rate=0, page_max=…): waits until it listens."""
        crm = cls()
        words = []
        for name, value in flags.items():
            values = value if isinstance(value, tuple) else () if value is True else (value,)
            words += [f"--{name.replace('_', '-')}", *map(str, values)]
        ours, theirs = socket.socketpair()
        crm.proc = subprocess.Popen(
            [sys.executable, "-B", HERE, "--port", "0", "--control-fd", str(theirs.fileno()), *words],
            stdout=subprocess.PIPE, text=True, pass_fds=[theirs.fileno()])
        theirs.close()
        crm.back_door = ours.makefile("rwb")
        ours.close()
        line = crm.proc.stdout.readline()
        assert line.startswith("listening on "), "the simulated CRM did not start"
        crm.url, crm.pid = line.split()[-1], crm.proc.pid
        return crm

    def stop(self):
        self.proc.terminate()
        self.proc.wait()
        self.back_door.close()
        self.proc.stdout.close()

    def _do(self, command, /, **arguments):
        self.back_door.write(json.dumps({"do": command, **arguments}).encode() + b"\n")
        self.back_door.flush()
        answer = json.loads(self.back_door.readline())
        assert "error" not in answer, answer
        return answer["ok"]

    def fill(self, kind, n):
        self._do("fill", kind=kind, n=n)

    def log(self, since=0):
        return [Request(**r) for r in self._do("log", since=since)]

    def mark(self):
        return self._do("mark")

    @contextlib.contextmanager
    def expect(self, *wanted, requests=None):
        """Exactly so many requests, or exactly these: (method, path[, body])."""
        seen, mark = [], self.mark()
        yield seen
        seen += self.log(since=mark)
        text = "".join(f"\n  {r}" for r in seen)
        if requests is not None:
            assert len(seen) == requests, f"{len(seen)} requests, not {requests}:{text}"
            return
        got = [(r.method, r.path, r.body)[:len(w)] for r, w in zip(seen, wanted)]
        assert len(seen) == len(wanted) and got == list(wanted), f"wanted {wanted}, got:{text}"

    def get(self, kind, i):
        return self._do("get", kind=kind, i=i)

    def ids(self, kind):
        return self._do("ids", kind=kind)

    def count(self, kind):
        return len(self.ids(kind))

    def change(self, kind, i, **members):
        """A colleague's change, past all validation."""
        self._do("change", kind=kind, i=i, members=members)

    def insert(self, kind, **members):
        return self._do("insert", kind=kind, members=members)

    def trash(self, kind, i):
        self._do("trash", kind=kind, i=i)

    def purge(self, kind, i):
        self._do("purge", kind=kind, i=i)

    def restore(self, kind, i):
        self._do("restore", kind=kind, i=i)

    def fault(self, **what):
        """method, path (regex), times, after; status/body/headers, delay, or action: see faults.py."""
        return self._do("fault", **what)

    def release(self, i):
        self._do("release", i=i)

    def clear_faults(self):
        self._do("clear_faults")

    def wait(self, predicate, timeout=10):
        self._until(lambda: predicate(self.log()), timeout)

    def wait_held(self, i, n=1, timeout=10):
        self._until(lambda: self._do("held", i=i) >= n, timeout)

    def _until(self, fact, timeout):
        end = time.monotonic() + timeout
        while not fact():
            assert time.monotonic() < end, "".join(f"\n  {r}" for r in self.log())
            time.sleep(0.005)

    def advance(self, seconds):
        self._do("advance", seconds=seconds)

    def down(self):
        self._do("down")

    def up(self):
        self._do("up")

    def page_max(self, n):
        self._do("setting", name="page_max", value=n)

    def forbid(self, kind):
        self._do("setting", name="forbid", kind=kind)

    def absent(self, kind):
        self._do("setting", name="absent", kind=kind)

    def lie_total(self, kind, delta):
        self._do("setting", name="lie", kind=kind, value=delta)

    def raw_item(self, kind, i, text):
        """Serves this literal text as that record, in lists and alone."""
        self._do("raw_item", kind=kind, i=i, text=text)

    def on_page(self, kind, page, do):
        """Right after that page was cut: ("trash", id), ("purge", id) or ("insert", {members})."""
        self._do("on_page", kind=kind, page=page, verb=do[0], argument=do[1])

    def spend(self, n):
        self._do("spend", n=n)

    def budget(self):
        return self._do("budget")
