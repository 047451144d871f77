"""The port for the OpenID Connect provider, which verifies the names of callers."""

from __future__ import annotations

from typing import Protocol

from shared.domain.caller import Caller


class TokenVerifier(Protocol):
    """Verifies the tokens of one OpenID Connect provider."""

    def verify_token(self, token: str) -> Caller:
        """Check the token's signature, issuer, audience and times. Returns the caller whom the token names.

        Raises Refused (Token.Invalid, Token.Expired, Token.NotYet) for a token that is not valid now. Raises Transient
        (Provider.Unreachable) if the provider's keys cannot be read.
        """
