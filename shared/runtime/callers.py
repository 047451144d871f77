"""Identifies the caller by the request's headers, checks the act against the settings, and writes the audit."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import unquote

from shared.domain.audit import Answered, Asked, kept
from shared.domain.caller import Caller, name_refused, read_name
from shared.domain.errors import Fate, Refused, ReplankError
from shared.domain.roles import Access, authorize
from shared.domain.text import plain
from shared.ports.ports import Ports
from shared.runtime import requests, schema
from shared.runtime.router import Reply
from shared.stages.api import audit, views

TOKEN_HEADER = "x-replank-token"
"""The header of a provider's token, because the HTTP trigger uses Authorization for its own signature."""
NOBODY = Caller("")
TRIGGER = "trigger"


@dataclass(frozen=True)
class IncomingAct:
    """A request: the operation's name, the path's ids, headers by lower-case name, and the body's text."""

    act: str
    path: Mapping[str, str]
    headers: Mapping[str, str]
    body: str
    request_id: str
    door: str = TRIGGER


class CallerSettings(Protocol):
    """The settings that decide who may do what."""

    @property
    def operator_header(self) -> str: ...

    @property
    def account_id(self) -> str: ...

    @property
    def access(self) -> Access | None: ...


def named(headers: Mapping[str, str], operator_header: str, ports: Ports) -> Caller:
    """The caller of the request: the token's person, else the claimed name. Nothing else proves anything.

    Raises Refused (Operator.Missing, Operator.Invalid, Token.*) and Transient if the provider does not answer.
    """
    token = _token(headers)
    if token:
        if ports.sign_in is None:
            remedy = "Leave the token out, or set REPLANK_OIDC_ISSUER and REPLANK_OIDC_AUDIENCE."
            raise Refused("Token.NoProvider", "A token came, and no provider is set that could verify it.", remedy, status=401)
        return ports.sign_in.verify(token)
    given = headers.get(operator_header.lower(), "").strip(" \t")
    if not given:
        raise Refused(
            "Operator.Missing",
            f"The header {operator_header} with the name of the person who acts is missing.",
            f"Send {operator_header}; the command line takes it from REPLANK_OPERATOR or the login name.",
            status=401,
        )
    return Caller(read_name(decode_header(given, operator_header), operator_header))


def act(came: IncomingAct, carry_out: Callable[[Caller], Reply], ports: Ports, settings: CallerSettings) -> Reply:
    """Carry out an act if the person may do it, between two writes to the audit. Refusals are audited too."""
    access = settings.access or Access()
    caller, refusal = _identify_caller(came, ports, settings)
    target = _target(came, ports, access)
    entry = audit.record_request(ports, _audit_request(came, caller, target, ports))
    try:
        if refusal is not None:
            raise refusal
        for account_id in target.accounts:
            authorize(caller, came.act, access, account=account_id or settings.account_id, owner=target.owner)
        reply = carry_out(caller)
    except ReplankError as error:
        audit.record_outcome(ports, entry, Answered(ports.clock.now(), status_of(error), error.code, error.message))
        raise
    except Exception as error:
        audit.record_outcome(ports, entry, Answered(ports.clock.now(), 500, "Internal.Bug", type(error).__name__))
        raise
    audit.record_outcome(ports, entry, Answered(ports.clock.now(), reply.status, after=_state(reply.view)))
    return reply


def status_of(error: ReplankError) -> int:
    """The HTTP status of an error."""
    return error.status if error.fate is Fate.REFUSED else {Fate.STALE: 409, Fate.TRANSIENT: 503}.get(error.fate, 500)


def decode_header(given: str, where: str) -> str:
    """A header's text. Headers hold ASCII: other letters come percent-encoded in UTF-8 (``%E5%BC%A0``).

    Raw UTF-8 is understood too, whether the platform reads it as Latin-1 or as UTF-8.
    """
    try:
        if given.isascii():
            schema.check(given, requests.OPERATOR, where)
            return unquote(given, errors="strict")
        return given.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        raise name_refused(where) from None
    except UnicodeEncodeError:
        return given


def _token(headers: Mapping[str, str]) -> str:
    given = headers.get(TOKEN_HEADER, "").strip()
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    return given or (bearer.strip() if scheme.lower() == "bearer" else "")


def _identify_caller(came: IncomingAct, ports: Ports, settings: CallerSettings) -> tuple[Caller, ReplankError | None]:
    try:
        return replace(named(came.headers, settings.operator_header, ports), door=came.door), None
    except ReplankError as error:
        claimed = plain(came.headers.get(settings.operator_header.lower(), ""))[:64]
        return Caller(claimed), error


def _audit_request(came: IncomingAct, caller: Caller, target: _Target, ports: Ports) -> Asked:
    return Asked(
        at=ports.clock.now(),
        who=caller.name,
        trust=caller.trust.value,
        issuer=caller.issuer,
        subject=caller.subject,
        door=came.door,
        act=came.act,
        target=" ".join(came.path.values()),
        request=kept(came.body),
        before=target.before,
        request_id=came.request_id,
        accounts=" ".join(filter(None, target.accounts)),
    )


@dataclass(frozen=True)
class _Target:
    """The target of an act: state and version, the submitter of its batch (if a grant asks for it), and its accounts."""

    before: str = ""
    owner: str = ""
    accounts: tuple[str, ...] = ("",)


def _target(came: IncomingAct, ports: Ports, access: Access) -> _Target:
    """Raises Transient if it cannot be read now. The batch's owner is then unknown, so the act is put off, not refused."""
    by_owner = any(grant.owners for grant in access.grants or ())
    try:
        if "migrationId" in came.path:
            found = ports.migrations.load(came.path["migrationId"])
            owner = ports.batches.load(found.batch_id).created_by if by_owner else ""
            return _Target(f"{found.state.value} {found.version}", owner, (found.account_id,))
        if "batchId" in came.path:
            batch = ports.batches.load(came.path["batchId"])
            return _Target(f"{batch.state.value} {batch.version}", batch.created_by, batch.selection.every_account)
    except Refused:
        return _Target()  # the act itself says what is wrong
    return _Target(accounts=_accounts_in(came.body, ports))


def _accounts_in(body: str, ports: Ports) -> tuple[str, ...]:
    """The accounts of a new batch; faults in the body are reported later by the act itself."""
    if '"accountIds"' not in body:
        return ("",)
    try:
        given = json.loads(body)["accountIds"]
        return tuple("" if each == ports.account_id else str(each)[:40] for each in given) or ("",)
    except (ValueError, TypeError, LookupError, RecursionError):
        return ("",)


def _state(view: object) -> str:
    """State and version in the answer to an act."""
    if isinstance(view, views.Confirmations):
        return f"{len(view.confirmed)} confirmed, {len(view.refused)} refused"
    if isinstance(view, views.HoldView):
        return f"{'held' if view.held else 'released'} {view.version}"
    return f"{getattr(view, 'state', '')} {getattr(view, 'version', '')}".strip()
