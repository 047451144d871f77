"""RAM: decides what a role may do by its policies. Anything that is not allowed is refused, and a Deny overrides an Allow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Any

from localcloud.core import trust
from localcloud.core.access_keys import OWNER
from localcloud.core.accounts import Accounts
from localcloud.core.db import Db

_REMEMBERED = 10_000
"""The maximum number of decisions in the cache. A function asks for the same few tables and operations again and again."""


Statements = Iterable[Mapping[str, Any]]
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class Role:
    """A role as it is stored. ``withdrawn`` is empty, ``role`` or ``trust`` (see ``Policies.withdraw``)."""

    statements: list[dict[str, Any]]
    trust: list[dict[str, Any]] = field(default_factory=list)
    max_session_s: int = 3600
    withdrawn: str = ""
    name: str = ""


class Policies:
    """The statements and trust policies of each account's roles, and which statements were ever used.

    A role's name means a role of the current account. In ``roles``, ``unused`` and ``used``, a role of any account but the
    deployment's own is called ``ACCOUNT/NAME``.
    """

    def __init__(self, db: Db, accounts: Accounts | None = None) -> None:
        self._accounts = accounts or Accounts(db, "")
        self._roles = db.collection("policy.role")
        self._cache: dict[str, Role | None] = {}
        self._answers: dict[tuple[str, str, str, tuple[tuple[str, str], ...]], bool] = {}
        self.used: set[tuple[str, str]] = set()
        """The pairs (role, action pattern) that allowed at least one call since the start."""

    def set_role(self, role: str, statements: Statements, *, trust: Statements = (), max_session_s: int = 3600) -> None:
        """Set a role's statements: ``Effect``, ``Action`` and ``Resource`` (each a string or a list, with ``*`` and ``?``).

        ``trust`` are the statements that say who may assume the role; a session lasts at most ``max_session_s``.
        """
        self._put(role, Role([dict(each) for each in statements], [dict(each) for each in trust], max_session_s))

    def withdraw(self, role: str, how: str) -> None:
        """Withdraw a role (``role``), or only its trust (``trust``), or restore both (empty). Raises KeyError."""
        found = self.role(role)
        if found is None:
            raise KeyError(role)
        self._put(found.name, replace(found, withdrawn=how))

    def role(self, name: str) -> Role | None:
        """A role of the current account, withdrawn or not. Upper and lower case are not distinguished."""
        key = self._accounts.scoped(name)
        if key not in self._cache:
            doc = self._roles.get(key) or next((doc for id, doc in self._roles.items() if id.lower() == key.lower()), None)
            self._cache[key] = Role(**{"name": name, **doc}) if doc else None
        return self._cache[key]

    def of_account(self) -> list[Role]:
        """The roles of the current account, without the users, which are stored as ``user:NAME``."""
        prefix = self._accounts.scoped("")
        found = [(id.removeprefix(prefix), doc) for id, doc in self._roles.items(prefix)]
        return [Role(**{"name": name, **doc}) for name, doc in found if "/" not in name and ":" not in name]

    def _put(self, name: str, role: Role) -> None:
        key = self._accounts.scoped(name)
        self._roles.put(key, asdict(replace(role, name=name)))
        self.forget_cache()

    def forget_cache(self) -> None:
        """Read the roles from the state again, for example after a transaction that failed."""
        self._cache.clear()
        self._answers.clear()

    def roles(self) -> dict[str, list[dict[str, Any]]]:
        """Every role, with its statements."""
        return {role: doc["statements"] for role, doc in self._roles.items()}

    def allows(
        self, principal: str, action: str, resource: str, *, session_policy: str = "", carried: Mapping[str, str] = _NOTHING
    ) -> bool:
        """Whether ``principal`` (the owner, or ``role:NAME``) may do ``action`` (``ecs:DeleteSnapshot``) to the ARN ``resource``.

        If a session has a policy (JSON), both the role and that policy must allow the action. ``carried`` are the condition keys
        of the call with their values, for example ``acs:ResourceTag/NAME``.
        """
        if session_policy and not _decide(json.loads(session_policy)["Statement"], action, resource, carried):
            return False
        if principal == OWNER:
            return True
        role = self._accounts.scoped(principal.removeprefix("role:"))
        asked = (role, action, resource, tuple(sorted(carried.items())))
        if asked not in self._answers:
            if len(self._answers) > _REMEMBERED:
                self._answers.clear()
            found = self.role(principal.removeprefix("role:"))
            statements = found.statements if found and found.withdrawn != "role" else []
            allowing = _decide(statements, action, resource, carried)
            self.used |= {(role, pattern) for pattern in allowing}
            self._answers[asked] = bool(allowing)
        return self._answers[asked]

    def unused(self) -> list[tuple[str, str]]:
        """The pairs (role, action pattern) that were granted but not used since the start. They are candidates for removal."""
        return sorted(self.granted() - self.used)

    def granted(self) -> set[tuple[str, str]]:
        """All pairs (role, action pattern) that a statement allows."""
        return {
            (role, pattern)
            for role, statements in self.roles().items()
            for statement in statements
            if statement["Effect"] == "Allow"
            for pattern in _listed(statement["Action"])
        }


def _decide(statements: Iterable[Mapping[str, Any]], action: str, resource: str, carried: Mapping[str, str]) -> list[str]:
    """The patterns that allow the action. Empty if no statement allows it, or if a statement denies it."""
    allowing = []
    for statement in statements:
        if not trust.holds(statement.get("Condition", {}), carried):
            continue
        for pattern in _listed(statement["Action"]):
            if _matches(pattern, action) and any(_matches(each, resource) for each in _listed(statement["Resource"])):
                if statement["Effect"] == "Deny":
                    return []
                allowing.append(pattern)
    return allowing


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.IGNORECASE | re.DOTALL)


def _matches(pattern: str, value: str) -> bool:
    return _pattern(pattern).fullmatch(value) is not None
