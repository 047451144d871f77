"""Reads a batch's queue for admission: at first only its front, and the rest only if a caller needs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field

from shared.domain.batch import BatchSummary
from shared.domain.record import dataclass
from shared.ports.batches import BatchTally
from shared.ports.migrations import WaitingMigration
from shared.ports.ports import Ports

FRONT_READ = 25
"""Maximum waiting migrations that are read from the front of a queue. The migrations that have waited longest are at the front."""
READY_READ = 100
"""Maximum waiting migrations that are read from a queue if its front is not enough."""
MANY_READ = 1_000_000
"""The same for batches with waves, groups, an order, or limits for regions or waves. In these the first migrations may have to wait
for others, so the queue is read to its end.
"""


@dataclass
class BatchQueue:
    """The migrations of one batch that wait for a slot in one account. Iterating over it yields all of them."""

    tally: BatchTally
    account_id: str
    front: Sequence[WaitingMigration]
    """The migrations that come first: those that wait for their next hop, then those that have waited longest."""
    ports: Ports
    rest: list[WaitingMigration] | None = field(default=None)
    """The other migrations; None if they are not read yet."""

    def __iter__(self) -> Iterator[WaitingMigration]:
        yield from self.front
        yield from self.read_rest()

    def read_rest(self) -> list[WaitingMigration]:
        """Read the migrations behind the front, unless they are read already. Return them."""
        if self.rest is None:
            self.rest = self._read_rest() if self.is_cut() else []
        return self.rest

    def migrations_read(self) -> list[WaitingMigration]:
        """Return the migrations that are read so far."""
        return [*self.front, *(self.rest or ())]

    def _most_read(self) -> int:
        policy = self.tally.summary.policy
        return MANY_READ if policy.stores_order or policy.group or policy.has_region_or_wave_limit else READY_READ

    def next_hops(self) -> Iterator[WaitingMigration]:
        """Yield the migrations that wait for their next hop. The rest is read only if such a migration ends the front."""
        yield from (each for each in self.front if each.first)
        if self.front[-1].first or self.rest:
            yield from (each for each in self.read_rest() if each.first)

    def has_first_hops(self) -> bool:
        """Whether a migration may wait for its first hop."""
        return any(not each.first for each in self.front) or self.is_cut()

    def is_cut(self) -> bool:
        """Whether there may be migrations behind the front."""
        return len(self.front) >= FRONT_READ

    def _read_rest(self) -> list[WaitingMigration]:
        summary, at_front = self.tally.summary, {each.migration_id for each in self.front}
        found = self.ports.migrations.admission_queue(summary.batch_id, self._most_read(), self.account_id)
        return [each for each in found if each.migration_id not in at_front]


def fronts_of_queues(summary: BatchSummary, ports: Ports) -> dict[str, list[WaitingMigration]]:
    """Return the front of the batch's queue in each account. Accounts in which no migration waits are left out."""
    found = {each: ports.migrations.admission_queue(summary.batch_id, FRONT_READ, each) for each in summary.account_ids}
    return {account: front for account, front in found.items() if front}
