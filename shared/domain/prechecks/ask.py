"""Helpers of the rules: facts of a guest, and checks of a single flag or list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.guest import LinuxFacts, WindowsFacts
from shared.domain.prechecks.rule import PASSED, Failed, Outcome, Unknown

T = TypeVar("T")
Check = Callable[[Facts, Catalog], Outcome]
SHOWN = 8
"""Maximum names in one finding; the rest are counted."""


def of_linux(facts: Facts, fact: Callable[[LinuxFacts], T | None]) -> T | None:
    """A fact that only Linux guests have; None for other guests."""
    return fact(facts.guest.linux) if facts.guest and facts.guest.linux else None


def of_windows(facts: Facts, fact: Callable[[WindowsFacts], T | None]) -> T | None:
    """A fact that only Windows guests have; None for other guests."""
    return fact(facts.guest.windows) if facts.guest and facts.guest.windows else None


def flagged(value: bool | None, seen: str, unknown: str) -> Outcome:
    """Fails when the flag is set."""
    return Unknown(unknown) if value is None else Failed(seen) if value else PASSED


def listed(values: Sequence[str] | None, unknown: str) -> Outcome:
    """Fails if the list has entries, and names them."""
    return Unknown(unknown) if values is None else Failed(names(values)) if values else PASSED


def linux_flag(fact: Callable[[LinuxFacts], bool | None], seen: str, unknown: str) -> Check:
    """A check that fails if the flag is set in a Linux guest."""
    return lambda facts, catalog: flagged(of_linux(facts, fact), seen, unknown)


def linux_list(fact: Callable[[LinuxFacts], Sequence[str] | None], unknown: str) -> Check:
    """A check that fails if a Linux guest has entries in the list."""
    return lambda facts, catalog: listed(of_linux(facts, fact), unknown)


def windows_flag(fact: Callable[[WindowsFacts], bool | None], seen: str, unknown: str) -> Check:
    """A check that fails if the flag is set in a Windows guest."""
    return lambda facts, catalog: flagged(of_windows(facts, fact), seen, unknown)


def windows_list(fact: Callable[[WindowsFacts], Sequence[str] | None], unknown: str) -> Check:
    """A check that fails if a Windows guest has entries in the list."""
    return lambda facts, catalog: listed(of_windows(facts, fact), unknown)


def names(values: Sequence[str], total: int = 0) -> str:
    """The first names and the number of the others; ``total`` is given if there are more than the names listed."""
    count = max(total, len(values))
    more = f" and {count - SHOWN} more" if count > SHOWN else ""
    return ", ".join(values[:SHOWN]) + more


def between(source_family: str, destination_family: str) -> Callable[[Facts], bool]:
    """Applies to hops from one family of releases to another, e.g. centos to rhel."""

    def applies(facts: Facts) -> bool:
        return facts.hop.source.startswith(source_family + "-") and facts.hop.destination.startswith(destination_family + "-")

    return applies
