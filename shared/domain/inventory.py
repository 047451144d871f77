"""The inventory of the fleet: how many instances run each release, by account and region. All functions in this module are pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import field
from datetime import datetime

from shared.domain.batch import Problem
from shared.domain.catalog.identify import identify_release_in_catalog
from shared.domain.catalog.model import Catalog, Release
from shared.domain.record import dataclass

MOST_GROUPS = 2000
"""Maximum number of counts in an inventory. The largest counts are kept; the total still includes all instances."""
LONGEST_NAME = 128
"""Maximum number of characters that the inventory stores of an unknown operating system's name."""


@dataclass(frozen=True)
class InstanceCount:
    """The number of instances that run one release in one region of one account."""

    release: str
    """The key of the release; empty if the catalog does not know the system."""
    system: str
    """The name that people see: the name of the release, or ECS's name for an unknown system."""
    account_id: str
    """The id of the member account; empty for the deployment's own account."""
    region_id: str
    instances: int


@dataclass(frozen=True)
class Inventory:
    """The result of the last daily listing of the fleet."""

    taken_at: datetime
    instances: int
    groups: tuple[InstanceCount, ...]
    """The counts, largest first."""
    lacking: tuple[Problem, ...] = ()
    """The regions and accounts that could not be listed, each with an error code and a sentence."""


@dataclass
class InstanceCounter:
    """Counts the instances of a listing, page after page. An instance that appears on two pages counts once."""

    catalog: Catalog
    releases: set[Release] = field(default_factory=set)
    """The releases that were found so far."""
    _seen: set[tuple[str, str, str]] = field(default_factory=set)
    _known: dict[tuple[str, str], Release | None] = field(default_factory=dict)
    _counts: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)

    def add_instance(self, place: tuple[str, str, str], os_name: str, os_name_en: str) -> None:
        """Count one instance. The argument ``place`` consists of the instance's account, region and id. The arguments ``os_name``
        and ``os_name_en`` are ECS's names for the operating system.
        """
        if place in self._seen:
            return
        self._seen.add(place)
        names = os_name, os_name_en
        if names not in self._known:
            self._known[names] = identify_release_in_catalog(self.catalog, *names)
        release = self._known[names]
        if release is not None:
            self.releases.add(release)
        system = (release.key, release.name) if release else ("", (os_name_en or os_name)[:LONGEST_NAME])
        self._counts[system + place[:2]] += 1

    def inventory(self, taken_at: datetime, lacking: Iterable[Problem]) -> Inventory:
        """The inventory of all instances that were added."""
        largest = sorted(self._counts.items(), key=lambda each: (-each[1], each[0]))[:MOST_GROUPS]
        groups = (InstanceCount(*names, number) for names, number in largest)
        return Inventory(taken_at, len(self._seen), tuple(groups), tuple(lacking))
