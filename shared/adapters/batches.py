"""Stores batches as rows in Tablestore."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress

from shared.adapters import tables
from shared.adapters.migrations import values_of_readable_rows
from shared.adapters.page_tokens import first_key_of_page, page_token
from shared.adapters.store import AtMost, Columns, HighestKey, Key, LowestKey, RowRange, Store, WriteInDoubt
from shared.domain.batch import Batch, BatchJournalEntry, BatchSummary, LeftOutInstance, Waves, awaits_confirmation, needs_tick
from shared.domain.codec import encode
from shared.domain.errors import Bug, Permanent, Refused, Stale
from shared.ports.batches import NOTHING_FORGIVEN, BatchPage, BatchTally
from shared.ports.migrations import UnreadableRow

MOST_PAGES = 10
"""Maximum number of pages that are read to list the open batches. Some pages may contain only unreadable rows."""
MOST_WAVES_CACHED = 4
"""Maximum number of batches whose waves a function keeps in memory. The waves of ten thousand migrations take about 2 MB."""


class TablestoreBatches:
    """Implements the port ``Batches`` with Tablestore."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._cut: dict[str, Waves] = {}
        """Maps the ids of a few batches to the cached waves of these batches.

        Waves never change once they are written.
        """

    def create(self, batch: Batch) -> bool:
        try:
            return self._store.put_new(tables.BATCHES, _batch_key(batch.batch_id), tables.batch_columns(batch))
        except WriteInDoubt:
            return self.load(batch.batch_id) == batch

    def load(self, batch_id: str) -> Batch:
        row = self._store.get(tables.BATCHES, _batch_key(batch_id), between=tables.WHOLE_DOC)
        if row is None:
            raise _batch_not_found_error(batch_id)
        return tables.batch_from_row(row)

    def load_summary(self, batch_id: str) -> BatchSummary:
        return self._stored_summary(batch_id, self._store.get(tables.BATCHES, _batch_key(batch_id), between=tables.TERMS))

    def ids_of_dry_runs(self, batch_ids: Sequence[str]) -> frozenset[str]:
        rows = self._store.get_rows(tables.BATCHES, list(map(_batch_key, batch_ids)), tables.TERMS) if batch_ids else []
        found = values_of_readable_rows(lambda row: self._stored_summary(row["batch_id"], row), rows)
        return frozenset(each.batch_id for each in found if each.dry_run)

    def _stored_summary(self, batch_id: str, row: Columns | None) -> BatchSummary:
        return tables.batch_summary_from_row(row or {}) or self.load(batch_id).summary

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
        columns = tables.batch_columns(after) | {tables.FORGIVEN + each: attempt for each, attempt in forgiven.items()}
        columns |= {
            tables.numbered_column_name(tables.WAVE, place): tables.json_column_text("wave", list(ids))
            for place, ids in enumerate(waves)
        }
        columns |= tables.left_out_instance_columns(left_out)
        if line is not None:
            columns[tables.numbered_column_name(tables.JOURNAL, after.version)] = tables.json_column_text("journal", encode(line))
        pages = range(waves.pages if isinstance(waves, Waves) else 0)
        remove = (
            *(() if "open_lane" in columns else ("open_lane",)),
            *(tables.numbered_column_name(tables.PLACES, each) for each in pages),
        )
        version = {"version": before.version}
        try:
            written = self._store.update(tables.BATCHES, _batch_key(before.batch_id), columns, remove, expect=version)
        except WriteInDoubt:
            written = self.load(before.batch_id) == after
        if not written:
            sentence = f"Batch {before.batch_id} is no longer at version {before.version}."
            raise Stale("Batch.Moved", sentence, "Read it again and decide again.")

    def waves(self, batch_id: str) -> Waves:
        if batch_id in self._cut:
            return self._cut[batch_id]
        row = self._store.get(tables.BATCHES, _batch_key(batch_id), between=tables.column_range_of_prefix(tables.WAVE)) or {}
        found = Waves(tuple(json.loads(row[name])) for name in sorted(row) if name.startswith(tables.WAVE))
        if found:
            if len(self._cut) >= MOST_WAVES_CACHED:
                self._cut.pop(next(iter(self._cut)))
            self._cut[batch_id] = found
        return found

    def left_out_instance_page(self, batch_id: str, page: int) -> tuple[LeftOutInstance, ...]:
        name = tables.numbered_column_name(tables.LEFT_OUT, page)
        row = self._store.get(tables.BATCHES, _batch_key(batch_id), between=(name, name + "0")) or {}
        return tables.left_out_instances_from_column(row[name]) if name in row else ()

    def wave_sort_keys(self, batch_id: str) -> list[dict[str, list[str]]]:
        row = self._store.get(tables.BATCHES, _batch_key(batch_id), between=tables.column_range_of_prefix(tables.PLACES)) or {}
        return [json.loads(row[name]) for name in sorted(row) if name.startswith(tables.PLACES)]

    def write_wave_sort_keys(self, batch_id: str, page: int, places: Mapping[str, list[str]]) -> None:
        written = {tables.numbered_column_name(tables.PLACES, page): tables.json_column_text("places", dict(places))}
        self._store.update(tables.BATCHES, _batch_key(batch_id), written)

    def journal(self, batch_id: str) -> list[BatchJournalEntry]:
        row = self._store.get(tables.BATCHES, _batch_key(batch_id), between=tables.column_range_of_prefix(tables.JOURNAL)) or {}
        return [tables.batch_journal_entry_from_column(row[name]) for name in sorted(row) if name.startswith(tables.JOURNAL)]

    def batch_page(self, *, limit: int, token: str) -> BatchPage:
        listing = ("listing", tables.ALL)
        start = first_key_of_page(token, (listing, ("created_at", HighestKey), ("batch_id", HighestKey)))
        end = (listing, ("created_at", LowestKey), ("batch_id", LowestKey))
        found, following = self._store.read_range(RowRange(tables.BY_CREATED, start, end, backward=True), limit=limit)
        rows = self._store.get_rows(tables.BATCHES, [_batch_key(row["batch_id"]) for row in found], tables.DOC_AND_CONTROL)
        unreadable = [UnreadableRow(row["batch_id"], cause) for row in rows if (cause := _reason_row_is_unreadable(row))]
        return BatchPage(tuple(values_of_readable_rows(tables.batch_from_row, rows)), page_token(following), tuple(unreadable))

    def open_batches(self, limit: int) -> list[BatchSummary]:
        lane = ("open_lane", tables.OPEN)
        following: Key | None = (lane, ("batch_id", LowestKey))
        summary: list[BatchSummary] = []
        for _ in range(MOST_PAGES):  # unreadable rows do not count towards the limit, so more pages may be needed
            found, following = self._store.read_range(
                RowRange(tables.BY_OPEN, following or (), (lane, ("batch_id", HighestKey))), limit=limit - len(summary)
            )
            rows = self._store.get_rows(tables.BATCHES, [_batch_key(row["batch_id"]) for row in found], tables.TERMS)
            # The index may be older than the rows, so the row's own state is checked again.
            summary += [
                each
                for each in values_of_readable_rows(lambda row: self._stored_summary(row["batch_id"], row), rows)
                if needs_tick(each)
            ]
            if not following or len(summary) >= limit:
                break
        return summary

    def batches_awaiting_confirmation(self, *, limit: int, token: str) -> BatchPage:
        lane = ("open_lane", tables.CONFIRM)
        start, end = first_key_of_page(token, (lane, ("batch_id", LowestKey))), (lane, ("batch_id", HighestKey))
        found, following = self._store.read_range(RowRange(tables.BY_OPEN, start, end), limit=limit)
        rows = self._store.get_rows(tables.BATCHES, [_batch_key(row["batch_id"]) for row in found], tables.DOC_AND_CONTROL)
        read = values_of_readable_rows(tables.batch_from_row, rows)
        return BatchPage(tuple(each for each in read if awaits_confirmation(each.summary)), page_token(following))

    def write_attempt_outcome(self, batch_id: str, migration_id: str, outcome: str, attempt: int = 1) -> None:
        columns = {"failed": tables.FAILED, "moved": tables.MOVED, "retried": tables.FAILED}
        if outcome not in columns:
            raise Bug(f"{outcome!r} is no outcome")
        column = columns[outcome] + migration_id
        if outcome != "retried":
            self._store.update(tables.BATCHES, _batch_key(batch_id), {column: attempt})
            return
        with suppress(WriteInDoubt):  # the first request has already removed the failure
            self._store.update(tables.BATCHES, _batch_key(batch_id), {}, (column,), expect={column: AtMost(attempt - 1)})

    def load_tally(self, batch_id: str) -> BatchTally:
        return self._tally_from_row(batch_id, self._store.get(tables.BATCHES, _batch_key(batch_id), between=tables.TALLY) or {})

    def load_batch_and_tally(self, batch_id: str) -> tuple[Batch, BatchTally]:
        row = self._store.get(tables.BATCHES, _batch_key(batch_id), between=tables.DOC_AND_TALLY)
        if row is None:
            raise _batch_not_found_error(batch_id)
        return tables.batch_from_row(row), self._tally_from_row(batch_id, row)

    def _tally_from_row(self, batch_id: str, row: Columns) -> BatchTally:
        failed, moved = _attempts_by_migration_id(row, tables.FAILED), _attempts_by_migration_id(row, tables.MOVED)
        forgiven = _attempts_by_migration_id(row, tables.FORGIVEN)
        # If both failed and validated are recorded, the later attempt counts. Within one attempt the failure counts: a person
        # rolled the migration back after its validation.
        lost = {each: attempt for each, attempt in failed.items() if attempt >= moved.get(each, 0)}
        counted = {each: attempt for each, attempt in lost.items() if attempt > forgiven.get(each, 0)}
        return BatchTally(
            self._stored_summary(batch_id, row),
            frozenset(counted),
            frozenset(each for each, attempt in moved.items() if attempt > failed.get(each, 0)),
            counted,
        )


def _reason_row_is_unreadable(row: Columns) -> str:
    """The reason why the row cannot be read as a batch; empty if the row can be read."""
    try:
        tables.batch_from_row(row)
    except Permanent as error:
        return error.message
    return ""


def _batch_not_found_error(batch_id: str) -> Refused:
    return Refused("Batch.NotFound", f"There is no batch {batch_id}.", "See which there are: replank status.", status=404)


def _batch_key(batch_id: str) -> Key:
    return (("batch_id", batch_id),)


def _attempts_by_migration_id(row: Columns, prefix: str) -> dict[str, int]:
    """Maps migration ids to attempt numbers. The number is in the column whose name is the prefix, followed by the migration id."""
    return {name[len(prefix) :]: int(attempt) for name, attempt in row.items() if name.startswith(prefix)}
