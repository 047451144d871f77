"""Checks each call: the app's signature or AppCode, that a signed request is not repeated, and the limits of requests per
minute.
"""

from __future__ import annotations

import hmac

from localcloud.apigateway.errors import refusal
from localcloud.apigateway.model import Api, App, Group
from localcloud.core.clock import wall_s
from localcloud.core.http import Request
from localcloud.wire import gateway_sign

VALID_S = 900
"""How long a timestamp is valid, and how long a nonce is remembered, in seconds."""
_CODE = "appcode "


class Guard:
    """Keeps nonces and counts in memory; a restart of the cloud forgets them."""

    def __init__(self) -> None:
        self._nonces: dict[tuple[str, str], float] = {}
        self._counts: dict[str, tuple[int, int]] = {}

    def app_of(self, request: Request, api: Api, group: Group) -> App:
        """The app that sent the request. Raises ApiError if no app can be identified."""
        app = self._by_code(request, api, group) or self._by_signature(request, api, group)
        if api.id not in app.apis:
            raise refusal("I403AA")
        return app

    def _by_code(self, request: Request, api: Api, group: Group) -> App | None:
        authorization = request.headers.get("authorization", "")
        code = authorization[len(_CODE) :].strip() if authorization.lower().startswith(_CODE) else ""
        if not code and api.app_codes == "HEADER_QUERY":
            code = dict(request.query).get("AppCode", "")
        if not code:
            return None
        app = next((each for each in group.apps if hmac.compare_digest(each.code.encode(), code.encode())), None)
        if app is None or api.app_codes == "DISABLE":
            raise refusal("A400AC")
        return app

    def _by_signature(self, request: Request, api: Api, group: Group) -> App:
        headers = request.headers
        if "x-ca-key" not in headers:
            raise refusal("A400MA")
        app = next((each for each in group.apps if each.key == headers["x-ca-key"]), None)
        if app is None:
            raise refusal("A400IK")
        if headers.get("x-ca-signature-method", "HmacSHA256") != "HmacSHA256":
            raise refusal("I400HD", "X-Ca-Signature-Method")
        self._check_time(headers.get("x-ca-timestamp", ""))
        given = headers.get("content-md5", "")
        if given and given != gateway_sign.content_md5(request.body):
            raise refusal("I400I5")
        text = gateway_sign.string_to_sign(request)
        if not hmac.compare_digest(gateway_sign.signature(app.secret, text).encode(), headers.get("x-ca-signature", "").encode()):
            raise refusal("A403IS", text)
        self._use_nonce(app, headers.get("x-ca-nonce", ""), required=api.nonce_required)
        return app

    @staticmethod
    def _check_time(text: str) -> None:
        """Check the request's timestamp (milliseconds since the epoch) by the machine's clock. A request without a timestamp
        passes.
        """
        if not text:
            return
        if not text.isdigit():
            raise refusal("I400HD", "X-Ca-Timestamp")
        if abs(wall_s() - int(text) / 1000) > VALID_S:
            raise refusal("S403TE")

    def _use_nonce(self, app: App, nonce: str, *, required: bool) -> None:
        if not nonce:
            if required:
                raise refusal("I400NC")
            return
        now = wall_s()
        self._nonces = {key: at for key, at in self._nonces.items() if at > now - VALID_S}
        if (app.id, nonce) in self._nonces:
            raise refusal("S403NU")
        self._nonces[app.id, nonce] = now

    def count(self, group: Group, api: Api, app: App, now_ms: int) -> None:
        """Count a request against the limits of its API, per minute of the cloud's clock. Raises ApiError if a limit is
        exceeded.
        """
        limit = group.limits.get(api.id)
        if limit is None:
            return
        counted = ((f"{api.id}", limit.per_api, "API"), (f"{api.id} {app.id}", limit.per_app, "APP"))
        minute = now_ms // 60_000
        for key, most, words in counted:
            since, number = self._counts.get(key, (minute, 0))
            number = number if since == minute else 0
            if most and number >= most:
                raise refusal("T429PA", f"{words}:{most}/MINUTE")
            self._counts[key] = (minute, number + 1)
