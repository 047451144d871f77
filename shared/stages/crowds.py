"""Counts the moving migrations of a batch in each region and in each wave, for policies that limit these numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from shared.domain.batch import BatchSummary, Waves
from shared.domain.limits import AdmissionCounts
from shared.domain.migration import Migration
from shared.domain.record import dataclass
from shared.ports.ports import Ports


@dataclass
class SlotCounts:
    """The slot holders of a batch, counted by region and by wave. Migrations to which this tick offers a slot are counted too."""

    summary: BatchSummary
    cut: Waves
    regions: Counter[str]
    waves: Counter[int]
    selected_regions: Sequence[str] | None = None
    """The regions of the batch; None if they are not read yet."""

    def admission_counts_with_slot_holders(self, migration: Migration, standing: AdmissionCounts) -> AdmissionCounts:
        """Return a copy of the counts, with the numbers of slot holders in the migration's region and in its wave."""
        in_wave = self.waves[self.cut.wave_number(migration.migration_id)]
        return replace(standing, held_in_region=self.regions[migration.region_id], held_in_wave=in_wave)

    def count_migration_if_slot_free(self, migration: Migration) -> bool:
        """Count the migration as a slot holder if its region and its wave have a free slot. Return whether the migration was
        counted.
        """
        wave, policy = self.cut.wave_number(migration.migration_id), self.summary.policy
        rooms = (
            _free_slot_count(policy.max_moving_per_region, self.regions[migration.region_id]),
            self._free_slot_count_of_wave(wave),
        )
        if min(rooms) < 1:
            return False
        self.regions[migration.region_id] += 1
        self.waves[wave] += 1
        return True

    def migration_ids_with_free_wave_slot(self, ids: Iterable[str]) -> Iterator[str]:
        """Yield the ids of those migrations whose wave has a free slot."""
        return (each for each in ids if self._free_slot_count_of_wave(self.cut.wave_number(each)) > 0)

    def has_begun_wave_with_free_slot(self) -> bool:
        """Whether a migration of a wave that has begun may still start. True if the policy does not limit the waves."""
        return any(self._free_slot_count_of_wave(wave) > 0 for wave in range(self.summary.control.wave + 1))

    def free_slot_count_of_all_regions(self, ports: Ports) -> int:
        """Return how many more migrations may begin in all regions of the batch together."""
        most = self.summary.policy.max_moving_per_region
        if most is None:
            return UNLIMITED
        if self.selected_regions is None:
            self.selected_regions = ports.batches.load(self.summary.batch_id).selection.regions
        return sum(max(_free_slot_count(most, self.regions[each]), 0) for each in self.selected_regions)

    def _free_slot_count_of_wave(self, wave: int) -> int:
        return _free_slot_count(self.summary.policy.max_moving_per_wave, self.waves[wave])


UNLIMITED = 1 << 30


def _free_slot_count(most: int | None, held: int) -> int:
    return UNLIMITED if most is None else most - held


def slot_counts(summary: BatchSummary, ports: Ports, *, without: str = "") -> SlotCounts:
    """Count the current slot holders of the batch. If ``without`` is the id of a migration, that migration is not counted."""
    held = ports.admission.regions_of_slot_holders(summary.batch_id)
    unknown = [each for each, region in held.items() if not region]  # slots taken by an older version, which stored no region
    if unknown:
        held |= {each.migration_id: each.region_id for each in ports.migrations.load_migrations(unknown)}
    held.pop(without, None)
    cut = ports.batches.waves(summary.batch_id) if summary.policy.waves else Waves()
    return SlotCounts(summary, cut, Counter(held.values()), Counter(map(cut.wave_number, held)))
