"""Assumes roles in member accounts through STS, and makes the adapters that use these roles.

Each migration has its own session, so the member account's audit shows which migration made a call. Credentials are kept in memory
only, until shortly before they expire.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.adapters import redact
from shared.adapters.clock import parse_time_or_none
from shared.adapters.sdk import Clients
from shared.adapters.sdk_call import call_service
from shared.adapters.sdk_errors import CloudError
from shared.domain.accounts import MemberAccount, account_not_configured_error, permission_missing_error, role_refused_error
from shared.domain.errors import AccountUnusable, Permanent, Refused, ReplankError
from shared.domain.record import dataclass
from shared.ports.clock import Clock
from shared.ports.ports import AccountPorts

SHORTEST_LIFE_S = 900
"""The duration of the shortest session that STS accepts for AssumeRole, in seconds."""
RENEWED_BEFORE_EXPIRY = timedelta(minutes=5)
MOST_SESSIONS = 64
"""Maximum number of sessions that one function instance keeps. If there are more sessions, the least recently used session is
dropped.
"""
PAUSE_AFTER_REFUSAL = timedelta(seconds=30)
"""Minimum time between two requests for a role that STS has refused. The minimum applies to the role, not to each migration."""
Refusals = dict[str, tuple[datetime, AccountUnusable]]
"""Maps a member account's id to the last refusal of the account's role by STS: the time and the error."""
_INVALID_CREDENTIAL_CODES = frozenset({"InvalidSecurityToken", "InvalidAccessKeyId", "SecurityTokenExpired"})
"""Families of error codes for credentials that have expired or were revoked."""
_NO_PERMISSION = frozenset({"NoPermission", "Forbidden.RAM", "Forbidden.Unauthorized", "Forbidden", "AccessDenied"})
"""Error codes with which ECS, SMC and their gateway report that RAM denied a call.

Other codes that begin with ``Forbidden.`` concern the resource, not the permission.
"""


@dataclass(frozen=True)
class _SessionCredentials:
    """Credentials with the attributes that the SDKs read."""

    access_key_id: str
    access_key_secret: str
    security_token: str
    ends_at: datetime
    type: str = "sts"

    def __repr__(self) -> str:
        return f"<credentials until {self.ends_at.isoformat()}>"


class AssumedRole:
    """Implements ``sdk.RoleCredentials`` for one session in a member account."""

    def __init__(self, member: MemberAccount, session: str, home: Clients, clock: Clock, refusals: Refusals) -> None:
        self._member, self._session, self._home, self._clock = member, session, home, clock
        self._refusals = refusals
        self._held: _SessionCredentials | None = None
        self._hidden: list[str] = []
        self._renewed: datetime | None = None

    @property
    def role_arn(self) -> str:
        return self._member.role_arn

    def for_run_command(self) -> AssumedRole | None:
        """The role for RunCommand in the same account and session; None if the account has no such role.

        Refusals of that role are counted apart, because the account can be used without it.
        """
        if not self._member.run_command_role_arn:
            return None
        member = replace(self._member, role_arn=self._member.run_command_role_arn)
        return AssumedRole(member, self._session, self._home, self._clock, {})

    def get_credential(self) -> _SessionCredentials:
        if self._held is None or self._held.ends_at - self._clock.now() <= RENEWED_BEFORE_EXPIRY:
            self._held = self._assume_role()
        return self._held

    def assume_again(self) -> None:
        self._refusals.pop(self._member.account_id, None)
        self._held = self._assume_role()

    def renew_expired_credentials(self, error: CloudError) -> bool:
        """Renew credentials that became invalid before their expiry.

        Returns whether the call should be repeated. Returns False if the cloud refused credentials that this method had already
        renewed.
        """
        if error.code_family not in _INVALID_CREDENTIAL_CODES or self._held is None:
            return False
        first, self._held = self._renewed != self._held.ends_at, None
        self._renewed = self.get_credential().ends_at
        return first

    def unusable_account_error(self, error: CloudError) -> ReplankError | None:
        if error.code_family in _INVALID_CREDENTIAL_CODES:
            return role_refused_error(self._member, f"its credentials are refused ({error.code}).")
        if error.code not in _NO_PERMISSION:
            return None
        # The role may have been deleted, because its old sessions then have no permissions. A new request to STS shows whether the
        # role exists.
        try:
            self._held = self._assume_role()
        except AccountUnusable as refusal:
            return refusal
        except ReplankError:
            pass  # STS does not answer, so the cause stays unknown
        return permission_missing_error(self._member, f"{error.code}: {error.message}")

    def _assume_role(self) -> _SessionCredentials:
        """Request new credentials.

        Raises AccountUnusable if STS refuses the role, or refused the role less than PAUSE_AFTER_REFUSAL ago. Raises Transient if
        STS does not answer.
        """
        at, refusal = self._refusals.get(self._member.account_id, (None, None))
        if at is not None and refusal is not None and timedelta(0) <= self._clock.now() - at < PAUSE_AFTER_REFUSAL:
            raise refusal
        try:
            answer = call_service(self._home, self._send_assume_role_request)
        except (Permanent, Refused) as error:
            refusal = role_refused_error(self._member, f"{error.code}: {error.message}")
            self._refusals[self._member.account_id] = (self._clock.now(), refusal)
            raise refusal from error
        given, who = answer["Credentials"], str(answer.get("AssumedRoleUser", {}).get("Arn", ""))
        if who and not who.startswith(f"acs:ram::{self._member.account_id}:"):
            raise role_refused_error(self._member, f"STS answers with {who}, which is of another account.")
        self._hide_secrets(given["AccessKeySecret"], given["SecurityToken"])
        ends_at = parse_time_or_none(given.get("Expiration")) or self._clock.now() + timedelta(seconds=SHORTEST_LIFE_S)
        return _SessionCredentials(given["AccessKeyId"], given["AccessKeySecret"], given["SecurityToken"], ends_at)

    def _hide_secrets(self, *secrets: str) -> None:
        """Hide the new secrets in logs. The previous secrets stay hidden too, because a late answer may still contain them."""
        for secret in self._hidden[:-2]:
            redact.remove_secret(secret)
        self._hidden = [*self._hidden[-2:], *secrets]
        for secret in secrets:
            redact.add_secret(secret)

    def _send_assume_role_request(self, runtime: Any) -> Any:
        from alibabacloud_openapi_util.client import Client as OpenApiUtil
        from alibabacloud_tea_openapi import models

        query = {"RoleArn": self._member.role_arn, "RoleSessionName": self._session, "DurationSeconds": SHORTEST_LIFE_S}
        if self._member.external_id:
            query["ExternalId"] = self._member.external_id
        params = models.Params(
            action="AssumeRole",
            version="2015-04-01",
            protocol="HTTPS",
            pathname="/",
            method="POST",
            auth_type="AK",
            style="RPC",
            req_body_type="formData",
            body_type="json",
        )
        return _AnswerWithBody(
            self._home.sts_client().call_api(params, models.OpenApiRequest(query=OpenApiUtil.query(query)), runtime)["body"]
        )


@dataclass(frozen=True)
class _AnswerWithBody:
    """An answer of the generic client, with the attribute ``body`` that ``sdk_call`` reads."""

    body: Any


class MemberAccounts:
    """Implements the port ``Accounts``. The function ``make`` makes the adapters of one account from the account's SDK clients."""

    def __init__(
        self, members: Mapping[str, MemberAccount], home: Clients, clock: Clock, make: Callable[[Clients], AccountPorts]
    ) -> None:
        self.members = members
        self._home, self._clock, self._make = home, clock, make
        self._refusals: Refusals = {}
        self._clouds: OrderedDict[tuple[str, str], AccountPorts] = OrderedDict()

    def account_ports(self, account_id: str, session: str) -> AccountPorts:
        key = (account_id, session)
        if key not in self._clouds:
            self._clouds[key] = self._make(self._make_member_clients(account_id, session))
            while len(self._clouds) > MOST_SESSIONS:
                self._clouds.popitem(last=False)
        self._clouds.move_to_end(key)
        return self._clouds[key]

    def _make_member_clients(self, account_id: str, session: str) -> Clients:
        member = self.members.get(account_id)
        if member is None:
            raise account_not_configured_error(account_id)
        role = AssumedRole(member, session, self._home, self._clock, self._refusals)
        return Clients(self._home.account, retry=self._home.retry, assumed=role)
