"""The audit: who asked for what, how their name was known, how the request came in, and its outcome. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

LONGEST_REQUEST = 16 * 1024
"""Maximum bytes of a request's body that are kept; for a longer one only its size is."""


@dataclass(frozen=True)
class AuditRequest:
    """A request to act, written before anything is done."""

    at: datetime
    who: str
    """The person's name; empty if the request gave none."""
    trust: str
    issuer: str
    subject: str
    door: str
    """How the request came in: ``trigger`` is the HTTP trigger, which checks a signature."""
    act: str
    """The operation's name in the API."""
    target: str
    """The path's ids: a migration's, a batch's, or empty."""
    request: str = "{}"
    """The body, as JSON."""
    before: str = ""
    """State and version of the target, as ``failed 7``; empty without a target."""
    request_id: str = ""
    accounts: str = ""
    """The member accounts that the act concerns, separated by blanks; empty if only the deployment's own."""


@dataclass(frozen=True)
class AuditOutcome:
    """The outcome of a request."""

    at: datetime
    status: int
    """The HTTP status: below 300 the act was carried out (or had been already)."""
    code: str = ""
    message: str = ""
    after: str = ""


@dataclass(frozen=True)
class AuditLine:
    """One act or refusal.

    ``answered`` is None if the function died before the answer; the migration's journal then shows the outcome.
    """

    entry: str
    asked: AuditRequest
    answered: AuditOutcome | None = None


def stored_body(body: str) -> str:
    """A request's body as the audit keeps it: always one line of JSON."""
    size = len(body.encode("utf-8", "replace"))
    try:
        document = json.loads(body or "{}") if size <= LONGEST_REQUEST else {"bytes": size}
    except (ValueError, RecursionError):
        document = {"bytes": size, "json": False}
    return json.dumps(document, separators=(",", ":"))


def matches_filters(line: AuditLine, *, who: str = "", act: str = "", target: str = "", refused: bool = False) -> bool:
    """Whether a line meets every filter given."""
    failed = line.answered is not None and line.answered.status >= 300
    return (
        who in ("", line.asked.who)
        and act in ("", line.asked.act)
        and target in ("", line.asked.target)
        and (failed or not refused)
    )
