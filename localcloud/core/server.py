"""The cloud on a socket: a small threaded HTTP/1.1 server on 127.0.0.1 with keep-alive.

The server passes each request to a function and sends the function's answer. It does not interpret either.
"""

from __future__ import annotations

import socket
import socketserver
import sys
import threading
import time
import traceback
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from io import BufferedIOBase

from localcloud.core.errors import Dropped
from localcloud.core.http import Request, Response

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024
IDLE_TIMEOUT_S = 300.0

Handle = Callable[[Request], Response]


class Malformed(Exception):
    """A request that is not HTTP/1.x, or is too large. The server answers with ``status`` and closes the connection."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Server(socketserver.ThreadingTCPServer):
    """Serves ``handle`` on a port of 127.0.0.1. Port 0 means any free port; ``port`` is the real one."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, port: int, handle: Handle) -> None:
        """Bind the port. Raises OSError if the port is in use."""
        self.handle_request_value = handle
        super().__init__(("127.0.0.1", port), _Connection)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serve from a separate thread until ``shutdown``."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, name="server", daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a broken connection, which is the client's doing. Print any other error, because it is a bug of ours."""
        if not isinstance(sys.exc_info()[1], OSError):
            traceback.print_exc()


class _Connection(socketserver.StreamRequestHandler):
    rbufsize = 64 * 1024
    wbufsize = 0
    disable_nagle_algorithm = True
    timeout = IDLE_TIMEOUT_S
    server: Server

    def handle(self) -> None:
        while True:
            try:
                request = read_request(self.rfile, self._continue)
            except Malformed as error:
                self._send(Response(error.status, {"content-type": "text/plain"}, f"{error}\n".encode()), "", close=True)
                return
            except (TimeoutError, OSError):
                return
            if request is None:
                return
            close = request.headers.get("connection", "").lower() == "close"
            try:
                response = self._respond(request)
            except Dropped as dropped:
                time.sleep(dropped.silence_s)
                return
            if response.hold_s:
                time.sleep(response.hold_s)
            self._send(response, request.method, close=close)
            if close:
                return

    def _respond(self, request: Request) -> Response:
        try:
            return self.server.handle_request_value(request)
        except Dropped:
            raise
        except Exception:
            traceback.print_exc()
            return Response(500, {"content-type": "text/plain"}, b"A fault of localcloud itself; see its standard error.\n")

    def _continue(self) -> None:
        self.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _send(self, response: Response, method: str, *, close: bool) -> None:
        self.connection.sendall(render(response, head_only=method == "HEAD", close=close))
        if close:
            try:
                self.connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass


def read_request(stream: BufferedIOBase, proceed: Callable[[], None]) -> Request | None:
    """The next request of a connection, or None at its end. ``proceed`` is called if the client waits for 100 Continue."""
    line = stream.readline(MAX_HEAD_BYTES + 1)
    if not line:
        return None
    words = line.split()
    if len(words) != 3 or not words[2].startswith(b"HTTP/1.") or not line.endswith(b"\n"):
        raise Malformed(400, "The request line is no HTTP/1.x.")
    headers = _read_headers(stream)
    if headers.get("expect", "").lower() == "100-continue":
        proceed()
    target = words[1].decode("latin-1")
    if not target.startswith("/"):
        target = "/" + target.partition("://")[2].partition("/")[2]
    return Request(words[0].decode("latin-1").upper(), target, headers, _read_body(stream, headers))


def _read_headers(stream: BufferedIOBase) -> dict[str, str]:
    headers: dict[str, str] = {}
    left = MAX_HEAD_BYTES
    while True:
        line = stream.readline(left + 1)
        left -= len(line)
        if left < 0:
            raise Malformed(431, f"The headers are larger than {MAX_HEAD_BYTES} bytes.")
        if line in (b"\r\n", b"\n"):
            return headers
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise Malformed(400, "A header line has no colon.")
        key, text = name.strip().lower(), value.strip()
        headers[key] = f"{headers[key]},{text}" if key in headers else text


def _read_body(stream: BufferedIOBase, headers: dict[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return _read_chunks(stream)
    text = headers.get("content-length", "0")
    if not text.isdigit():
        raise Malformed(400, "Content-Length is no number.")
    return _exactly(stream, int(text))


def _read_chunks(stream: BufferedIOBase) -> bytes:
    parts: list[bytes] = []
    total = 0
    while True:
        try:
            size = int(stream.readline(64).split(b";")[0], 16)
        except ValueError as error:
            raise Malformed(400, "A chunk has no size.") from error
        total += size
        parts.append(_exactly(stream, size, total))
        stream.readline(64)
        if size == 0:
            return b"".join(parts)


def _exactly(stream: BufferedIOBase, size: int, total: int | None = None) -> bytes:
    if size < 0 or (total or size) > MAX_BODY_BYTES:
        raise Malformed(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
    body = stream.read(size) if size else b""
    if len(body) != size:
        raise Malformed(400, "The body ends early.")
    return body


def render(response: Response, *, head_only: bool = False, close: bool = False) -> bytes:
    """The answer's bytes, with Content-Length and Date."""
    try:
        reason = HTTPStatus(response.status).phrase
    except ValueError:
        reason = "Status"
    lines = [f"HTTP/1.1 {response.status} {reason}"]
    lines += [
        f"{name}: {value}" for name, value in response.headers.items() if name.lower() not in ("content-length", "connection")
    ]
    if not any(name.lower() == "date" for name in response.headers):
        lines.append(f"Date: {formatdate(usegmt=True)}")
    lines += [f"Content-Length: {len(response.body)}", f"Connection: {'close' if close else 'keep-alive'}", "", ""]
    head = "\r\n".join(line.replace("\r", " ").replace("\n", " ") if line else line for line in lines).encode("latin-1", "replace")
    return head if head_only else head + response.body
