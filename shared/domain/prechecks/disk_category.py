"""Local disks have no snapshots. Source: CreateSnapshot (DiskCategory.OperationNotSupported)."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import names
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown

LOCAL = ("local_", "ephemeral", "elastic_ephemeral")


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Looks at the category of every disk."""
    local = [f"{disk.disk_id} ({disk.category})" for disk in facts.instance.disks if disk.category.startswith(LOCAL)]
    if local:
        return Failed(names(local))
    return Unknown("the category of some disk is not known") if any(not disk.category for disk in facts.instance.disks) else PASSED


RULE = Rule(
    code="Instance.DiskCannotBeSnapshotted",
    severity=Severity.ERROR,
    unknown=Severity.WARNING,
    needs=Needs.INSTANCE,
    title="A local disk has no snapshots",
    why="What is on it could not be rolled back.",
    remedy="Move its data to a cloud disk and the instance to a type without local disks.",
    source="CreateSnapshot: disk categories",
    check=check,
)
