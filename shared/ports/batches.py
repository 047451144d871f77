"""The batches' rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from shared.domain.batch import Batch, BatchLine, LeftOut, Terms, Waves
from shared.ports.migrations import Unreadable

NOTHING_FORGIVEN: Mapping[str, int] = MappingProxyType({})
LEFT_OUT_PAGE = 100
"""Number of left-out instances in a page; the last page may have fewer."""


@dataclass(frozen=True)
class BatchPage:
    """One page of batches; ``next_token`` is empty on the last."""

    batches: tuple[Batch, ...]
    next_token: str = ""
    unreadable: tuple[Unreadable, ...] = ()


@dataclass(frozen=True)
class Tally:
    """A batch's terms with its failed and its moved migrations, all read at one moment."""

    terms: Terms
    failed: frozenset[str]
    """The failures that count against the budget; a resume may have taken earlier ones off."""
    moved: frozenset[str]
    attempts: Mapping[str, int] = field(default_factory=dict, compare=False)
    """The failed attempt of each migration that counts as failed."""


class Batches(Protocol):
    """Every method raises Transient (Store.Unavailable) where Tablestore does not answer."""

    def create(self, batch: Batch) -> bool:
        """Put the row if no batch has that id; False if one exists."""

    def load(self, batch_id: str) -> Batch:
        """The row; raises Refused (Batch.NotFound)."""

    def terms(self, batch_id: str) -> Terms:
        """The part of the row that does not grow with the batch; raises Refused (Batch.NotFound)."""

    def dry_runs(self, batch_ids: Sequence[str]) -> frozenset[str]:
        """The ids of those batches that are dry runs. A batch whose row is missing or unreadable does not count as one."""

    def commit(
        self,
        before: Batch,
        after: Batch,
        *,
        line: BatchLine | None = None,
        forgiven: Mapping[str, int] = NOTHING_FORGIVEN,
        waves: Sequence[Sequence[str]] = (),
        left_out: Sequence[LeftOut] = (),
    ) -> None:
        """Write ``after`` (version = before's + 1) if the row's version is still ``before.version``; raises Stale (Batch.Moved).

        ``line`` goes into the batch's journal. ``forgiven`` are failed attempts that no longer count against the budget.
        ``waves`` are the migrations of each wave. They are written once, in place of the places that they were made
        from. ``left_out`` comes with the end of planning.
        """

    def places(self, batch_id: str) -> list[dict[str, list[str]]]:
        """What puts each migration in order, as far as it is noted, page by page; empty once the waves are written."""

    def note_places(self, batch_id: str, page: int, places: Mapping[str, list[str]]) -> None:
        """Note one page, in place of what that page was before."""

    def waves(self, batch_id: str) -> Waves:
        """The migrations of each wave; empty if the batch has none. Read once: the acknowledgement has fixed them."""

    def left_out(self, batch_id: str, page: int) -> tuple[LeftOut, ...]:
        """A page (from 0, ``LEFT_OUT_PAGE`` each) of the instances that the selection left out; empty after the last."""

    def journal(self, batch_id: str) -> list[BatchLine]:
        """The acts on the batch since its acknowledgement, oldest first."""

    def page(self, *, limit: int, token: str) -> BatchPage:
        """All batches, newest first."""

    def open(self, limit: int) -> list[Terms]:
        """Terms of the batches that the tick looks at (``needs_the_tick``): being planned, or with migrations to admit."""

    def awaiting_confirmation(self, *, limit: int, token: str) -> BatchPage:
        """Closed batches in which migrations wait for a person's confirmation, by id."""

    def count_outcome(self, batch_id: str, migration_id: str, outcome: str, attempt: int = 1) -> None:
        """Record that an attempt ``failed`` or ``moved``, or ``retried``, which takes back earlier failures.

        Repeating a call changes nothing; a late ``retried`` does not take back a failure of the attempt that it began. If a
        migration both moved and failed, the later attempt counts; within one attempt, the failure counts (a rollback).
        """

    def tally(self, batch_id: str) -> Tally:
        """The terms and the outcomes noted so far; raises Refused (Batch.NotFound)."""

    def with_tally(self, batch_id: str) -> tuple[Batch, Tally]:
        """The whole row and its tally, in one call; raises Refused (Batch.NotFound)."""
