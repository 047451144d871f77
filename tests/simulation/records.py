"""Reads the account's rows without the product's code: own names, own defaults, own table of transitions.

A checker that used the product's code would repeat the product's mistakes. Fields that no checker needs are skipped. A missing
field has the default of the stored form.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Any

from tests.simulation.policies import Policy, read_policy

Columns = dict[str, Any]

LATER = "laterField"
"""The field that the simulated newer version adds to what it writes."""

MIGRATIONS, BATCHES, LOCKS, SNAPSHOTS = "migrations", "batches", "locks", "snapshots"
HOLD, SLOTS, INVENTORY, TICK = "hold", "slots", "inventory", "tick"
"""Names of rows in the table of locks: the hold, the slots, the last inventory, and the last tick. All other rows are locks of
instances, groups or accounts.
"""
JOURNAL, OUTBOX = "change_", "o_"
HELD, WHERE, COUNT = "m_", "ma_", "n_"
"""Column prefixes in the slots row: the batch and the member account of each migration that holds a slot; the number of held
slots (in total, by batch and by member account).
"""
REFUSING = "account:"
"""The prefix of rows in the table of locks that say why a member account cannot be used."""
PLACE = "group:"
"""The prefix of rows in the table of locks that say which member of a redundancy group moves."""
PROTECTION = "protection:"
"""The prefix of rows in the table of locks that say whose deletion protection the product switched on."""
FAILED, FORGIVEN, MOVED = "f_", "g_", "v_"
"""Column prefixes in a batch's row: the failed attempt of each failed migration, the attempt that a resume removed from the
count, and the migrations that were validated during the canary.
"""
CONTROLS = ("doc_control", "terms_control")
"""Columns of a batch's row that say who paused, resumed or stopped it. Both hold the same."""
WAVE = "wave_"
"""The column prefix in a batch's row for the migrations of each wave."""
GOES_ON, AT_BUDGET, STOPPED = "off", "paused at budget", "stopped"
"""The rows' words for a batch that starts new migrations, one that paused at its budget, and one that starts nothing more."""
SMC_PREFIX = "SMC_Backup_Snapshot_"
"""The prefix of the names of SMC's own copies."""
OURS = "replank-"
"""The prefix of the product's snapshot names: replank-<migration>-<hop>-<attempt>-<disk>."""


class State(Enum):
    """The state of a migration, as the rows spell it."""

    ACCEPTED = "accepted"
    PRECHECKING = "prechecking"
    PRECHECK_FAILED = "precheck_failed"
    READY = "ready"
    SNAPSHOTTING = "snapshotting"
    SNAPSHOTTED = "snapshotted"
    MIGRATING = "migrating"
    RESTARTING = "restarting"
    VALIDATING = "validating"
    MIGRATED = "migrated"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    FAILED = "failed"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    CANCELLED = "cancelled"
    WAITING = "waiting"


_LEADS_TO = """
new -> accepted
accepted -> prechecking precheck_failed cancelled failed
prechecking -> ready precheck_failed cancelled failed
precheck_failed -> precheck_failed accepted cancelled
ready -> ready snapshotting accepted cancelled failed rolling_back
snapshotting -> snapshotting snapshotted failed cancelled
snapshotted -> snapshotted ready waiting migrating failed cancelled rolling_back
migrating -> migrating restarting failed
restarting -> restarting validating failed
validating -> validating migrated accepted failed
migrated -> confirmed rolling_back
confirmed -> confirmed completed
completed ->
failed -> failed accepted waiting rolling_back confirmed cancelled
rolling_back -> rolling_back rolled_back failed
rolled_back -> rolled_back
cancelled -> cancelled
waiting -> waiting snapshotted restarting failed rolling_back cancelled
"""
TRANSITIONS: dict[State | None, frozenset[State]] = {
    None if before == "new" else State(before): frozenset(State(each) for each in after.split())
    for before, _, after in (line.partition(" ->") for line in _LEADS_TO.strip().splitlines())
}

TERMINAL = frozenset({State.COMPLETED, State.ROLLED_BACK, State.CANCELLED, State.PRECHECK_FAILED})
MOVING = frozenset({State.SNAPSHOTTING, State.SNAPSHOTTED, State.MIGRATING, State.RESTARTING, State.VALIDATING})
"""States in which an instance is being worked on and needs a slot."""
ENDED = TERMINAL | {State.MIGRATED, State.CONFIRMED}
"""States in which nothing of the product works on the instance. A failed migration may have a job that still runs."""


@dataclass(frozen=True)
class Acknowledgement:
    """Who accepted the risks, when, and for which text."""

    operator: str
    at: datetime
    text: tuple[str, ...]


@dataclass(frozen=True)
class Batch:
    """Many migrations with one policy."""

    batch_id: str
    state: str
    version: int
    origin: str
    instance_ids: tuple[str, ...]
    releases: tuple[str, ...]
    policy: Policy
    dry_run: bool
    acknowledgement: Acknowledgement | None
    size: int = 0
    tags: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    excluded_ids: tuple[str, ...] = ()
    excluded_tags: tuple[str, ...] = ()
    resource_groups: tuple[str, ...] = ()
    vpcs: tuple[str, ...] = ()
    excluded_resource_groups: tuple[str, ...] = ()
    excluded_vpcs: tuple[str, ...] = ()
    excluded_names: tuple[str, ...] = ()

    @property
    def budget(self) -> int:
        """How many migrations may fail before nothing more starts: a count, or a percentage of the batch."""
        return self.budget_by(self.policy)

    def budget_by(self, policy: Policy) -> int:
        """The same by a policy that the batch has or had."""
        share = policy.failure_percent
        return policy.failure_budget if share is None else self.size * share // 100


@dataclass(frozen=True)
class Handle:
    """What the row knows of the job."""

    source_id: str = ""
    job_id: str = ""
    started_at: datetime | None = None


@dataclass(frozen=True)
class Migration:
    """The migration of one instance."""

    migration_id: str
    batch_id: str
    instance_id: str
    region_id: str
    state: State
    version: int
    entered_version: int
    entered_at: datetime
    created_at: datetime
    driver: str
    hop: int
    attempt: int
    hops: int
    prechecked_at: datetime | None
    released_at: datetime | None
    due_at: datetime | None
    handle: Handle = field(default_factory=Handle)
    failure: str = ""
    """The failure as the row tells it to a person."""
    account_id: str = ""
    """The member account of the instance; empty for the deployment's own account."""
    destination: str = ""
    """The destination of the migration's last hop."""


@dataclass(frozen=True)
class Line:
    """One line of a journal."""

    version: int
    at: datetime
    from_state: State | None
    to_state: State
    by: str
    reason: str
    hop: int
    attempt: int


@dataclass(frozen=True)
class Entry:
    """One row of the ledger of snapshots."""

    migration_id: str
    key: str
    instance_id: str
    disk_id: str
    hop: int
    owner: str
    state: str
    snapshot_id: str


def without_later(value: Any) -> Any:
    """A document without the fields that only the simulated newer version writes, at every depth."""
    if isinstance(value, dict):
        return {name: without_later(each) for name, each in value.items() if name != LATER}
    return [without_later(each) for each in value] if isinstance(value, list) else value


def control(row: Columns) -> dict[str, Any]:
    """The last act on a batch, from its row: ``brake``, ``by``, ``at``, ``why``."""
    first, second = (json.loads(row.get(name, "{}")) for name in CONTROLS)
    assert first == second, "both columns say the same"
    return {"brake": GOES_ON, "by": "", "at": None, "why": "", **first}


def waves(row: Columns) -> list[list[str]]:
    """The migrations of each wave of a batch; empty if the batch has no waves."""
    return [json.loads(row[name]) for name in sorted(row) if name.startswith(WAVE)]


def wave_places(row: Columns) -> tuple[dict[str, int], int]:
    """The number of the wave of each migration, from 0, and that of the last wave, which is also that of who is in none."""
    return _places(tuple(row[name] for name in sorted(row) if name.startswith(WAVE)))


@lru_cache(maxsize=64)
def _places(written: tuple[str, ...]) -> tuple[dict[str, int], int]:
    return {id: place for place, ids in enumerate(map(json.loads, written)) for id in ids}, max(len(written) - 1, 0)


def holds(row: Columns | None) -> bool:
    """Whether the hold's row is a hold. Any row is one that does not say "released"."""
    return row is not None and row.get("state", "held") != "released"


def moment(text: str | None) -> datetime | None:
    """A time in the format of rows and of the account's records."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def numbered(prefix: str, version: int) -> str:
    """The name of the column of one version."""
    return f"{prefix}{version:08d}"


@lru_cache(maxsize=2048)
def migration(written: str) -> Migration:
    """The migration in a row's ``doc``."""
    doc = json.loads(written)
    held = doc.get("handle", {})
    return Migration(
        migration_id=doc["migration_id"],
        batch_id=doc["batch_id"],
        instance_id=doc["instance_id"],
        region_id=doc["region_id"],
        state=State(doc["state"]),
        version=doc["version"],
        entered_version=doc["entered_version"],
        entered_at=_at(doc["entered_at"]),
        created_at=_at(doc["created_at"]),
        driver=doc.get("driver", "smc"),
        hop=doc.get("hop", 0),
        attempt=doc.get("attempt", 1),
        hops=len(doc.get("hops", ())),
        prechecked_at=moment(doc.get("prechecked_at")),
        released_at=moment(doc.get("released_at")),
        due_at=moment(doc.get("due_at")),
        handle=Handle(held.get("source_id", ""), held.get("job_id", ""), moment(held.get("started_at"))),
        failure=(doc.get("failure") or {}).get("message", ""),
        account_id=doc.get("account_id", ""),
        destination=doc["hops"][-1]["destination"] if doc.get("hops") else "",
    )


@lru_cache(maxsize=512)
def batch(written: str, submitted: str = "", chosen: str = "") -> Batch:
    """The batch in a row's ``doc``, with the policy that was submitted (``doc_asked``) and the selection."""
    doc = json.loads(written)
    asked = json.loads(submitted) if submitted else doc
    given, selection = doc.get("acknowledgement"), json.loads(chosen) if chosen else doc.get("selection", {})
    excluded = selection.get("exclude", {})
    return Batch(
        batch_id=doc["batch_id"],
        state=doc["state"],
        version=doc["version"],
        origin=doc.get("origin", ""),
        instance_ids=tuple(selection.get("instance_ids", ())),
        releases=tuple(selection.get("releases", ())),
        policy=read_policy(asked.get("policy", {})),
        dry_run=doc.get("dry_run", False),
        acknowledgement=Acknowledgement(given["operator"], _at(given["at"]), tuple(given["text"])) if given else None,
        size=doc.get("size", 0),
        tags=tuple(selection.get("tags", ())),
        names=tuple(selection.get("names", ())),
        excluded_ids=tuple(excluded.get("instance_ids", ())),
        excluded_tags=tuple(excluded.get("tags", ())),
        resource_groups=tuple(selection.get("resource_groups", ())),
        vpcs=tuple(selection.get("vpcs", ())),
        excluded_resource_groups=tuple(excluded.get("resource_groups", ())),
        excluded_vpcs=tuple(excluded.get("vpcs", ())),
        excluded_names=tuple(excluded.get("names", ())),
    )


@lru_cache(maxsize=2048)
def line(written: str) -> Line:
    """A line of a journal."""
    doc = json.loads(written)
    return Line(
        version=doc["version"],
        at=_at(doc["at"]),
        from_state=State(doc["from_state"]) if doc["from_state"] else None,
        to_state=State(doc["to_state"]),
        by=doc["by"],
        reason=doc["reason"],
        hop=doc.get("hop", 0),
        attempt=doc.get("attempt", 1),
    )


def lines(row: Columns) -> list[Line]:
    """The journal in a migration's row, in order."""
    return [line(row[name]) for name in sorted(row) if name.startswith(JOURNAL)]


@lru_cache(maxsize=2048)
def entry(written: str) -> Entry:
    """A row of the ledger."""
    doc = json.loads(written)
    return Entry(
        migration_id=doc["migration_id"],
        key=doc["key"],
        instance_id=doc["instance_id"],
        disk_id=doc["disk_id"],
        hop=doc["hop"],
        owner=doc["owner"],
        state=doc["state"],
        snapshot_id=doc.get("snapshot_id", ""),
    )


def owed(row: Columns) -> list[str]:
    """The outboxes in a migration's row."""
    return [name for name in row if name.startswith(OUTBOX)]


def replayed(journal: Iterable[Line]) -> State | None:
    """The state that a journal leads to. Raises ValueError if the journal has a gap or a step that is not in the table."""
    state: State | None = None
    for place, written in enumerate(journal, start=1):
        if written.version != place:
            raise ValueError(f"line {place} of the journal has version {written.version}")
        if written.from_state is not state or written.to_state not in TRANSITIONS[state]:
            raise ValueError(f"line {place} of the journal is no step from {state}")
        state = written.to_state
    return state
