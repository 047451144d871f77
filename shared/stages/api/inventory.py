"""Shows the inventory: the releases in use, their end of support, and the regions and accounts where they run."""

from __future__ import annotations

from collections import Counter
from datetime import date

from shared.domain.catalog import Catalog
from shared.domain.catalog.eol import support_status_of_release
from shared.domain.inventory import InstanceCount
from shared.ports.ports import Ports
from shared.stages.api.plan_views import InstanceGroupView, InventoryView, MissingPlace, ReleaseInUse

_NEVER = "9999"


def inventory_view(ports: Ports) -> InventoryView:
    """Return the last inventory, with the end-of-support dates from the catalog. Only one row is read, even for a large fleet."""
    found = ports.inventory.last_inventory()
    if found is None:
        return InventoryView(ports.account_id, None, 0, 0, (), (), ())
    numbers: Counter[tuple[str, str]] = Counter()
    for each in found.groups:
        numbers[_release_key_and_system(each)] += each.instances
    today = ports.clock.now().date()
    releases = [_release_in_use(*system, number, today, ports.catalog) for system, number in numbers.items()]
    groups = (
        InstanceGroupView(each.release, each.system, each.account_id or ports.account_id, each.region_id, each.instances)
        for each in found.groups
    )
    return InventoryView(
        ports.account_id,
        found.taken_at,
        found.instances,
        found.instances - sum(each.instances for each in found.groups),
        tuple(sorted(releases, key=lambda each: (each.ends_on or _NEVER, -each.instances, each.name))),
        tuple(groups),
        tuple(MissingPlace(*each) for each in found.lacking),
    )


def _release_key_and_system(group: InstanceCount) -> tuple[str, str]:
    """Return a pair: the key of the group's release, and the name of its system.

    The name is empty if the catalog knows the release, because an older catalog may have used another name.
    """
    return group.release, "" if group.release else group.system


def _release_in_use(key: str, system: str, number: int, today: date, catalog: Catalog) -> ReleaseInUse:
    release = catalog.releases.get(key)
    if release is None:
        return ReleaseInUse(key, system or key, number, "unknown", "", "", "", ())
    status = support_status_of_release(release, release.name, today, catalog)
    life = catalog.lifecycle.get(release.product)
    extended = life.extended_end.isoformat() if life and life.extended_end else ""
    ends_on = status.ends_on.isoformat() if status.ends_on else ""
    destinations = tuple(dict.fromkeys(path.destination for path in catalog.paths if path.source == key and not path.tool_only))
    return ReleaseInUse(key, release.name, number, status.standing, ends_on, extended, status.source, destinations)
