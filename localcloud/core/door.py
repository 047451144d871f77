"""Who may speak to the port. Loopback is no authentication: every web page that a person opens can send requests to it.

A page reaches 127.0.0.1 by its own name (DNS rebinding) or by ours (cross-site requests). Browsers say which in Host, Origin,
Referer and Sec-Fetch-Site (Fetch standard; W3C Fetch Metadata). All of them are refused, because a call can run a script in a
simulated guest, and that is on this machine, as the user who started the cloud.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from localcloud.core.http import Request, Response

NAMES = ("127.0.0.1", "localhost", "[::1]")
_OWN_SITE = ("", "none", "same-origin")
"""What Sec-Fetch-Site says of no page, of an address that a person typed, and of a page of this very port."""
_READS = ("GET", "HEAD")


@dataclass(frozen=True)
class Door:
    """The checks of one port; ``token`` opens the cloud's own endpoint under ``prefix``."""

    port: int
    prefix: str
    token: str

    def refusal(self, request: Request) -> Response | None:
        """The answer to a request that may not come in; None if it may."""
        for status, reason in (self._foreign(request), self._without_token(request)):
            if status:
                body = json.dumps({"error": reason}).encode()
                return Response(status, {"content-type": "application/json"}, body)
        return None

    def _foreign(self, request: Request) -> tuple[int, str]:
        """A name that is not ours, or another site's page."""
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
        """Whether no browser sent it: some clients (tablestore 5 for Node.js) leave out the port, which no browser does."""
        marks = ("origin", "referer", "sec-fetch-site", "sec-fetch-mode")
        return not request.target.startswith(self.prefix) and not any(name in request.headers for name in marks)

    def _hosts(self) -> list[str]:
        names = [f"{name}:{self.port}" for name in NAMES]
        return [*names, *NAMES] if self.port == 80 else names  # clients leave out the port of http itself

    def _without_token(self, request: Request) -> tuple[int, str]:
        """The cloud's own endpoint: the token always, and JSON for what changes something."""
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
