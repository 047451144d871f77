"""Identifies the caller from the request's headers, checks whether the caller may carry out the act, and records the act in the
audit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol
from urllib.parse import unquote

from shared.domain.audit import AuditOutcome, AuditRequest, audited_body
from shared.domain.caller import Caller, invalid_name_error, normalized_caller_name
from shared.domain.errors import MessageFate, Refused, ReplankError
from shared.domain.record import dataclass
from shared.domain.roles import AccessRules, authorize
from shared.domain.text import plain_line
from shared.ports.ports import Ports
from shared.runtime import requests, schema
from shared.runtime.router import Reply
from shared.stages.api import audit, views

TOKEN_HEADER = "x-replank-token"
"""The header with the sign-in provider's token.

The header Authorization cannot be used, because Authorization already carries the signature for the HTTP trigger.
"""
NOBODY = Caller("")
TRIGGER = "trigger"


@dataclass(frozen=True)
class ActRequest:
    """A request to carry out an act.

    ``act`` is the operation's name, ``path`` holds the ids in the URL's path, and ``headers`` have lower-case names.
    """

    act: str
    path: Mapping[str, str]
    headers: Mapping[str, str]
    body: str
    request_id: str
    door: str = TRIGGER


class CallerSettings(Protocol):
    """The settings that decide which caller may carry out which act."""

    @property
    def operator_header(self) -> str: ...

    @property
    def account_id(self) -> str: ...

    @property
    def access_rules(self) -> AccessRules | None: ...


def caller_of_request(headers: Mapping[str, str], operator_header: str, ports: Ports) -> Caller:
    """The caller that the request's token names. If the request has no token, the operator header names the caller.

    Raises Refused (Operator.Missing, Operator.Invalid, Token.*), and Transient if the sign-in provider does not answer.
    """
    token = token_in_headers(headers)
    if token:
        if ports.sign_in is None:
            remedy = "Leave the token out, or set REPLANK_OIDC_ISSUER and REPLANK_OIDC_AUDIENCE."
            raise Refused(
                "Token.NoProvider",
                "The request has a token, but no sign-in provider is set that could verify the token.",
                remedy,
                status=401,
            )
        return ports.sign_in.verify_token(token)
    given = headers.get(operator_header.lower(), "").strip(" \t")
    if not given:
        raise Refused(
            "Operator.Missing",
            f"The header {operator_header} with the name of the person who acts is missing.",
            f"Send {operator_header}; the command line takes the name from REPLANK_OPERATOR or the login name.",
            status=401,
        )
    return Caller(normalized_caller_name(decode_header(given, operator_header), operator_header))


def carry_out_act(came: ActRequest, carry_out: Callable[[Caller], Reply], ports: Ports, settings: CallerSettings) -> Reply:
    """Carry out an act if the caller has permission. The audit records the request and its outcome, even if the act is refused."""
    access = settings.access_rules or AccessRules()
    caller, refusal = _identify_caller(came, ports, settings)
    target = _act_target(came, ports, access)
    entry = audit.begin_audit_entry(ports, _audit_request(came, caller, target, ports))
    try:
        if refusal is not None:
            raise refusal
        for account_id in target.accounts:
            authorize(caller, came.act, access, account=account_id or settings.account_id, owner=target.owner)
        reply = carry_out(caller)
    except ReplankError as error:
        audit.complete_audit_entry(
            ports, entry, AuditOutcome(ports.clock.now(), http_status_of_error(error), error.code, error.message)
        )
        raise
    except Exception as error:
        audit.complete_audit_entry(ports, entry, AuditOutcome(ports.clock.now(), 500, "Internal.Bug", type(error).__name__))
        raise
    made = "" if came.path else str(getattr(reply.view, "batch_id", ""))
    audit.complete_audit_entry(
        ports, entry, AuditOutcome(ports.clock.now(), reply.status, after=_state_text_for_audit(reply.view), target=made)
    )
    return reply


def http_status_of_error(error: ReplankError) -> int:
    """The HTTP status with which the API reports the error."""
    return (
        error.status
        if error.fate is MessageFate.REFUSED
        else {MessageFate.STALE: 409, MessageFate.TRANSIENT: 503}.get(error.fate, 500)
    )


def decode_header(given: str, where: str) -> str:
    """The decoded value of a header. Headers are ASCII, so other characters are percent-encoded in UTF-8 (``%E5%BC%A0``).

    A value in UTF-8 without percent-encoding is accepted too, whether the platform decoded the value as Latin-1 or as UTF-8.
    """
    try:
        if given.isascii():
            schema.check_value(given, requests.OPERATOR, where)
            return unquote(given, errors="strict")
        return given.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        raise invalid_name_error(where) from None
    except UnicodeEncodeError:
        return given


def token_in_headers(headers: Mapping[str, str]) -> str:
    """The sign-in provider's token in the headers; empty if there is no token. The token is not verified. The header names must be
    in lower case.
    """
    given = headers.get(TOKEN_HEADER, "").strip()
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    return given or (bearer.strip() if scheme.lower() == "bearer" else "")


def _identify_caller(came: ActRequest, ports: Ports, settings: CallerSettings) -> tuple[Caller, ReplankError | None]:
    try:
        return replace(caller_of_request(came.headers, settings.operator_header, ports), door=came.door), None
    except ReplankError as error:
        claimed = plain_line(came.headers.get(settings.operator_header.lower(), ""))[:64]
        return Caller(claimed), error


def _audit_request(came: ActRequest, caller: Caller, target: _ActTarget, ports: Ports) -> AuditRequest:
    return AuditRequest(
        at=ports.clock.now(),
        who=caller.name,
        trust=caller.trust.value,
        issuer=caller.issuer,
        subject=caller.subject,
        door=came.door,
        act=came.act,
        target=" ".join(came.path.values()),
        request=audited_body(came.body),
        before=target.before,
        request_id=came.request_id,
        accounts=" ".join(filter(None, target.accounts)),
    )


@dataclass(frozen=True)
class _ActTarget:
    """The batch or migration that an act changes, as it was before the act. ``before`` is the state and version as text. ``owner``
    is the person who submitted the batch. The owner is read only if a grant depends on the owner.
    """

    before: str = ""
    owner: str = ""
    accounts: tuple[str, ...] = ("",)


def _act_target(came: ActRequest, ports: Ports, access: AccessRules) -> _ActTarget:
    """The batch or migration that the act changes.

    Raises Transient if the target cannot be read now, because an act might be wrongly refused if the batch's owner is unknown.
    """
    by_owner = any(grant.owners for grant in access.grants or ())
    try:
        if "migrationId" in came.path:
            found = ports.migrations.load(came.path["migrationId"])
            owner = ports.batches.load(found.batch_id).created_by if by_owner else ""
            return _ActTarget(f"{found.state.value} {found.version}", owner, (found.account_id,))
        if "batchId" in came.path:
            batch = ports.batches.load(came.path["batchId"])
            return _ActTarget(f"{batch.state.value} {batch.version}", batch.created_by, batch.selection.account_ids)
    except Refused:
        return _ActTarget()  # the act itself then reports what is wrong
    return _ActTarget(accounts=_accounts_in_body(came.body, ports))


def _accounts_in_body(body: str, ports: Ports) -> tuple[str, ...]:
    """The account ids in the request body for a new batch. Faults in the body are ignored here, because the act itself reports
    them.
    """
    if '"accountIds"' not in body:
        return ("",)
    try:
        given = json.loads(body)["accountIds"]
        return tuple("" if each == ports.account_id else str(each)[:40] for each in given) or ("",)
    except (ValueError, TypeError, LookupError, RecursionError):
        return ("",)


def _state_text_for_audit(view: object) -> str:
    """The state and version in an act's answer, as text for the audit."""
    if isinstance(view, views.ConfirmationResult):
        return f"{len(view.confirmed)} confirmed, {len(view.refused)} refused"
    if isinstance(view, views.RetryResult):
        return f"{len(view.retried)} retried, {len(view.refused)} refused"
    if isinstance(view, views.RollbackResult):
        return f"{len(view.begun)} rollbacks begun, {len(view.refused)} refused"
    if isinstance(view, views.CancellationResult):
        return f"{len(view.cancelled)} cancelled, {len(view.refused)} refused"
    if isinstance(view, views.HoldView):
        return f"{'held' if view.held else 'released'} {view.version}"
    return f"{getattr(view, 'state', '')} {getattr(view, 'version', '')}".strip()
