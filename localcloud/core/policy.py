"""RAM: what a role may do, as its policies say; anything not allowed is refused, and a Deny wins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from localcloud.core.access_keys import OWNER
from localcloud.core.db import Db

_REMEMBERED = 10_000
"""Answers kept: a function asks for the same few tables and operations again and again."""


class Policies:
    """The statements of each role, and which of them were ever used."""

    def __init__(self, db: Db) -> None:
        self._roles = db.collection("policy.role")
        self._cache: dict[str, list[dict[str, Any]]] = {}
        self._answers: dict[tuple[str, str, str], bool] = {}
        self.used: set[tuple[str, str]] = set()
        """(role, action pattern) that allowed at least one call since the start."""

    def set_role(self, role: str, statements: Iterable[Mapping[str, Any]]) -> None:
        """Set a role's statements: ``Effect``, ``Action`` and ``Resource`` (each a string or a list; ``*`` and ``?``)."""
        listed = [dict(statement) for statement in statements]
        self._roles.put(role, {"statements": listed})
        self._cache[role] = listed
        self._answers.clear()

    def roles(self) -> dict[str, list[dict[str, Any]]]:
        """Every role with its statements."""
        return {role: doc["statements"] for role, doc in self._roles.items()}

    def allows(self, principal: str, action: str, resource: str) -> bool:
        """Whether ``principal`` (the owner, or ``role:NAME``) may do ``action`` (``ecs:DeleteSnapshot``) to ARN ``resource``."""
        if principal == OWNER:
            return True
        asked = (principal, action, resource)
        if asked not in self._answers:
            if len(self._answers) > _REMEMBERED:
                self._answers.clear()
            self._answers[asked] = self._allows(principal.removeprefix("role:"), action, resource)
        return self._answers[asked]

    def _allows(self, role: str, action: str, resource: str) -> bool:
        allowed = False
        for statement in self._statements(role):
            for pattern in _listed(statement["Action"]):
                if _matches(pattern, action) and any(_matches(each, resource) for each in _listed(statement["Resource"])):
                    if statement["Effect"] == "Deny":
                        return False
                    allowed = True
                    self.used.add((role, pattern))
        return allowed

    def unused(self) -> list[tuple[str, str]]:
        """(role, action pattern) granted and never used since the start: candidates for removal."""
        return sorted(self.granted() - self.used)

    def granted(self) -> set[tuple[str, str]]:
        """Every (role, action pattern) that a statement allows."""
        return {
            (role, pattern)
            for role, statements in self.roles().items()
            for statement in statements
            if statement["Effect"] == "Allow"
            for pattern in _listed(statement["Action"])
        }

    def _statements(self, role: str) -> list[dict[str, Any]]:
        if role not in self._cache:
            doc = self._roles.get(role)
            self._cache[role] = doc["statements"] if doc else []
        return self._cache[role]


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.IGNORECASE | re.DOTALL)


def _matches(pattern: str, value: str) -> bool:
    return _pattern(pattern).fullmatch(value) is not None
