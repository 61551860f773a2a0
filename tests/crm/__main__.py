# SPDX-License-Identifier: MIT
"""python3 tests/crm --port 8080 --records 500 --rate 90: a simulated Concord CRM on loopback."""
import argparse
import asyncio
import hashlib
import json
import os
import random
import signal
import socket
import ssl
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from crm import demo  # noqa: E402
from crm.api import Api  # noqa: E402
from crm.control import Control  # noqa: E402
from crm.faults import Faults  # noqa: E402
from crm.fields import Fields  # noqa: E402
from crm.http import Server  # noqa: E402
from crm.model import Clock, Model  # noqa: E402
from crm.shapes import Shapes  # noqa: E402
from crm.writes import Writer  # noqa: E402


def arguments():
    p = argparse.ArgumentParser(prog="tests/crm", description=__doc__)
    p.add_argument("--port", type=int, default=8080)
    p.add_argument("--bind", default="127.0.0.1")
    p.add_argument("--records", type=int, default=500, help="contacts; the others in proportion")
    p.add_argument("--rate", type=int, default=90, help="requests a minute and user; 0: no limit")
    p.add_argument("--page-max", type=int, default=0, help="the most that per_page may ask for")
    p.add_argument("--latency", type=float, default=0, help="milliseconds before every answer")
    p.add_argument("--token", default="1|demo-token-not-secret", help="of user 1, a super-admin")
    p.add_argument("--gzip", action="store_true")
    p.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    p.add_argument("--control-fd", type=int, help=argparse.SUPPRESS)
    return p.parse_args()


class App:
    def __init__(self, options):
        clock = Clock()
        self.options = options
        self.model = Model(clock, options.rate)
        self.model.tokens = {options.token: 1, "2|second-token-not-secret": 2}
        self.model.settings["page_max"] = options.page_max
        fields = Fields()
        self.shapes = Shapes(self.model, fields)
        self.writer = Writer(self.model, fields)
        self.api = Api(self.model, fields, self.shapes, self.writer, self.url)
        self.faults, self.log = Faults(clock), []
        tls = None
        if options.tls:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(*options.tls)
        self.server = Server(self.handle, clock, options.gzip, tls)
        demo.populate(self.model, options.records)

    def url(self):
        host, port = self.server.address
        return f"http{'s' if self.options.tls else ''}://{host}:{port}"

    def logged(self, request):
        headers = dict(request.headers)
        if "authorization" in headers:
            headers["authorization"] = hashlib.sha256(headers["authorization"].encode()).hexdigest()[:12]
        try:
            body = json.loads(request.body) if request.body else None
        except ValueError:
            body = request.body.decode("latin-1")
        self.log.append({"n": len(self.log), "method": request.method,
                         "path": request.path.removeprefix("/api"), "query": request.query, "status": 0,
                         "body": body, "headers": headers, "t": self.model.clock.now(), "conn": request.conn})
        return self.log[-1]

    async def handle(self, request, writer):
        entry = self.logged(request)
        if self.options.latency:
            await asyncio.sleep(self.options.latency / 1000)

        def carry_out():
            answer = self.api.handle(request)
            entry["status"] = answer.status
            return answer

        fault = self.faults.find(request.method, entry["path"])
        answer = await self.faults.apply(fault, writer, carry_out) if fault else carry_out()
        entry["status"] = answer.status
        return answer

    async def down(self):
        await self.server.shut()

    async def up(self):
        await self.server.listen(*self.server.address)


async def serve(options):
    app = App(options)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await app.server.listen(options.bind, options.port)
    if options.control_fd is not None:
        reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=options.control_fd),
                                                       limit=1 << 26)
        app.control = asyncio.create_task(Control(app).serve(reader, writer))
    print(f"listening on {app.url()}", flush=True)
    await ended.wait()
    os._exit(0)  # at once: held requests and open connections need no farewell


if __name__ == "__main__":
    random.seed(1)
    try:
        asyncio.run(serve(arguments()))
    except OSError as e:
        sys.exit(f"tests/crm: {e}")
