"""Signing in at the provider that the API names: code with PKCE, in the browser.

Sources: OpenID Connect Core and Discovery 1.0; RFC 7636 (PKCE), 9207 (iss in the answer). The token comes straight from the
provider over TLS, and the API verifies its signature with every call.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from console.http import Send
from console.problem import Problem

Json = dict[str, Any]
SCOPE = "openid profile aliuid"


@dataclass(frozen=True)
class Provider:
    """One issuer, and the application that the console is there."""

    issuer: str
    client_id: str
    send: Send
    client_secret: str = ""

    def about(self) -> Json:
        """What discovery says; raises Problem (SignIn.Failed)."""
        found = self._json("GET", self.issuer.rstrip("/") + "/.well-known/openid-configuration", b"")
        if found.get("issuer") != self.issuer:
            raise failed(f"{self.issuer} answers for another issuer", "Check REPLANK_OIDC_ISSUER of the deployment.")
        return found

    def ask(self, redirect_uri: str) -> tuple[str, Json]:
        """The address to send the browser to, and what has to be remembered until it comes back."""
        state, nonce, verifier = (secrets.token_urlsafe(24) for _ in range(3))
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
        }
        asked = {"state": state, "nonce": nonce, "verifier": verifier, "back": redirect_uri}
        return f"{self.about()['authorization_endpoint']}?{urlencode(query)}", asked

    def redeem(self, asked: Json, answer: Json) -> str:
        """The person's token for the browser's answer; raises Problem if it does not answer what was asked."""
        if not asked or not hmac.compare_digest(str(answer.get("state", "")).encode(), str(asked["state"]).encode()):
            raise failed("the answer does not belong to this sign-in", "Start again, and use one tab for signing in.")
        if answer.get("iss", self.issuer) != self.issuer:
            raise failed("the answer comes from another issuer", "Start again.")
        if not answer.get("code"):
            raise failed(f"the provider refused: {str(answer.get('error', 'no code'))[:100]}", "Start again.")
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "client_id": self.client_id,
            "redirect_uri": asked["back"],
            "code_verifier": asked["verifier"],
            **({"client_secret": self.client_secret} if self.client_secret else {}),
        }
        tokens = self._json("POST", self.about()["token_endpoint"], urlencode(form).encode())
        token = str(tokens.get("id_token", ""))
        if claims(token).get("nonce") != asked["nonce"]:
            raise failed("the token does not belong to this sign-in", "Start again.")
        return token

    def _json(self, method: str, url: str, body: bytes) -> Json:
        headers = {"accept": "application/json", **({"content-type": "application/x-www-form-urlencoded"} if body else {})}
        try:
            answer = self.send(method, url, headers, body)
            found = json.loads(answer.body)
        except (OSError, ValueError) as error:
            raise failed(f"the provider does not answer ({type(error).__name__})", "Check the network, and try again.") from error
        if answer.status != 200 or not isinstance(found, dict):
            raise failed("the provider refused", "Start again, or ask the administrator of the provider.")
        return found


def claims(token: str) -> Json:
    """What a token says, unchecked: to know when it ends. The API checks it."""
    try:
        body = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, IndexError):
        return {}
    return found if isinstance(found, dict) else {}


def failed(why: str, remedy: str) -> Problem:
    """Signing in did not work."""
    return Problem("SignIn.Failed", f"Signing in failed: {why}.", remedy, status=401)
