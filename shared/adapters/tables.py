"""Rows and values: which columns a migration, a batch and a ledger entry have, and how to read them back.

Tablestore demands that column names hold only letters, digits and underscores. Repeated columns share a prefix, so that they can
be read as a range.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

from shared.adapters.clock import milliseconds
from shared.adapters.store import Columns
from shared.domain.batch import (
    NOTHING_EXCLUDED,
    UNTOUCHED,
    Batch,
    BatchControl,
    BatchLine,
    LeftOut,
    Selection,
    Submitted,
    Terms,
    awaits_confirmation,
    needs_the_tick,
)
from shared.domain.codec import FactsInvalid, decode, encode
from shared.domain.effects import KINDS, Effect
from shared.domain.errors import Permanent, Refused
from shared.domain.events import Event
from shared.domain.ledger import LedgerEntry, SnapshotState
from shared.domain.limits import comes_first
from shared.domain.migration import ADMITTED, JournalEntry, Migration, State, Step
from shared.domain.timing import OUTBOX_GRACE
from shared.ports.batches import LEFT_OUT_PAGE
from shared.ports.migrations import Outbox

MIGRATIONS, BATCHES, LOCKS, SNAPSHOTS, AUDIT = "migrations", "batches", "locks", "snapshots", "audit"
BY_DUE, BY_BATCH, BY_INSTANCE = "migrations_by_due", "migrations_by_batch", "migrations_by_instance"
BY_CREATED, BY_OPEN, BY_SWEEP = "batches_by_created", "batches_by_open", "snapshots_by_sweep"

JOURNAL, OUTBOX, RESTART, DOCUMENT = "change_", "o_", "r_", "d_"
HELD, SINCE, WHERE, REGION = "m_", "a_", "ma_", "mr_"
"""Columns of the slots row, for each migration that holds a slot: the batch, the attempt that took it, account and region."""
COUNT = "n_"
"""Columns of the slots row: how many slots are held in all, or by the batch or member account whose id follows."""
TROUBLE = "account:"
"""Key prefix of the row that says why a member account cannot be used; the account's id follows."""
GROUP_PLACE = "group:"
"""Key prefix of the row that says which member of a redundancy group moves; a digest of the group follows."""
WAVE, PLACES = "wave_", "w_"
"""A batch's columns: the migrations of each wave; before they are cut, what puts the migrations in order, page by page."""
WITHOUT = "without_"
"""A batch's column: a page of the instances that were left out."""
FAILED, FORGIVEN, MOVED = "f_", "g_", "v_"
"""A batch's columns by migration: the failed attempt, the failed attempt that a resume took off the count, the one that moved."""
MIGRATION_COLUMNS = ("doc", "q")
"""The range of columns that a migration is read from: doc, due_at, due_lane, o_*, progress. Journal and documents sort before
it."""
WITH_STATE = ("doc", "t")
"""The same range with ``state``, for reads that filter by it."""
JUST_DOC = ("doc", "doc0")
CONTROL = "doc_control", "terms_control"
"""A batch's columns: the last act on it, once beside the document and once beside the terms. Earlier versions read and write
neither."""
SUBMITTED = "doc_asked", "terms_asked"
"""A batch's columns: its policy and accounts, likewise twice. An older version that writes the document drops fields from it."""
CHOSEN, CHOSEN_IDS = "doc_chosen", "chosen_ids"
"""A batch's columns: a selection that older versions would read too widely, and many ids, which no list of batches reads. In the
document such a selection names nothing."""
FEW_IDS = 1000
"""Maximum ids of a selection that stand in the document."""
DOC_AND_CONTROL, WHOLE_DOC = ("doc", "doc_d"), (CHOSEN_IDS, "doc_d")
TERMS, TALLY = ("terms", "version0"), (FAILED, "version0")
"""A batch's columns: its terms and version (and who has moved), and the same with who has failed. The document sorts before
both."""
DOC_AND_TALLY = (CHOSEN_IDS, TALLY[1])
DRIVE, ALL, OPEN, SWEEP, CONFIRM = "drive", "all", "open", "sweep", "confirm"
HOME = "home_account"
"""The member account of a migration, beside the document, because a version without accounts drops it from the document."""
GROUP = "group"
"""The redundancy group, for the same reason."""
EARLIER = 10**14
"""Milliseconds by which a next hop precedes the others in the queue; its time becomes negative, which marks a next hop."""
MAX_COLUMN = 2 * 1024 * 1024
"""Maximum bytes of one attribute column (Tablestore, wide column model)."""

T = TypeVar("T")


def columns_of(prefix: str) -> tuple[str, str]:
    """The range of the columns with a prefix: first name (in), last name (out)."""
    return prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)


def numbered(prefix: str, version: int) -> str:
    """The column of one version; names sort like the versions."""
    return f"{prefix}{version:08d}"


def restart_column(event_id: str) -> str:
    """The column of one restart event, named by the digest of its id, because an id may hold any character."""
    return RESTART + hashlib.sha256(event_id.encode()).hexdigest()[:32]


def document_column(name: str) -> str:
    """The column of one document; characters that a column name may not hold become underscores."""
    return DOCUMENT + "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name)


def text(name: str, value: Any) -> str:
    """A JSON column; raises Refused (Document.TooLarge) over 2 MB."""
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if len(written.encode()) > MAX_COLUMN:
        sentence = f"The column {name} would hold more than {MAX_COLUMN} bytes."
        raise Refused("Document.TooLarge", sentence, "Split the request, or name fewer items.", status=413)
    return written


def value_of(cls: type[T], written: str, what: str) -> T:
    """The dataclass in a JSON column; raises Permanent (Store.RowInvalid)."""
    value: T = _memoized(cls, written, what)  # type: ignore[arg-type]
    return value


@lru_cache(maxsize=512)
def _memoized(cls: type, written: str, what: str) -> Any:
    """Cached by the text, because every tick reads the same batches and the result is frozen."""
    try:
        return decode(cls, json.loads(written), what)
    except (FactsInvalid, ValueError) as error:
        remedy = "The row was written by another version, or by hand. Correct it, or remove it."
        raise Permanent("Store.RowInvalid", f"{what}: {error}", remedy) from error


# Migrations -----------------------------------------------------------------------------------------------------------


def migration_columns(migration: Migration) -> Columns:
    """The columns that follow from the migration itself, except its lane."""
    home = {HOME: migration.account_id} if migration.account_id else {}
    group = {GROUP: migration.group} if migration.group else {}
    return {
        **home,
        **group,
        "version": migration.version,
        "state": migration.state.value,
        "batch_id": migration.batch_id,
        "instance_id": migration.instance_id,
        "created_at": milliseconds(migration.created_at),
        "progress": migration.progress,
        "doc": text("doc", encode(replace(migration, owes=()))),
    }


def migration_of(row: Columns) -> Migration:
    """The migration in a row. The column ``progress`` may be newer than the document. Columns show which outboxes are open."""
    found = value_of(Migration, row["doc"], f"migration {row.get('migration_id', '')}")
    beside = {"account_id": row.get(HOME, found.account_id), "group": row.get(GROUP, found.group)}
    return replace(found, progress=row.get("progress", found.progress), owes=owed(row), **beside)


def owed(row: Columns) -> tuple[int, ...]:
    """The versions whose outboxes are in the row, oldest first."""
    return tuple(sorted(int(name[len(OUTBOX) :]) for name in row if name.startswith(OUTBOX)))


def admission_lane(batch_id: str, account_id: str) -> str:
    """The queue of a batch's migrations in one account, so that an unusable account does not delay the others."""
    return f"admit:{batch_id}:{account_id}" if account_id else f"admit:{batch_id}"


def lane(migration: Migration) -> Columns:
    """Where the row waits: for admission, for the tick, for the sweep, or (empty) for a person or nothing."""
    if migration.state in ADMITTED:
        since = milliseconds(migration.entered_at)
        queue = admission_lane(migration.batch_id, migration.account_id)
        return {"due_lane": queue, "due_at": since - EARLIER if comes_first(migration) else since}
    if migration.due_at is None:
        return {}
    return {"due_lane": SWEEP if migration.state is State.CONFIRMED else DRIVE, "due_at": milliseconds(migration.due_at)}


def step_columns(taken: Step) -> Columns:
    """The columns that one step writes; a row with an outbox is due soon, so that the tick finds what a crash left behind."""
    after, version = taken.after, taken.after.version
    columns = {**migration_columns(after), **lane(after)}
    columns[numbered(JOURNAL, version)] = text("journal", encode(taken.entry))
    columns.update({document_column(name): text(name, dict(document)) for name, document in taken.documents.items()})
    if taken.effects or taken.events:
        columns[numbered(OUTBOX, version)] = text("outbox", outbox_document(taken.effects, taken.events))
    if taken.effects or taken.events or taken.before.owes:
        columns.update(due_lane=DRIVE, due_at=milliseconds(taken.entry.at + OUTBOX_GRACE))
    return columns


def outbox_document(effects: tuple[Effect, ...], events: tuple[Event, ...]) -> dict[str, Any]:
    """The column of an outbox: effects by the name of their kind, events as they are."""
    return {
        "effects": [{"kind": type(effect).__name__, **encode(effect)} for effect in effects],
        "events": [encode(event) for event in events],
    }


def outbox_of(name: str, written: str) -> Outbox:
    """The outbox in a column."""
    try:
        document = json.loads(written)
        effects = tuple(decode(KINDS[each["kind"]], each, "effect") for each in document["effects"])
        # As everywhere, what another version has added is left alone.
        events = tuple(Event(each["type"], each["event_id"], each["subject"], each["data"]) for each in document["events"])
    except (ValueError, KeyError, TypeError, FactsInvalid) as error:
        raise Permanent("Store.RowInvalid", f"outbox {name}: {error}", "Correct the column, or remove it.") from error
    return Outbox(int(name[len(OUTBOX) :]), effects, events)


def journal_of(written: str) -> JournalEntry:
    """One line of the journal."""
    return value_of(JournalEntry, written, "journal")


# Batches and the ledger -----------------------------------------------------------------------------------------------


def batch_columns(batch: Batch) -> Columns:
    """The batch's columns; ``open_lane`` exists only while the tick must look at the batch, or a person is to confirm it."""
    columns: Columns = {
        "version": batch.version,
        "state": batch.state.value,
        "created_at": milliseconds(batch.created_at),
        "listing": ALL,
        "doc": text("doc", encode(replace(batch, control=UNTOUCHED, selection=_known_before(batch.selection)))),
        "terms": text("terms", encode(replace(batch.terms, control=UNTOUCHED))),
    }
    columns |= _selection_columns(batch.selection)
    columns |= dict.fromkeys(SUBMITTED, text("asked", encode(Submitted(batch.policy, batch.selection.accounts))))
    if batch.control != UNTOUCHED:
        columns |= dict.fromkeys(CONTROL, text("control", encode(batch.control)))
    if needs_the_tick(batch.terms):
        columns["open_lane"] = OPEN
    elif awaits_confirmation(batch.terms):
        columns["open_lane"] = CONFIRM
    return columns


def _needs_newer_version(selection: Selection) -> bool:
    """Whether an older version would take the selection for a wider one, or could not hold it."""
    return bool(selection.filters or selection.exclude != NOTHING_EXCLUDED or len(selection.instance_ids) > FEW_IDS)


def _known_before(selection: Selection) -> Selection:
    """The selection for older versions: one that they would read too widely names nothing, so they choose nothing."""
    return Selection(selection.regions, accounts=selection.accounts) if _needs_newer_version(selection) else selection


def _selection_columns(selection: Selection) -> Columns:
    if not _needs_newer_version(selection):
        return {}
    if len(selection.instance_ids) <= FEW_IDS:
        return {CHOSEN: text(CHOSEN, encode(selection))}
    ids = text(CHOSEN_IDS, list(selection.instance_ids))
    return {CHOSEN: text(CHOSEN, encode(replace(selection, instance_ids=()))), CHOSEN_IDS: ids}


def _selection_of(row: Columns, known_before: Selection) -> Selection:
    """The whole selection; without its many ids if the row was read without them."""
    if CHOSEN not in row:
        return known_before
    found = value_of(Selection, row[CHOSEN], f"selection of batch {row.get('batch_id', '')}")
    return replace(found, instance_ids=tuple(json.loads(row[CHOSEN_IDS]))) if CHOSEN_IDS in row else found


def left_out_columns(found: Sequence[LeftOut]) -> Columns:
    """The instances left out, in pages."""
    pages = [found[at : at + LEFT_OUT_PAGE] for at in range(0, len(found), LEFT_OUT_PAGE)]
    return {numbered(WITHOUT, place): text(WITHOUT, [encode(each) for each in page]) for place, page in enumerate(pages)}


def left_out_of(written: str) -> tuple[LeftOut, ...]:
    """One page of the instances left out."""
    return tuple(decode(LeftOut, each, "left out") for each in json.loads(written))


def batch_of(row: Columns) -> Batch:
    """The batch in a row."""
    found = value_of(Batch, row["doc"], f"batch {row.get('batch_id', '')}")
    asked = _submitted_of(row) or Submitted(found.policy, found.selection.accounts)
    selection = replace(_selection_of(row, found.selection), accounts=asked.accounts)
    return replace(found, control=_control_of(row), policy=asked.policy, selection=selection)


def _submitted_of(row: Columns) -> Submitted | None:
    """What the batch was submitted with; None if an older version made the row."""
    written = row.get(SUBMITTED[0]) or row.get(SUBMITTED[1])
    return value_of(Submitted, written, f"policy of batch {row.get('batch_id', '')}") if written else None


def _control_of(row: Columns) -> BatchControl:
    """The last act on the batch. Both columns hold the same act; every range that is read contains one of them."""
    written = row.get(CONTROL[0]) or row.get(CONTROL[1])
    return value_of(BatchControl, written, f"control of batch {row.get('batch_id', '')}") if written else UNTOUCHED


def batch_line_of(written: str) -> BatchLine:
    """One line of a batch's journal."""
    return value_of(BatchLine, written, "journal of a batch")


def terms_of(row: Columns) -> Terms | None:
    """The terms in a row; None if an older version wrote the row last, because then only the document is current."""
    if "terms" not in row:
        return None
    found = value_of(Terms, row["terms"], f"terms of batch {row.get('batch_id', '')}")
    if found.version != row.get("version"):
        return None
    asked = _submitted_of(row) or Submitted(found.policy, found.accounts)
    return replace(found, control=_control_of(row), policy=asked.policy, accounts=asked.accounts)


def ledger_columns(entry: LedgerEntry) -> Columns:
    """The entry's columns; the sweep lane exists only while the snapshot may be swept one day."""
    columns: Columns = {"doc": text("doc", encode(entry))}
    if entry.sweep_at is not None and entry.state is not SnapshotState.SWEPT:
        columns.update(sweep_lane=SWEEP, sweep_at=milliseconds(entry.sweep_at))
    return columns


def ledger_of(row: Columns) -> LedgerEntry:
    """The entry in a row."""
    return value_of(LedgerEntry, row["doc"], f"snapshot {row.get('migration_id', '')}/{row.get('key', '')}")
