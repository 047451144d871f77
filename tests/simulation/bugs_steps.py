"""Deliberate bugs in steps, locks, outboxes, the sweep and the clean-up. See mutants.py."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock

from shared.adapters import tables
from shared.adapters.admission import TablestoreAdmission
from shared.adapters.drivers import console, smc
from shared.adapters.drivers.sources import has_address_of_instance
from shared.adapters.guest import CloudAssistant
from shared.adapters.ledger import TablestoreLedger
from shared.adapters.migrations import TablestoreMigrations
from shared.adapters.store import Store
from shared.domain.effects import CleanUpDriver, ReleaseLock, RestoreProtection, ScheduleSweep
from shared.domain.ledger import LedgerEntry
from shared.domain.message import Message
from shared.domain.migration import Migration, State, Step
from shared.stages import advance, effects, migrate, protection, snapshot, sweep

Patch = Any


def no_wait() -> list[Patch]:
    return [
        mock.patch.object(snapshot, "_record_snapshot_if_finished", return_value=True),
        mock.patch.object(migrate, "_require_conditions_for_move"),
    ]


def no_retention() -> list[Patch]:
    schedule = effects._PERFORMERS[ScheduleSweep]

    def at_once(effect: ScheduleSweep, migration: Migration, ports: Any) -> None:
        schedule(replace(effect, retention_days=0), migration, ports)

    return [mock.patch.dict(effects._PERFORMERS, {ScheduleSweep: at_once})]


def anybodys() -> list[Patch]:
    swept = sweep._delete_snapshot

    def guessed(entry: LedgerEntry, owner: Migration | None, gone: list[LedgerEntry], ports: Any) -> bool:
        found = ports.compute.snapshots_of_instance(entry.region_id, entry.instance_id)
        made = sorted((each.created_at, each.snapshot_id) for each in found if each.disk_id == entry.disk_id)
        return swept(replace(entry, snapshot_id=made[0][1]) if made else entry, owner, gone, ports)

    return [mock.patch.object(sweep, "_delete_snapshot", guessed)]


def no_lock() -> list[Patch]:
    def granted(self: Any, region_id: str, instance_id: str, migration_id: str, attempt: int, *, account: str) -> str:
        return migration_id

    return [mock.patch.object(TablestoreAdmission, "acquire_instance_lock", granted)]


def address_alone() -> list[Patch]:
    """Any SMC source at the instance's address counts as the instance's own. In this mutant's scenarios two instances share
    an address.
    """
    results = CloudAssistant._list_command_results

    def of_both(self: CloudAssistant, region_id: str, instance_id: str) -> Iterator[Any]:
        twins = ("i-test0001", "i-test0002")
        for each in twins if instance_id in twins else (instance_id,):
            yield from results(self, region_id, each)

    return [
        mock.patch.object(console, "is_source_of_instance", has_address_of_instance),
        mock.patch.object(CloudAssistant, "_list_command_results", of_both),
    ]


def no_tick() -> list[Patch]:
    return [mock.patch.object(TablestoreMigrations, "list_due_and_postpone_unreadable", return_value=[])]


def lock_kept() -> list[Patch]:
    return [mock.patch.dict(effects._PERFORMERS, {ReleaseLock: lambda effect, migration, ports: None})]


def no_condition() -> list[Patch]:
    update = Store.update

    def blind(self: Store, table: str, key: Any, put: Any, remove: Any = (), **condition: Any) -> bool:
        return update(self, table, key, put, remove)

    return [mock.patch.object(Store, "update", blind)]


def line_lost() -> list[Patch]:
    columns = tables.step_columns

    def forgetful(taken: Step) -> dict[str, Any]:
        written = columns(taken)
        if taken.after.state is State.RESTARTING:
            del written[tables.numbered_column_name(tables.JOURNAL, taken.after.version)]
        return written

    return [mock.patch.object(tables, "step_columns", forgetful)]


def another_token() -> list[Patch]:
    """Every call has a client token of its own, so a repeated call is a new call."""
    tokens = (f"rp-{number}" for number in itertools.count())
    return [mock.patch.object(Migration, "client_token", side_effect=tokens)]


def launched_unseen() -> list[Patch]:
    return [mock.patch.object(smc, "_has_attempt_started_job", return_value=False)]


def behind() -> list[Patch]:
    """An old message is handled as a current one, even if the row has moved on."""

    def load_current(message: Message, ports: Any, states: frozenset[State]) -> Migration:
        return ports.migrations.load(str(message.data.get("migrationId", "")))  # type: ignore[no-any-return]

    return [mock.patch.object(advance, "load_current_migration", load_current)]


def unreleased() -> list[Patch]:
    """Every snapshot gets its sweep time when it is created, and the sweep does not check whether a person has released it."""
    put_new = TablestoreLedger.write_new_entry

    def put_due(self: TablestoreLedger, entry: LedgerEntry) -> LedgerEntry:
        return put_new(self, replace(entry, sweep_at=entry.created_at))

    return [
        mock.patch.object(TablestoreLedger, "write_new_entry", put_due),
        mock.patch.object(sweep, "may_sweep", return_value=True),
    ]


def nothing_cleaned() -> list[Patch]:
    return [mock.patch.dict(effects._PERFORMERS, {CleanUpDriver: lambda effect, migration, ports: None})]


def import_left() -> list[Patch]:
    return [mock.patch.object(smc, "IMPORT_ENDS", timedelta(0))]


def protection_kept() -> list[Patch]:
    """Neither the end of a migration nor the hourly look puts the deletion protection back."""
    kept = {RestoreProtection: lambda effect, migration, ports: None}
    return [
        mock.patch.dict(effects._PERFORMERS, kept),
        mock.patch.object(protection, "switch_off_leftover_protections", return_value=0),
    ]


def protected_again() -> list[Patch]:
    """Each attempt and each hop switches the deletion protection on, even if a person has switched it off."""
    return [mock.patch.object(protection, "was_protection_switched_on_before", return_value=False)]


def whole_outbox_removed() -> list[Patch]:
    """Whoever receives one event removes the whole outbox, although the outbox holds other events or effects too."""

    def any_of_them(event_id: str, effects: Any, event_ids: Sequence[str]) -> bool:
        return event_id in event_ids

    return [mock.patch.object(tables, "holds_only_event", any_of_them)]


def removed_unreceived() -> list[Patch]:
    """Each step removes an outbox with a single event, even if its invocation has received another message."""

    def whichever(row: dict[str, Any], event_id: str) -> int:
        for version in tables.versions_of_open_outboxes(row):
            held = json.loads(row[tables.numbered_column_name(tables.OUTBOX, version)])
            if not held["effects"] and len(held["events"]) == 1:
                return version
        return 0

    return [mock.patch.object(tables, "version_of_received_outbox", whichever)]
