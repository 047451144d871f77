"""Converts migrations, batches and ledger entries to columns of table rows, and back.

Tablestore allows only letters, digits and underscores in column names. All columns of the same kind share a prefix, so that they
can be read as a range.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

from shared.adapters.clock import epoch_milliseconds
from shared.adapters.store import Columns
from shared.domain.batch import (
    NOTHING_EXCLUDED,
    UNTOUCHED,
    Batch,
    BatchJournalEntry,
    BatchProgress,
    BatchSummary,
    LeftOutInstance,
    Selection,
    SubmittedPolicyAndAccounts,
    awaits_confirmation,
    needs_tick,
)
from shared.domain.codec import DocumentInvalid, decode, encode
from shared.domain.effects import KINDS, Effect
from shared.domain.errors import Permanent, Refused
from shared.domain.events import Event
from shared.domain.ledger import LedgerEntry, SnapshotState
from shared.domain.limits import has_admission_priority
from shared.domain.migration import ADMITTED, JournalEntry, Migration, State, Step
from shared.domain.outbox import holds_only_event
from shared.domain.timing import OUTBOX_GRACE
from shared.ports.batches import LEFT_OUT_PAGE
from shared.ports.migrations import Outbox

MIGRATIONS, BATCHES, LOCKS, SNAPSHOTS, AUDIT = "migrations", "batches", "locks", "snapshots", "audit"
BY_DUE, BY_BATCH, BY_INSTANCE = "migrations_by_due", "migrations_by_batch", "migrations_by_instance"
BY_CREATED, BY_OPEN, BY_SWEEP = "batches_by_created", "batches_by_open", "snapshots_by_sweep"

JOURNAL, OUTBOX, RESTART, DOCUMENT = "change_", "o_", "r_", "d_"
HELD, SINCE, WHERE, REGION = "m_", "a_", "ma_", "mr_"
"""Column prefixes of the slots row, each followed by a migration id.

The four columns of a slot hold the migration's batch, attempt, account and region.
"""
COUNT = "n_"
"""Column prefix of the slots row for counters of held slots.

A batch id or member account id follows the prefix. If no id follows the prefix, the column counts all held slots.
"""
TROUBLE = "account:"
"""Key prefix of the row with the reason why a member account cannot be used. The account's id follows the prefix."""
GROUP_PLACE = "group:"
"""Key prefix of the row that names the moving member of a redundancy group. A digest of the group's name follows the prefix."""
PROTECTION = "protection:"
"""Key prefix of the row for an instance whose deletion protection Replank switched on.

Account, region and instance follow the prefix, separated by colons. The account is empty for the deployment's own account.
"""
MEDIA = "media:"
"""Key prefix of the row for an instance's disk with installation media. The same follows as after PROTECTION."""
WAVE, PLACES = "wave_", "w_"
"""Column prefixes of a batch's row.

Each column with the prefix WAVE holds the migrations of one wave. Each column with the prefix PLACES holds a page of sort keys,
from which the waves are made.
"""
LEFT_OUT = "without_"
"""Column prefix of a batch's row. Each column with this prefix holds a page of the instances that the selection left out."""
FAILED, FORGIVEN, MOVED = "f_", "g_", "v_"
"""Column prefixes of a batch's row, each followed by a migration id. Each column holds the number of an attempt.

The prefix FAILED is for the last failed attempt, and the prefix MOVED is for the completed attempt. The prefix FORGIVEN is for the
last failed attempt that no longer counts, because a person resumed the batch.
"""
MIGRATION_COLUMNS = ("doc", "q")
"""The range of columns from which a migration is read: doc, due_at, due_lane, o_*, progress.

The columns of the journal and of the documents come before this range.
"""
WITH_STATE = ("doc", "t")
"""The range of columns from which a migration is read, extended by the column ``state`` for reads that filter by state."""
DOC_COLUMNS = ("doc", "doc0")
CONTROL = "doc_control", "terms_control"
"""The two columns of a batch's row that hold a person's last act on the batch.

The first column is read together with the batch's document, and the second column with the batch's terms. Older versions ignore
both columns.
"""
SUBMITTED = "doc_asked", "terms_asked"
"""The two columns of a batch's row that hold the policy and accounts as submitted.

The policy and accounts need their own columns, because older versions drop unknown fields from the batch's document.
"""
CHOSEN, CHOSEN_IDS = "doc_chosen", "chosen_ids"
"""Two columns of a batch's row, for a selection of instances that older versions cannot read correctly. The column CHOSEN holds a
selection with which older versions would select too many instances. The column CHOSEN_IDS holds a long list of instance ids.

If the column CHOSEN exists, the batch's document holds a selection that names no instance.
"""
FEW_IDS = 1000
"""A selection with more instance ids than this number is not stored in the batch's document."""
DOC_AND_CONTROL, WHOLE_DOC = ("doc", "doc_d"), (CHOSEN_IDS, "doc_d")
TERMS, TALLY = ("terms", "version0"), (FAILED, "version0")
"""Column ranges of a batch's row that leave out the batch's document.

The range TERMS covers the terms, the version and the completed migrations. The range TALLY also covers the failed migrations.
"""
DOC_AND_TALLY = (CHOSEN_IDS, TALLY[1])
DRIVE, ALL, OPEN, SWEEP, CONFIRM = "drive", "all", "open", "sweep", "confirm"
HOME = "home_account"
"""The column with the member account of a migration. Versions without member accounts drop the account from the document."""
GROUP = "group"
"""The column with the redundancy group of a migration. Versions without groups drop the group from the document."""
NEXT_HOP_HEAD_START_MS = 10**14
"""Milliseconds that are subtracted from the due time of a next hop, so that the next hop comes first in the queue.

A negative due time therefore marks a next hop.
"""
MAX_COLUMN = 2 * 1024 * 1024
"""Maximum size of one attribute column in Tablestore's wide column model, in bytes."""

T = TypeVar("T")


def column_range_of_prefix(prefix: str) -> tuple[str, str]:
    """The range of all column names with this prefix. The first name of the range is included, and the last name is excluded."""
    return prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)


def numbered_column_name(prefix: str, version: int) -> str:
    """The name of the column for a version number or a page number. The names sort in the order of the numbers."""
    return f"{prefix}{version:08d}"


def column_name_of_restart(event_id: str) -> str:
    """The name of the column for one restart event.

    The column name holds a digest of the event's id, because the id may contain any character.
    """
    return RESTART + hashlib.sha256(event_id.encode()).hexdigest()[:32]


def document_column_name(name: str) -> str:
    """The name of the column for one document. Characters that are not allowed in a column name become underscores."""
    return DOCUMENT + "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name)


def json_column_text(name: str, value: Any) -> str:
    """The value as JSON text for a column. Raises Refused (Document.TooLarge) if the text is larger than 2 MB."""
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if len(written.encode()) > MAX_COLUMN:
        sentence = f"The column {name} would hold more than {MAX_COLUMN} bytes."
        raise Refused("Document.TooLarge", sentence, "Split the request, or name fewer items.", status=413)
    return written


def value_from_column(cls: type[T], written: str, what: str) -> T:
    """Decode a column's JSON text into an instance of ``cls``. Raises Permanent (Store.RowInvalid) if the text is invalid."""
    value: T = _parsed_value(cls, written, what)  # type: ignore[arg-type]
    return value


@lru_cache(maxsize=512)
def _parsed_value(cls: type, written: str, what: str) -> Any:
    """Decode a JSON text into an instance of ``cls``.

    The result is frozen and cached, because every tick reads the same batches.
    """
    try:
        return decode(cls, json.loads(written), what)
    except (DocumentInvalid, ValueError) as error:
        remedy = "The row was written by another version, or by hand. Correct it, or remove it."
        raise Permanent("Store.RowInvalid", f"{what}: {error}", remedy) from error


# Migrations -----------------------------------------------------------------------------------------------------------


def migration_columns(migration: Migration) -> Columns:
    """The columns of a migration's row, except the columns for its queue, journal and outbox."""
    home = {HOME: migration.account_id} if migration.account_id else {}
    group = {GROUP: migration.group} if migration.group else {}
    return {
        **home,
        **group,
        "version": migration.version,
        "state": migration.state.value,
        "batch_id": migration.batch_id,
        "instance_id": migration.instance_id,
        "created_at": epoch_milliseconds(migration.created_at),
        "progress": migration.progress,
        "doc": json_column_text("doc", encode(replace(migration, owes=(), received=0))),
    }


def migration_from_row(row: Columns, event_id: str = "") -> Migration:
    """The migration, read from its row. The columns for progress and outboxes take precedence over the document.

    ``event_id`` is the id of the event that the caller has received; empty if the caller has received none.
    """
    found = value_from_column(Migration, row["doc"], f"migration {row.get('migration_id', '')}")
    beside = {"account_id": row.get(HOME, found.account_id), "group": row.get(GROUP, found.group)}
    owes, received = versions_of_open_outboxes(row), version_of_received_outbox(row, event_id)
    return replace(found, progress=row.get("progress", found.progress), owes=owes, received=received, **beside)


def versions_of_open_outboxes(row: Columns) -> tuple[int, ...]:
    """The versions whose outboxes are still in the row, oldest first."""
    return tuple(sorted(int(name[len(OUTBOX) :]) for name in row if name.startswith(OUTBOX)))


def version_of_received_outbox(row: Columns, event_id: str) -> int:
    """The version of the outbox that holds nothing but the received event; 0 if the row has no such outbox."""
    for version in versions_of_open_outboxes(row) if event_id else ():
        written = row[numbered_column_name(OUTBOX, version)]
        if event_id not in written:
            continue  # the usual case, decided without parsing
        try:
            document = json.loads(written)
            if holds_only_event(event_id, document["effects"], [each["event_id"] for each in document["events"]]):
                return version
        except (ValueError, KeyError, TypeError):
            continue  # the tick reports an unreadable outbox
    return 0


def admission_queue_name(batch_id: str, account_id: str) -> str:
    """The name of the queue for a batch's migrations in one account.

    Each account has its own queue, so that an unusable account does not delay the other accounts.
    """
    return f"admit:{batch_id}:{account_id}" if account_id else f"admit:{batch_id}"


def queue_columns(migration: Migration) -> Columns:
    """The columns for the queue in which the row waits: admission, tick or sweep; empty if the row waits in no queue."""
    if migration.state in ADMITTED:
        since = epoch_milliseconds(migration.entered_at)
        queue = admission_queue_name(migration.batch_id, migration.account_id)
        return {"due_lane": queue, "due_at": since - NEXT_HOP_HEAD_START_MS if has_admission_priority(migration) else since}
    if migration.due_at is None:
        return {}
    return {"due_lane": SWEEP if migration.state is State.CONFIRMED else DRIVE, "due_at": epoch_milliseconds(migration.due_at)}


def step_columns(taken: Step) -> Columns:
    """The columns that one step writes.

    If the step has an outbox, the row becomes due soon, so that the tick finds the row after a crash.
    """
    after, version = taken.after, taken.after.version
    columns = {**migration_columns(after), **queue_columns(after)}
    columns[numbered_column_name(JOURNAL, version)] = json_column_text("journal", encode(taken.entry))
    columns.update(
        {document_column_name(name): json_column_text(name, dict(document)) for name, document in taken.documents.items()}
    )
    if taken.effects or taken.events:
        columns[numbered_column_name(OUTBOX, version)] = json_column_text("outbox", outbox_document(taken.effects, taken.events))
    if taken.effects or taken.events or taken.before.remaining_outbox_versions:
        columns.update(due_lane=DRIVE, due_at=epoch_milliseconds(taken.entry.at + OUTBOX_GRACE))
    return columns


def outbox_document(effects: tuple[Effect, ...], events: tuple[Event, ...]) -> dict[str, Any]:
    """The content of an outbox's column: each effect with the name of its type, and the events."""
    return {
        "effects": [{"kind": type(effect).__name__, **encode(effect)} for effect in effects],
        "events": [encode(event) for event in events],
    }


def outbox_from_column(name: str, written: str) -> Outbox:
    """The outbox, read from the text of its column. Raises Permanent (Store.RowInvalid) if the text is invalid."""
    try:
        document = json.loads(written)
        effects = tuple(decode(KINDS[each["kind"]], each, "effect") for each in document["effects"])
        # Unknown fields are ignored, because another version may have added them. All other readers do the same.
        events = tuple(Event(each["type"], each["event_id"], each["subject"], each["data"]) for each in document["events"])
    except (ValueError, KeyError, TypeError, DocumentInvalid) as error:
        raise Permanent("Store.RowInvalid", f"outbox {name}: {error}", "Correct the column, or remove it.") from error
    return Outbox(int(name[len(OUTBOX) :]), effects, events)


def migration_journal_entry_from_column(written: str) -> JournalEntry:
    """One line of a migration's journal, read from the text of a column."""
    return value_from_column(JournalEntry, written, "journal")


# Batches and the ledger -----------------------------------------------------------------------------------------------


def batch_columns(batch: Batch) -> Columns:
    """The columns of a batch's row.

    The column ``open_lane`` exists only while the tick must handle the batch, or a person must confirm the batch.
    """
    columns: Columns = {
        "version": batch.version,
        "state": batch.state.value,
        "created_at": epoch_milliseconds(batch.created_at),
        "listing": ALL,
        "doc": json_column_text(
            "doc", encode(replace(batch, control=UNTOUCHED, selection=_selection_for_older_versions(batch.selection)))
        ),
        "terms": json_column_text("terms", encode(replace(batch.summary, control=UNTOUCHED))),
    }
    columns |= _selection_columns(batch.selection)
    columns |= dict.fromkeys(
        SUBMITTED, json_column_text("asked", encode(SubmittedPolicyAndAccounts(batch.policy, batch.selection.accounts)))
    )
    if batch.control != UNTOUCHED:
        columns |= dict.fromkeys(CONTROL, json_column_text("control", encode(batch.control)))
    if needs_tick(batch.summary):
        columns["open_lane"] = OPEN
    elif awaits_confirmation(batch.summary):
        columns["open_lane"] = CONFIRM
    return columns


def _does_selection_need_newer_version(selection: Selection) -> bool:
    """Whether older versions of Replank would misread the selection: they cannot store it, or would select too many instances."""
    return bool(selection.attribute_criteria or selection.exclude != NOTHING_EXCLUDED or len(selection.instance_ids) > FEW_IDS)


def _selection_for_older_versions(selection: Selection) -> Selection:
    """The selection that older versions read.

    The selection names no instance if older versions would otherwise select too many instances.
    """
    return Selection(selection.regions, accounts=selection.accounts) if _does_selection_need_newer_version(selection) else selection


def _selection_columns(selection: Selection) -> Columns:
    if not _does_selection_need_newer_version(selection):
        return {}
    if len(selection.instance_ids) <= FEW_IDS:
        return {CHOSEN: json_column_text(CHOSEN, encode(selection))}
    ids = json_column_text(CHOSEN_IDS, list(selection.instance_ids))
    return {CHOSEN: json_column_text(CHOSEN, encode(replace(selection, instance_ids=()))), CHOSEN_IDS: ids}


def _selection_from_row(row: Columns, known_before: Selection) -> Selection:
    """The selection, read from a batch's row. If the column CHOSEN_IDS was not read, a long list of instance ids is missing."""
    if CHOSEN not in row:
        return known_before
    found = value_from_column(Selection, row[CHOSEN], f"selection of batch {row.get('batch_id', '')}")
    return replace(found, instance_ids=tuple(json.loads(row[CHOSEN_IDS]))) if CHOSEN_IDS in row else found


def left_out_instance_columns(found: Sequence[LeftOutInstance]) -> Columns:
    """The columns for the instances that the selection left out, one column per page."""
    pages = [found[at : at + LEFT_OUT_PAGE] for at in range(0, len(found), LEFT_OUT_PAGE)]
    return {
        numbered_column_name(LEFT_OUT, place): json_column_text(LEFT_OUT, [encode(each) for each in page])
        for place, page in enumerate(pages)
    }


def left_out_instances_from_column(written: str) -> tuple[LeftOutInstance, ...]:
    """One page of the instances that the selection left out, decoded from the column that stores this page."""
    return tuple(decode(LeftOutInstance, each, "left out") for each in json.loads(written))


def batch_from_row(row: Columns) -> Batch:
    """The batch, read from its row."""
    found = value_from_column(Batch, row["doc"], f"batch {row.get('batch_id', '')}")
    asked = _submitted_policy_and_accounts_from_row(row) or SubmittedPolicyAndAccounts(found.policy, found.selection.accounts)
    selection = replace(_selection_from_row(row, found.selection), accounts=asked.accounts)
    return replace(found, control=_last_act_from_row(row), policy=asked.policy, selection=selection)


def _submitted_policy_and_accounts_from_row(row: Columns) -> SubmittedPolicyAndAccounts | None:
    """The policy and accounts that were submitted with the batch; None if an older version wrote the row."""
    written = row.get(SUBMITTED[0]) or row.get(SUBMITTED[1])
    return value_from_column(SubmittedPolicyAndAccounts, written, f"policy of batch {row.get('batch_id', '')}") if written else None


def _last_act_from_row(row: Columns) -> BatchProgress:
    """A person's last act on the batch. Two columns hold the same act, so that it is enough to read either of two column ranges."""
    written = row.get(CONTROL[0]) or row.get(CONTROL[1])
    return value_from_column(BatchProgress, written, f"control of batch {row.get('batch_id', '')}") if written else UNTOUCHED


def batch_journal_entry_from_column(written: str) -> BatchJournalEntry:
    """One line of a batch's journal, read from the text of a column."""
    return value_from_column(BatchJournalEntry, written, "journal of a batch")


def batch_summary_from_row(row: Columns) -> BatchSummary | None:
    """The summary in a batch's row; None if an older version of Replank wrote the row last. Older versions update only the
    document.
    """
    if "terms" not in row:
        return None
    found = value_from_column(BatchSummary, row["terms"], f"terms of batch {row.get('batch_id', '')}")
    if found.version != row.get("version"):
        return None
    asked = _submitted_policy_and_accounts_from_row(row) or SubmittedPolicyAndAccounts(found.policy, found.accounts)
    return replace(found, control=_last_act_from_row(row), policy=asked.policy, accounts=asked.accounts)


def ledger_entry_columns(entry: LedgerEntry) -> Columns:
    """The columns of a ledger entry. The column ``sweep_lane`` exists only while a sweep may still delete the snapshot."""
    columns: Columns = {"doc": json_column_text("doc", encode(entry))}
    if entry.sweep_at is not None and entry.state is not SnapshotState.SWEPT:
        columns.update(sweep_lane=SWEEP, sweep_at=epoch_milliseconds(entry.sweep_at))
    return columns


def ledger_entry_from_row(row: Columns) -> LedgerEntry:
    """The ledger entry, read from its row."""
    return value_from_column(LedgerEntry, row["doc"], f"snapshot {row.get('migration_id', '')}/{row.get('key', '')}")
