"""Every fstab entry must mount, or be marked nofail. Practice."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.guest import FstabFacts
from shared.domain.prechecks.ask import names, of_linux
from shared.domain.prechecks.rule import PASSED, PRACTICE, Failed, Needs, Outcome, Rule, Unknown, linux


def needed(entry: FstabFacts) -> bool:
    """Whether the start waits for it."""
    options = entry.options.split(",")
    return "nofail" not in options and "noauto" not in options and entry.file_system != "swap"


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails for entries whose device does not exist."""
    entries = of_linux(facts, lambda guest: guest.fstab)
    if entries is None:
        return Unknown("the guest did not show /etc/fstab")
    missing = [f"{e.spec} on {e.mount_point}" for e in entries if e.present is False and needed(e)]
    if missing:
        return Failed(names(missing))
    blind = [e for e in entries if e.present is None and needed(e) and e.spec.startswith(("/dev/", "UUID=", "LABEL="))]
    return Unknown(f"{len(blind)} devices could not be looked for") if blind else PASSED


RULE = Rule(
    code="Guest.FstabWillNotMount",
    severity=Severity.OVERRIDABLE,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="An fstab entry will not mount",
    why="A missing device stops the start in an emergency shell that nobody can reach.",
    remedy="Correct or delete the entry, or add nofail.",
    source=PRACTICE,
    check=check,
    applies=linux,
    command="findmnt --verify",
)
