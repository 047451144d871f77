"""Windows can be migrated in the listed regions only. Source: Windows regions."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown, windows


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails outside the list."""
    region = facts.instance.region_id
    if not region:
        return Unknown("the region of the instance is not known")
    return PASSED if region in catalog.windows_regions else Failed(f"region {region}")


RULE = Rule(
    code="Instance.RegionNotSupported",
    severity=Severity.ERROR,
    unknown=Severity.ERROR,
    needs=Needs.INSTANCE,
    title="Windows cannot be migrated in this region",
    why="The installation media are shared to instances of the listed regions only.",
    remedy="Copy an image of the instance to a listed region and migrate there, or build a new instance.",
    source="Windows: regions",
    check=check,
    applies=windows,
    link="https://www.alibabacloud.com/help/en/smc/user-guide/windows-operating-system-migration",
)
