"""Free inodes for /usr, /var and /boot. Practice; the drill warns above 99 % used."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import listed
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule, Unknown, linux

NEEDED = {"/boot": 50, "/usr": 10_000, "/var": 10_000}


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Compares with our own minima, about what a package set needs."""
    guest = facts.guest
    mounts = {m.mount_point: (m, d) for d in NEEDED if guest and (m := guest.mount(d))}
    counted = [(m, d) for m, d in mounts.values() if m.inodes_free is not None]
    if not counted:
        return Unknown("the guest did not count its inodes")
    return listed(
        [f"{m.mount_point}: {m.inodes_free} free, {NEEDED[d]} needed" for m, d in counted if (m.inodes_free or 0) < NEEDED[d]], ""
    )


RULE = Rule(
    code="Guest.InodesTooFew",
    severity=Severity.OVERRIDABLE,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="Too few free inodes",
    why="Space is free but no file can be made: the package transaction fails half way.",
    remedy="Delete small files, e.g. old sessions and caches.",
    source=PRACTICE,
    check=check,
    applies=linux,
    command="df -i",
)
