"""Further accounts and their roles, as a fleet file or the cloud's own endpoint describes them.

An account or role may be given again: the account keeps its contents, and the role is replaced. ValueError says what is invalid.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from localcloud.core import trust
from localcloud.core.access_keys import OWNER, Key
from localcloud.core.accounts import Account
from localcloud.core.app import Cloud

Json = Mapping[str, Any]
_USER = re.compile(r"[A-Za-z0-9._-]{1,64}")
SESSION_S = (3600, 43_200)
"""The lower and upper bound of a role's maximum session time, in seconds."""


def open_account(cloud: Cloud, id: str, given: Json) -> Key:
    """Create or change an account (``name``, ``directory``) and set its ``roles``. Returns the keys of its owner."""
    known = Account(id) if not cloud.accounts.has(id) else cloud.accounts.need(id)
    cloud.accounts.put(Account(id, given.get("name", known.name), given.get("directory", known.directory)))
    for name, role in given.get("roles", {}).items():
        set_role(cloud, id, name, role)
    return owner_of(cloud, id)


def owner_of(cloud: Cloud, id: str) -> Key:
    """The keys of an account's owner."""
    if id == cloud.accounts.own:
        return cloud.owner
    known = cloud.identities.of(OWNER, id)
    return known or cloud.identities.add(Key(f"LTAI5t{id}", cloud.secret("owner", id)[:30], "", OWNER, account=id))


def set_role(cloud: Cloud, account: str, name: str, given: Json) -> None:
    """Create or replace a role. ``trust`` and each of ``policies`` are policy documents; ``max_session_s`` is the longest
    session.
    """
    need_account(cloud, account)
    trusting = _statements(given.get("trust", {"Statement": []}), "trust")
    for statement in trusting:
        if problem := trust.problem(statement):
            raise ValueError(f"the trust policy of {name}: {problem}")
    statements = _permissions(name, given)
    longest = given.get("max_session_s", SESSION_S[0])
    if not isinstance(longest, int) or not SESSION_S[0] <= longest <= SESSION_S[1]:
        raise ValueError(f"max_session_s of {name} must be a number from {SESSION_S[0]} to {SESSION_S[1]}")
    with cloud.accounts.acting(account):
        cloud.policies.set_role(name, statements, trust=trusting, max_session_s=longest)


def put_user(cloud: Cloud, account: str, name: str, given: Json) -> Key:
    """Create a RAM user, or replace its ``policies``. Returns its permanent keys."""
    need_account(cloud, account)
    if not _USER.fullmatch(name):
        raise ValueError(f"{name!r} is not a user's name: letters, digits, dots, hyphens and underscores")
    principal, owner = f"user:{name}", "" if account == cloud.accounts.own else account
    with cloud.accounts.acting(account):
        cloud.policies.set_role(principal, _permissions(name, given))
    known = cloud.identities.of(principal, owner)
    digits = cloud.random("user", account, name).randbytes(9).hex()
    return known or cloud.identities.add(
        Key(f"LTAI5t{digits}", cloud.secret("user", account, name)[:30], "", principal, account=owner)
    )


def _permissions(name: str, given: Json) -> list[Any]:
    """The statements of ``policies``, checked."""
    statements = [each for policy in given.get("policies", []) for each in _statements(policy, "policies")]
    if any(not isinstance(each, dict) or set(each) - {"Condition"} != {"Effect", "Action", "Resource"} for each in statements):
        raise ValueError(f"a policy of {name}: a statement has Effect, Action and Resource, and may have a Condition on tags")
    for each in statements:
        if problem := trust.condition_problem(each.get("Condition", {}), of_policy=True):
            raise ValueError(f"a policy of {name}: {problem}")
    return statements


def withdraw_role(cloud: Cloud, account: str, name: str, how: str) -> None:
    """Withdraw a role (``role``) or its trust (``trust``); an empty value restores both.

    A withdrawn role cannot be assumed, and its open sessions may do nothing more. If only the trust is withdrawn, open sessions
    continue until they expire.
    """
    if how not in ("", "role", "trust"):
        raise ValueError("withdraw must be role or trust")
    need_account(cloud, account)
    with cloud.accounts.acting(account):
        try:
            cloud.policies.withdraw(name, how)
        except KeyError:
            raise ValueError(f"the account {account} has no role {name}") from None


def expire_credentials(cloud: Cloud, account: str = "", role: str = "", session: str = "") -> int:
    """End temporary credentials now: all, or those of an account, of a role, or with a session name. Returns how many ended."""
    now, count = cloud.clock.now_ms(), 0
    for key in cloud.identities.sessions():
        owner = key.account or cloud.accounts.own
        named = ((account, owner), (role.lower(), key.principal.removeprefix("role:").lower()), (session, key.session))
        if key.expires_ms > now and all(wanted in ("", found) for wanted, found in named):
            cloud.identities.add(Key(**{**key.as_doc(), "expires_ms": now}))
            count += 1
    return count


def need_account(cloud: Cloud, id: str) -> None:
    if not cloud.accounts.has(id):
        raise ValueError(f"this cloud has no account {id!r}; create it first")


def forget_caches(cloud: Cloud) -> None:
    """Read accounts, roles and keys from the state again, after a transaction that failed."""
    cloud.accounts.reload()
    cloud.policies.forget_cache()
    cloud.identities.forget_cache()


def _statements(policy: Any, what: str) -> list[Any]:
    if not isinstance(policy, Mapping) or not isinstance(policy.get("Statement"), list):
        raise ValueError(f"{what}: a policy document has Version and a list Statement")
    return list(policy["Statement"])
