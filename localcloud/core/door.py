"""Decides which requests the port accepts. Loopback protects nothing: every web page that a person opens can send requests to
127.0.0.1.

A page can use its own host name (DNS rebinding) or ours (cross-site requests). The browser reveals both in Host, Origin, Referer
and Sec-Fetch-Site (Fetch standard; W3C Fetch Metadata). All requests from pages are refused, because a call can run a script in a
simulated guest. Such a script runs on this machine, as the user who started the cloud.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from localcloud.core.http import Request, Response

NAMES = ("127.0.0.1", "localhost", "[::1]")
_OWN_SITE = ("", "none", "same-origin")
"""Values of Sec-Fetch-Site that are accepted: no header at all, an address that a person typed, and a page of this very port."""
_READS = ("GET", "HEAD")


@dataclass(frozen=True)
class Door:
    """The checks of one port. ``token`` is required for the cloud's own endpoint, which is under ``prefix``."""

    port: int
    prefix: str
    token: str

    def refusal(self, request: Request) -> Response | None:
        """The answer that refuses a request; None if the request is accepted."""
        for status, reason in (self._foreign(request), self._without_token(request)):
            if status:
                body = json.dumps({"error": reason}).encode()
                return Response(status, {"content-type": "application/json"}, body)
        return None

    def _foreign(self, request: Request) -> tuple[int, str]:
        """The refusal of a Host that is not ours, or of a request from another site's page."""
        host = request.headers.get("host", "").lower()
        if host in NAMES and self._is_plain_client(request):
            return 0, ""
        if host not in self._hosts():
            return 403, f"The Host header must be one of {', '.join(self._hosts())}: another name may be a web page's."
        origin = request.headers.get("origin", "").lower()
        if origin and origin != f"http://{host}":
            return 403, f"The Origin {origin[:100]} is another site. Web pages may not use this cloud."
        if request.headers.get("sec-fetch-site", "").lower() not in _OWN_SITE:
            return 403, "The request comes from another site's page. Web pages may not use this cloud."
        referer = request.headers.get("referer", "").lower()
        if referer and urlsplit(referer).netloc != host:
            return 403, "The Referer is another site. Web pages may not use this cloud."
        return 0, ""

    def _is_plain_client(self, request: Request) -> bool:
        """Whether the request surely did not come from a browser. Some clients (tablestore 5 for Node.js) send Host without the
        port; no browser does.
        """
        marks = ("origin", "referer", "sec-fetch-site", "sec-fetch-mode")
        return not request.target.startswith(self.prefix) and not any(name in request.headers for name in marks)

    def _hosts(self) -> list[str]:
        names = [f"{name}:{self.port}" for name in NAMES]
        return [*names, *NAMES] if self.port == 80 else names  # with port 80, clients leave the port out of Host

    def _without_token(self, request: Request) -> tuple[int, str]:
        """The refusal of a request to the cloud's own endpoint. It always needs the token, and JSON for a request that changes
        anything.
        """
        if not request.target.startswith(self.prefix):
            return 0, ""
        given = request.headers.get("authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, f"Bearer {self.token}".encode()):
            return (
                401,
                "Send `Authorization: Bearer TOKEN`: admin_token of the ready line, also in admin.token of the state folder.",
            )
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.method not in _READS and kind != "application/json":
            return 415, "Send the body as application/json."
        return 0, ""
