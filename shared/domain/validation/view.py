"""The facts that a validation compares, and functions that create its findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from shared.domain.catalog import Catalog
from shared.domain.facts import InstanceFacts
from shared.domain.findings import Finding, Severity
from shared.domain.guest import GuestFacts
from shared.domain.hop import Hop
from shared.domain.record import dataclass

SHOWN = 12
"""Maximum number of names in one finding; the other names are only counted."""


@dataclass(frozen=True)
class Comparison:
    """The facts before and after a migration or rollback. The field ``hop`` is None after a rollback, when no difference is
    allowed."""

    instance_before: InstanceFacts
    before: GuestFacts
    instance_after: InstanceFacts
    after: GuestFacts
    hop: Hop | None
    catalog: Catalog

    @property
    def is_after_rollback(self) -> bool:
        """Whether the facts are compared after a rollback, not after a migration."""
        return self.hop is None

    @property
    def is_windows(self) -> bool:
        """Whether the guest is Windows."""
        return self.instance_before.os_type == "windows"


Check = Callable[[Comparison], Iterator[Finding]]


def joined_names(items: Iterable[str]) -> str:
    """The names as one sorted text. A long list is cut off."""
    listed = sorted(set(items))
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more


def failure_finding(code: str, title: str, seen: str, remedy: str, why: str = "It worked before the migration.") -> Finding:
    """The finding for a difference that makes the validation fail."""
    return Finding(f"Validation.{code}", Severity.ERROR, title, seen, why, remedy)


def warning_finding(code: str, title: str, seen: str, remedy: str, why: str = "A program may depend on it.") -> Finding:
    """The finding for a difference that a person should check."""
    return Finding(f"Validation.{code}", Severity.WARNING, title, seen, why, remedy)


def expected_finding(code: str, title: str, seen: str, why: str = "It comes with the new operating system.") -> Finding:
    """The finding for a difference that the change of the operating system explains."""
    return Finding(f"Validation.{code}", Severity.INFO, title, seen, why, "Nothing to do.")


def not_compared_finding(code: str, what: str) -> Finding:
    """The finding for facts that the guest did not report before or after the migration."""
    remedy = "Compare by hand, with the same commands that the probe uses."
    return Finding(
        f"Validation.{code}",
        Severity.WARNING,
        f"Not compared: {what}",
        "not known before or not known now",
        "The pipeline would not notice a loss.",
        remedy,
    )
