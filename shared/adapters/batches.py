"""Stores batches as rows in Tablestore."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress

from shared.adapters import tables
from shared.adapters.migrations import readable
from shared.adapters.page_tokens import start_of, token_of
from shared.adapters.store import AtMost, Columns, Highest, InDoubt, Key, Lowest, Range, Store
from shared.domain.batch import Batch, BatchLine, LeftOut, Terms, Waves, awaits_confirmation, needs_the_tick
from shared.domain.codec import encode
from shared.domain.errors import Bug, Permanent, Refused, Stale
from shared.ports.batches import NOTHING_FORGIVEN, BatchPage, Tally
from shared.ports.migrations import Unreadable

MOST_PAGES = 10
"""Maximum pages that one listing of open batches reads, because some rows may be unreadable."""
REMEMBERED = 4
"""Maximum batches whose waves a function keeps in memory. The waves of ten thousand migrations take about 2 MB."""


class TablestoreBatches:
    """Implements the port ``Batches`` with Tablestore."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._cut: dict[str, Waves] = {}
        """A cache of the waves of a few batches, by batch id. Waves never change after they are written."""

    def create(self, batch: Batch) -> bool:
        try:
            return self._store.put_new(tables.BATCHES, _key(batch.batch_id), tables.batch_columns(batch))
        except InDoubt:
            return self.load(batch.batch_id) == batch

    def load(self, batch_id: str) -> Batch:
        row = self._store.get(tables.BATCHES, _key(batch_id), between=tables.WHOLE_DOC)
        if row is None:
            raise _not_found(batch_id)
        return tables.batch_of(row)

    def terms(self, batch_id: str) -> Terms:
        return self._terms(batch_id, self._store.get(tables.BATCHES, _key(batch_id), between=tables.TERMS))

    def dry_runs(self, batch_ids: Sequence[str]) -> frozenset[str]:
        rows = self._store.many(tables.BATCHES, list(map(_key, batch_ids)), tables.TERMS) if batch_ids else []
        found = readable(lambda row: self._terms(row["batch_id"], row), rows)
        return frozenset(each.batch_id for each in found if each.dry_run)

    def _terms(self, batch_id: str, row: Columns | None) -> Terms:
        return tables.terms_of(row or {}) or self.load(batch_id).terms

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
        columns = tables.batch_columns(after) | {tables.FORGIVEN + each: attempt for each, attempt in forgiven.items()}
        columns |= {tables.numbered(tables.WAVE, place): tables.text("wave", list(ids)) for place, ids in enumerate(waves)}
        columns |= tables.left_out_columns(left_out)
        if line is not None:
            columns[tables.numbered(tables.JOURNAL, after.version)] = tables.text("journal", encode(line))
        pages = range(waves.pages if isinstance(waves, Waves) else 0)
        remove = (*(() if "open_lane" in columns else ("open_lane",)), *(tables.numbered(tables.PLACES, each) for each in pages))
        version = {"version": before.version}
        try:
            written = self._store.update(tables.BATCHES, _key(before.batch_id), columns, remove, expect=version)
        except InDoubt:
            written = self.load(before.batch_id) == after
        if not written:
            sentence = f"Batch {before.batch_id} is no longer at version {before.version}."
            raise Stale("Batch.Moved", sentence, "Read it again and decide again.")

    def waves(self, batch_id: str) -> Waves:
        if batch_id in self._cut:
            return self._cut[batch_id]
        row = self._store.get(tables.BATCHES, _key(batch_id), between=tables.columns_of(tables.WAVE)) or {}
        found = Waves(tuple(json.loads(row[name])) for name in sorted(row) if name.startswith(tables.WAVE))
        if found:
            if len(self._cut) >= REMEMBERED:
                self._cut.pop(next(iter(self._cut)))
            self._cut[batch_id] = found
        return found

    def left_out(self, batch_id: str, page: int) -> tuple[LeftOut, ...]:
        name = tables.numbered(tables.WITHOUT, page)
        row = self._store.get(tables.BATCHES, _key(batch_id), between=(name, name + "0")) or {}
        return tables.left_out_of(row[name]) if name in row else ()

    def places(self, batch_id: str) -> list[dict[str, list[str]]]:
        row = self._store.get(tables.BATCHES, _key(batch_id), between=tables.columns_of(tables.PLACES)) or {}
        return [json.loads(row[name]) for name in sorted(row) if name.startswith(tables.PLACES)]

    def note_places(self, batch_id: str, page: int, places: Mapping[str, list[str]]) -> None:
        written = {tables.numbered(tables.PLACES, page): tables.text("places", dict(places))}
        self._store.update(tables.BATCHES, _key(batch_id), written)

    def journal(self, batch_id: str) -> list[BatchLine]:
        row = self._store.get(tables.BATCHES, _key(batch_id), between=tables.columns_of(tables.JOURNAL)) or {}
        return [tables.batch_line_of(row[name]) for name in sorted(row) if name.startswith(tables.JOURNAL)]

    def page(self, *, limit: int, token: str) -> BatchPage:
        listing = ("listing", tables.ALL)
        start = start_of(token, (listing, ("created_at", Highest), ("batch_id", Highest)))
        end = (listing, ("created_at", Lowest), ("batch_id", Lowest))
        found, following = self._store.range(Range(tables.BY_CREATED, start, end, backward=True), limit=limit)
        rows = self._store.many(tables.BATCHES, [_key(row["batch_id"]) for row in found], tables.DOC_AND_CONTROL)
        unreadable = [Unreadable(row["batch_id"], cause) for row in rows if (cause := _cause(row))]
        return BatchPage(tuple(readable(tables.batch_of, rows)), token_of(following), tuple(unreadable))

    def open(self, limit: int) -> list[Terms]:
        lane = ("open_lane", tables.OPEN)
        following: Key | None = (lane, ("batch_id", Lowest))
        terms: list[Terms] = []
        for _ in range(MOST_PAGES):  # rows that cannot be read take no other batch's place
            found, following = self._store.range(
                Range(tables.BY_OPEN, following or (), (lane, ("batch_id", Highest))), limit=limit - len(terms)
            )
            rows = self._store.many(tables.BATCHES, [_key(row["batch_id"]) for row in found], tables.TERMS)
            # The index lags behind the rows.
            terms += [each for each in readable(lambda row: self._terms(row["batch_id"], row), rows) if needs_the_tick(each)]
            if not following or len(terms) >= limit:
                break
        return terms

    def awaiting_confirmation(self, *, limit: int, token: str) -> BatchPage:
        lane = ("open_lane", tables.CONFIRM)
        start, end = start_of(token, (lane, ("batch_id", Lowest))), (lane, ("batch_id", Highest))
        found, following = self._store.range(Range(tables.BY_OPEN, start, end), limit=limit)
        rows = self._store.many(tables.BATCHES, [_key(row["batch_id"]) for row in found], tables.DOC_AND_CONTROL)
        read = readable(tables.batch_of, rows)
        return BatchPage(tuple(each for each in read if awaits_confirmation(each.terms)), token_of(following))

    def count_outcome(self, batch_id: str, migration_id: str, outcome: str, attempt: int = 1) -> None:
        columns = {"failed": tables.FAILED, "moved": tables.MOVED, "retried": tables.FAILED}
        if outcome not in columns:
            raise Bug(f"{outcome!r} is no outcome")
        column = columns[outcome] + migration_id
        if outcome != "retried":
            self._store.update(tables.BATCHES, _key(batch_id), {column: attempt})
            return
        with suppress(InDoubt):  # it was sent again, and the failure it takes back was gone by then
            self._store.update(tables.BATCHES, _key(batch_id), {}, (column,), expect={column: AtMost(attempt - 1)})

    def tally(self, batch_id: str) -> Tally:
        return self._tally(batch_id, self._store.get(tables.BATCHES, _key(batch_id), between=tables.TALLY) or {})

    def with_tally(self, batch_id: str) -> tuple[Batch, Tally]:
        row = self._store.get(tables.BATCHES, _key(batch_id), between=tables.DOC_AND_TALLY)
        if row is None:
            raise _not_found(batch_id)
        return tables.batch_of(row), self._tally(batch_id, row)

    def _tally(self, batch_id: str, row: Columns) -> Tally:
        failed, moved = _attempts(row, tables.FAILED), _attempts(row, tables.MOVED)
        forgiven = _attempts(row, tables.FORGIVEN)
        # The later attempt counts; of one attempt, the failure: it was validated, and then a person rolled it back.
        lost = {each: attempt for each, attempt in failed.items() if attempt >= moved.get(each, 0)}
        counted = {each: attempt for each, attempt in lost.items() if attempt > forgiven.get(each, 0)}
        return Tally(
            self._terms(batch_id, row),
            frozenset(counted),
            frozenset(each for each, attempt in moved.items() if attempt > failed.get(each, 0)),
            counted,
        )


def _cause(row: Columns) -> str:
    """The reason why the row cannot be read as a batch; empty if it can be read."""
    try:
        tables.batch_of(row)
    except Permanent as error:
        return error.message
    return ""


def _not_found(batch_id: str) -> Refused:
    return Refused("Batch.NotFound", f"There is no batch {batch_id}.", "See which there are: replank status.", status=404)


def _key(batch_id: str) -> Key:
    return (("batch_id", batch_id),)


def _attempts(row: Columns, prefix: str) -> dict[str, int]:
    """The attempts in the columns with a prefix, by migration id."""
    return {name[len(prefix) :]: int(attempt) for name, attempt in row.items() if name.startswith(prefix)}
