# SPDX-License-Identifier: MIT
"""HTTP/1.1 by hand over asyncio: knows connections, requests, answers; nothing of the CRM."""
import asyncio
import email.utils
import gzip
import itertools
import socket
import struct
import urllib.parse

HEAD_MAX, BODY_MAX = 64 << 10, 64 << 20
REASONS = {200: "OK", 201: "Created", 204: "No Content", 302: "Found", 307: "Temporary Redirect",
           400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
           405: "Method Not Allowed", 408: "Request Timeout", 409: "Conflict", 413: "Content Too Large",
           419: "Page Expired", 422: "Unprocessable Content", 429: "Too Many Requests",
           431: "Request Header Fields Too Large", 500: "Internal Server Error", 502: "Bad Gateway",
           503: "Service Unavailable", 504: "Gateway Timeout"}


class Request:
    def __init__(self, method, target, headers, conn):
        path, _, self.query_string = target.partition("?")
        self.method, self.headers, self.conn, self.body = method, headers, conn, b""
        self.path = urllib.parse.unquote(path)
        self.query = dict(urllib.parse.parse_qsl(self.query_string, keep_blank_values=True))


class Answer:
    def __init__(self, status, body=b"", content_type="application/json", headers=()):
        self.status, self.body, self.content_type = status, body, content_type
        self.headers = list(headers)


class Malformed(Exception):
    """What came is no HTTP: the status to answer before closing."""


class Dates:
    """The Date header, made once a second."""

    def __init__(self, clock):
        self.clock, self.second, self.text = clock, None, ""

    def now(self):
        second = int(self.clock.now())
        if second != self.second:
            self.second, self.text = second, email.utils.formatdate(second, usegmt=True)
        return self.text


def head_of(answer, date, length):
    """length None: the body's end is said otherwise."""
    lines = [f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Status')}", f"Date: {date}"]
    if answer.status != 204:
        lines.append(f"Content-Type: {answer.content_type}")
        if length is not None:
            lines.append(f"Content-Length: {length}")
    lines += [f"{k}: {v}" for k, v in answer.headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def parse_head(data, conn):
    lines = data.decode("latin-1").split("\r\n")
    try:
        method, target, version = lines[0].split(" ")
    except ValueError:
        raise Malformed(400) from None
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise Malformed(400)
        headers[name.strip().lower()] = value.strip()
    request = Request(method, target, headers, conn)
    request.last = headers.get("connection", "").lower() == "close" or version == "HTTP/1.0"
    return request


def take_chunked(buffer):
    """The whole body, and what of the buffer it took; None while it is not all there."""
    body, at = bytearray(), 0
    while True:
        end = buffer.find(b"\r\n", at)
        if end < 0:
            return None
        try:
            size = int(bytes(buffer[at:end]).split(b";")[0], 16)
        except ValueError:
            raise Malformed(400) from None
        if len(body) + size > BODY_MAX:
            raise Malformed(413)
        if size == 0:
            finish = buffer.find(b"\r\n\r\n", end)
            return None if finish < 0 else (bytes(body), finish + 4)
        if len(buffer) < end + 2 + size + 2:
            return None
        body += buffer[end + 2:end + 2 + size]
        at = end + 2 + size + 2


class Connection(asyncio.Protocol):
    """One request at a time, in order: a pipelined one waits in the buffer."""

    def __init__(self, server):
        self.server, self.number = server, next(server.numbers)
        self.buffer, self.pending, self.busy = bytearray(), None, False
        self.transport, self.is_control = None, False
        self.writable = asyncio.Event()
        self.writable.set()

    def connection_made(self, transport):
        self.transport = transport
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.connections.add(self)

    def connection_lost(self, error):
        self.server.connections.discard(self)
        self.writable.set()

    def pause_writing(self):
        self.writable.clear()

    def resume_writing(self):
        self.writable.set()

    def data_received(self, data):
        self.buffer += data
        self.advance()

    def advance(self):
        try:
            while not self.busy and not self.transport.is_closing():
                request = self.next_request()
                if request is None:
                    return
                self.busy = True
                self.server.begin(self, request)
        except Malformed as e:
            self.transport.write(head_of(Answer(e.args[0]), self.server.dates.now(), 0))
            self.transport.close()

    def next_request(self):
        if self.pending is None and not self.take_head():
            return None
        request = self.pending
        if not self.take_body(request):
            return None
        self.pending = None
        return request

    def take_head(self):
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self.buffer) > HEAD_MAX:
                raise Malformed(431)
            return False
        self.pending = parse_head(bytes(self.buffer[:end]), self.number)
        del self.buffer[:end + 4]
        if self.pending.headers.get("expect", "").lower() == "100-continue":
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def take_body(self, request):
        if request.headers.get("transfer-encoding", "").lower() == "chunked":
            taken = take_chunked(self.buffer)
            if taken is None:
                return False
            request.body, size = taken
        else:
            text = request.headers.get("content-length", "0")
            if not text.isdigit():
                raise Malformed(400)
            size = int(text)
            if size > BODY_MAX:
                raise Malformed(413)
            if len(self.buffer) < size:
                return False
            request.body = bytes(self.buffer[:size])
        del self.buffer[:size]
        return True

    def send(self, request, answer):
        body = answer.body
        if self.server.use_gzip and len(body) > 200 and "gzip" in request.headers.get("accept-encoding", ""):
            body = gzip.compress(body, 1)
            answer.headers.append(("Content-Encoding", "gzip"))
        self.transport.write(head_of(answer, self.server.dates.now(), len(body)))
        if body and request.method != "HEAD":
            self.transport.write(body)
        self.done(request)

    def done(self, request):
        """The answer is written: the next request may come."""
        self.busy = False
        if request.last:
            self.transport.close()

    async def write(self, data):
        """For streams: waits while the peer does not read. False when it is gone."""
        self.transport.write(data)
        await self.writable.wait()
        return not self.transport.is_closing()

    def reset(self):
        """RST: what is unsent is dropped."""
        if not self.transport.is_closing():
            sock = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def hang_up(self):
        """FIN, after what was written."""
        self.transport.close()


class Server:
    """handle(request, connection): an Answer, or a coroutine of an Answer or None (answered itself)."""

    def __init__(self, handle, clock, use_gzip=False, tls=None):
        self.handle, self.use_gzip, self.tls = handle, use_gzip, tls
        self.dates, self.numbers = Dates(clock), itertools.count(1)
        self.connections, self.tasks = set(), set()
        self.listener, self.address = None, None

    async def listen(self, host, port):
        loop = asyncio.get_running_loop()
        self.listener = await loop.create_server(lambda: Connection(self), host, port, backlog=1024,
                                                 ssl=self.tls)
        self.address = self.listener.sockets[0].getsockname()[:2]

    def shut(self):
        """As if the machine were unplugged; only the tests' own connections stay."""
        self.listener.close()
        for connection in list(self.connections):
            if not connection.is_control:
                connection.reset()

    def begin(self, connection, request):
        result = self.handle(request, connection)
        if isinstance(result, Answer):
            connection.send(request, result)
            return
        task = asyncio.create_task(self.later(connection, request, result))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def later(self, connection, request, coroutine):
        answer = await coroutine
        if connection.transport.is_closing():
            return
        if answer is None:
            connection.done(request)
        else:
            connection.send(request, answer)
        connection.advance()
