"""A disk attached to several instances. Source: CreateSnapshotGroup (no multi-attach disks)."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import listed
from shared.domain.prechecks.rule import Needs, Outcome, Rule


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails for each such disk."""
    return listed([disk.disk_id for disk in facts.instance.disks if disk.multi_attach], "")


RULE = Rule(
    code="Instance.MultiAttachDisk",
    severity=Severity.OVERRIDABLE,
    unknown=None,
    needs=Needs.INSTANCE,
    title="A disk is attached to several instances",
    why="Others write to it meanwhile: its snapshot is not of the same moment, and a rollback would take their data back too.",
    remedy="Detach it for the time, or override when nobody writes.",
    source="CreateSnapshotGroup: multi-attach",
    check=check,
)
