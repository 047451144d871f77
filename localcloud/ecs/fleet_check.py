"""Checks whether a fleet document can be loaded: by the published schema, and by rules that a schema cannot express. It names every
problem.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from localcloud.core import trust
from localcloud.core.regions import REGIONS

SCHEMA: dict[str, Any] = json.loads(Path(__file__).with_name("fleet.schema.json").read_text(encoding="utf-8"))
SHOWN = 50
"""The maximum number of problems that are listed for one document; the others are only counted."""


class FleetInvalid(ValueError):
    """A fleet document is invalid. The text names each problem and its place, one per line."""

    def __init__(self, problems: list[str]) -> None:
        more = [f"and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        super().__init__("\n".join([*problems[:SHOWN], *more]))
        self.problems = problems


def check(document: Any, owners: Mapping[str, Callable[[str], bool]] | None = None) -> None:
    """Raise FleetInvalid unless the document can be loaded.

    ``owners`` are the existing accounts (the deployment's own first). Each has a function that tells whether the account already
    has an instance.
    """
    problems = [f"{place(error.absolute_path)}: {error.message}" for error in _validator().iter_errors(document)]
    if not problems:
        problems = [
            *_contradictions(document),
            *_wrong_roles(document),
            *_wrong_accounts(document, owners or {"": lambda id: False}),
        ]
    if problems:
        raise FleetInvalid(problems)


def records(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every record with the id of its account; empty means the deployment's own."""
    pages = document["pages"]
    return [
        (record.get("account") or page.get("account", ""), record) for page in pages for record in page["Instances"]["Instance"]
    ]


@lru_cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(SCHEMA)


def place(path: Iterable[str | int]) -> str:
    """The place of a record as a path, such as ``pages[0].Instances.Instance[3].Cpu``."""
    return "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in path).lstrip(".") or "fleet"


def _wrong_accounts(document: dict[str, Any], owners: Mapping[str, Callable[[str], bool]]) -> Iterator[str]:
    """Accounts that neither exist nor are described, and instances that another account already has."""
    own, known = next(iter(owners)), {*owners, *document.get("accounts", {})}
    for account, record in records(document):
        id, account = record["InstanceId"], account or own
        if account not in known:
            yield f"{id}: its account {account} is not in accounts, and does not exist"
        for holder, has in owners.items():
            if holder != account and has(id):
                yield f"{id}: the account {holder} has this instance, and an instance is of one account; say so with account"


def _wrong_roles(document: dict[str, Any]) -> Iterator[str]:
    """Trust policies that are invalid, or have conditions that this emulation does not evaluate."""
    for id, account in document.get("accounts", {}).items():
        for name, role in account.get("roles", {}).items():
            problems = {trust.problem(each) for each in role.get("trust", {}).get("Statement", [])} - {""}
            yield from (f"accounts.{id}.roles.{name}.trust: {each}" for each in sorted(problems))


def _contradictions(document: dict[str, Any]) -> Iterator[str]:
    """Errors that no schema can find: a repeated id, an unknown region, facts for an instance that does not exist."""
    ids: set[str] = set()
    for number, page in enumerate(document["pages"]):
        for index, record in enumerate(page["Instances"]["Instance"]):
            where, id = f"pages[{number}].Instances.Instance[{index}]", record["InstanceId"]
            if id in ids:
                yield f"{where}.InstanceId: {id} occurs twice"
            ids.add(id)
            if (record.get("RegionId") or "cn-hangzhou") not in REGIONS:
                yield f"{where}.RegionId: {record['RegionId']!r} is no region known here"
    for id in document.get("guests", {}):
        if id not in ids:
            yield f"guests.{id}: no instance of that id is in pages"
