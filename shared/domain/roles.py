"""The rights of persons: the roles, the acts that each role permits, and the settings that give roles to persons. All functions in
this module are pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum
from typing import Any

from shared.domain.caller import Caller, Trust
from shared.domain.errors import Refused
from shared.domain.record import dataclass


class Role(str, Enum):
    """A role of a person. Only ``admin`` includes other roles. An operator, for example, is not automatically an approver."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


_OPERATOR, _APPROVER = frozenset({Role.OPERATOR, Role.ADMIN}), frozenset({Role.APPROVER, Role.ADMIN})
MAY: Mapping[str, frozenset[Role]] = {
    "submitBatch": _OPERATOR,
    "makePlan": _OPERATOR,
    "acknowledgeBatch": _APPROVER,
    "approveBatch": _OPERATOR | _APPROVER,
    "approveRollback": _OPERATOR | _APPROVER,
    "confirmBatch": _OPERATOR,
    "confirmMigration": _OPERATOR,
    "retryMigration": _OPERATOR,
    "cancelMigration": _OPERATOR,
    "rollbackMigration": _OPERATOR | _APPROVER,
    "pauseBatch": _OPERATOR | _APPROVER,
    "resumeBatch": _APPROVER,
    "nextWave": _APPROVER,
    "setPolicy": _APPROVER,
    "stopBatch": _OPERATOR | _APPROVER,
    "retryBatch": _OPERATOR,
    "rollbackBatch": _OPERATOR | _APPROVER,
    "cancelBatch": _OPERATOR,
    "hold": _OPERATOR | _APPROVER,
    "releaseHold": _APPROVER,
}
"""For each act, named after its operation in the API, the roles that may carry out the act. Everybody who may call the API may read
all data.
"""
ON_MANY: Mapping[str, str] = {"rollbackBatch": "rollbackMigration", "cancelBatch": "cancelMigration"}
"""For each act on many migrations at once, the same act on one migration. The minimum trust for the act on one migration also
applies to the act on many.
"""
EVERYBODY = "*"


@dataclass(frozen=True)
class Grant:
    """A role for some people, possibly limited to some accounts or to batches of some submitters.

    The field ``who`` lists names, ``claim=value`` of a verified token, or ``*`` for everybody.
    """

    role: Role
    who: tuple[str, ...]
    accounts: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()


@dataclass(frozen=True)
class AccessRules:
    """The deployment's settings about the rights of persons.

    If ``grants`` is None, then no roles are set: everybody who may call the API is an admin, as in older versions of Replank.
    """

    provider: bool = False
    """Whether tokens can be verified."""
    grants: tuple[Grant, ...] | None = None
    trust: Mapping[str, Trust] = field(default_factory=dict)
    """For each act, the trust in the caller's name that the act requires; ``*`` stands for all other acts."""

    def minimum_trust(self, act: str) -> Trust:
        """The trust in the caller's name that an act requires. Without a setting for the act, the trust is ``verified`` if the
        deployment can verify tokens.
        """
        default = Trust.VERIFIED if self.provider else Trust.CLAIMED
        on_one = self.trust.get(ON_MANY.get(act, act), self.trust.get(EVERYBODY, default))
        return self.trust.get(act, on_one)


def caller_roles(caller: Caller, access: AccessRules, *, account: str = "", owner: str = "") -> frozenset[Role]:
    """The caller's roles in an account, for a batch that ``owner`` submitted. Everybody is at least a viewer."""
    if access.grants is None:
        return frozenset({Role.ADMIN})
    held = {grant.role for grant in access.grants if _does_grant_apply(grant, caller, account, owner)}
    return frozenset({Role.VIEWER, *held})


def authorize(caller: Caller, act: str, access: AccessRules, *, account: str = "", owner: str = "") -> None:
    """Raise Refused (Caller.NotVerified, Role.Missing) unless the caller may carry out the act."""
    if access.minimum_trust(act) is Trust.VERIFIED and caller.trust is not Trust.VERIFIED:
        raise Refused(
            "Caller.NotVerified",
            f"The name {caller.name} comes only from a header; {act} needs a verified name.",
            "Sign in (`replank login`), or send the token of the provider in X-Replank-Token.",
            status=401,
        )
    held = caller_roles(caller, access, account=account, owner=owner)
    if not held & MAY[act]:
        wanted = " or ".join(sorted(role.value for role in MAY[act]))
        sentence = f"{caller.name} is {_roles_in_words(held)} here; {act} needs {wanted}."
        raise Refused("Role.Missing", sentence, "Ask a person with that role, or ask for the role in REPLANK_ROLES.", status=403)


def parse_grants(document: Any) -> tuple[Grant, ...]:
    """The grants of a setting: a list of ``{"role", "who", "accounts"?, "owners"?}``; raises Refused (Roles.Invalid)."""
    if not isinstance(document, list):
        raise _roles_setting_error("the setting must be a list of grants")
    return tuple(_parse_grant(each, f"grant {number}") for number, each in enumerate(document, 1))


def parse_minimum_trust(document: Any) -> dict[str, Trust]:
    """The minimum trust for each act: ``{"acknowledgeBatch": "verified", "*": "claimed"}``; raises Refused (Roles.Invalid)."""
    if not isinstance(document, dict):
        raise _roles_setting_error("the setting must be an object of acts and trusts")
    for act, value in document.items():
        if act != EVERYBODY and act not in MAY:
            raise _roles_setting_error(f"there is no act {act!r} (the acts are {', '.join(sorted(MAY))} and *)")
        if value not in [trust.value for trust in Trust]:
            raise _roles_setting_error(f"{act} must be claimed or verified")
    return {act: Trust(value) for act, value in document.items()}


def _parse_grant(given: Any, where: str) -> Grant:
    fields = ("role", "who", "accounts", "owners")
    if not isinstance(given, dict) or set(given) - set(fields):
        raise _roles_setting_error(f"{where} must be an object of {', '.join(fields)}")
    if given.get("role") not in [role.value for role in Role]:
        raise _roles_setting_error(f"the role of {where} must be {', '.join(role.value for role in Role)}")
    lists = [_parse_strings(given.get(name, []), f"{name} of {where}") for name in fields[1:]]
    if not lists[0]:
        raise _roles_setting_error(f"{where} names nobody: who is empty")
    return Grant(Role(given["role"]), *lists)


def _parse_strings(given: Any, where: str) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(each, str) and each for each in given):
        raise _roles_setting_error(f"{where} must be a list of texts")
    return tuple(given)


def _does_grant_apply(grant: Grant, caller: Caller, account: str, owner: str) -> bool:
    if grant.accounts and account not in grant.accounts:
        return False
    if grant.owners and owner not in grant.owners:
        return False
    return any(_does_entry_match(each, caller) for each in grant.who)


def _does_entry_match(who: str, caller: Caller) -> bool:
    """Whether an entry of a grant's ``who`` matches the caller. An entry ``claim=value`` matches only claims of a verified
    token."""
    claim, equals, value = who.partition("=")
    if equals:
        return value in caller.claims.get(claim, ())
    return who in (EVERYBODY, caller.name)


def _roles_in_words(roles: frozenset[Role]) -> str:
    return " and ".join(sorted(role.value for role in roles))


def _roles_setting_error(what: str) -> Refused:
    return Refused("Roles.Invalid", f"{what[0].upper()}{what[1:]}.", "Correct the setting; docs/operations.md shows its format.")
