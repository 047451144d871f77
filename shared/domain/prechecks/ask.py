"""Helper functions that read a guest's facts for the rules, and that make checks of a single flag or list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.guest import LinuxFacts, WindowsFacts
from shared.domain.prechecks.rule import PASSED, FactUnknown, Outcome, RuleFailed

T = TypeVar("T")
Check = Callable[[Facts, Catalog], Outcome]
SHOWN = 8
"""Maximum number of names in one finding; the other names are only counted."""


def linux_fact(facts: Facts, fact: Callable[[LinuxFacts], T | None]) -> T | None:
    """A fact that only Linux guests have; None for other guests."""
    return fact(facts.guest.linux) if facts.guest and facts.guest.linux else None


def windows_fact(facts: Facts, fact: Callable[[WindowsFacts], T | None]) -> T | None:
    """A fact that only Windows guests have; None for other guests."""
    return fact(facts.guest.windows) if facts.guest and facts.guest.windows else None


def outcome_of_flag(value: bool | None, seen: str, unknown: str) -> Outcome:
    """The outcome of a rule that fails if a flag is set; the outcome is unknown if the flag is None."""
    return FactUnknown(unknown) if value is None else RuleFailed(seen) if value else PASSED


def outcome_of_list(values: Sequence[str] | None, unknown: str) -> Outcome:
    """The outcome of a rule that fails if a list has entries; the outcome is unknown if the list is None."""
    return FactUnknown(unknown) if values is None else RuleFailed(shortened_list(values)) if values else PASSED


def linux_flag_check(fact: Callable[[LinuxFacts], bool | None], seen: str, unknown: str) -> Check:
    """A check that fails if the flag is set in a Linux guest."""
    return lambda facts, catalog: outcome_of_flag(linux_fact(facts, fact), seen, unknown)


def linux_list_check(fact: Callable[[LinuxFacts], Sequence[str] | None], unknown: str) -> Check:
    """A check that fails if a Linux guest has entries in the list."""
    return lambda facts, catalog: outcome_of_list(linux_fact(facts, fact), unknown)


def windows_flag_check(fact: Callable[[WindowsFacts], bool | None], seen: str, unknown: str) -> Check:
    """A check that fails if the flag is set in a Windows guest."""
    return lambda facts, catalog: outcome_of_flag(windows_fact(facts, fact), seen, unknown)


def windows_list_check(fact: Callable[[WindowsFacts], Sequence[str] | None], unknown: str) -> Check:
    """A check that fails if a Windows guest has entries in the list."""
    return lambda facts, catalog: outcome_of_list(windows_fact(facts, fact), unknown)


def shortened_list(values: Sequence[str], total: int = 0) -> str:
    """The names as one text: the first SHOWN names, then the number of all others. If ``values`` has only some of the names,
    ``total`` is the number of all names.
    """
    count = max(total, len(values))
    more = f" and {count - SHOWN} more" if count > SHOWN else ""
    return ", ".join(values[:SHOWN]) + more


def family_hop_condition(source_family: str, destination_family: str) -> Callable[[Facts], bool]:
    """The condition of rules that apply to hops from one family of releases to another, for example from centos to rhel."""

    def is_hop_between_families(facts: Facts) -> bool:
        return facts.hop.source.startswith(source_family + "-") and facts.hop.destination.startswith(destination_family + "-")

    return is_hop_between_families
