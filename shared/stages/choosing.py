"""Chooses a batch's instances by its selection, and records why an instance is left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field, replace
from datetime import timedelta

from shared.domain.batch import Batch, LeftOutInstance
from shared.domain.catalog.identify import identify_release_in_catalog
from shared.domain.migration import Migration, State
from shared.domain.notice import is_wanted_release
from shared.domain.record import dataclass
from shared.domain.selecting import MOVED, RECENT, InstanceTraits, digest_of_instances, selection_result
from shared.ports.compute import NO_FILTER, FoundInstance, InstanceFilter
from shared.ports.ports import Ports

RECENTLY = timedelta(days=30)
"""A batch made from the inventory leaves out an instance if its last migration began less than this time ago.

The outcome of the last migration does not matter.
"""
MOST_LISTED = 10_000
"""Maximum instances that the batch lists as left out. The batch's count of left-out instances has no maximum."""
LOOKED_UP_ALONE = 5
"""Maximum chosen instances of a page whose earlier migrations are looked up one by one."""
MOST_KNOWN = 300_000
"""Maximum migrations whose ids one planning keeps in memory. In a larger deployment, each instance is looked up alone."""
_MOVED = frozenset({State.MIGRATED, State.CONFIRMED, State.COMPLETED, State.ROLLED_BACK})
InstanceLocation = tuple[str, str, str]
"""The account, region and id of an instance."""


@dataclass
class InstanceChoice:
    """The instances that have been chosen so far for one batch, and the instances that have been left out so far."""

    batch: Batch
    ports: Ports
    seen: set[str] = field(default_factory=set)
    chosen: set[InstanceLocation] = field(default_factory=set)
    left_out: dict[InstanceLocation, LeftOutInstance] = field(default_factory=dict)
    is_repeated: bool = False
    """Whether an earlier planning run was interrupted after it had made some of the batch's migrations."""

    def __post_init__(self) -> None:
        self._ids = frozenset(self.batch.selection.instance_ids)
        self._is_index_read = False
        self._known: dict[str, tuple[str, ...]] | None = None

    def choose_instances_from_page(self, page: Iterable[FoundInstance]) -> list[FoundInstance]:
        """Choose instances from one page of the listing, and return the chosen instances.

        Instances that were already on an earlier page are not returned again.
        """
        fresh = [each for each in page if self._location_of_instance(each) not in self.chosen]
        self.seen.update(each.instance_id for each in fresh)
        found = {
            self._location_of_instance(each): selection_result(self.batch.selection, self._ids, self._instance_traits(each))
            for each in fresh
        }
        earlier = self._earlier_migrations([each for each in fresh if found[self._location_of_instance(each)] == ("", "")])
        chosen = [
            each for each in fresh if self._choose_or_leave_out_instance(each, found[self._location_of_instance(each)], earlier)
        ]
        self.chosen.update(map(self._location_of_instance, chosen))
        return chosen

    def _location_of_instance(self, instance: FoundInstance) -> InstanceLocation:
        return instance.account_id, instance.region_id, instance.instance_id

    def _choose_or_leave_out_instance(
        self, instance: FoundInstance, found: tuple[str, str] | None, earlier: dict[str, list[Migration]]
    ) -> bool:
        if found == ("", ""):
            mine = [each for each in earlier.get(instance.instance_id, ()) if each.account_id == instance.account_id]
            found = self._why_already_moved(mine) or self._why_recently_migrated(mine)
        if found is None or found == ("", ""):
            return found is not None
        where = {"region_id": instance.region_id, "name": instance.name, "account_id": instance.account_id}
        self.left_out[self._location_of_instance(instance)] = LeftOutInstance(instance.instance_id, *found, **where)
        return False

    def _instance_traits(self, instance: FoundInstance) -> InstanceTraits:
        system = instance.os_name_en or instance.os_name
        release = identify_release_in_catalog(self.ports.catalog, instance.os_name, instance.os_name_en)
        tags = dict(instance.tags)
        return InstanceTraits(
            instance.instance_id, instance.name, system, release, tags, instance.resource_group_id, instance.vpc_id
        )

    def _why_already_moved(self, before: list[Migration]) -> tuple[str, str] | None:
        """If an earlier migration moved the instance to a release outside the selection, return a code and a reason; otherwise,
        None.

        After a migration, ECS still shows the old system name. An instance that the batch names by its id is never left out because
        of an earlier migration.
        """
        if not self._leaves_out_moved:
            return None
        earlier = [each for each in before if each.state in _MOVED]
        last = max(earlier, key=lambda each: each.created_at, default=None)
        if last is None or last.state is State.ROLLED_BACK or last.failure or not last.hops:
            return None
        reached = self.ports.catalog.releases.get(last.hops[-1].destination)
        if reached is None or is_wanted_release(reached, self.batch.selection.releases):
            return None
        return MOVED, f"migration {last.migration_id} took it to {reached.name}"

    def _why_recently_migrated(self, before: list[Migration]) -> tuple[str, str]:
        """If the instance is left out because of a recent migration, return a code and a reason; otherwise, two empty strings.

        Only batches made from the inventory leave out recently migrated instances.
        """
        if not self._leaves_out_recent:
            return "", ""
        now = self.ports.clock.now()
        recent = next((each for each in before if now - each.created_at < RECENTLY), None)
        return (RECENT, f"migration {recent.migration_id} began on {recent.created_at:%Y-%m-%d}") if recent else ("", "")

    @property
    def _leaves_out_moved(self) -> bool:
        return not self._ids and bool(self.batch.selection.releases)

    @property
    def _leaves_out_recent(self) -> bool:
        return self.batch.origin == "inventory"

    def _earlier_migrations(self, instances: list[FoundInstance]) -> dict[str, list[Migration]]:
        """Return the migrations of each instance in other batches, by the instance's id. Migrations of all accounts are included.

        A page with many instances reads their ids in an index of all migrations, which is read only once.
        """
        ids = (
            list(dict.fromkeys(each.instance_id for each in instances)) if self._leaves_out_moved or self._leaves_out_recent else []
        )
        rows = self.ports.migrations
        known = self._migration_ids_by_instance() if len(ids) > LOOKED_UP_ALONE else None
        if known is None:
            found = {each: rows.migrations_of_instance(each, limit=20) for each in ids}
        else:
            found = {each: [] for each in ids}
            for migration in rows.load_migrations([made for each in ids for made in known.get(each, ())]):
                found[migration.instance_id].append(migration)
        mine = self.batch.batch_id
        return {id: [each for each in migrations if each.batch_id != mine] for id, migrations in found.items()}

    def _migration_ids_by_instance(self) -> dict[str, tuple[str, ...]] | None:
        """Return the ids of all migrations by instance, as of the first call; None if there are too many.

        A migration that began since then has not moved its instance yet, because planning takes minutes.
        """
        if not self._is_index_read:
            self._is_index_read, self._known = True, self.ports.migrations.migration_ids_by_instance(MOST_KNOWN)
        return self._known

    def batch_with_choice(self) -> Batch:
        """Return a copy of the batch with the number and the digest of the chosen instances."""
        chosen = self.chosen | (self._instances_with_migration_in_batch() if self.is_repeated else set())
        digest = digest_of_instances(chosen)
        return replace(self.batch, size=len(chosen), digest=digest, left_out=len(self.left_out))

    def left_out_instances(self) -> list[LeftOutInstance]:
        """Return the instances that the batch leaves out, sorted by account, region and id."""
        return [self.left_out[place] for place in sorted(self.left_out)][:MOST_LISTED]

    def _instances_with_migration_in_batch(self) -> set[InstanceLocation]:
        """Return the account, region and id of each instance that already has a migration in the batch. ECS may have lost such
        an instance since then.
        """
        found: set[InstanceLocation] = set()
        token = ""
        while True:
            page = self.ports.migrations.migration_page_of_batch(self.batch.batch_id, state=None, limit=100, token=token)
            found |= {(each.account_id, each.region_id, each.instance_id) for each in page.migrations}
            token = page.next_token
            if not token:
                return found


def ecs_filter(batch: Batch) -> InstanceFilter:
    """Return the part of the selection that ECS can filter by. ECS accepts only one value for each filter."""
    selection = batch.selection
    if not selection.attribute_criteria:
        return NO_FILTER
    pairs = tuple((key, value if equals else None) for key, equals, value in (each.partition("=") for each in selection.tags))
    only = {"resource_group_id": selection.resource_groups, "vpc_id": selection.vpcs, "name": selection.names}
    return InstanceFilter(pairs, **{name: values[0] for name, values in only.items() if len(values) == 1})
