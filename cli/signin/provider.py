"""A client of an OpenID Connect provider, without a client secret: codes with PKCE, device codes and token refresh.

Sources: OpenID Connect Core and Discovery 1.0; RFC 7636 (PKCE), 8252 (native apps), 8628 (device), 9207 (iss in the answer).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests

from cli.problem import Problem

Json = dict[str, Any]
SCOPE = "openid profile aliuid"
TIMEOUT_S = 30
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True)
class CodeRequest:
    """A request for an authorization code.

    The request has the address for the browser, and the secrets with which the answer is checked.
    """

    url: str
    redirect_uri: str
    state: str
    nonce: str
    verifier: str


class OpenIdProvider:
    """One OpenID Connect provider, identified by its issuer, and the client id that Replank has there."""

    def __init__(self, issuer: str, client_id: str) -> None:
        self.issuer, self.client_id = issuer, client_id
        self._session = requests.Session()
        self._session.trust_env = urlsplit(issuer).hostname not in _LOOPBACK
        self._about: Json = {}

    @property
    def discovery_document(self) -> Json:
        """The provider's discovery document. Raises Problem if the document names another issuer."""
        if not self._about:
            self._about = self._send_request(self._session.get, self.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if self._about.get("issuer") != self.issuer:
                raise _sign_in_problem(f"{self.issuer} answers for another issuer", "Check REPLANK_OIDC_ISSUER of the deployment.")
        return self._about

    def make_code_request(self, redirect_uri: str, *, hint: str = "") -> CodeRequest:
        """Make a new request for an authorization code, with new secrets."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "scope": SCOPE,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **({"login_hint": hint} if hint else {}),
        }
        return CodeRequest(
            f"{self.discovery_document['authorization_endpoint']}?{urlencode(query)}", redirect_uri, state, nonce, verifier
        )

    def redeem_code(self, asked: CodeRequest, answer: str) -> Json:
        """Exchange the browser's answer for tokens. Raises Problem if the answer belongs to another request.

        ``answer`` is the URL to which the provider redirected the browser, or only the query string of the URL.
        """
        given = dict(parse_qsl(urlsplit(answer).query if "://" in answer else answer.lstrip("?/")))
        if not hmac.compare_digest(given.get("state", "").encode(), asked.state.encode()):
            raise _sign_in_problem(
                "the answer belongs to another sign-in (state differs)", "Start again, and use only the newest page."
            )
        if given.get("iss", self.issuer) != self.issuer:
            raise _sign_in_problem("the answer comes from another issuer", "Start again.")
        if "code" not in given:
            raise _sign_in_problem(
                f"the provider refused: {given.get('error', 'no code')[:100]}", "Start again, or ask its administrator."
            )
        form = {"code": given["code"], "redirect_uri": asked.redirect_uri, "code_verifier": asked.verifier}
        tokens = self._request_tokens({"grant_type": "authorization_code", **form})
        if unverified_claims(tokens["id_token"]).get("nonce") != asked.nonce:
            raise _sign_in_problem("the token belongs to another sign-in (nonce differs)", "Start again.")
        return tokens

    def sign_in_by_device(self, show: Callable[[Json], None], sleep: Callable[[float], None]) -> Json:
        """Get a device code, pass it to ``show``, and wait until a person has entered the code. Returns the tokens."""
        where = self.discovery_document.get("device_authorization_endpoint")
        if not where:
            raise _sign_in_problem("this provider offers no device codes", "Use `replank login --paste`.")
        asked = self._send_request(self._session.post, where, data={"client_id": self.client_id, "scope": SCOPE})
        show(asked)
        pause, left = float(asked.get("interval", 5)), float(asked.get("expires_in", 600))
        while left > 0:
            sleep(pause)
            left -= pause
            answer = self._session.post(
                self.discovery_document["token_endpoint"],
                data={"grant_type": _DEVICE, "device_code": asked["device_code"], "client_id": self.client_id},
                timeout=TIMEOUT_S,
            )
            found = _parsed_body(answer)
            if answer.status_code == 200:
                return found
            if found.get("error") == "slow_down":
                pause += 5
            elif found.get("error") != "authorization_pending":
                raise _sign_in_problem(f"the provider refused: {str(found.get('error'))[:100]}", "Start again.")
        raise _sign_in_problem("nobody entered the code in time", "Start again.")

    def refresh_tokens(self, refresh_token: str) -> Json:
        """Exchange a refresh token for new tokens. Raises Problem if the person must sign in again."""
        return self._request_tokens({"grant_type": "refresh_token", "refresh_token": refresh_token})

    def _request_tokens(self, form: Json) -> Json:
        tokens = self._send_request(
            self._session.post, self.discovery_document["token_endpoint"], data={**form, "client_id": self.client_id}
        )
        if "id_token" not in tokens and form["grant_type"] != "refresh_token":
            raise _sign_in_problem("the provider gave no id_token", "Ask its administrator for the scope openid.")
        return tokens

    def _send_request(self, send: Any, url: str, **more: Any) -> Json:
        try:
            answer = send(url, timeout=TIMEOUT_S, **more)
        except requests.RequestException as error:
            raise _sign_in_problem(f"{url} does not answer: {type(error).__name__}", "Check the network.") from error
        found = _parsed_body(answer)
        if answer.status_code != 200:
            raise _sign_in_problem(f"the provider refused: {str(found.get('error', answer.status_code))[:100]}", "Sign in again.")
        return found


def unverified_claims(token: str) -> Json:
    """The claims in a token, read without verifying the token's signature. Only the API checks the signature."""
    try:
        body = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, IndexError):
        return {}
    return found if isinstance(found, dict) else {}


def _parsed_body(answer: Any) -> Json:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _sign_in_problem(why: str, remedy: str) -> Problem:
    return Problem("SignIn.Failed", f"Signing in failed: {why}.", remedy)
