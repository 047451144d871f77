"""A member account is an account that a deployment serves in addition to its own account. The class UnusableAccount records why the
pipeline cannot use an account.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.domain.errors import AccountUnusable, Refused
from shared.domain.record import dataclass
from shared.domain.text import plain_line
from shared.domain.timing import interval_before_retry

OWN = ""
"""The id of the deployment's own account in rows and selections. The deployment's own account has an empty id. Rows of older
versions of Replank contain no account id, and belong to this account.
"""
_ACCOUNT = re.compile(r"[0-9]{16}")
_ROLE = re.compile(r"acs:ram::([0-9]{16}):role/[a-z0-9.-]{1,64}")
_EXTERNAL = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
"""The pattern that an ExternalId must match (STS documentation, AssumeRole)."""
_NOT_IN_A_SESSION = re.compile(r"[^\w.@-]", re.ASCII)
_FIELDS = {"role", "externalId", "name", "runCommandRole"}
LONGEST_NAME = 64
NO_PERMISSION = "Account.NoPermission"


@dataclass(frozen=True)
class MemberAccount:
    """A member account: its id, the role that the pipeline assumes in the account, and the name that people see."""

    account_id: str
    role_arn: str
    external_id: str = ""
    name: str = ""
    run_command_role_arn: str = ""
    """The role that the pipeline assumes for RunCommand alone; empty if the role ``role_arn`` may call it."""

    @property
    def name_with_id(self) -> str:
        """The name and id of the account, such as ``Trading (1234567890123456)``; the id alone if the account has no name."""
        return f"{self.name} ({self.account_id})" if self.name else self.account_id


@dataclass(frozen=True)
class UnusableAccount:
    """The record of an account that the pipeline cannot use now, with the reason and the remedy."""

    account_id: str
    code: str
    message: str
    remedy: str
    since: datetime
    until: datetime
    """The time before which the pipeline starts nothing in the account. Each time the account refuses the pipeline again, the
    pipeline waits longer, up to 30 minutes.
    """

    def is_account_blocked(self, now: datetime) -> bool:
        """Whether the account is blocked at the time ``now``. No migration may start in a blocked account."""
        return now < self.until

    def next_refusal_record(self, error: AccountUnusable, now: datetime) -> UnusableAccount:
        """The record after the account has refused the pipeline again, with the new error and a longer block."""
        pause = interval_before_retry(now - self.since)
        return replace(self, code=error.code, message=error.message, remedy=error.remedy, until=now + pause)

    @property
    def why_unusable(self) -> str:
        """A text for the operator with the account, the time of its first refusal, the reason and the remedy."""
        return f"account {self.account_id} cannot be used since {self.since:%Y-%m-%d %H:%M} UTC: {self.message} {self.remedy}"


def first_refusal_record(error: AccountUnusable, now: datetime) -> UnusableAccount:
    """The record to store when an account refuses the pipeline for the first time."""
    return UnusableAccount(
        error.account_id, error.code, error.message, error.remedy, now, now + interval_before_retry(timedelta(0))
    )


def account_not_configured_error(account_id: str) -> AccountUnusable:
    """The error for an account that a row names but the settings do not contain."""
    remedy = f"Add account {account_id} with its role to REPLANK_ACCOUNTS and deploy again."
    return AccountUnusable("Account.NotConfigured", f"REPLANK_ACCOUNTS has no account {account_id}.", remedy, account_id)


def role_refused_error(member: MemberAccount, why: str) -> AccountUnusable:
    """The error if the pipeline cannot assume the role of a member account."""
    remedy = f"Restore role {member.role_arn} and its trust policy in account {member.account_id}; then its migrations go on."
    message = f"Role {member.role_arn} cannot be assumed: {why}"
    return AccountUnusable("Account.RoleRefused", message, remedy, member.account_id)


def permission_missing_error(member: MemberAccount, why: str) -> AccountUnusable:
    """The error if a member account's role lacks the permission for a call."""
    remedy = f"Restore the policy of role {member.role_arn} (member.yml) in account {member.account_id}; then its migrations go on."
    return AccountUnusable("Account.NoPermission", f"The role lacks a permission: {why}", remedy, member.account_id)


def session_name(migration_id: str) -> str:
    """The name of the STS session for one migration. ActionTrail, Alibaba Cloud's audit service, shows the session's name."""
    return _NOT_IN_A_SESSION.sub("-", f"replank-{migration_id}")[:64]


def parse_member_accounts(given: str, external_id: str = "") -> dict[str, MemberAccount]:
    """The member accounts that a setting lists, as a mapping from account id to account. Raises Refused (Accounts.Invalid) with the
    name of the invalid entry.

    The setting is JSON: ``{"1234567890123456": "acs:ram::1234567890123456:role/replank-member"}``. An object with ``role``,
    ``externalId`` and ``name`` may replace the role's ARN. The short form of the setting lists only the ARNs of the roles,
    separated by commas. The argument ``external_id`` applies to every account without an ``externalId`` of its own.
    """
    document = _parse_accounts_setting(given.strip())
    return {account_id: _parse_member_account(account_id, each, external_id) for account_id, each in document.items()}


def _parse_accounts_setting(given: str) -> dict[str, Any]:
    if not given.startswith("{"):
        return _parse_arns([each.strip() for each in given.split(",") if each.strip()])
    try:
        document: dict[str, Any] = json.loads(given, object_pairs_hook=_object_with_unique_ids)
    except ValueError:
        raise _setting_error("The setting is not JSON.") from None
    return document


def _object_with_unique_ids(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name in found if [each for each, _ in pairs].count(name) > 1)
        raise _setting_error(f"Entry {twice!r} occurs twice.")
    return found


def _parse_arns(arns: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for arn in arns:
        matched = _ROLE.fullmatch(arn)
        if matched is None:
            raise _setting_error(f"Entry {arn[:100]!r} is not the ARN of a role.")
        if matched[1] in found:
            raise _setting_error(f"Entry {arn[:100]!r} names account {matched[1]} a second time.")
        found[matched[1]] = arn
    return found


def _parse_member_account(account_id: str, given: Any, external_id: str) -> MemberAccount:
    fields = {"role": given} if isinstance(given, str) else given
    where = f"Entry {account_id[:40]!r}"
    if not _ACCOUNT.fullmatch(account_id):
        raise _setting_error(f"{where} is not an account id of 16 digits.")
    if not isinstance(fields, dict) or set(fields) - _FIELDS or not all(isinstance(each, str) for each in fields.values()):
        raise _setting_error(f"{where} must be an ARN, or an object of texts: role, externalId, name, runCommandRole.")
    role, run_command_role = fields.get("role", ""), fields.get("runCommandRole", "")
    for each in (role, run_command_role) if run_command_role else (role,):
        matched = _ROLE.fullmatch(each)
        if matched is None or matched[1] != account_id:
            raise _setting_error(f"{where} has role {each[:100]!r}, which is not the ARN of a role in that account.")
    external = fields.get("externalId", external_id)
    if external and not _EXTERNAL.fullmatch(external):
        raise _setting_error(f"{where} has an external id that STS does not accept (2 to 1224 letters, digits and +=,.@:/-_).")
    name = fields.get("name", "")
    if len(name) > LONGEST_NAME or plain_line(name) != name:
        raise _setting_error(f"{where} has a name with control characters, or longer than {LONGEST_NAME} characters.")
    return MemberAccount(account_id, role, external, name, run_command_role)


def _setting_error(what: str) -> Refused:
    remedy = 'Write {"1234567890123456": "acs:ram::1234567890123456:role/replank-member"}; docs/accounts.md explains the setting.'
    return Refused("Accounts.Invalid", what, remedy)


def stored_account_id(account_id: str, own: str, members: Mapping[str, MemberAccount]) -> str:
    """The id by which rows and selections name an account; empty for the deployment's own account. Raises Refused
    (Account.NotFound) if the deployment does not serve the account.
    """
    if account_id in (OWN, own):
        return OWN
    if account_id not in members:
        known = ", ".join(filter(None, (own, *members)))
        remedy = f"Name one of {known}, or add the account to REPLANK_ACCOUNTS and deploy again."
        raise Refused("Account.NotFound", f"This deployment does not serve account {account_id[:40]}.", remedy)
    return account_id
