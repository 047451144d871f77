"""The ports in memory: they behave as the adapters do on Tablestore and EventBridge. For unit tests and for the tests of the
API.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from typing import Any, cast

from shared.domain.accounts import UnusableAccount
from shared.domain.audit import AuditEntry, AuditOutcome, AuditRequest
from shared.domain.batch import Batch, BatchJournalEntry, BatchSummary, LeftOutInstance, Waves, awaits_confirmation, needs_tick
from shared.domain.codec import encode
from shared.domain.errors import Refused, Stale, Transient
from shared.domain.events import Event
from shared.domain.hold import Hold, HoldHistoryEntry, columns_after_act, hold_from_row, next_act_column
from shared.domain.inventory import Inventory
from shared.domain.ledger import LedgerEntry, SnapshotState
from shared.domain.limits import has_admission_priority
from shared.domain.migration import ADMITTED, JournalEntry, Migration, State, Step
from shared.domain.outbox import holds_only_event
from shared.ports.admission import LockHolder, SlotUse
from shared.ports.audit import AuditPage
from shared.ports.batches import LEFT_OUT_PAGE, NOTHING_FORGIVEN, BatchPage, BatchTally
from shared.ports.ledger import LedgerPage
from shared.ports.media_disks import MediaDiskPage
from shared.ports.migrations import MigrationPage, NewMigration, Outbox, UnreadableRow, WaitingMigration
from shared.ports.ports import Ports
from tests.support.protections import FakeProtections

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)


def _page(items: Sequence[Any], limit: int, token: str) -> tuple[tuple[Any, ...], str]:
    if token and not token.isdigit():
        raise Refused("Token.Invalid", "nextToken is not one of ours.", "Use the nextToken of the page before.")
    start = int(token or 0)
    return tuple(items[start : start + limit]), str(start + limit) if len(items) > start + limit else ""


@dataclass
class FakeClock:
    """A clock that stands still until a test moves it."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def pass_time(self, **amount: float) -> None:
        """Move the clock, for example ``pass_time(minutes=5)``."""
        self.at += timedelta(**amount)


@dataclass
class FakeIds:
    """Ids that count up."""

    given: int = 0

    def new_batch_id(self) -> str:
        self.given += 1
        return f"b{self.given:016x}"


@dataclass
class FakeBus:
    """Keeps the published events. With ``down`` it refuses them."""

    published: list[Event] = field(default_factory=list)
    down: bool = False

    def publish(self, events: Sequence[Event]) -> None:
        if self.down and events:
            raise Transient("Bus.PublishFailed", "The bus does not answer.")
        self.published.extend(events)

    @property
    def types(self) -> list[str]:
        """The last part of each published type, in order."""
        return [event.type.rpartition(":")[2] for event in self.published]


@dataclass
class _Row:
    migration: Migration
    journal: list[JournalEntry]
    outboxes: dict[int, Outbox] = field(default_factory=dict)
    due_at: datetime | None = None
    restarts: dict[str, datetime] = field(default_factory=dict)
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class FakeMigrations:
    """Rows by migration id, with the same conditions as the real table."""

    clock: FakeClock
    rows: dict[str, _Row] = field(default_factory=dict)

    def create(self, migration: Migration, entry: JournalEntry, events: Sequence[Event]) -> bool:
        if migration.migration_id in self.rows:
            return False
        row = _Row(migration, [entry], due_at=migration.due_at)
        if events:
            row.outboxes[migration.version] = Outbox(migration.version, (), tuple(events))
        self.rows[migration.migration_id] = row
        return True

    def create_migrations(self, made: Sequence[NewMigration]) -> list[bool]:
        return [self.create(*each) for each in made]

    def remove_last_outboxes(self, migrations: Sequence[Migration]) -> None:
        for each in migrations:
            self.remove_outbox(each, each.version)

    def commit_steps(self, steps: Sequence[Step]) -> list[bool]:
        return [False] * len(steps)

    def _row(self, migration_id: str) -> _Row:
        if migration_id not in self.rows:
            raise Refused("Migration.NotFound", f"There is no migration {migration_id}.", "List them.", status=404)
        return self.rows[migration_id]

    def load(self, migration_id: str, *, event_id: str = "") -> Migration:
        row = self._row(migration_id)
        boxes = row.outboxes.values()
        held = (box.version for box in boxes if holds_only_event(event_id, box.effects, [event.event_id for event in box.events]))
        return replace(row.migration, owes=tuple(sorted(row.outboxes)), received=next(held, 0)) if event_id else row.migration

    def load_migrations(self, migration_ids: Sequence[str]) -> list[Migration]:
        return [self.rows[each].migration for each in migration_ids if each in self.rows]

    def commit(self, step: Step) -> None:
        row = self._row(step.before.migration_id)
        if row.migration.version != step.before.version:
            raise Stale("Migration.Moved", "The row has moved on.", "Look again.")
        row.outboxes.pop(step.before.received, None)
        row.migration = step.after
        row.journal.append(step.entry)
        row.documents.update({name: dict(document) for name, document in step.documents.items()})
        row.due_at = step.after.due_at
        if step.effects or step.events:
            row.outboxes[step.after.version] = Outbox(step.after.version, step.effects, step.events)
            row.due_at = self.clock.now() + timedelta(minutes=2)

    def outboxes(self, migration_id: str) -> list[Outbox]:
        return [owed for _, owed in sorted(self._row(migration_id).outboxes.items())]

    def remove_outbox(self, migration: Migration, version: int) -> None:
        row = self._row(migration.migration_id)
        row.outboxes.pop(version, None)
        if row.migration.version == migration.version and not row.outboxes:
            row.due_at = row.migration.due_at

    def change_due_time(self, migration: Migration, due_at: datetime, *, percent: int | None = None) -> None:
        row = self._row(migration.migration_id)
        if row.migration.version == migration.version:
            row.outboxes.pop(migration.received, None)
            row.due_at = due_at
            if percent is not None:
                row.migration = replace(row.migration, progress=percent)

    def change_due_times(self, changes: Sequence[tuple[Migration, datetime]]) -> None:
        for each in changes:
            self.change_due_time(*each)

    def add_restart(self, migration_id: str, event_id: str, at: datetime, states: Collection[State]) -> bool:
        if self._row(migration_id).migration.state not in states:
            return False
        self._row(migration_id).restarts[event_id] = at
        return True

    def restart_count(self, migration_id: str) -> int:
        return len(self._row(migration_id).restarts)

    def list_due_and_postpone_unreadable(self, now: datetime, limit: int) -> list[Migration]:
        waiting = [
            (row.due_at, key) for key, row in self.rows.items() if row.outboxes or row.migration.state is not State.CONFIRMED
        ]
        due = sorted((due_at, key) for due_at, key in waiting if due_at is not None and due_at <= now)
        return [replace(self.rows[key].migration, owes=tuple(sorted(self.rows[key].outboxes))) for _, key in due[:limit]]

    def due_migration_page(self, until: datetime, *, limit: int) -> MigrationPage:
        return MigrationPage(tuple(self.list_due_and_postpone_unreadable(until, limit)))

    def postpone_unreadable_rows(self, migration_ids: Sequence[str], now: datetime) -> tuple[UnreadableRow, ...]:
        return ()  # a row in memory can always be read

    def migration_page_past_retention(self, now: datetime, *, limit: int, token: str) -> MigrationPage:
        found = [m for m in self._all() if m.state is State.CONFIRMED and m.due_at is not None and m.due_at <= now]
        return MigrationPage(tuple(found))

    def admission_queue(self, batch_id: str, limit: int, account_id: str = "") -> list[WaitingMigration]:
        mine = [m for m in self._all() if (m.batch_id, m.account_id) == (batch_id, account_id)]
        waiting = [m for m in mine if m.state in ADMITTED]
        in_turn = sorted(waiting, key=lambda m: (not has_admission_priority(m), m.entered_at))
        return [WaitingMigration(m.migration_id, has_admission_priority(m)) for m in in_turn[:limit]]

    def _all(self) -> list[Migration]:
        return [row.migration for _, row in sorted(self.rows.items())]

    def migration_page_of_batch(
        self, batch_id: str, *, state: State | None, limit: int, token: str, backward: bool = False
    ) -> MigrationPage:
        found = [m for m in self._all() if m.batch_id == batch_id and state in (None, m.state)]
        return MigrationPage(*_page(found[::-1] if backward else found, limit, token))

    def migrations_of_instance(self, instance_id: str, *, limit: int) -> list[Migration]:
        return [m for m in self._all() if m.instance_id == instance_id][:limit]

    def migration_ids_by_instance(self, limit: int) -> dict[str, tuple[str, ...]] | None:
        made = self._all()
        ids = {each.instance_id: tuple(m.migration_id for m in made if m.instance_id == each.instance_id) for each in made}
        return ids if len(made) <= limit else None

    def state_counts(self, batch_id: str) -> Counter[State]:
        return Counter(self.states_by_migration_id(batch_id).values())

    def states_by_migration_id(self, batch_id: str) -> dict[str, State]:
        return {each.migration_id: each.state for each in self._all() if each.batch_id == batch_id}

    def migration_page(self, *, state: State | None, limit: int, token: str) -> MigrationPage:
        return MigrationPage(*_page([m for m in self._all() if state in (None, m.state)], limit, token))

    def journal(self, migration_id: str) -> list[JournalEntry]:
        return list(self._row(migration_id).journal)

    def put_document(self, migration_id: str, name: str, document: Mapping[str, Any]) -> None:
        self._row(migration_id).documents[name] = dict(document)

    def stored_document(self, migration_id: str, name: str) -> dict[str, Any] | None:
        return self._row(migration_id).documents.get(name)


@dataclass
class FakeBatches:
    """Rows by batch id."""

    rows: dict[str, Batch] = field(default_factory=dict)
    failed: dict[str, dict[str, int]] = field(default_factory=dict)
    moved: dict[str, dict[str, int]] = field(default_factory=dict)
    forgiven: dict[str, dict[str, int]] = field(default_factory=dict)
    lines: dict[str, list[BatchJournalEntry]] = field(default_factory=dict)
    cut: dict[str, Waves] = field(default_factory=dict)
    without: dict[str, list[LeftOutInstance]] = field(default_factory=dict)
    pages: dict[str, dict[int, dict[str, list[str]]]] = field(default_factory=dict)

    def create(self, batch: Batch) -> bool:
        if batch.batch_id in self.rows:
            return False
        self.rows[batch.batch_id] = batch
        return True

    def load(self, batch_id: str) -> Batch:
        if batch_id not in self.rows:
            raise Refused("Batch.NotFound", f"There is no batch {batch_id}.", "List them.", status=404)
        return self.rows[batch_id]

    def load_summary(self, batch_id: str) -> BatchSummary:
        return self.load(batch_id).summary

    def ids_of_dry_runs(self, batch_ids: Sequence[str]) -> frozenset[str]:
        return frozenset(each for each in batch_ids if each in self.rows and self.rows[each].dry_run)

    def commit(
        self,
        before: Batch,
        after: Batch,
        *,
        line: BatchJournalEntry | None = None,
        forgiven: Mapping[str, int] = NOTHING_FORGIVEN,
        waves: Sequence[Sequence[str]] = (),
        left_out: Sequence[LeftOutInstance] = (),
    ) -> None:
        if self.rows[before.batch_id].version != before.version:
            raise Stale("Batch.Moved", "The row has moved on.", "Look again.")
        self.rows[before.batch_id] = after
        self.forgiven.setdefault(before.batch_id, {}).update(forgiven)
        self.lines.setdefault(before.batch_id, []).extend([line] if line else [])
        self.without.setdefault(before.batch_id, []).extend(left_out)
        if waves:
            for page in range(waves.pages if isinstance(waves, Waves) else 0):
                self.pages.get(before.batch_id, {}).pop(page, None)
            self.cut[before.batch_id] = Waves(tuple(ids) for ids in waves)

    def left_out_instance_page(self, batch_id: str, page: int) -> tuple[LeftOutInstance, ...]:
        return tuple(self.without.get(batch_id, ())[page * LEFT_OUT_PAGE :][:LEFT_OUT_PAGE])

    def wave_sort_keys(self, batch_id: str) -> list[dict[str, list[str]]]:
        return [page for _, page in sorted(self.pages.get(batch_id, {}).items())]

    def write_wave_sort_keys(self, batch_id: str, page: int, places: Mapping[str, list[str]]) -> None:
        self.pages.setdefault(batch_id, {})[page] = dict(places)

    def waves(self, batch_id: str) -> Waves:
        return self.cut.get(batch_id, Waves())

    def journal(self, batch_id: str) -> list[BatchJournalEntry]:
        return self.lines.get(batch_id, [])

    def batch_page(self, *, limit: int, token: str) -> BatchPage:
        newest_first = sorted(self.rows.values(), key=lambda batch: batch.created_at, reverse=True)
        return BatchPage(*_page(newest_first, limit, token))

    def open_batches(self, limit: int) -> list[BatchSummary]:
        return [b.summary for b in self.rows.values() if needs_tick(b.summary)][:limit]

    def batches_awaiting_confirmation(self, *, limit: int, token: str) -> BatchPage:
        found = sorted((b for b in self.rows.values() if awaits_confirmation(b.summary)), key=lambda each: each.batch_id)
        return BatchPage(*_page(found, limit, token))

    def write_attempt_outcome(self, batch_id: str, migration_id: str, outcome: str, attempt: int = 1) -> None:
        failed = self.failed.setdefault(batch_id, {})
        if outcome == "retried":
            if failed.get(migration_id, attempt) < attempt:
                del failed[migration_id]
            return
        noted = failed if outcome == "failed" else self.moved.setdefault(batch_id, {})
        noted[migration_id] = attempt

    def load_batch_and_tally(self, batch_id: str) -> tuple[Batch, BatchTally]:
        return self.load(batch_id), self.load_tally(batch_id)

    def load_tally(self, batch_id: str) -> BatchTally:
        failed, moved, forgiven = (kept.get(batch_id, {}) for kept in (self.failed, self.moved, self.forgiven))
        counted = {each: n for each, n in failed.items() if n >= moved.get(each, 0) and n > forgiven.get(each, 0)}
        return BatchTally(
            self.load_summary(batch_id),
            frozenset(counted),
            frozenset(each for each in moved if moved[each] > failed.get(each, 0)),
            counted,
        )


@dataclass
class FakeAdmission:
    """Locks and slots."""

    leases: dict[tuple[str, str, str], tuple[str, int]] = field(default_factory=dict)
    """Of each locked instance: the migration, and the attempt that took the lock."""
    held: dict[str, str] = field(default_factory=dict)
    since: dict[str, int] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)
    """The account of each migration that took a slot."""
    there: dict[str, str] = field(default_factory=dict)
    """The region of each migration that took a slot."""
    known: dict[str, UnusableAccount] = field(default_factory=dict)
    version: int = 0
    row: dict[str, Any] | None = None
    """The row of the hold."""

    def current_hold(self) -> Hold:
        return hold_from_row(self.row)

    def set_or_release_hold(self, seen: Hold, line: HoldHistoryEntry) -> bool:
        now = self.current_hold()
        if (seen.exists, seen.version, seen.unread) != (now.exists, now.version, now.unread):
            return False
        self.row = {**(self.row or {}), **columns_after_act(seen, line), next_act_column(seen): encode(line)}
        return True

    def acquire_instance_lock(
        self, region_id: str, instance_id: str, migration_id: str, attempt: int = 1, *, account: str = ""
    ) -> str:
        holder, since = self.leases.get((account, region_id, instance_id), (migration_id, 0))
        if holder == migration_id and since < attempt:
            self.leases[(account, region_id, instance_id)] = (migration_id, attempt)
        return holder

    def release_instance_lock(
        self, region_id: str, instance_id: str, migration_id: str, attempt: int = 1, *, account: str = ""
    ) -> None:
        holder, since = self.leases.get((account, region_id, instance_id), ("", 0))
        if holder == migration_id and since <= attempt:
            del self.leases[(account, region_id, instance_id)]

    def instance_lock_holder(self, region_id: str, instance_id: str, *, account: str = "") -> str:
        return self.leases.get((account, region_id, instance_id), ("", 0))[0]

    def acquire_group_lock(self, group: str, migration_id: str, attempt: int = 1) -> LockHolder:
        self.acquire_instance_lock("group", group, migration_id, attempt)
        return LockHolder(*self.leases.setdefault(("", "group", group), (migration_id, attempt)))

    def release_group_lock(self, group: str, migration_id: str, attempt: int = 1) -> None:
        self.release_instance_lock("group", group, migration_id, attempt)

    def group_lock_holders(self, groups: Sequence[str]) -> dict[str, LockHolder]:
        return {each: LockHolder(*self.leases["", "group", each]) for each in groups if ("", "group", each) in self.leases}

    def slot_use_and_current_hold(self, batch_id: str, migration_id: str = "", *, account: str = "") -> tuple[SlotUse, Hold]:
        room = self.slot_use(batch_id, migration_id, account=account)
        return replace(room, trouble=self.known.get(account)), self.current_hold()

    def slot_use(self, batch_id: str, migration_id: str = "", *, account: str = "") -> SlotUse:
        of_batch = sum(each == batch_id for each in self.held.values())
        since = self.since[migration_id] if migration_id in self.held else 0
        of_account = sum(self.where.get(each, "") == account for each in self.held)
        return SlotUse(self.version, of_account, of_batch, since)

    def accounts_of_slot_holders(self) -> dict[str, str]:
        return {each: account for each, account in self.where.items() if account and each in self.held}

    def unusable_accounts(self, accounts: Sequence[str]) -> dict[str, UnusableAccount]:
        return {each: self.known[each] for each in accounts if each in self.known}

    def write_account_refusal(self, trouble: UnusableAccount) -> None:
        self.known[trouble.account_id] = trouble

    def delete_account_refusal(self, account: str) -> None:
        self.known.pop(account, None)

    def slot_holders(self) -> dict[str, str]:
        return dict(self.held)

    def repair_counts_and_list_slot_holders(self) -> dict[str, str]:
        return self.slot_holders()

    def regions_of_slot_holders(self, batch_id: str) -> dict[str, str]:
        return {each: self.there.get(each, "") for each, batch in self.held.items() if batch == batch_id}

    def take_slot(
        self, seen: SlotUse, migration_id: str, batch_id: str, attempt: int = 1, *, account: str = "", region: str = ""
    ) -> bool:
        if seen.is_held_by_this_or_later_attempt(attempt):
            return True
        if seen.version != self.version or seen.since != self.slot_use(batch_id, migration_id).since:
            return False
        self.version += 1
        self.held[migration_id], self.since[migration_id] = batch_id, attempt
        self.where[migration_id] = account
        self.there |= {migration_id: region} if region else {}
        return True

    def release_slot(self, migration_id: str, batch_id: str, attempt: int = 1, *, account: str = "") -> None:
        if self.since.get(migration_id, 0) <= attempt:
            self.held.pop(migration_id, None)
            self.there.pop(migration_id, None)

    def delete_slot_count(self, batch_id: str) -> None:
        """Do nothing: this fake counts the slots that it holds."""


@dataclass
class FakeLedger:
    """Entries by migration and key."""

    entries: dict[tuple[str, str], LedgerEntry] = field(default_factory=dict)

    def write_entry(self, entry: LedgerEntry) -> None:
        before = self.entries.get((entry.migration_id, entry.key))
        if before and before.sweep_at and before.state is not SnapshotState.SWEPT and not entry.sweep_at:
            raise Stale("Ledger.Scheduled", "It was given its time to be swept.", "Nothing to do.")
        self.entries[(entry.migration_id, entry.key)] = entry

    def write_entries(self, entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
        for entry in entries:
            self.write_entry(entry)
        return []

    def write_new_entry(self, entry: LedgerEntry) -> LedgerEntry:
        return self.entries.setdefault((entry.migration_id, entry.key), entry)

    def entries_of_migration(self, migration_id: str) -> list[LedgerEntry]:
        return [entry for (owner, _), entry in sorted(self.entries.items()) if owner == migration_id]

    def entries_of_migrations(self, migration_ids: Sequence[str]) -> dict[str, list[LedgerEntry]]:
        return {each: self.entries_of_migration(each) for each in migration_ids}

    def entries_due_for_sweep(self, now: datetime, *, limit: int, token: str) -> LedgerPage:
        waiting = [e for e in self.entries.values() if e.state is not SnapshotState.SWEPT and e.sweep_at and e.sweep_at <= now]
        return LedgerPage(tuple(sorted(waiting, key=lambda entry: entry.sweep_at or now)))

    def ledger_entry_page(self, *, limit: int, token: str) -> LedgerPage:
        return LedgerPage(*_page([entry for _, entry in sorted(self.entries.items())], limit, token))


@dataclass
class FakeAudit:
    """Keeps lines in order. With ``down`` it refuses to write."""

    rows: dict[str, AuditEntry] = field(default_factory=dict)
    down: bool = False

    def begin_audit_entry(self, asked: AuditRequest) -> str:
        if self.down:
            raise Transient("Store.Unavailable", "Tablestore does not answer.")
        entry = f"{asked.at.date().isoformat()}/{len(self.rows):06d}"
        self.rows[entry] = AuditEntry(entry, asked)
        return entry

    def complete_audit_entry(self, entry: str, answered: AuditOutcome) -> None:
        if self.down:
            raise Transient("Store.Unavailable", "Tablestore does not answer.")
        if self.rows[entry].answered is None:
            self.rows[entry] = replace(self.rows[entry], answered=answered)

    def audit_line_page(self, first: date, last: date, *, limit: int, token: str) -> AuditPage:
        days = [line for entry, line in self.rows.items() if first.isoformat() <= entry[:10] <= last.isoformat()]
        lines, following = _page(days[::-1], limit, token)
        return AuditPage(lines, following)


@dataclass
class FakeInventory:
    """Keeps the last inventory."""

    last: Inventory | None = None

    def write_inventory(self, inventory: Inventory) -> None:
        self.last = inventory

    def last_inventory(self) -> Inventory | None:
        return self.last


@dataclass
class FakeTicks:
    """Keeps the time of the last tick. With ``error`` it raises the error."""

    last: datetime | None = None
    error: Exception | None = None

    def write_tick_time(self, at: datetime) -> None:
        if self.error:
            raise self.error
        self.last = at

    def last_tick_time(self) -> datetime | None:
        if self.error:
            raise self.error
        return self.last


class NoMediaDisks:
    """The rows of media disks, of which there are none."""

    def may_have_rows(self) -> bool:
        return False

    def media_disk_page(self, *, limit: int, token: str) -> MediaDiskPage:
        return MediaDiskPage(())


@dataclass
class Fakes:
    """All fakes, and the ``Ports`` made of them. Compute, guest and drivers are those that a test passes in."""

    clock: FakeClock = field(default_factory=FakeClock)
    ids: FakeIds = field(default_factory=FakeIds)
    bus: FakeBus = field(default_factory=FakeBus)
    batches: FakeBatches = field(default_factory=FakeBatches)
    admission: FakeAdmission = field(default_factory=FakeAdmission)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    migrations: FakeMigrations = field(init=False)
    audit: FakeAudit = field(default_factory=FakeAudit)
    sign_in: Any = None
    inventory: FakeInventory = field(default_factory=FakeInventory)
    protections: FakeProtections = field(default_factory=FakeProtections)
    ticks: FakeTicks = field(default_factory=FakeTicks)
    media_disks: Any = field(default_factory=NoMediaDisks)
    compute: Any = None
    guest: Any = None
    drivers: dict[str, Any] = field(default_factory=dict)
    regions: tuple[str, ...] = ("cn-hangzhou",)
    account_id: str = ""
    accounts: Any = None

    def __post_init__(self) -> None:
        self.migrations = FakeMigrations(self.clock)

    @property
    def ports(self) -> Ports:
        """The ports as a stage receives them."""
        return Ports(
            clock=self.clock,
            ids=self.ids,
            bus=self.bus,
            migrations=cast(Any, self.migrations),
            batches=self.batches,
            admission=self.admission,
            ledger=self.ledger,
            audit=self.audit,
            inventory=self.inventory,
            media_disks=self.media_disks,
            protections=self.protections,
            ticks=self.ticks,
            sign_in=self.sign_in,
            compute=self.compute,
            guest=self.guest,
            drivers=self.drivers,
            regions=self.regions,
            account_id=self.account_id,
            accounts=self.accounts,
        )
