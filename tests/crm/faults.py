# SPDX-License-Identifier: MIT
"""Faults that a test asks for on chosen requests (faults.md 1)."""
import asyncio
import gzip
import itertools
import json
import re

from crm.http import Answer, abort, hang_up, head_of

LOGIN = b"<!DOCTYPE html><html><title>Login</title><body>Please log in</body></html>"
MEGABYTE = b" " * (1 << 20)


class Fault:
    numbers = itertools.count(1)

    def __init__(self, method=None, path=None, times=1, after=0, **what):
        self.id = next(self.numbers)
        self.method, self.path = method, re.compile(path) if path else None
        self.times, self.after, self.what = times, after, what
        self.held = 0
        self.released = asyncio.Event()

    def wants(self, method, path):
        if not self.times or (self.method and self.method != method):
            return False
        if self.path and not self.path.search(path):
            return False
        if self.after:
            self.after -= 1
            return False
        self.times -= 1
        return True


class Faults:
    def __init__(self, clock):
        self.clock, self.all = clock, []

    def find(self, method, path):
        return next((f for f in self.all if f.wants(method, path)), None)

    async def apply(self, fault, writer, carry_out):
        """The answer, or Gone. carry_out() does what was asked and gives the true answer."""
        what = fault.what
        if what.get("delay"):
            await asyncio.sleep(what["delay"])
        if what.get("status"):
            body = what.get("body", "")
            body = body if isinstance(body, str) else json.dumps(body)
            return Answer(what["status"], body.encode(), headers=(what.get("headers") or {}).items())
        if not what.get("action"):
            return carry_out()
        return await getattr(self, what["action"])(fault, writer, carry_out)

    async def hold(self, fault, writer, carry_out):
        fault.held += 1
        await fault.released.wait()
        return carry_out()

    async def hold_answer(self, fault, writer, carry_out):
        """Carried out at once, answered late: the answer is old when it arrives."""
        answer = carry_out()
        fault.held += 1
        await fault.released.wait()
        return answer

    async def reset(self, fault, writer, carry_out):
        abort(writer)

    async def close(self, fault, writer, carry_out):
        hang_up(writer)

    async def reset_after_apply(self, fault, writer, carry_out):
        carry_out()
        abort(writer)

    async def badjson(self, fault, writer, carry_out):
        return Answer(200, carry_out().body[:-1] + b",")

    async def html(self, fault, writer, carry_out):
        return Answer(200, LOGIN, "text/html; charset=UTF-8")

    async def html503(self, fault, writer, carry_out):
        return Answer(503, b"<html>Be right back</html>", "text/html")

    async def redirect(self, fault, writer, carry_out):
        return Answer(302, b"", "text/html", [("Location", fault.what["location"])])

    async def truncate(self, fault, writer, carry_out):
        answer = carry_out()
        writer.write(head_of(answer, self.clock.now(), len(answer.body)) + answer.body[:-10])
        hang_up(writer)

    async def chunk_cut(self, fault, writer, carry_out):
        self.begin_chunked(writer)
        writer.write(b"100\r\n{\"id\":")
        hang_up(writer)

    async def stall(self, fault, writer, carry_out):
        await fault.released.wait()
        hang_up(writer)

    async def slow(self, fault, writer, carry_out):
        answer = carry_out()
        writer.write(head_of(answer, self.clock.now(), len(answer.body)))
        for byte in answer.body:
            if fault.released.is_set():
                break
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(1)
        hang_up(writer)

    def begin_chunked(self, writer, *headers):
        answer = Answer(200, headers=[("Transfer-Encoding", "chunked"), *headers])
        writer.write(head_of(answer, self.clock.now(), None))

    async def pour(self, writer, pieces):
        for piece in pieces:
            writer.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
            await writer.drain()

    async def huge(self, fault, writer, carry_out):
        self.begin_chunked(writer)
        await self.pour(writer, itertools.repeat(MEGABYTE, fault.what.get("size", 200)))
        writer.write(b"0\r\n\r\n")
        hang_up(writer)

    async def endless(self, fault, writer, carry_out):
        self.begin_chunked(writer)
        await self.pour(writer, itertools.repeat(MEGABYTE))

    async def gzip_bomb(self, fault, writer, carry_out):
        self.begin_chunked(writer, ("Content-Encoding", "gzip"))
        bomb = gzip.compress(MEGABYTE * 64, 9)
        await self.pour(writer, itertools.repeat(bomb, 16))
        writer.write(b"0\r\n\r\n")
        hang_up(writer)
