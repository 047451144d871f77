"""Deliberate bugs in the limits of starts: slots, windows, groups, approvals. See mutants.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import timezone
from typing import Any
from unittest import mock

from shared.adapters.batches import TablestoreBatches
from shared.adapters.store import Store
from shared.domain import limits
from shared.domain.batch import BatchSummary
from shared.domain.effects import CountOutcome
from shared.domain.limits import Limit, StartKind
from shared.domain.migration import Migration
from shared.domain.window import Window
from shared.stages import effects, groups, migrate, slots, snapshot
from shared.stages.crowds import SlotCounts

Patch = Any
RETRIES = (StartKind.RETRY_SNAPSHOT, StartKind.RETRY_JOB, StartKind.RETRY_LOOK)
HOPS = (StartKind.HOP_SNAPSHOT, StartKind.HOP_JOB)


def _without(limit: Limit, *starts: StartKind) -> list[Patch]:
    """Remove this limit from the given starts; from all starts if none is given."""
    free = starts or tuple(StartKind)
    return [mock.patch.dict(limits.LIMITS_OF_START, {start: limits.LIMITS_OF_START[start] - {limit} for start in free})]


def no_retry_window() -> list[Patch]:
    return _without(Limit.WINDOW, *RETRIES)


def no_retry_budget() -> list[Patch]:
    return _without(Limit.BUDGET, *RETRIES)


def no_retry_canary() -> list[Patch]:
    return _without(Limit.CANARY, *RETRIES)


def no_hop_window() -> list[Patch]:
    return _without(Limit.WINDOW, *HOPS)


def no_pause() -> list[Patch]:
    return _without(Limit.PAUSE)


def no_pause_at_budget() -> list[Patch]:
    """Neither the pause at the budget nor the budget itself stops a start."""
    both = {Limit.PAUSE, Limit.BUDGET}
    return [mock.patch.dict(limits.LIMITS_OF_START, {start: had - both for start, had in limits.LIMITS_OF_START.items()})]


def no_approval() -> list[Patch]:
    return _without(Limit.APPROVAL)


def no_hold() -> list[Patch]:
    return _without(Limit.HOLD)


def hop_waits_for_budget() -> list[Patch]:
    """The failures of other migrations stop a route that has already begun."""
    return [mock.patch.dict(limits.LIMITS_OF_START, {start: limits.LIMITS_OF_START[start] | {Limit.BUDGET} for start in HOPS})]


def no_acknowledgement() -> list[Patch]:
    """Neither the admission nor the check of the frozen selection requires the acknowledgement."""
    return [
        *_without(Limit.ACKNOWLEDGEMENT),
        *(mock.patch.object(place, "require_acknowledgement") for place in (snapshot, migrate)),
    ]


def no_limit() -> list[Patch]:
    def endless(summary: BatchSummary, standing: limits.AdmissionCounts, *, account_limit: int) -> int:
        return 99

    return [mock.patch.object(limits, "free_slot_count", endless)]


def no_budget() -> list[Patch]:
    tally = TablestoreBatches.load_tally

    def rosy(self: TablestoreBatches, batch_id: str) -> Any:
        return replace(tally(self, batch_id), failed=frozenset())

    return [mock.patch.object(TablestoreBatches, "load_tally", rosy)]


def no_wave_budget() -> list[Patch]:
    """Only the failures of the whole batch are compared with a budget."""
    return [mock.patch.object(limits, "_why_wave_budget_spent", return_value="")]


def count_lost() -> list[Patch]:
    count = effects._PERFORMERS[CountOutcome]

    def forgetful(effect: CountOutcome, migration: Migration, ports: Any) -> None:
        if effect.outcome != "failed":
            count(effect, migration, ports)

    return [mock.patch.dict(effects._PERFORMERS, {CountOutcome: forgetful})]


def no_account_limit() -> list[Patch]:
    """The admission counts free slots by a higher limit than the configured one."""
    free = limits.free_slot_count

    def counted(summary: BatchSummary, standing: limits.AdmissionCounts, *, account_limit: int) -> int:
        return free(summary, standing, account_limit=99)

    return [mock.patch.object(limits, "free_slot_count", counted)]


def no_canary() -> list[Patch]:
    return _without(Limit.CANARY)


def no_region_limit() -> list[Patch]:
    """Neither a start nor an offer checks how many instances of the region are moving."""
    return [
        *_without(Limit.REGION),
        mock.patch.object(SlotCounts, "count_migration_if_slot_free", return_value=True),
        mock.patch.object(SlotCounts, "free_slot_count_of_all_regions", return_value=99),
    ]


def no_wave_limit() -> list[Patch]:
    """Neither a start nor an offer asks how many of the wave move."""
    return [
        *_without(Limit.WAVE_SLOT),
        mock.patch.object(SlotCounts, "count_migration_if_slot_free", return_value=True),
        mock.patch.object(SlotCounts, "migration_ids_with_free_wave_slot", lambda self, ids: list(ids)),
    ]


def no_group() -> list[Patch]:
    """No start and no offer checks the place of its group, and none takes it."""
    return [
        *_without(Limit.GROUP),
        mock.patch.object(groups, "_groups_with_active_holder", return_value={}),
        *(mock.patch.object(place, "acquire_group_lock_if_grouped", return_value=None) for place in (slots, migrate)),
    ]


def place_is_anybodys() -> list[Patch]:
    """A migration takes the place of its group even if another member holds the place."""
    return [mock.patch.object(groups, "last_attempt_done_with_group_lock", lambda migration: migration.attempt)]


def no_window() -> list[Patch]:
    return [mock.patch.object(Window, "opened_at", lambda self, now: now)]


def no_blackout() -> list[Patch]:
    return _without(Limit.BLACKOUT)


def no_hop_blackout() -> list[Patch]:
    return _without(Limit.BLACKOUT, *HOPS)


def no_retry_blackout() -> list[Patch]:
    """A retry does not wait for its turn either. Otherwise, the tick would offer it no slot before the blackout ends."""
    free = {start: limits.LIMITS_OF_START[start] - {Limit.BLACKOUT, Limit.WINDOW} for start in RETRIES}
    return [mock.patch.dict(limits.LIMITS_OF_START, free)]


def zone_forgotten() -> list[Patch]:
    """The clock times of a window are read as UTC."""
    return [mock.patch.object(Window, "_time_zone", return_value=timezone.utc)]


def slot_lost() -> list[Patch]:
    """A slot is released with every step that leaves snapshots behind."""
    finish = snapshot._finish_snapshots

    def finished(migration: Migration, ports: Any) -> Any:
        ports.admission.release_slot(migration.migration_id, migration.batch_id)
        return finish(migration, ports)

    return [mock.patch.object(snapshot, "_finish_snapshots", finished)]


def miscounted() -> list[Patch]:
    """A released slot is still counted."""
    update = Store.update

    def added(self: Store, *arguments: Any, **options: Any) -> bool:
        fewer = any(number < 0 for number in (options.get("add") or {}).values())
        return update(self, *arguments, **{**options, "add": None} if fewer else options)

    return [mock.patch.object(Store, "update", added)]
