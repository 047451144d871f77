"""The provider of verified names (OpenID Connect), as the API needs it."""

from __future__ import annotations

from typing import Protocol

from shared.domain.caller import Caller


class SignIn(Protocol):
    """Checks the tokens of one provider."""

    def verify(self, token: str) -> Caller:
        """The caller to whom the token belongs. Checks signature, issuer, audience and times with the provider's published keys.

        Raises Refused (Token.Invalid, Token.Expired, Token.NotYet: 401) and Transient (Provider.Unreachable).
        """
