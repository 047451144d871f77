"""The caller of the API: a name, and how the name was verified. All functions in this module are pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import field
from enum import Enum

from shared.domain.errors import Refused
from shared.domain.record import dataclass

LONGEST_NAME = 64
"""Maximum number of characters in a caller's name."""


class Trust(str, Enum):
    """How a caller's name was verified."""

    CLAIMED = "claimed"
    """The name comes only from a header of the request. The trigger's signature proves that an access key was used, but not which
    person used the key.
    """
    VERIFIED = "verified"
    """A token gives the name, and the api function has checked the token's signature, issuer, audience and times."""


@dataclass(frozen=True)
class Caller:
    """The person or machine that calls the API."""

    name: str
    trust: Trust = Trust.CLAIMED
    issuer: str = ""
    """The issuer of the token that gives the name; empty for a claimed name."""
    subject: str = ""
    """The id that the issuer gives to the person. A name may change, or another person may get the name, but an id always belongs
    to the same person.
    """
    claims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The token's claims about the person, each as a list; empty for a claimed name."""
    door: str = ""
    """The entry point that received the request: ``trigger`` or ``gateway``. The request's format shows the entry point, but proves
    nothing about the caller.
    """

    @property
    def identity(self) -> str:
        """The identity of the caller. For a verified name, the identity is the issuer and the subject; for a claimed name, it is
        the name itself.
        """
        return f"{self.issuer}|{self.subject}" if self.trust is Trust.VERIFIED else f"claimed|{self.name}"


def normalized_caller_name(given: str, where: str) -> str:
    """A name in normalized form, for comparison and display. Raises Refused (Operator.Invalid) if the name cannot be used."""
    name = unicodedata.normalize("NFC", given).strip()
    if not name or len(name) > LONGEST_NAME or not is_printable_name(name):
        raise invalid_name_error(where)
    return name


def is_printable_name(name: str) -> bool:
    """Whether a name has only printable characters of any writing system, and begins with neither a space nor a combining mark."""
    return name.isprintable() and not name[0].isspace() and unicodedata.category(name[0])[0] != "M"


def invalid_name_error(where: str) -> Refused:
    """The error for a name that is empty, too long or not printable. The argument ``where`` names the header or claim that
    contained the name.
    """
    return Refused(
        "Operator.Invalid",
        f"The name in {where} cannot be used.",
        f"Give 1 to {LONGEST_NAME} visible characters, percent-encoded in UTF-8 if they are not ASCII (%E5%BC%A0%E4%B8%89).",
    )
