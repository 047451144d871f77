"""Errors. Each error has a stable code, a message, a remedy and a fate.

The fate says how a function handles the delivered message after the error. The function either acknowledges the delivered message,
or raises the error to make the platform deliver the message again. The API answers with the error's HTTP status. Codes have the
form ``Noun.Reason``, like the codes of Alibaba Cloud.
"""

from __future__ import annotations

from enum import Enum

from shared.domain.text import plain_line

NOT_KEPT = "Command.NotKept"
"""The code of the errors that name a command which the account should keep, but does not."""


class MessageFate(Enum):
    """What a function does with the delivered message after an error."""

    STALE = "stale"
    """The message is old or a duplicate. The function acknowledges the message and does nothing."""
    REFUSED = "refused"
    """The user can correct the request. The function acknowledges the message, or the API answers with HTTP 4xx."""
    TRANSIENT = "transient"
    """The call may succeed later. The function raises the error to make the platform deliver the message again; the API answers
    with HTTP 503.
    """
    PERMANENT = "permanent"
    """A person must act. A function that handles a message records the error on the migration and acknowledges the message. The
    API function answers with HTTP 500.
    """
    BUG = "bug"
    """Replank's code breaks one of its own rules. The function raises the error at every delivery of the message; the API answers
    with HTTP 500.
    """


class ReplankError(Exception):
    """Base class of all errors that a user can see."""

    fate: MessageFate = MessageFate.BUG
    log: str = ""
    """The last lines of the log of a tool that failed in the instance; empty if no tool failed."""

    def __init__(self, code: str, message: str, remedy: str, *, status: int = 400) -> None:
        """The argument ``status`` is the HTTP status of a Refused error. All other classes of errors have a fixed status."""
        # The message may quote a guest, a name or a service. Control characters must not reach a log or a terminal.
        message = plain_line(message)
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.remedy = plain_line(remedy)
        self.status = status


class Stale(ReplankError):
    """The message is older than the state of its migration or batch."""

    fate = MessageFate.STALE


class Refused(ReplankError):
    """The caller's request is not possible. The remedy says how to correct the request."""

    fate = MessageFate.REFUSED


class Transient(ReplankError):
    """A throttled call, a time-out or a conflicting write. A later delivery of the same message may succeed."""

    fate = MessageFate.TRANSIENT

    def __init__(self, code: str, message: str, remedy: str = "Wait; the pipeline tries again by itself.") -> None:
        super().__init__(code, message, remedy, status=503)


class AccountUnusable(Transient):
    """A member account refuses the pipeline. Work in that account waits until the account accepts the pipeline again."""

    def __init__(self, code: str, message: str, remedy: str, account_id: str) -> None:
        super().__init__(code, message, remedy)
        self.account_id = account_id


class Permanent(ReplankError):
    """An error that remains until a person acts, for example because a permission or a setting is missing."""

    fate = MessageFate.PERMANENT

    def __init__(self, code: str, message: str, remedy: str, *, log: str = "") -> None:
        super().__init__(code, message, remedy, status=500)
        self.log = log


class Bug(ReplankError):
    """An error in Replank itself: a state that must never occur."""

    def __init__(self, message: str) -> None:
        super().__init__("Internal.Bug", message, "Report this with the request id; nothing was changed.", status=500)
