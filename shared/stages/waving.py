"""Waves: fixed by the acknowledgement, and begun one after the other by the tick."""

from __future__ import annotations

from contextlib import suppress

from shared.domain import events, waves
from shared.domain.batch import Batch, Brake, Terms
from shared.domain.errors import Stale
from shared.domain.migration import TERMINAL, Migration, State
from shared.ports.ports import Ports
from shared.stages.closing import SETTLED


def frozen(batch: Batch, ports: Ports) -> list[tuple[str, ...]]:
    """The waves of a batch that is being acknowledged: by name, then id.

    Refused migrations belong to the last wave, in case they move after all.
    """
    found: list[Migration] = []
    token = ""
    while True:
        page = ports.migrations.of_batch(batch.batch_id, state=None, limit=100, token=token)
        found += page.migrations
        token = page.next_token
        if not token:
            break
    ordered = sorted(found, key=lambda each: (each.instance_name, each.instance_id))
    first = [each.migration_id for each in ordered if each.state not in TERMINAL]
    cut = waves.cut(first, batch.policy.waves) or [()]
    return [*cut[:-1], (*cut[-1], *(each.migration_id for each in ordered if each.state in TERMINAL))]


def advance_wave(terms: Terms, ports: Ports) -> None:
    """Record that the open wave has ended, or begin the next one once the soak is over and no approval is needed."""
    if terms.control.brake is not Brake.OFF:
        return
    found, now = ports.batches.waves(terms.batch_id), ports.clock.now()
    if terms.control.wave + 1 >= len(found) or under_way(terms, found, ports):
        return
    batch = ports.batches.load(terms.batch_id)
    if batch.version != terms.version:
        return  # the next tick looks at it as it is then
    begins = waves.soak_ends_at(terms)
    with suppress(Stale):
        if begins is None:
            after = waves.ended(batch, now)
            ports.bus.publish([_finished(after, found)])  # first: the same event twice is one event
            ports.batches.commit(batch, after)
        elif waves.may_begin(terms, now):
            after, line = waves.begun(batch, "watch", now)
            ports.batches.commit(batch, after, line=line)


def under_way(terms: Terms, found: list[tuple[str, ...]], ports: Ports) -> list[str]:
    """Of the waves so far, the migrations that have not ended: neither validated nor failed, refused or cancelled.

    A retry brings a wave that had ended under way again.
    """
    states = ports.migrations.states(terms.batch_id)
    ids = [id for wave in found[: terms.control.wave + 1] for id in wave]
    return [id for id in ids if states.get(id, State.ACCEPTED) not in SETTLED]


def _finished(after: Batch, found: list[tuple[str, ...]]) -> events.Event:
    wave = after.control.wave
    told = {"wave": wave + 1, "waves": len(found), "size": len(found[wave]), "version": after.version}
    asks = after.policy.gate == waves.BY_HAND
    return events.batch_event(after.batch_id, events.WAVE_FINISHED, **told, soakMin=after.policy.soak_min, asksPerson=asks)
