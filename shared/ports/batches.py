"""The port for the batches table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from types import MappingProxyType
from typing import Protocol

from shared.domain.batch import Batch, BatchJournalEntry, BatchSummary, LeftOutInstance, Waves
from shared.domain.record import dataclass
from shared.ports.migrations import UnreadableRow

NOTHING_FORGIVEN: Mapping[str, int] = MappingProxyType({})
LEFT_OUT_PAGE = 100
"""Maximum number of instances on one page of the instances that a batch's selection left out."""


@dataclass(frozen=True)
class BatchPage:
    """One page of batches. On the last page, ``next_token`` is empty."""

    batches: tuple[Batch, ...]
    next_token: str = ""
    unreadable: tuple[UnreadableRow, ...] = ()


@dataclass(frozen=True)
class BatchTally:
    """The summary of a batch, and its failed and moved migrations, all read in one call."""

    summary: BatchSummary
    failed: frozenset[str]
    """The migrations whose failures count against the budget. When a person resumes a batch that has used up its budget, the
    batch's earlier failures no longer count.
    """
    moved: frozenset[str]
    attempts: Mapping[str, int] = field(default_factory=dict, compare=False)
    """Maps migration ids to the number of the last failed attempt, for all migrations that count as failed."""


class Batches(Protocol):
    """The table of batches. Every method raises Transient (Store.Unavailable) if Tablestore does not answer."""

    def create(self, batch: Batch) -> bool:
        """Write the row of a new batch. Returns False if a batch with this id exists."""

    def load(self, batch_id: str) -> Batch:
        """The batch with this id. Raises Refused (Batch.NotFound) if no such batch exists."""

    def load_summary(self, batch_id: str) -> BatchSummary:
        """The summary of a batch: the part of the batch's row that does not grow with the number of instances.

        Raises Refused (Batch.NotFound) if no such batch exists.
        """

    def ids_of_dry_runs(self, batch_ids: Sequence[str]) -> frozenset[str]:
        """The ids of dry runs among the given batch ids.

        A batch with a missing or unreadable row does not count as a dry run.
        """

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
        """Write the batch's new version ``after``. Raises Stale (Batch.Moved) if the stored row no longer has the version of
        ``before``.

        The argument ``line`` is added to the batch's journal. The argument ``forgiven`` maps migration ids to the last attempt
        whose failure no longer counts against the budget. The argument ``waves`` contains the migrations of each wave. A batch's
        waves are written only once. When the waves are written, the sort keys of the migrations are deleted. The argument
        ``left_out`` contains the instances that the selection left out, and is given when the planning ends.
        """

    def wave_sort_keys(self, batch_id: str) -> list[dict[str, list[str]]]:
        """The pages of sort keys of a batch's migrations. Each page maps migration ids to sort keys.

        The waves are made in the order of the sort keys, and then the sort keys are deleted.
        """

    def write_wave_sort_keys(self, batch_id: str, page: int, places: Mapping[str, list[str]]) -> None:
        """Write one page of the sort keys of a batch's migrations. Replaces a stored page with the same number."""

    def waves(self, batch_id: str) -> Waves:
        """The migrations of each wave; empty if the batch has no waves. Waves are cached, because written waves never change."""

    def left_out_instance_page(self, batch_id: str, page: int) -> tuple[LeftOutInstance, ...]:
        """A page of the instances that the selection left out. Page numbers begin at 0. A page after the last page is empty."""

    def journal(self, batch_id: str) -> list[BatchJournalEntry]:
        """The journal of the batch: every act on the batch since the acknowledgement, oldest first."""

    def batch_page(self, *, limit: int, token: str) -> BatchPage:
        """A page of all batches, newest first."""

    def open_batches(self, limit: int) -> list[BatchSummary]:
        """The summaries of the open batches. An open batch is being planned, or has migrations that wait for admission."""

    def batches_awaiting_confirmation(self, *, limit: int, token: str) -> BatchPage:
        """A page of the closed batches in which migrations wait for a person's confirmation, sorted by id."""

    def write_attempt_outcome(self, batch_id: str, migration_id: str, outcome: str, attempt: int = 1) -> None:
        """Write the outcome of an attempt to the batch's row: ``failed``, ``moved`` or ``retried``. A retry removes earlier
        failures from the count.

        A repeated call changes nothing. A retry that is recorded late removes failures of earlier attempts, but no failure of the
        retry's own attempt. If one attempt moved the instance and another attempt failed, the later attempt counts. An attempt that
        is recorded as both ``moved`` and ``failed``, as after a rollback, counts as failed.
        """

    def load_tally(self, batch_id: str) -> BatchTally:
        """The summary of a batch and the recorded outcomes. Raises Refused (Batch.NotFound) if no such batch exists."""

    def load_batch_and_tally(self, batch_id: str) -> tuple[Batch, BatchTally]:
        """A batch and its tally, read in one call. Raises Refused (Batch.NotFound) if no such batch exists."""
