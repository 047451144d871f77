"""Reads what a plan needs of a batch's migrations: each state, and the rows of all, or of some in a large batch.

The states come from an index, 5,000 in a call. Rows come 100 in a call, so those of a large batch do not fit into the time of the
api function.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from shared.domain import waves
from shared.domain.batch import Batch
from shared.domain.migration import Migration, State
from shared.domain.record import dataclass
from shared.ports.ports import Ports
from shared.stages.closing import SETTLED
from shared.stages.waving import name_as_sort_key

MOST_READ = 10_000
"""Maximum migrations of a batch whose rows are all read, and maximum unfinished migrations whose rows are read for a forecast."""
SAMPLE, REFUSED_READ, NAMES_READ = 4_000, 1_000, 500
"""Maximum rows that are read of a larger batch: of an even sample, of the refused migrations, and of those that the plan names."""
NAMED = 5
"""Number of instances that a plan names in each wave."""


@dataclass(frozen=True)
class PlanRows:
    """What a plan knows of the migrations of a batch."""

    states: Mapping[str, State]
    """The state of each migration, in the order in which the batch is divided into waves."""
    rows: Mapping[str, Migration]
    """The migrations whose rows were read, by id."""
    cut: Sequence[Sequence[str]]
    """The ids of the migrations in each wave; empty without waves. Before the acknowledgement: as one would divide them now."""
    counted: Sequence[Migration]
    """The migrations in which routes, drivers and findings are counted: all, or a sample."""
    refused: int
    """The number of migrations that the precheck refused."""
    refused_counted: int

    @property
    def is_sample(self) -> bool:
        """Whether only some of the rows were read."""
        return len(self.rows) < len(self.states)

    @property
    def meant(self) -> list[str]:
        """The ids of the migrations that the precheck has not refused, in the batch's order."""
        return [id for id, state in self.states.items() if state is not State.PRECHECK_FAILED]


def is_unfinished(state: State, batch: Batch) -> bool:
    """Whether the migration will still move. In a dry run this includes migrations that the dry run has cancelled."""
    return state not in SETTLED or (batch.dry_run and state is State.CANCELLED)


def read_plan_rows(batch: Batch, ports: Ports) -> PlanRows:
    """Read what a plan of the batch needs. In a large batch the rows are those of the first unfinished migrations, and a sample."""
    states = ports.migrations.states_by_migration_id(batch.batch_id)
    if len(states) <= MOST_READ:
        return _read_all(batch, sorted(states), ports)
    order = _stored_order(batch, states, ports)
    states = {id: states[id] for id in order}
    meant = [id for id in order if states[id] is not State.PRECHECK_FAILED]
    refused = [id for id in order if states[id] is State.PRECHECK_FAILED]
    cut = _migration_ids_by_wave(batch, meant, ports)
    first = [id for id in meant if is_unfinished(states[id], batch)][:MOST_READ]
    sample = [*_even_sample(meant, SAMPLE), *_even_sample(refused, REFUSED_READ)]
    named = [id for ids in cut[: NAMES_READ // NAMED] for id in ids[:NAMED]]
    wanted = list(dict.fromkeys((*first, *sample, *named)))
    rows = {each.migration_id: each for each in ports.migrations.load_migrations(wanted)}
    unreadable = set(wanted) - rows.keys()
    states = {id: rows[id].state if id in rows else state for id, state in states.items() if id not in unreadable}
    counted = [rows[id] for id in sample if id in rows]
    number = sum(state is State.PRECHECK_FAILED for state in states.values())
    return PlanRows(states, rows, cut, counted, number, _refused_count(counted))


def _read_all(batch: Batch, ids: Sequence[str], ports: Ports) -> PlanRows:
    found = _migrations_in_wave_order(ports.migrations.load_migrations(ids), batch, ports)
    meant = [each.migration_id for each in found if each.state is not State.PRECHECK_FAILED]
    refused = len(found) - len(meant)
    states = {each.migration_id: each.state for each in found}
    rows = {each.migration_id: each for each in found}
    return PlanRows(states, rows, _migration_ids_by_wave(batch, meant, ports), found, refused, refused)


def _refused_count(found: Sequence[Migration]) -> int:
    return sum(each.state is State.PRECHECK_FAILED for each in found)


def _migrations_in_wave_order(found: Sequence[Migration], batch: Batch, ports: Ports) -> list[Migration]:
    """Return the migrations in the order that the acknowledgement fixed.

    Before the acknowledgement, sort the migrations by the keys that an acknowledgement would use.
    """
    by_name = sorted(found, key=name_as_sort_key)
    if not batch.policy.stores_order:
        return by_name
    places = ports.batches.waves(batch.batch_id).position_by_migration if batch.acknowledgement else {}
    if places:
        return sorted(by_name, key=lambda each: places.get(each.migration_id, len(places)))
    keys = _stored_sort_keys(batch, ports)
    return sorted(by_name, key=lambda each: keys.get(each.migration_id) or name_as_sort_key(each))


def _stored_order(batch: Batch, ids: Collection[str], ports: Ports) -> list[str]:
    """Return the ids in the batch's order, as far as it is stored. Without waves and an order, the ids are in no special order."""
    by_id = sorted(ids)
    if not batch.policy.stores_order:
        return by_id
    places = ports.batches.waves(batch.batch_id).position_by_migration if batch.acknowledgement else {}
    if places:
        return sorted(by_id, key=lambda id: places.get(id, len(places)))
    keys = _stored_sort_keys(batch, ports)
    return sorted(by_id, key=lambda id: (id not in keys, keys.get(id, ())))


def _stored_sort_keys(batch: Batch, ports: Ports) -> dict[str, list[str]]:
    return {id: key for page in ports.batches.wave_sort_keys(batch.batch_id) for id, key in page.items()}


def _migration_ids_by_wave(batch: Batch, meant: Sequence[str], ports: Ports) -> Sequence[Sequence[str]]:
    if not batch.policy.waves:
        return []
    return (ports.batches.waves(batch.batch_id) if batch.acknowledgement else []) or waves.divide_into_waves(
        meant, batch.policy.waves
    )


def _even_sample(ids: Sequence[str], most: int) -> list[str]:
    """At most ``most`` of the ids, at equal distances."""
    if len(ids) <= most:
        return list(ids)
    return [ids[number * len(ids) // most] for number in range(most)]
