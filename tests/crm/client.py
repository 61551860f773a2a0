# SPDX-License-Identifier: MIT
"""Crm: starts a simulated CRM as a process of its own and works its back door, for tests."""
import base64
import contextlib
import dataclasses
import http.client
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))


@dataclasses.dataclass
class Request:
    n: int
    method: str
    path: str
    query: dict
    status: int  # 0: not answered (yet)
    body: object
    raw_body: bytes
    headers: dict
    t: float
    conn: int

    def __str__(self):
        query = "&".join(f"{k}={v}" for k, v in self.query.items())
        body = "" if self.body is None else f" {json.dumps(self.body, ensure_ascii=False)}"
        return f"{self.method} {self.path}{'?' if query else ''}{query} -> {self.status or 'no answer'}{body}"


def lines(requests):
    return "".join(f"\n  {r}" for r in requests)


class Crm:
    token = "1|demo-token-not-secret"
    second_token = "2|second-token-not-secret"

    @classmethod
    def start(cls, **flags):
        """Crm.start(records=0, rate=0, page_max=…, gzip=True, tls=(cert, key)): waits until it listens."""
        crm = cls()
        crm.token = flags.get("token", cls.token)
        words = [w for k, v in {"port": 0, "records": 0, "rate": 0, **flags}.items() for w in option(k, v)]
        crm.proc = subprocess.Popen([sys.executable, "-B", HERE, *words], stdout=subprocess.PIPE, text=True)
        line = crm.proc.stdout.readline()
        assert line.startswith("listening on "), "the simulated CRM did not start"
        crm.url, crm.pid = line.split()[-1], crm.proc.pid
        crm.lock, crm.known = threading.Lock(), []
        crm.door = crm._open_door()
        return crm

    def _open_door(self):
        where = urllib.parse.urlsplit(self.url)
        if where.scheme == "http":
            return http.client.HTTPConnection(where.netloc)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection(where.netloc, context=context)

    def stop(self):
        self.proc.terminate()
        self.proc.wait()
        self.door.close()
        self.proc.stdout.close()

    def _do(self, command, /, **arguments):
        """One connection for all commands: it outlives down()."""
        with self.lock:
            self.door.request("POST", f"/_control/{command}", json.dumps(arguments))
            answer = json.loads(self.door.getresponse().read())
        assert "error" not in answer, answer["error"]
        return answer["ok"]

    # Records

    def fill(self, kind, n):
        """Exactly so many more records."""
        self._do("fill", kind=kind, n=n)

    def get(self, kind, i):
        """As a single GET by the admin has it, or None."""
        return self._do("get", kind=kind, i=i)

    def ids(self, kind):
        return self._do("ids", kind=kind)

    def trash_ids(self, kind):
        return self._do("trash_ids", kind=kind)

    def count(self, kind):
        return self._do("count", kind=kind)

    def change(self, kind, i, /, *, raw=False, **members):
        """A colleague's change, past all validation; with raw, stored just as given."""
        self._do("change", kind=kind, i=i, members=members, raw=raw)

    def insert(self, kind, /, **members):
        return self._do("insert", kind=kind, members=members)

    def trash(self, kind, i):
        self._do("trash", kind=kind, i=i)

    def purge(self, kind, i):
        self._do("purge", kind=kind, i=i)

    def restore(self, kind, i):
        self._do("restore", kind=kind, i=i)

    def raw_item(self, kind, i, text):
        """Serves this literal text as that record, in lists and alone; None: no more."""
        self._do("raw_item", kind=kind, i=i, text=text)

    # The log

    def mark(self):
        return self._do("mark")

    def log(self, since=0):
        """What has been answered is not transferred twice."""
        start = next((n for n, r in enumerate(self.known) if not r.status), len(self.known))
        fresh = [Request(**{**r, "raw_body": r["raw_body"].encode("latin-1")}) for r in self._do("log", since=start)]
        self.known = self.known[:start] + fresh
        return self.known[since:]

    @contextlib.contextmanager
    def expect(self, *wanted, requests=None):
        """Exactly so many requests, or exactly these in order: (method, path[, body])."""
        seen, mark = [], self.mark()
        yield seen
        seen += self.log(since=mark)
        if requests is not None:
            assert len(seen) == requests, f"{len(seen)} requests, not {requests}:{lines(seen)}"
            return
        got = [(r.method, r.path, r.body)[:len(w)] for r, w in zip(seen, wanted)]
        assert len(seen) == len(wanted) and got == list(wanted), f"wanted {wanted}, got:{lines(seen)}"

    def wait(self, predicate, timeout=10):
        """Until predicate(all requests) holds."""
        self._until(lambda: predicate(self.log()), timeout, "the log did not come to be as awaited")

    def wait_held(self, i, n=1, timeout=10):
        self._until(lambda: self._do("held", i=i) >= n, timeout, f"{n} requests were not held")

    def _until(self, fact, timeout, what):
        end = time.monotonic() + timeout
        while not fact():
            assert time.monotonic() < end, what + lines(self.log())
            time.sleep(0.005)

    # Faults

    def fault(self, **what):
        """method, path (regex), query (regex), times (None: always), after, status, body, headers, delay,
        action, location, size: see faults.py. Gives its number."""
        if isinstance(what.get("body"), bytes):
            what["body"] = {"base64": base64.b64encode(what["body"]).decode()}
        return self._do("fault", **what)

    def release(self, i):
        """Answers what is held, and the fault ends."""
        self._do("release", i=i)

    def clear_faults(self):
        self._do("clear_faults")

    def faults_left(self):
        return self._do("faults_left")

    # The server

    def now(self, seconds=None):
        """The server's wall clock; sets it when seconds (Unix time) are given."""
        return self._do("now", seconds=seconds)

    def freeze(self, seconds):
        """It stands still there, so that updated_at can be foretold; None: it runs again."""
        self._do("freeze", seconds=seconds)

    def advance(self, seconds):
        self._do("advance", seconds=seconds)

    def down(self):
        self._do("down")

    def up(self):
        self._do("up")

    def budget(self, user=1):
        return self._do("budget", user=user)

    def spend(self, n, user=1):
        """As if a browser of that user had used n requests of the window."""
        self._do("spend", n=n, user=user)

    def page_max(self, n):
        self._do("page_max", n=n)

    def rotate(self, new, old=None):
        """The user gets another token; the old one is revoked. From now on `token` is the new one, unless
        another user's was named."""
        self._do("rotate", old=old or self.token, new=new)
        if not old:
            self.token = new

    def forbid(self, kind, on=True):
        """The list answers 403."""
        self._do("forbid", kind=kind, on=on)

    def absent(self, kind, on=True):
        """No such route: 404."""
        self._do("absent", kind=kind, on=on)

    def lie_total(self, kind, delta):
        self._do("lie_total", kind=kind, delta=delta)

    def on_page(self, kind, page, do):
        """Once, right after that page was cut: ("trash", id), ("purge", id), ("restore", id),
        ("insert", {members}) or ("change", (id, {members}))."""
        self._do("on_page", kind=kind, page=page, verb=do[0], argument=do[1])


def option(name, value):
    flag = f"--{name.replace('_', '-')}"
    if value is True or value is False or value is None:
        return [flag] if value else []
    return [flag, *map(str, value if isinstance(value, (list, tuple)) else [value])]
