"""Errors, each with a stable code, a sentence, a remedy and a fate.

The fate says what the edge does with it: a function acknowledges, or raises so that the platform retries; HTTP answers
with the status. Codes are spelled as the ecosystem spells them (``Noun.Reason``).
"""

from __future__ import annotations

from enum import Enum

from shared.domain.text import plain


class Fate(Enum):
    """What the function does with the message that met the error."""

    STALE = "stale"
    """The message is old or a duplicate: acknowledge it and do nothing."""
    REFUSED = "refused"
    """The user can correct the request: acknowledge; HTTP 4xx."""
    TRANSIENT = "transient"
    """The call may work later: raise, so that the platform retries; HTTP 503."""
    PERMANENT = "permanent"
    """A person is needed: record it on the migration, acknowledge; HTTP 500 with the code."""
    BUG = "bug"
    """An invariant does not hold: always raise; HTTP 500."""


class ReplankError(Exception):
    """Base of all errors a user can meet."""

    fate: Fate = Fate.BUG

    def __init__(self, code: str, message: str, remedy: str, *, status: int = 400) -> None:
        """``status`` is the HTTP status of a Refused error; the other fates have their own."""
        message = plain(message)  # it may quote a guest, a name or a service, and reaches logs that are not ours to write
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.remedy = plain(remedy)
        self.status = status


class Stale(ReplankError):
    """The message is behind the state."""

    fate = Fate.STALE


class Refused(ReplankError):
    """The caller asked for something impossible; the remedy says what would help."""

    fate = Fate.REFUSED


class Transient(ReplankError):
    """Throttling, time-outs, lost races: the same message will succeed later."""

    fate = Fate.TRANSIENT

    def __init__(self, code: str, message: str, remedy: str = "Wait; it is tried again by itself.") -> None:
        super().__init__(code, message, remedy, status=503)


class AccountUnusable(Transient):
    """A member account refuses the pipeline as a whole. Work in that account waits until it is accepted again."""

    def __init__(self, code: str, message: str, remedy: str, account_id: str) -> None:
        super().__init__(code, message, remedy)
        self.account_id = account_id


class Permanent(ReplankError):
    """Trying again changes nothing until a person acts: a permission, a missing setting, an unknown answer."""

    fate = Fate.PERMANENT

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(code, message, remedy, status=500)


class Bug(ReplankError):
    """Something happened that must never happen."""

    def __init__(self, message: str) -> None:
        super().__init__("Internal.Bug", message, "Report this with the request id; nothing was changed.", status=500)
