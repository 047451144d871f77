"""Orders the migrations of a batch and divides them into waves.

The acknowledgement fixes the order and the waves. The tick begins one wave after another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from shared.domain import events, waves
from shared.domain.batch import Batch, BatchSummary, PauseState, Waves
from shared.domain.errors import Stale
from shared.domain.migration import TERMINAL, Migration, State
from shared.domain.order import instance_sort_key
from shared.ports.compute import FoundInstance
from shared.ports.ports import Ports
from shared.stages.closing import SETTLED

SORT_KEYS_PER_WRITE = 1000
"""Maximum migrations whose sort keys are stored in one write."""
ROWS_READ = 100
"""Maximum rows that one call reads if an older version did not store the batch's sort keys."""


_ALL = ("100%",)
"""The size of the single wave of a batch whose policy has an order but no waves."""


class WaveOrderWriter:
    """Stores the sort keys of a batch's migrations while intake makes the migrations.

    An acknowledgement can read the stored keys instead of every row.
    """

    def __init__(self, batch: Batch, ports: Ports) -> None:
        self._batch, self._ports = batch, ports
        self._pages = 0
        self._unnoted: dict[str, list[str]] = {}

    def buffer_sort_keys(self, chosen: Iterable[tuple[str, FoundInstance]]) -> None:
        """Buffer the sort key of each instance under its migration's id. Write the keys once the buffer is full.

        If the planning is repeated, the same keys are written again.
        """
        order = self._batch.policy.order
        self._unnoted |= {id: instance_sort_key(order, each.name, each.instance_id, dict(each.tags)) for id, each in chosen}
        if len(self._unnoted) >= SORT_KEYS_PER_WRITE:
            self.write_buffered_sort_keys()

    def write_buffered_sort_keys(self) -> None:
        """Write the sort keys that are still in the buffer."""
        if self._unnoted:
            self._ports.batches.write_wave_sort_keys(self._batch.batch_id, self._pages, self._unnoted)
            self._pages, self._unnoted = self._pages + 1, {}


def name_as_sort_key(migration: Migration) -> list[str]:
    """Return the sort key of a migration whose key is not stored: the name of the instance, and then the instance's id."""
    return instance_sort_key("", migration.instance_name, migration.instance_id, {})


def divide_batch_into_waves(batch: Batch, ports: Ports) -> Waves:
    """Divide a batch into waves when it is acknowledged, and return the waves. A batch without waves gets a single wave.

    Refused migrations and unreadable rows go into the last wave, because a retry may still move them.
    """
    noted, states = ports.batches.wave_sort_keys(batch.batch_id), ports.migrations.states_by_migration_id(batch.batch_id)
    if len(states) < batch.size:
        states |= _states_from_rows([id for page in noted for id in page if id not in states], ports)
    places = {id: place for page in noted for id, place in page.items() if id in states}
    unknown = [id for id in sorted(states) if id not in places]
    # the keys are stored too, so that a repeated acknowledgement continues from there
    for start in range(0, len(unknown), SORT_KEYS_PER_WRITE):
        read = _read_sort_keys(unknown[start : start + SORT_KEYS_PER_WRITE], ports)
        ports.batches.write_wave_sort_keys(batch.batch_id, len(noted), read)
        noted.append(read)
        places |= read
    ordered = sorted((place, id) for id, place in places.items())
    late = [id for place, id in ordered if not place or states[id] in TERMINAL]
    without = frozenset(late)
    cut = waves.divide_into_waves([id for _, id in ordered if id not in without], batch.policy.waves or _ALL) or [()]
    found = Waves([*cut[:-1], (*cut[-1], *late)])
    found.pages = len(noted)
    return found


def _states_from_rows(ids: Sequence[str], ports: Ports) -> dict[str, State]:
    """Read the states of migrations that the index does not show yet. Without them the batch would have too few waves, and a
    migration that is in no wave moves with the last one.
    """
    states: dict[str, State] = {}
    for start in range(0, len(ids), ROWS_READ):
        states |= {each.migration_id: each.state for each in ports.migrations.load_migrations(ids[start : start + ROWS_READ])}
    return states


def _read_sort_keys(ids: Sequence[str], ports: Ports) -> dict[str, list[str]]:
    places: dict[str, list[str]] = {id: [] for id in ids}
    for start in range(0, len(ids), ROWS_READ):
        places |= {
            each.migration_id: name_as_sort_key(each) for each in ports.migrations.load_migrations(ids[start : start + ROWS_READ])
        }
    return places


def end_wave_or_begin_next(summary: BatchSummary, unsettled: Iterable[str], ports: Ports) -> None:
    """Record that the open wave has ended, or begin the next wave once the soak time is over and the approvals are complete.

    The argument ``unsettled`` yields the ids of migrations that hold a slot or wait for one. If one of them belongs to a wave that
    has begun, the wave goes on. Only otherwise are the states of the whole batch read.
    """
    if summary.control.brake is not PauseState.OFF:
        return
    found, now = ports.batches.waves(summary.batch_id), ports.clock.now()
    open_wave = summary.control.wave
    if open_wave + 1 >= len(found):
        return
    begins = waves.soak_ends_at(summary)
    if begins is not None and not waves.may_next_wave_begin(summary, now):
        return
    if any(found.wave_number(each) <= open_wave for each in unsettled):
        return
    if unfinished_migration_ids_in_begun_waves(summary, found, ports):
        return
    batch = ports.batches.load(summary.batch_id)
    if batch.version != summary.version:
        return  # the next tick reads the changed batch
    with suppress(Stale):
        if begins is None:
            after = waves.batch_with_wave_ended(batch, now)
            # published before the write: a repeated event has the same id, and a crash in between then loses no event
            ports.bus.publish([_wave_finished_event(after, found)])
            ports.batches.commit(batch, after)
        else:
            after, line = waves.batch_with_next_wave_open(batch, "watch", now)
            ports.batches.commit(batch, after, line=line)


def unfinished_migration_ids_in_begun_waves(summary: BatchSummary, found: Waves, ports: Ports) -> list[str]:
    """Return the ids of unfinished migrations in the waves that have begun.

    A migration counts as finished if it is validated, failed, refused or cancelled. A retry makes a finished migration unfinished
    again.
    """
    states = ports.migrations.states_by_migration_id(summary.batch_id)
    ids = [id for wave in found[: summary.control.wave + 1] for id in wave]
    return [id for id in ids if states.get(id, State.ACCEPTED) not in SETTLED]


def _wave_finished_event(after: Batch, found: Waves) -> events.Event:
    wave = after.control.wave
    told = {"wave": wave + 1, "waves": len(found), "size": len(found[wave]), "version": after.version}
    asks = after.policy.gate == waves.BY_HAND
    return events.batch_event(after.batch_id, events.WAVE_FINISHED, **told, soakMin=after.policy.soak_min, asksPerson=asks)
