"""Permissions of the roles in template.yml and member.yml that the tests never used. They are candidates for removal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from localcloud.core.policy import Policies
from tests.support.repository import of_type

MEMBER_ROLE = "replank-member"
"""The role of member.yml. A permission that one member account uses is needed in all of them."""
granted: set[tuple[str, str]] = set()
used: set[tuple[str, str]] = set()
"""The used pairs (role, action pattern) of all tests of this process, and of the processes that were added."""


@contextmanager
def counted() -> Iterator[None]:
    """Within the block, record what clouds of this process grant to the deployed roles, and what the roles use."""
    roles = {role["RoleName"] for role in of_type("ALIYUN::RAM::Role")} | {MEMBER_ROLE}
    set_role, allows = Policies.set_role, Policies.allows

    def noted(self: Policies, role: str, statements: Iterable[Mapping[str, Any]], **more: Any) -> None:
        set_role(self, role, statements, **more)
        if role in roles:
            granted.update(each for each in map(_of_any_account, self.granted()) if each[0] == role)

    def asked(self: Policies, principal: str, action: str, resource: str, **more: Any) -> bool:
        known = len(self.used)
        allowed = allows(self, principal, action, resource, **more)
        if len(self.used) != known:  # every call asks, and few are the first of their kind
            used.update(map(_of_any_account, self.used))
        return allowed

    with mock.patch.object(Policies, "set_role", noted), mock.patch.object(Policies, "allows", asked):
        yield


def _of_any_account(one: tuple[str, str]) -> tuple[str, str]:
    """Role and action, without the account of the role."""
    return one[0].rpartition("/")[2], one[1]


def gathered() -> dict[str, list[list[str]]]:
    """What this process recorded, in a form that can be sent to another process."""
    return {name: sorted(map(list, noted)) for name, noted in (("granted", granted), ("used", used))}


def add(noted: Mapping[str, Iterable[Iterable[str]]]) -> None:
    """Add what another process recorded."""
    for name, total in (("granted", granted), ("used", used)):
        total.update((role, action) for role, action in noted.get(name, ()))


def keep(file: Path) -> None:
    """Add what earlier runs left in the file, and write the sum back for the next run."""
    if file.exists():
        add(json.loads(file.read_text(encoding="utf-8")))
    file.write_text(json.dumps(gathered()), encoding="utf-8")


def report() -> list[str]:
    """One line for each role with an unused permission; empty if no pipeline ran."""
    never: dict[str, list[str]] = {}
    for role, action in sorted(granted - used) if granted & used else ():
        never.setdefault(role, []).append(action)
    return [f"{role}: {', '.join(actions)}" for role, actions in never.items()]
