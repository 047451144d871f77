"""Writes a line to the audit log before each act, and adds the outcome afterwards."""

from __future__ import annotations

import logging

from shared.domain.audit import AuditOutcome, AuditRequest
from shared.domain.errors import ReplankError
from shared.ports.ports import Ports

log = logging.getLogger("replank.audit")


def record_request(ports: Ports, asked: AuditRequest) -> str:
    """Record a request before the requested act is done. Return the id of the new line in the audit log.

    Raises Transient if the line cannot be written. No act may happen without a line in the audit log.
    """
    return ports.audit.record_request(asked)


def record_outcome(ports: Ports, entry: str, answered: AuditOutcome) -> None:
    """Add the outcome of an act to the line that records its request. If the outcome cannot be written, only log an error, because
    the act is already done.
    """
    try:
        ports.audit.record_outcome(entry, answered)
    except ReplankError as error:
        log.error("the outcome of an act could not be written to the audit", extra={"facts": {"entry": entry, "code": error.code}})
