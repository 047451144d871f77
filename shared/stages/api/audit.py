"""Writes a line to the audit log before each act, and adds the outcome afterwards."""

from __future__ import annotations

import logging

from shared.domain.audit import AuditOutcome, AuditRequest
from shared.domain.errors import ReplankError
from shared.ports.ports import Ports

log = logging.getLogger("replank.audit")


def begin_audit_entry(ports: Ports, asked: AuditRequest) -> str:
    """Record a request before the requested act is done. Return the id of the new line in the audit log.

    Raises Transient if the line cannot be written. No act may happen without a line in the audit log.
    """
    return ports.audit.begin_audit_entry(asked)


def complete_audit_entry(ports: Ports, entry: str, answered: AuditOutcome) -> None:
    """Add the outcome of an act to the line that records its request. If the outcome cannot be written, only log an error, because
    the act is already done.
    """
    try:
        ports.audit.complete_audit_entry(entry, answered)
    except ReplankError as error:
        log.error("the outcome of an act could not be written to the audit", extra={"facts": {"entry": entry, "code": error.code}})
