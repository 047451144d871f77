"""The facts that a validation compares, and the words for its findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from shared.domain.catalog import Catalog
from shared.domain.facts import InstanceFacts
from shared.domain.findings import Finding, Severity
from shared.domain.guest import GuestFacts
from shared.domain.hop import Hop

SHOWN = 12
"""Maximum names in one finding; the rest are counted."""


@dataclass(frozen=True)
class View:
    """Both sides. ``hop`` is None after a rollback, when nothing may differ."""

    instance_before: InstanceFacts
    before: GuestFacts
    instance_after: InstanceFacts
    after: GuestFacts
    hop: Hop | None
    catalog: Catalog

    @property
    def restored(self) -> bool:
        """Whether this compares a rollback."""
        return self.hop is None

    @property
    def windows(self) -> bool:
        """Whether the guest is Windows."""
        return self.instance_before.os_type == "windows"


Check = Callable[[View], Iterator[Finding]]


def names(items: Iterable[str]) -> str:
    """The names, sorted and joined; a long list is cut."""
    listed = sorted(set(items))
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more


def failure(code: str, title: str, seen: str, remedy: str, why: str = "It worked before the migration.") -> Finding:
    """A difference that makes the validation fail."""
    return Finding(f"Validation.{code}", Severity.ERROR, title, seen, why, remedy)


def warning(code: str, title: str, seen: str, remedy: str, why: str = "It may matter to a program.") -> Finding:
    """A difference that somebody should look at."""
    return Finding(f"Validation.{code}", Severity.WARNING, title, seen, why, remedy)


def expected(code: str, title: str, seen: str, why: str = "It comes with the new operating system.") -> Finding:
    """A difference that the change of the operating system explains."""
    return Finding(f"Validation.{code}", Severity.INFO, title, seen, why, "Nothing to do.")


def not_compared(code: str, what: str) -> Finding:
    """The finding for facts that one side lacks."""
    remedy = "Look at it by hand; the commands are those of the probe."
    return Finding(
        f"Validation.{code}",
        Severity.WARNING,
        f"Not compared: {what}",
        "not known before or not known now",
        "A loss would not be seen.",
        remedy,
    )
