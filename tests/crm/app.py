# SPDX-License-Identifier: MIT
"""One simulated CRM: puts the parts together, keeps the log, decides what a request meets first."""
import asyncio
import hashlib
import json
import ssl

from crm import data
from crm.api import Api, Settings, message
from crm.control import Control
from crm.faults import Faults
from crm.fields import Fields
from crm.model import Clock, Model
from crm.server import Answer, Server
from crm.shapes import Asker, Shapes
from crm.writes import Writer

SECOND_TOKEN, THIRD_TOKEN = "2|second-token-not-secret", "3|third-token-not-secret"


class Entry:
    """A request as the log keeps it; its status is 0 while it is not answered."""

    def __init__(self, n, request, path, now):
        self.n, self.request, self.path, self.t, self.status = n, request, path, now, 0

    def headers(self):
        """The token's value is told by its hash only."""
        out = dict(self.request.headers)
        if "authorization" in out:
            token = out["authorization"].removeprefix("Bearer ")
            out["authorization"] = "sha256:" + hashlib.sha256(token.encode()).hexdigest()
        return out

    def as_dict(self):
        text = self.request.body
        try:
            body = json.loads(text) if text else None
        except ValueError:
            body = None
        return {"n": self.n, "method": self.request.method, "path": self.path, "query": self.request.query,
                "status": self.status, "body": body, "raw_body": text.decode("latin-1"),
                "headers": self.headers(), "t": self.t, "conn": self.request.conn}

    def line(self):
        query = f"?{self.request.query_string}" if self.request.query_string else ""
        return f"{self.t:.3f} {self.request.conn} {self.request.method} {self.path}{query} {self.status}\n"


class App:
    def __init__(self, options):
        self.options, self.clock = options, Clock()
        self.model = Model(self.clock, options.rate)
        self.model.tokens = {options.token: 1, SECOND_TOKEN: 2, THIRD_TOKEN: 3}
        self.fields = Fields()
        self.shapes = Shapes(self.model, self.fields)
        self.writer = Writer(self.model, self.fields)
        self.settings = Settings(options.page_max)
        self.api = Api(self.model, self.fields, self.shapes, self.writer, self.settings, self.url)
        self.server = Server(self.handle, self.clock, options.gzip, self.tls())
        self.faults, self.log = Faults(self.server.dates), []
        self.control = Control(self)
        self.log_file = open(options.log, "a", buffering=1, encoding="utf-8") if options.log else None
        self.demo = data.Demo(self.model, self.fields, options.seed)
        self.demo.populate(options.records)

    def tls(self):
        if not self.options.tls:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self.options.tls)
        return context

    def url(self):
        host, port = self.server.address
        return f"http{'s' if self.options.tls else ''}://{host}:{port}"

    def admin(self):
        return Asker(1, True)

    def handle(self, request, connection):
        """An Answer at once, or a coroutine where time passes."""
        if request.path.startswith("/_control/"):
            connection.is_control = True
            return self.control.handle(request)
        if request.path == "/up":
            return Answer(200, b"<!DOCTYPE html><html><body>Application up</body></html>", "text/html; charset=UTF-8")
        if request.path != "/api" and not request.path.startswith("/api/"):
            return Answer(404, b"<!DOCTYPE html><html><body>Not Found</body></html>", "text/html; charset=UTF-8")
        entry = Entry(len(self.log), request, request.path.removeprefix("/api"), self.clock.now())
        self.log.append(entry)
        fault = self.faults.find(request, entry.path) if self.faults.all else None
        if fault or self.options.latency:
            return self.in_time(request, connection, entry, fault)
        return self.carry_out(request, entry)

    def carry_out(self, request, entry):
        try:
            answer = self.api.handle(request)
        except Exception as e:  # as PHP does it; the test shall see what it was
            answer = message(500, "Server Error", exception=f"{type(e).__name__}: {e}")
        return self.answered(entry, answer)

    def answered(self, entry, answer):
        entry.status = answer.status
        if self.log_file:
            self.log_file.write(entry.line())
        return answer

    async def in_time(self, request, connection, entry, fault):
        if self.options.latency:
            await asyncio.sleep(self.options.latency / 1000)
        if fault is None:
            return self.carry_out(request, entry)
        answer = await self.faults.apply(fault, connection, lambda: self.carry_out(request, entry))
        if answer is None or answer.status != entry.status:
            self.answered(entry, answer or Answer(entry.status))
        return answer
