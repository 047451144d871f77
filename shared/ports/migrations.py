"""The migrations' rows: one wide row each, changed by conditional steps only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from shared.domain.effects import Effect
from shared.domain.events import Event
from shared.domain.migration import JournalEntry, Migration, State, Step


@dataclass(frozen=True)
class Outbox:
    """An outbox: the version of its step, and the effects and events that are not carried out yet."""

    version: int
    effects: tuple[Effect, ...]
    events: tuple[Event, ...]


class Created(NamedTuple):
    """A new row: the migration, its first journal line and its first events."""

    migration: Migration
    entry: JournalEntry
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Unreadable:
    """A row that this version does not understand. It stays as it is, because a later version or a person can read it."""

    id: str
    cause: str


@dataclass(frozen=True)
class Page:
    """One page of migrations; ``next_token`` is empty on the last."""

    migrations: tuple[Migration, ...]
    next_token: str = ""
    unreadable: tuple[Unreadable, ...] = ()


@dataclass(frozen=True)
class Waiting:
    """A migration that waits for admission, with its place in the queue."""

    migration_id: str
    first: bool
    """Whether it is a next hop, which goes before all others."""


class Migrations(Protocol):
    """Every method raises Transient (Store.Unavailable) where Tablestore does not answer."""

    def create(self, migration: Migration, entry: JournalEntry, events: Sequence[Event]) -> bool:
        """Put the row with its first journal line and outbox if no row has that id; False if one exists."""

    def create_many(self, made: Sequence[Created]) -> list[bool]:
        """Put many rows in few calls; for each row, whether it was put now.

        If a row gives False, its outbox is left to the tick.
        """

    def settle_many(self, made: Sequence[Migration]) -> None:
        """Settle the first version of many new rows in few calls."""

    def load(self, migration_id: str) -> Migration:
        """The row; raises Refused (Migration.NotFound)."""

    def load_many(self, migration_ids: Sequence[str]) -> list[Migration]:
        """The rows that exist, at most 100 ids."""

    def commit(self, step: Step) -> None:
        """Write ``step.after``, its journal line, documents and outbox, if the row is still at the version of ``step.before``.

        Raises Stale (Migration.Moved) if it is not. A row with an outbox is due soon, so that the tick finds it.
        """

    def outboxes(self, migration_id: str) -> list[Outbox]:
        """The outboxes that are not settled, oldest first."""

    def settle(self, migration: Migration, version: int) -> None:
        """Remove the outbox of ``version`` and, if the row has not moved since, restore its own due time."""

    def nudge(self, migration: Migration, due_at: datetime, *, percent: int | None = None) -> None:
        """Set when the row is looked at again; does nothing if it has moved on. This is not a step, so the version stays.

        ``percent`` is the job's progress, for display only.
        """

    def note_restart(self, migration_id: str, event_id: str, at: datetime, states: Collection[State]) -> bool:
        """Record a restart if the migration is in one of the states; the same event counts once.

        False if it is in another state.
        """

    def restarts(self, migration_id: str) -> int:
        """How many restarts were seen."""

    def due(self, now: datetime, limit: int) -> list[Migration]:
        """The rows due by ``now``, longest overdue first. An unreadable row is put off for LONGEST_BACK_OFF."""

    def waiting_for_tick(self, until: datetime, *, limit: int) -> Page:
        """Rows that wait for the tick until then, longest overdue first; reading puts nothing off."""

    def step_aside(self, migration_ids: Sequence[str], now: datetime) -> tuple[Unreadable, ...]:
        """Move the unreadable rows to the end of their queue; returns them."""

    def past_retention(self, now: datetime, *, limit: int, token: str) -> Page:
        """Confirmed migrations whose retention ended before ``now`` and that are not complete, longest overdue first."""

    def ready(self, batch_id: str, limit: int, account_id: str = "") -> list[Waiting]:
        """The batch's migrations in one account that wait for admission.

        Next hops come first, then the others in the order in which they began to wait.
        """

    def of_batch(self, batch_id: str, *, state: State | None, limit: int, token: str) -> Page:
        """A batch's migrations."""

    def counts(self, batch_id: str) -> Counter[State]:
        """How many of a batch's migrations are in each state, by an index that lags a moment behind the rows."""

    def states(self, batch_id: str) -> dict[str, State]:
        """The state of each of a batch's migrations, by the same index."""

    def of_instance(self, instance_id: str, *, limit: int) -> list[Migration]:
        """All migrations that an instance ever had."""

    def all(self, *, state: State | None, limit: int, token: str) -> Page:
        """Migrations of any batch."""

    def journal(self, migration_id: str) -> list[JournalEntry]:
        """The complete history, oldest first; raises Refused (Migration.NotFound)."""

    def put_document(self, migration_id: str, name: str, document: Mapping[str, Any]) -> None:
        """Keep a large document (``baseline``) beside the row; the same name again replaces it."""

    def document(self, migration_id: str, name: str) -> dict[str, Any] | None:
        """A document kept beside the row."""
