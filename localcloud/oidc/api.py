"""Discovery, keys, authorization code with PKCE, device code and refresh, at ``/oidc`` of this cloud.

Sources: OpenID Connect Core and Discovery 1.0; RFC 6749, 7636 (PKCE), 8252 (loopback), 8628 (device), 9207 (iss in the answer). The
shape of RAM's tokens (aid, uid, upn, login_name, name): help.aliyun.com/document_detail/93698.html. RAM has no device codes.

Anybody may sign in as anybody: the page lists the people, and one click signs in without a password.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from localcloud.core.access_keys import Key
from localcloud.core.app import Cloud
from localcloud.core.errors import ApiError
from localcloud.core.http import Request, Response
from localcloud.core.service import Call
from localcloud.oidc.keys import Keys

PREFIX = "/oidc"
CODE_S, DEVICE_S, TOKEN_S = 120, 900, 3600
PEOPLE: list[dict[str, Any]] = [
    {"sub": "2001", "login_name": "ann", "name": "Ann", "groups": ["operators"]},
    {"sub": "2002", "login_name": "zhangsan", "name": "张三", "groups": ["approvers"]},
    {"sub": "2003", "login_name": "root", "name": "Root", "groups": ["admins"]},
    {"sub": "2004", "login_name": "vera", "name": "Vera", "groups": []},
]
"""The people by default; an admin call can replace them."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
Json = dict[str, Any]


class Refused(Exception):
    """An OAuth error (RFC 6749, section 5.2)."""


class Oidc:
    """The provider. It needs no request signature: a code is worthless without its PKCE verifier."""

    name = "oidc"

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.keys = cloud, Keys(cloud)
        self._codes = cloud.db.collection("oidc.code")
        self._devices = cloud.db.collection("oidc.device")
        self._refresh = cloud.db.collection("oidc.refresh")
        cloud.hooks.admin["oidc"] = self._administer

    # The chain ----------------------------------------------------------------------------------------------------

    def claims(self, request: Request) -> bool:
        """Whether the path belongs to the provider."""
        return request.path == PREFIX or request.path.startswith(f"{PREFIX}/")

    def authenticate(self, request: Request) -> Key:
        """Accept every caller: these requests are not signed."""
        return self.cloud.owner

    def parse(self, request: Request) -> Call:
        """The operation is the last part of the path. RAM does not check it."""
        form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        params = {"host": request.headers.get("host", ""), "query": dict(request.query), "form": form, "method": request.method}
        return Call(request.path[len(PREFIX) :].strip("/"), "", params=params)

    def perform(self, call: Call, caller: Key) -> Response:
        """Answer the request."""
        operations: dict[str, Callable[[Json], Response]] = {
            ".well-known/openid-configuration": self._discovery,
            "keys": lambda params: _json(200, {"keys": self.keys.published()}),
            "authorize": self._authorize,
            "token": self._token,
            "device": self._device,
            "activate": self._activate,
        }
        if call.operation not in operations:
            return _json(404, {"error": "not_found"})
        try:
            return operations[call.operation](call.params)
        except Refused as refused:
            return _json(400, {"error": str(refused)})

    def refuse(self, request: Request, error: ApiError, request_id: str) -> Response:
        """The answer to an error of the request chain."""
        return _json(error.status, {"error": "server_error", "error_description": error.message})

    def _issuer(self, host: str) -> str:
        return f"http://{host}{PREFIX}"

    # Operations ---------------------------------------------------------------------------------------------------

    def _discovery(self, params: Json) -> Response:
        issuer = self._issuer(params["host"])
        return _json(
            200,
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "device_authorization_endpoint": f"{issuer}/device",
                "jwks_uri": f"{issuer}/keys",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "refresh_token", _DEVICE],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
                "scopes_supported": ["openid", "aliuid", "profile"],
            },
        )

    def _authorize(self, params: Json) -> Response:
        """The page that lists the people. With ``login_hint`` the person is known, so the browser is redirected with a code at
        once.
        """
        asked: Json = params["query"]
        back = urlsplit(asked.get("redirect_uri", ""))
        if back.hostname not in _LOOPBACK or back.scheme != "http" or not asked.get("client_id"):
            return _page(400, "<p>redirect_uri must be a loopback address, and client_id must be given.</p>")
        if asked.get("response_type") != "code" or asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
            return _back(asked, {"error": "invalid_request", "error_description": "code with PKCE (S256) only"})
        if not asked.get("login_hint"):
            links = "".join(f"<li><a href='?{_with(asked, each)}'>{escape(each['name'])}</a></li>" for each in self.people())
            return _page(200, f"<h1>Sign in as</h1><ul>{links}</ul>")
        person = self._person(asked["login_hint"])
        if person is None:
            return _back(asked, {"error": "access_denied"})
        code = self._secret("code")
        self._codes.put(code, {"asked": asked, "person": person["sub"], "until": self._now() + CODE_S})
        return _back(asked, {"code": code, "iss": self._issuer(params["host"])})

    def _token(self, params: Json) -> Response:
        if params["method"] != "POST":
            raise Refused("invalid_request")
        form: Json = params["form"]
        grants = {"authorization_code": self._by_code, "refresh_token": self._by_refresh, _DEVICE: self._by_device}
        if form.get("grant_type") not in grants:
            raise Refused("unsupported_grant_type")
        subject, nonce = grants[form["grant_type"]](form)
        return _json(200, self._tokens(self._issuer(params["host"]), form.get("client_id", ""), subject, nonce))

    def _by_code(self, form: Json) -> tuple[str, str]:
        kept = self._codes.get(form.get("code", ""))
        if kept is None:
            raise Refused("invalid_grant")
        self._codes.delete(form["code"])  # a code works once, even if the request then fails
        asked = kept["asked"]
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        same = all(asked[name] == form.get(name) for name in ("client_id", "redirect_uri"))
        if not same or kept["until"] < self._now() or not hmac.compare_digest(challenge, asked["code_challenge"]):
            raise Refused("invalid_grant")
        return kept["person"], asked.get("nonce", "")

    def _by_refresh(self, form: Json) -> tuple[str, str]:
        kept = self._refresh.get(form.get("refresh_token", ""))
        if kept is None or kept["client_id"] != form.get("client_id"):
            raise Refused("invalid_grant")
        self._refresh.delete(form["refresh_token"])  # a refresh token works once
        return kept["person"], ""

    def _by_device(self, form: Json) -> tuple[str, str]:
        kept = self._devices.get(form.get("device_code", ""))
        if kept is None or kept["until"] < self._now():
            raise Refused("expired_token")
        if not kept["person"]:
            raise Refused("authorization_pending")
        self._devices.delete(form["device_code"])
        return kept["person"], ""

    def _device(self, params: Json) -> Response:
        code, user_code = self._secret("device"), self._secret("user")[:8].upper()
        self._devices.put(code, {"user_code": user_code, "person": "", "until": self._now() + DEVICE_S})
        where = f"{self._issuer(params['host'])}/activate"
        answer = {"device_code": code, "user_code": user_code, "verification_uri": where, "expires_in": DEVICE_S, "interval": 5}
        return _json(200, {**answer, "verification_uri_complete": f"{where}?user_code={user_code}"})

    def _activate(self, params: Json) -> Response:
        """The page on which a person types the code that the device displays."""
        asked: Json = params["query"]
        found = next(((id, doc) for id, doc in self._devices.items() if doc["user_code"] == asked.get("user_code", "")), None)
        if found is None:
            return _page(404, "<p>There is no such code.</p>")
        person = self._person(asked.get("login_hint", ""))
        if person is None:
            links = "".join(f"<li><a href='?{_with(asked, each)}'>{escape(each['name'])}</a></li>" for each in self.people())
            return _page(200, f"<h1>Sign the device in as</h1><ul>{links}</ul>")
        self._devices.put(found[0], {**found[1], "person": person["sub"]})
        return _page(200, "<p>The device is signed in. You may close this page.</p>")

    # What it knows ------------------------------------------------------------------------------------------------

    def people(self) -> list[Json]:
        """The people who may sign in."""
        found: list[Json] = json.loads(self.cloud.db.meta("oidc_people", json.dumps(PEOPLE)))
        return found

    def _person(self, login_name: str) -> Json | None:
        return next((each for each in self.people() if each["login_name"] == login_name), None)

    def _tokens(self, issuer: str, client_id: str, subject: str, nonce: str) -> Json:
        person = next((each for each in self.people() if each["sub"] == subject), None)
        if person is None:
            raise Refused("invalid_grant")
        now = self._now()
        account = self.cloud.account_id
        about = {"aid": account, "uid": subject, "upn": f"{person['login_name']}@{account}.onaliyun.com", **person}
        times = {"iat": now, "exp": now + TOKEN_S, **({"nonce": nonce} if nonce else {})}
        refresh = self._secret("refresh")
        self._refresh.put(refresh, {"client_id": client_id, "person": subject})
        signed = self.keys.sign({"iss": issuer, "aud": client_id, **about, **times})
        answer = {"access_token": self._secret("access"), "token_type": "Bearer", "expires_in": TOKEN_S}
        return {**answer, "id_token": signed, "refresh_token": refresh, "scope": "openid aliuid profile"}

    def _administer(self, request: Request) -> tuple[int, Json]:
        """Handle ``POST /_localcloud/oidc``: ``{"rotate": true, "withdraw": false, "people": [...]}``; each field is optional."""
        given = json.loads(request.body or b"{}")
        with self.cloud.lock, self.cloud.db.transaction():
            if given.get("rotate"):
                self.keys.rotate(withdraw=bool(given.get("withdraw")))
            if "people" in given:
                self.cloud.db.set_meta("oidc_people", json.dumps(given["people"]))
        return 200, {"people": self.people()}

    def _now(self) -> int:
        return self.cloud.clock.now_ms() // 1000

    def _secret(self, kind: str) -> str:
        return self.cloud.secret("oidc", kind, self.cloud.db.counter(f"oidc:{kind}"))


_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def _with(asked: Json, person: Json) -> str:
    return escape(urlencode({**asked, "login_hint": person["login_name"]}), quote=True)


def _back(asked: Json, answer: Json) -> Response:
    """Redirect the browser to the client that sent it."""
    given = {**answer, **({"state": asked["state"]} if "state" in asked else {})}
    return Response(302, {"location": f"{asked['redirect_uri']}?{urlencode(given)}", "cache-control": "no-store"})


def _json(status: int, body: Json) -> Response:
    return Response(status, {"content-type": "application/json", "cache-control": "no-store"}, json.dumps(body).encode())


def _page(status: int, html: str) -> Response:
    headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": "default-src 'none'"}
    return Response(status, headers, f"<!doctype html><title>Sign in</title>{html}".encode())
