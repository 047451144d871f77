"""AssumeRole: temporary credentials of a role, in this account or another, if both sides allow it.

The caller's own policies must allow sts:AssumeRole on the role, and the role's trust policy must allow the caller. Codes, limits
and forms: alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerole.
"""

from __future__ import annotations

import json
import re
from typing import Any

from localcloud.core import trust
from localcloud.core.access_keys import OWNER, Key
from localcloud.core.app import Cloud
from localcloud.core.clock import iso
from localcloud.core.errors import ApiError
from localcloud.core.policy import Role
from localcloud.wire.rpc_service import Params

SPEC = {"RoleArn": "str!", "RoleSessionName": "str!", "DurationSeconds": "int", "Policy": "str", "ExternalId": "str"}
SHORTEST_S, DEFAULT_S, MAX_POLICY = 900, 3600, 2048
REMEMBERED_MS = 24 * 3600 * 1000
"""How long expired credentials are remembered. Meanwhile they are refused as expired; later they are unknown."""
_ROLE_ARN = re.compile(r"acs:ram::(\d{1,20}):role/([\w.-]{1,64})")
_SESSION = re.compile(r"[A-Za-z0-9.@_-]{2,64}")
_EXTERNAL_ID = re.compile(r"[A-Za-z0-9_+=,.@:/-]{2,1224}")


class AssumeRole:
    """The operation; one object for all accounts."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def perform(self, params: Params, caller: Key) -> dict[str, Any]:
        """Credentials and AssumedRoleUser. Raises ApiError with the published codes."""
        if caller.principal == OWNER:
            raise _no_permission("Roles may not be assumed by root accounts.")
        arn = _ROLE_ARN.fullmatch(params["RoleArn"])
        if arn is None:
            raise ApiError("InvalidParameter.RoleArn", "The parameter RoleArn is wrongly formed.", 400)
        _check(_SESSION, params["RoleSessionName"], "InvalidParameter.RoleSessionName")
        if "ExternalId" in params:
            _check(_EXTERNAL_ID, params["ExternalId"], "InvalidParameter.ExternalId")
        account, name = arn[1], arn[2]
        role = self._role(account, name)
        self._require_permission(params, caller, account, role)
        seconds = _seconds(params, role)
        key = self._issue(account, role, params, seconds, caller)
        return self._shown(key, account, role)

    def _role(self, account: str, name: str) -> Role:
        """The role, in whichever account it is. A role in an account that does not exist does not exist either."""
        accounts = self._cloud.accounts
        found = None
        if accounts.has(account):
            with accounts.acting(account):
                found = self._cloud.policies.role(name)
        if found is None or found.withdrawn == "role":
            raise ApiError("EntityNotExist.Role", "The specified Role not exists.", 404)
        return found

    def _require_permission(self, params: Params, caller: Key, account: str, role: Role) -> None:
        """Check that both sides agree: the caller's policies and the role's trust policy."""
        arn = f"acs:ram::{account}:role/{role.name.lower()}"
        allowed = self._cloud.policies.allows(caller.principal, "sts:AssumeRole", arn, session_policy=caller.policy)
        trusted = [] if role.withdrawn == "trust" else role.trust
        if not allowed or not trust.trusts(trusted, self._names(caller), self._carried(params, caller)):
            raise _no_permission("You are not authorized to do this action. You should be authorized by RAM.")

    def _names(self, caller: Key) -> tuple[str, ...]:
        """All names under which a trust policy may list the caller. This runs in the caller's account."""
        own, kind = self._cloud.account_id, caller.principal.partition(":")[0]
        name = caller.principal.partition(":")[2]
        return f"acs:ram::{own}:root", f"acs:ram::{own}:{kind}/{name}"

    def _carried(self, params: Params, caller: Key) -> dict[str, str]:
        """The values that conditions may refer to."""
        account = self._cloud.accounts.need(self._cloud.account_id)
        found = {"acs:PrincipalARN": self._names(caller)[1], "acs:SourceIp": "127.0.0.1"}
        found |= {"acs:SecureTransport": "false", "acs:MFAPresent": "false"}
        if account.directory:
            found["acs:PrincipalRDId"] = account.directory
        return found | ({"sts:ExternalId": params["ExternalId"]} if "ExternalId" in params else {})

    def _issue(self, account: str, role: Role, params: Params, seconds: int, caller: Key) -> Key:
        cloud = self._cloud
        cloud.identities.drop_ended(cloud.clock.now_ms() - REMEMBERED_MS)
        words = ("session", account, role.name, cloud.db.counter("sts.session"))
        return cloud.identities.add(
            Key(
                access_key_id=f"STS.N{cloud.random(*words).randbytes(10).hex().upper()}",
                access_key_secret=cloud.secret(*words)[:44],
                token=f"CAIS{cloud.secret('token', *words)}",
                principal=f"role:{role.name}",
                account="" if account == cloud.accounts.own else account,
                session=params["RoleSessionName"],
                expires_ms=cloud.clock.now_ms() + seconds * 1000,
                policy=_policy(params.get("Policy", "")),
                assumed_by=caller.assumed_by or caller.principal,
            )
        )

    def _shown(self, key: Key, account: str, role: Role) -> dict[str, Any]:
        arn = f"acs:ram::{account}:role/{role.name.lower()}/{key.session}"
        return {
            "Credentials": {
                "AccessKeyId": key.access_key_id,
                "AccessKeySecret": key.access_key_secret,
                "SecurityToken": key.token,
                "Expiration": iso(key.expires_ms),
            },
            "AssumedRoleUser": {"Arn": arn, "AssumedRoleId": f"{role_id(self._cloud, account, role.name)}:{key.session}"},
        }


def role_id(cloud: Cloud, account: str, role: str) -> str:
    """A role's id: digits, always the same for one role."""
    return str(3 * 10**17 + int(cloud.random("role-id", account, role.lower()).getrandbits(56)))


def user_id(cloud: Cloud, account: str, user: str) -> str:
    """A user's id: digits, always the same for one user."""
    return str(2 * 10**17 + int(cloud.random("user-id", account, user).getrandbits(56)))


def _no_permission(message: str) -> ApiError:
    return ApiError("NoPermission", message, 403)


def _check(form: re.Pattern[str], text: str, code: str) -> None:
    if not form.fullmatch(text):
        raise ApiError(code, f"The parameter {code.partition('.')[2]} is wrongly formed.", 400)


def _seconds(params: Params, role: Role) -> int:
    """The length of the session in seconds; an hour by default."""
    seconds = int(params.get("DurationSeconds", DEFAULT_S))
    if not SHORTEST_S <= seconds <= role.max_session_s:
        raise ApiError("InvalidParameter.DurationSeconds", "The Min/Max value of DurationSeconds is 15min/1hr.", 400)
    return seconds


def _policy(text: str) -> str:
    """The session's policy, checked. It can only restrict what the role may do."""
    if len(text) > MAX_POLICY:
        raise ApiError("InvalidParameter.PolicySize", f"The size of Policy must be smaller than {MAX_POLICY} bytes.", 400)
    if text and not _is_policy(text):
        raise ApiError("InvalidParameter.PolicyGrammar", "The parameter Policy has not passed grammar check.", 400)
    return text


def _is_policy(text: str) -> bool:
    try:
        policy = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(policy, dict) or set(policy) != {"Version", "Statement"} or policy["Version"] != "1":
        return False
    return isinstance(policy["Statement"], list) and bool(policy["Statement"]) and all(map(_is_statement, policy["Statement"]))


def _is_statement(statement: Any) -> bool:
    """Whether a value is a statement without conditions. Conditions in a session's policy are not emulated."""
    if not isinstance(statement, dict) or set(statement) != {"Effect", "Action", "Resource"}:
        return False
    texts = [*_texts(statement["Action"]), *_texts(statement["Resource"])]
    return statement["Effect"] in ("Allow", "Deny") and all(isinstance(each, str) and each for each in texts)


def _texts(value: Any) -> list[Any]:
    return [value] if not isinstance(value, list) or not value else value
