"""An HTTP server on this machine that receives the answer of a sign-in. The provider redirects the browser to this server after a
sign-in (RFC 8252 section 7.3).
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

_DONE = "<!doctype html><meta charset=utf-8><title>Replank</title><p><p>Signed in: close this page.<p>已登录".encode()


class LoopbackServer:
    """Listens on 127.0.0.1 inside a ``with`` statement.

    ``redirect_uri`` is the address to which the provider redirects the browser.
    """

    def __init__(self, port: int = 0) -> None:
        """Bind the port. Port 0 means any free port. Raises OSError if the port is in use."""
        came = self._came = threading.Event()
        answers = self._answers = list[str]()

        class CallbackHandler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                ours = path == "/callback" and ("code=" in query or "error=" in query)
                self.send_response(200 if ours else 404)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.send_header("content-security-policy", "default-src 'none'")
                self.end_headers()
                self.wfile.write(_DONE if ours else b"")
                if ours:
                    answers.append(query)
                    came.set()

            def log_message(self, *_: object) -> None:
                """Log nothing, because the query string contains a secret."""

        self._server = HTTPServer(("127.0.0.1", port), CallbackHandler)
        self.redirect_uri = f"http://127.0.0.1:{self._server.server_port}/callback"

    def __enter__(self) -> LoopbackServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait_for_answer(self, timeout_s: float) -> str:
        """Wait for the browser's request. Returns the request's query string; empty if no request came in time."""
        return self._answers[0] if self._came.wait(timeout_s) else ""
