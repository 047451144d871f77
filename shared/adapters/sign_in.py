"""Checks OpenID Connect tokens with the keys that the provider publishes. The checks use the packages PyJWT and cryptography.

Sources: OpenID Connect Core 1.0 section 3.1.3.7 (what to check), Discovery 1.0, RFC 7517 (JWK), RFC 8725 (which algorithms). For
example, Alibaba Cloud RAM is a provider with the issuer https://oauth.aliyun.com and the algorithm RS256.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from shared.domain.caller import Caller, Trust, normalized_caller_name
from shared.domain.errors import Refused, Transient
from shared.domain.record import dataclass
from shared.ports.clock import Clock

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""The accepted signature algorithms. HS256 is not accepted, because with HS256 the public key would be the secret."""
ALLOWANCE = timedelta(seconds=60)
"""Maximum accepted difference between the provider's clock and this machine's clock."""
KEYS_KEPT = timedelta(minutes=10)
"""How long the provider's keys are cached. A key that the provider has withdrawn is still accepted for up to ten minutes."""
ASK_AGAIN = timedelta(seconds=10)
"""For this time after a fetch of the provider's keys, a token that names an unknown key causes no new fetch.

Without this pause, anybody could cause many fetches with invalid tokens.
"""
LONGEST_TOKEN = 8192
NAME_CLAIMS = ("preferred_username", "upn", "login_name", "email", "name", "sub")
"""The claims that may hold the caller's name.

The first of these claims that the token contains is used. RAM sends the claims upn, login_name and name.
"""
_TIMEOUT_S = 5
_MOST_BYTES = 256 * 1024
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

Fetch = Callable[[str], bytes]


@dataclass(frozen=True)
class OidcProvider:
    """The settings of the OpenID Connect provider."""

    issuer: str
    audiences: tuple[str, ...]
    """The client ids whose tokens are accepted."""
    name_claims: tuple[str, ...] = NAME_CLAIMS


def fetch_content(url: str) -> bytes:
    """The content at a URL. Raises OSError. Redirects are not followed, and calls to loopback never use a proxy."""
    import requests

    with requests.Session() as session:
        session.trust_env = urlsplit(url).hostname not in _LOOPBACK
        with session.get(url, timeout=_TIMEOUT_S, allow_redirects=False, stream=True) as answer:
            if answer.status_code != 200:
                raise OSError(f"status {answer.status_code}")
            return bytes(answer.raw.read(_MOST_BYTES, decode_content=True))


class OidcTokenVerifier:
    """Implements the port ``TokenVerifier``. The provider's keys are fetched again if they are old, or if a token names an unknown
    key.
    """

    def __init__(self, provider: OidcProvider, clock: Clock, get: Fetch = fetch_content) -> None:
        self._provider, self._clock, self._get = provider, clock, get
        self._keys: dict[str, Any] = {}
        self._asked_at: datetime | None = None

    def verify_token(self, token: str) -> Caller:
        import jwt

        try:
            if len(token) > LONGEST_TOKEN:
                raise _invalid_token_error("it is longer than a token is")
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise _invalid_token_error(f"it is signed with {str(header.get('alg'))[:20]!r}, which proves nothing")
            claims = self._verified_claims(token, self._signing_key(str(header.get("kid", "")), header["alg"]))
        except jwt.InvalidTokenError as error:
            raise _invalid_token_error(str(error)) from error
        self._check_token_times(claims)
        return self._caller_from_claims(claims)

    def _verified_claims(self, token: str, key: Any) -> dict[str, Any]:
        """The claims of a token, after a check of the token's signature, issuer and audience.

        Another method checks the token's times. Raises jwt.InvalidTokenError.
        """
        import jwt

        found: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            audience=self._provider.audiences,
            issuer=self._provider.issuer,
            options={
                "require": ["exp", "iat", "iss", "aud", "sub"],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
        several = isinstance(found["aud"], list) and len(found["aud"]) > 1
        if several and found.get("azp") not in self._provider.audiences:
            raise _invalid_token_error("it is meant for several audiences, and was not given to ours (azp)")
        return found

    def _check_token_times(self, claims: Mapping[str, Any]) -> None:
        now = self._clock.now().timestamp()
        try:
            ends, begins = float(claims["exp"]), max(float(claims["iat"]), float(claims.get("nbf", 0)))
        except (TypeError, ValueError):
            raise _invalid_token_error("its times are no numbers") from None
        if not now < ends + ALLOWANCE.total_seconds():
            raise Refused("Token.Expired", "The sign-in has expired.", "Sign in again: `replank login`.", status=401)
        if not begins <= now + ALLOWANCE.total_seconds():
            remedy = "Compare the clock of the provider with ours; a minute of difference is allowed."
            raise Refused("Token.NotYet", "The token holds only from a later time on.", remedy, status=401)

    def _caller_from_claims(self, claims: Mapping[str, Any]) -> Caller:
        texts = {name: found for name, value in claims.items() if (found := _claim_strings(value))}
        issuer, subject = self._provider.issuer, str(claims["sub"])
        for name in (*self._provider.name_claims, "sub"):
            for given in texts.get(name, ())[:1]:
                try:
                    return Caller(normalized_caller_name(given, name), Trust.VERIFIED, issuer, subject, texts)
                except Refused:
                    continue
        raise _invalid_token_error("it has no name that can be shown")

    # Keys -------------------------------------------------------------------------------------------------------------

    def _signing_key(self, key_id: str, algorithm: str) -> Any:
        """The provider's key with this id. Raises Refused if the key is missing or does not fit the algorithm."""
        now = self._clock.now()
        old = self._asked_at is None or not timedelta(0) <= now - self._asked_at < KEYS_KEPT
        if old or (key_id not in self._keys and now - (self._asked_at or now) >= ASK_AGAIN):
            self._keys, self._asked_at = self._fetch_signing_keys(), now
        found = self._keys.get(key_id) or (next(iter(self._keys.values())) if not key_id and len(self._keys) == 1 else None)
        if found is None:
            raise _invalid_token_error("the provider has no such key (any more)")
        if found.algorithm_name != algorithm:
            raise _invalid_token_error(f"its key is for {found.algorithm_name}, not {algorithm}")
        return found

    def _fetch_signing_keys(self) -> dict[str, Any]:
        """Fetch the provider's keys.

        Returns a mapping from key ids to keys. The discovery document must name the same issuer as the settings.
        """
        import jwt

        issuer = self._provider.issuer
        about = self._fetch_json_object(issuer.rstrip("/") + "/.well-known/openid-configuration")
        if about.get("issuer") != issuer:
            raise Transient("Provider.Unreachable", f"Discovery of {issuer} names another issuer.", "Correct REPLANK_OIDC_ISSUER.")
        where = str(about.get("jwks_uri", ""))
        if not is_safe_url(where):
            raise Transient("Provider.Unreachable", f"{issuer} publishes its keys without https.", "Ask its administrator.")
        try:
            keys = jwt.PyJWKSet.from_dict(self._fetch_json_object(where)).keys
            return {str(key.key_id or ""): key for key in keys if key.public_key_use in (None, "sig")}
        except (jwt.PyJWTError, AttributeError, TypeError) as error:
            raise Transient("Provider.Unreachable", f"The keys of {issuer} cannot be read: {error}.") from error

    def _fetch_json_object(self, url: str) -> dict[str, Any]:
        try:
            found = json.loads(self._get(url))
        except (OSError, ValueError) as error:
            remedy = "Wait and try again. If it lasts, check that the api function reaches the provider (its network settings)."
            raise Transient("Provider.Unreachable", f"{url} does not answer: {error}.", remedy) from error
        if not isinstance(found, dict):
            raise Transient("Provider.Unreachable", f"{url} does not answer with an object.")
        return found


def is_safe_url(url: str) -> bool:
    """Whether answers from the URL are safe from forgery. The URL must use https or name this machine."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK))


def _claim_strings(value: Any) -> tuple[str, ...]:
    """The value of a claim as a tuple of strings, for comparison with groups and roles."""
    items = value if isinstance(value, list) else [value]
    return tuple(str(item) for item in items if isinstance(item, str | int) and not isinstance(item, bool))


def _invalid_token_error(why: str) -> Refused:
    return Refused("Token.Invalid", f"The token is refused: {why}.", "Sign in again: `replank login`.", status=401)
