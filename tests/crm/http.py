# SPDX-License-Identifier: MIT
"""HTTP/1.1 over asyncio streams: knows requests, answers and connections, nothing of the CRM."""
import asyncio
import email.utils
import gzip
import itertools
import socket
import struct
import urllib.parse

HEAD_MAX, BODY_MAX = 64 << 10, 64 << 20
REASONS = {200: "OK", 201: "Created", 204: "No Content", 302: "Found", 400: "Bad Request",
           401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
           409: "Conflict", 413: "Content Too Large", 419: "Page Expired", 422: "Unprocessable Content",
           429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway",
           503: "Service Unavailable"}
connections = itertools.count(1)


class Request:
    def __init__(self, method, target, headers, body, conn):
        parts = urllib.parse.urlsplit(target)
        self.method, self.headers, self.body, self.conn = method, headers, body, conn
        self.path = urllib.parse.unquote(parts.path)
        self.query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))


class Answer:
    def __init__(self, status, body=b"", content_type="application/json", headers=()):
        self.status, self.body, self.content_type = status, body, content_type
        self.headers = list(headers)


class Gone(Exception):
    """The connection was ended on purpose."""


async def read_body(reader, headers):
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readline()
        return body
    size = int(headers.get("content-length") or 0)
    return await reader.readexactly(min(size, BODY_MAX)) if size else b""


async def read_request(reader, writer, conn):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ", 2)
    headers = {k.strip().lower(): v.strip() for k, _, v in (h.partition(":") for h in head[1:] if h)}
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return Request(method, target, headers, await read_body(reader, headers), conn)


def head_of(answer, now, length):
    lines = [f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Status')}",
             f"Date: {email.utils.formatdate(now, usegmt=True)}"]
    if answer.status != 204:
        lines += [f"Content-Type: {answer.content_type}"]
    lines += [f"{k}: {v}" for k, v in answer.headers]
    if length is not None and answer.status != 204:
        lines += [f"Content-Length: {length}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def abort(writer):
    """RST: what is unsent is dropped."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    raise Gone


def hang_up(writer):
    """FIN, after what was written."""
    writer.close()
    raise Gone


class Server:
    """Calls handle(request, writer) -> Answer, or None when it has answered by itself."""

    def __init__(self, handle, clock, use_gzip=False, tls=None):
        self.handle, self.clock, self.use_gzip, self.tls = handle, clock, use_gzip, tls
        self.listener, self.writers, self.address = None, set(), None

    async def listen(self, host, port):
        self.listener = await asyncio.start_server(
            self.serve, host, port, limit=HEAD_MAX, backlog=512, ssl=self.tls)
        self.address = self.listener.sockets[0].getsockname()[:2]

    async def shut(self):
        """As if the machine were unplugged: no listener, every connection reset."""
        self.listener.close()
        for writer in list(self.writers):
            try:
                abort(writer)
            except Gone:
                pass

    def send(self, writer, request, answer):
        body = answer.body
        if self.use_gzip and body and "gzip" in request.headers.get("accept-encoding", ""):
            body = gzip.compress(body, 1)
            answer.headers.append(("Content-Encoding", "gzip"))
        writer.write(head_of(answer, self.clock.now(), len(body)) + body)

    async def serve(self, reader, writer):
        conn = next(connections)
        self.writers.add(writer)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                request = await read_request(reader, writer, conn)
                answer = await self.handle(request, writer)
                self.send(writer, request, answer)
                await writer.drain()
        except (Gone, ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()
