"""The port for the migrations table. Each migration is one wide row. All changes of a row are conditional writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from shared.domain.effects import Effect
from shared.domain.events import Event
from shared.domain.migration import JournalEntry, Migration, State, Step
from shared.domain.record import dataclass


@dataclass(frozen=True)
class Outbox:
    """The effects and events of one step that are not carried out yet. The field ``version`` contains the version that the step
    wrote.
    """

    version: int
    effects: tuple[Effect, ...]
    events: tuple[Event, ...]


class NewMigration(NamedTuple):
    """The content of a new row: a migration, its first journal line and its first events."""

    migration: Migration
    entry: JournalEntry
    events: tuple[Event, ...]


@dataclass(frozen=True)
class UnreadableRow:
    """A row that this version cannot read.

    The row is left unchanged, because a later version or a person may be able to read the row.
    """

    id: str
    cause: str


@dataclass(frozen=True)
class MigrationPage:
    """One page of migrations. On the last page, ``next_token`` is empty."""

    migrations: tuple[Migration, ...]
    next_token: str = ""
    unreadable: tuple[UnreadableRow, ...] = ()


@dataclass(frozen=True)
class WaitingMigration:
    """A migration that waits for admission, and whether it comes first in the queue."""

    migration_id: str
    first: bool
    """Whether the migration waits for its next hop, and therefore comes first in the queue."""


class Migrations(Protocol):
    """The table of migrations. Every method raises Transient (Store.Unavailable) if Tablestore does not answer."""

    def create(self, migration: Migration, entry: JournalEntry, events: Sequence[Event]) -> bool:
        """Write the row of a new migration, with the first journal line and the first outbox.

        Returns False if a row with this id exists.
        """

    def create_migrations(self, made: Sequence[NewMigration]) -> list[bool]:
        """Write the rows of many new migrations in few calls. Returns True for each row that this call wrote.

        Existing rows are not changed; the tick carries out their outboxes.
        """

    def remove_last_outboxes(self, migrations: Sequence[Migration]) -> None:
        """Remove the outbox that the last step of each of these migrations wrote, in few calls. None of the migrations has another
        outbox.
        """

    def load(self, migration_id: str, *, event_id: str = "") -> Migration:
        """The migration with this id. Raises Refused (Migration.NotFound) if no such migration exists.

        The argument ``event_id`` is the id of the event that the caller has received. If an outbox holds nothing but this event,
        the field ``received`` names the outbox, and the next write of the row removes the outbox.
        """

    def load_migrations(self, migration_ids: Sequence[str]) -> list[Migration]:
        """The migrations with these ids. A hundred are read by one call. Ids without a row are left out."""

    def commit(self, step: Step) -> None:
        """Write the migration in its state after the step, with the step's journal line, documents and outbox. Remove the outbox
        that the field ``received`` of the migration before the step names.

        Raises Stale (Migration.Moved) if the row no longer has the version from which the step began. A row with an outbox becomes
        due soon, so that the tick finds the row if this process crashes.
        """

    def commit_steps(self, steps: Sequence[Step]) -> list[bool]:
        """Write many steps in few calls, each under the condition of ``commit``. Returns True for each step that was written.

        The caller commits every other step alone, which tells why the step cannot be written. A single step is never written.
        """

    def outboxes(self, migration_id: str) -> list[Outbox]:
        """The outboxes that are still in the migration's row, oldest first."""

    def remove_outbox(self, migration: Migration, version: int) -> None:
        """Remove the outbox that the step with this version wrote.

        If the row has not changed since that step, also restore the due time that the migration's state requires.
        """

    def change_due_time(self, migration: Migration, due_at: datetime, *, percent: int | None = None) -> None:
        """Set the time at which the tick reads the migration's row again. Does nothing if the row has changed. The row's version
        stays the same. The outbox that ``received`` names is removed.

        The argument ``percent`` is the job's progress, which is only displayed.
        """

    def change_due_times(self, changes: Sequence[tuple[Migration, datetime]]) -> None:
        """Do for many migrations in few calls what ``change_due_time`` does for one. A row that cannot be changed stays due."""

    def add_restart(self, migration_id: str, event_id: str, at: datetime, states: Collection[State]) -> bool:
        """Add a restart of the instance to the migration's row. Repeated calls with the same event count as one restart.

        Returns False, and records nothing, if the migration's state is not among ``states``.
        """

    def restart_count(self, migration_id: str) -> int:
        """The number of restarts recorded for the migration."""

    def list_due_and_postpone_unreadable(self, now: datetime, limit: int) -> list[Migration]:
        """List the migrations that are due by ``now``, longest overdue first. Postpones unreadable rows by LONGEST_BACK_OFF."""

    def due_migration_page(self, until: datetime, *, limit: int) -> MigrationPage:
        """A page of the migrations that are due by the given time, longest overdue first. Changes no row."""

    def postpone_unreadable_rows(self, migration_ids: Sequence[str], now: datetime) -> tuple[UnreadableRow, ...]:
        """Give a later due time to rows that this version cannot read, so that other rows come first.

        Returns the postponed rows.
        """

    def migration_page_past_retention(self, now: datetime, *, limit: int, token: str) -> MigrationPage:
        """A page of migrations in the state confirmed whose retention ended before ``now``, longest overdue first."""

    def admission_queue(self, batch_id: str, limit: int, account_id: str = "") -> list[WaitingMigration]:
        """The migrations of a batch that wait for admission in one account.

        Migrations that wait for their next hop come first. All other migrations follow in the order in which they began to wait.
        """

    def migration_page_of_batch(
        self, batch_id: str, *, state: State | None, limit: int, token: str, backward: bool = False
    ) -> MigrationPage:
        """A page of a batch's migrations, sorted by the name of their state. If ``state`` is given, the page has only migrations in
        this state.

        If ``backward`` is true, the order is reversed.
        """

    def state_counts(self, batch_id: str) -> Counter[State]:
        """Maps each state to the number of the batch's migrations in this state. The result comes from an index, which may lag
        behind the rows by a moment.
        """

    def states_by_migration_id(self, batch_id: str) -> dict[str, State]:
        """Maps migration ids to states, for all migrations of a batch. The result comes from an index, which may lag behind the
        rows by a moment.
        """

    def migrations_of_instance(self, instance_id: str, *, limit: int) -> list[Migration]:
        """All migrations of an instance, finished ones included."""

    def migration_ids_by_instance(self, limit: int) -> dict[str, tuple[str, ...]] | None:
        """The ids of all migrations, by the id of their instance. None if there are more than ``limit`` migrations.

        The result comes from an index, which may lag behind the rows by a moment.
        """

    def migration_page(self, *, state: State | None, limit: int, token: str) -> MigrationPage:
        """A page of the migrations of all batches. If ``state`` is given, the page has only migrations in this state."""

    def journal(self, migration_id: str) -> list[JournalEntry]:
        """The complete journal of a migration, oldest line first.

        Raises Refused (Migration.NotFound) if no such migration exists.
        """

    def put_document(self, migration_id: str, name: str, document: Mapping[str, Any]) -> None:
        """Store a large document, such as ``baseline``, with the migration. Replaces a stored document of the same name."""

    def stored_document(self, migration_id: str, name: str) -> dict[str, Any] | None:
        """A document stored with the migration; None if no document has this name."""
