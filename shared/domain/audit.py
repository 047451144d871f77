"""The audit records each request to carry out an act: the person, how the name was verified, and the outcome. All functions in this
module are pure.
"""

from __future__ import annotations

import json
from datetime import datetime

from shared.domain.record import dataclass

LONGEST_REQUEST = 16 * 1024
"""Maximum size, in bytes, of a request body that the audit stores in full. If a request body is larger, the audit stores only its
size.
"""


@dataclass(frozen=True)
class AuditRequest:
    """A person's request to carry out an act. The audit stores the request before the act is carried out."""

    at: datetime
    who: str
    """The person's name; empty if the request gave no name."""
    trust: str
    issuer: str
    subject: str
    door: str
    """The entry point that received the request, such as ``trigger`` for the HTTP trigger that checks signatures."""
    act: str
    """The name of the requested operation in the API."""
    target: str
    """The id of the migration or batch in the request's path; empty if the path has no id."""
    request: str = "{}"
    """The request's body as JSON."""
    before: str = ""
    """The state and the version of the migration or batch before the act, such as ``failed 7``; empty if the act has no target."""
    request_id: str = ""
    accounts: str = ""
    """The member accounts that the act concerns, separated by spaces; empty if the act concerns only the deployment's own account.
    """


@dataclass(frozen=True)
class AuditOutcome:
    """The answer to a request: its HTTP status, its error, and the state of the target after the act."""

    at: datetime
    status: int
    """The HTTP status. A status below 300 means that the act was carried out, either by the request itself or by an earlier
    request.
    """
    code: str = ""
    message: str = ""
    after: str = ""
    target: str = ""
    """The id of the batch that the act made. The field is empty if the request's path contains the id of the target, or if the act
    made no batch.
    """


@dataclass(frozen=True)
class AuditEntry:
    """One audited request and its outcome.

    If the function crashed before it answered the request, ``answered`` is None, and only the journal of the migration or batch
    shows the outcome.
    """

    entry: str
    asked: AuditRequest
    answered: AuditOutcome | None = None


def audited_body(body: str) -> str:
    """A request's body in the form that the audit stores: one line of JSON."""
    size = len(body.encode("utf-8", "replace"))
    try:
        document = json.loads(body or "{}") if size <= LONGEST_REQUEST else {"bytes": size}
    except (ValueError, RecursionError):
        document = {"bytes": size, "json": False}
    return json.dumps(document, separators=(",", ":"))


def target_id_of_entry(line: AuditEntry) -> str:
    """The id of the migration or batch that the act concerned; empty if the act concerned neither of them."""
    return line.asked.target or (line.answered.target if line.answered else "")


def matches_filters(line: AuditEntry, *, who: str = "", act: str = "", target: str = "", refused: bool = False) -> bool:
    """Whether an entry of the audit matches every given filter."""
    failed = line.answered is not None and line.answered.status >= 300
    return (
        who in ("", line.asked.who)
        and act in ("", line.asked.act)
        and target in ("", target_id_of_entry(line))
        and (failed or not refused)
    )
