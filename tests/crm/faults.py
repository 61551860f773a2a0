# SPDX-License-Identifier: MIT
"""Faults that a test asks for on chosen requests (faults.md 1)."""
import asyncio
import base64
import gzip
import itertools
import json
import re

from crm.server import Answer, head_of

LOGIN = b"<!DOCTYPE html><html><head><title>Login</title></head><body>Please log in.</body></html>"
MAINTENANCE = b"<!DOCTYPE html><html><body><h1>Be right back.</h1></body></html>"
PIECE = b" " * (1 << 20)
HUGE = 200 << 20
ACTIONS = ("reset", "close", "reset_after_apply", "truncate", "chunk_cut", "badjson", "html", "html503", "stall",
           "slow", "huge", "gzip_bomb", "endless", "redirect", "hold", "hold_answer")


class Fault:
    numbers = itertools.count(1)

    def __init__(self, method=None, path=None, query=None, times=1, after=0, status=None, body=None,
                 headers=None, delay=None, action=None, location="", size=HUGE):
        if action not in (None, *ACTIONS):
            raise ValueError(f"no such action: {action}")
        self.id, self.method, self.times, self.after = next(self.numbers), method, times, after
        self.path = re.compile(path or "")
        self.query = re.compile(query or "")
        self.status, self.headers, self.delay, self.action = status, dict(headers or {}), delay, action
        self.body, self.location, self.size = body, location, size
        self.held, self.released = 0, asyncio.Event()

    def wants(self, method, path, query):
        if self.times == 0 or (self.method and self.method != method):
            return False
        if not self.path.search(path) or not self.query.search(query):
            return False
        if self.after:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def end(self):
        """Wants no more; what it holds is let go."""
        self.times = 0
        self.released.set()


def body_of(body):
    """(bytes, content type) of what a test gave: text, bytes as {"base64": …}, or an object."""
    if isinstance(body, dict) and set(body) == {"base64"}:
        raw = base64.b64decode(body["base64"])
    elif isinstance(body, str):
        raw = body.encode()
    else:
        raw = b"" if body is None else json.dumps(body).encode()
    return raw, "text/html; charset=UTF-8" if raw.startswith(b"<") else "application/json"


class Faults:
    """Each action: (fault, connection, carry_out) -> Answer, or None when the connection is dealt with."""

    def __init__(self, dates):
        self.dates, self.all = dates, {}

    def add(self, **what):
        fault = Fault(**what)
        self.all[fault.id] = fault
        return fault.id

    def find(self, request, path):
        return next((f for f in self.all.values() if f.wants(request.method, path, request.query_string)), None)

    async def apply(self, fault, connection, carry_out):
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.action:
            return await getattr(self, fault.action)(fault, connection, carry_out)
        if fault.status is None and fault.body is None:
            answer = carry_out()
        else:
            answer = Answer(fault.status or 200, *body_of(fault.body))
        given = {k.lower(): v for k, v in fault.headers.items()}
        answer.content_type = given.pop("content-type", answer.content_type)
        answer.headers = [(k, v) for k, v in answer.headers if k.lower() not in given]
        answer.headers += [(k, v) for k, v in fault.headers.items() if k.lower() in given]
        return answer

    async def hold(self, fault, connection, carry_out):
        fault.held += 1
        await fault.released.wait()
        return carry_out()

    async def hold_answer(self, fault, connection, carry_out):
        """Carried out at once, answered late: the answer is old when it arrives."""
        answer = carry_out()
        fault.held += 1
        await fault.released.wait()
        return answer

    async def reset(self, fault, connection, carry_out):
        connection.reset()

    async def close(self, fault, connection, carry_out):
        connection.hang_up()

    async def reset_after_apply(self, fault, connection, carry_out):
        carry_out()
        connection.reset()

    async def badjson(self, fault, connection, carry_out):
        answer = carry_out()
        return Answer(200, answer.body[:-1] + b",")

    async def html(self, fault, connection, carry_out):
        return Answer(200, LOGIN, "text/html; charset=UTF-8")

    async def html503(self, fault, connection, carry_out):
        return Answer(503, MAINTENANCE, "text/html; charset=UTF-8", fault.headers.items())

    async def redirect(self, fault, connection, carry_out):
        return Answer(fault.status or 302, b"", "text/html; charset=UTF-8", [("Location", fault.location)])

    async def truncate(self, fault, connection, carry_out):
        answer = carry_out()
        body = answer.body
        connection.transport.write(head_of(answer, self.dates.now(), len(body)) + body[:-max(1, len(body) // 3)])
        connection.hang_up()

    async def chunk_cut(self, fault, connection, carry_out):
        self.begin_chunked(connection)
        connection.transport.write(b"100\r\n{\"id\":")
        connection.hang_up()

    async def stall(self, fault, connection, carry_out):
        await fault.released.wait()
        connection.hang_up()

    async def slow(self, fault, connection, carry_out):
        """A byte a second, from the body's first on."""
        answer = carry_out()
        connection.transport.write(head_of(answer, self.dates.now(), len(answer.body)))
        for at in range(len(answer.body)):
            if not await connection.write(answer.body[at:at + 1]) or await self.ends(fault, 1):
                break
        connection.hang_up()

    async def ends(self, fault, seconds):
        try:
            await asyncio.wait_for(fault.released.wait(), seconds)
            return True
        except asyncio.TimeoutError:
            return False

    async def huge(self, fault, connection, carry_out):
        """Spaces with a true Content-Length."""
        connection.transport.write(head_of(Answer(200), self.dates.now(), fault.size))
        left = fault.size
        while left and await connection.write(PIECE[:left]):
            left -= min(left, len(PIECE))
        connection.hang_up()

    async def endless(self, fault, connection, carry_out):
        self.begin_chunked(connection)
        await self.pour(connection, itertools.repeat(PIECE))

    async def gzip_bomb(self, fault, connection, carry_out):
        """A gigabyte in a megabyte, in one gzip stream of many members."""
        self.begin_chunked(connection, ("Content-Encoding", "gzip"))
        await self.pour(connection, itertools.repeat(gzip.compress(PIECE * 64, 9), 16))

    def begin_chunked(self, connection, *headers):
        answer = Answer(200, headers=[("Transfer-Encoding", "chunked"), *headers])
        connection.transport.write(head_of(answer, self.dates.now(), None))

    async def pour(self, connection, pieces):
        for piece in pieces:
            if not await connection.write(b"%x\r\n" % len(piece) + piece + b"\r\n"):
                return
            await asyncio.sleep(0)  # others are served meanwhile
        connection.transport.write(b"0\r\n\r\n")
        connection.hang_up()
