"""Encrypted disks. Practice: the documents do not say whether they can be migrated."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import listed
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Tells each."""
    return listed([disk.disk_id for disk in facts.instance.disks if disk.encrypted and not disk.used_by_smc_transit], "")


RULE = Rule(
    code="Instance.EncryptedDisk",
    severity=Severity.WARNING,
    unknown=None,
    needs=Needs.INSTANCE,
    title="A disk is encrypted",
    why="No document says whether SMC migrates encrypted disks; the service role may lack the key.",
    remedy="Try it on one copy first.",
    source=PRACTICE,
    check=check,
)
