"""What stands in the account's rows, read without the product: own names, own defaults, own table of transitions.

A checker that read rows with the product's code would believe the product's mistakes. Fields that no checker asks for are left
alone; a field that is missing has the default that the stored form gives it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Any

Columns = dict[str, Any]

LATER = "laterField"
"""The field that the newer version of the simulation adds to what it writes."""

MIGRATIONS, BATCHES, LOCKS, SNAPSHOTS = "migrations", "batches", "locks", "snapshots"
HOLD, SLOTS, INVENTORY = "hold", "slots", "inventory"
"""Of the locks: the row by which a person holds everything, the row of the slots, and the last inventory. All others are
instances."""
JOURNAL, OUTBOX = "change_", "o_"
HELD, WHERE, COUNT = "m_", "ma_", "n_"
"""Of the slots row: the batch and the member account of each migration that holds a slot; how many are held in all (and by each
batch and member account)."""
REFUSING = "account:"
"""Of the locks: how the rows are called that say why a member account cannot be used."""
PLACE = "group:"
"""Of the locks: how the rows are called that say which member of a redundancy group moves."""
FAILED, FORGIVEN, MOVED = "f_", "g_", "v_"
"""Of a batch's row: the failed attempt of each migration that failed, the one that a resume took off the count, and the one that
was validated while the canary was out."""
CONTROLS = ("doc_control", "terms_control")
"""Of a batch's row: who paused, resumed or stopped it, twice the same."""
WAVE = "wave_"
"""Of a batch's row: the migrations of each wave."""
GOES_ON, AT_BUDGET, STOPPED = "off", "paused at budget", "stopped"
"""How the rows spell that a batch starts new things, that it paused at its budget, and that nothing more starts in it."""
SMC_PREFIX = "SMC_Backup_Snapshot_"
"""How SMC names its own copies."""
OURS = "replank-"
"""How the product names its snapshots: replank-<migration>-<hop>-<attempt>-<disk>."""


class State(Enum):
    """Where a migration stands, as the rows spell it."""

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
"""States in which an instance is worked on and needs a slot."""


@dataclass(frozen=True)
class Window:
    """When migrations may start."""

    start: str
    end: str
    days: tuple[int, ...]
    utc_offset_min: int
    cutoff_min: int
    zone: str
    length_min: int


NEVER = Window("00:00", "00:01", tuple(range(7)), 0, 1439, "", 0)
"""What older versions find in the place of limits that they do not know."""


@dataclass(frozen=True)
class Blackout:
    """When nothing may start, nor in the minutes before."""

    begins: datetime
    ends: datetime
    reason: str
    cutoff_min: int


@dataclass(frozen=True)
class Policy:
    """The limits of a batch."""

    driver: str
    max_moving: int
    failure_budget: int
    failure_percent: int | None
    soak_min: int
    gate: str
    approvals: int
    wave_approvals: int
    rollback_approvals: int
    automatic_rollback: bool
    approval_min: int
    canary: int
    retention_days: int
    windows: tuple[Window, ...]
    blackouts: tuple[Blackout, ...]
    check: str
    per_region: int | None = None
    per_wave: int | None = None
    """How many of the batch may move at once in a region, and of a wave."""
    group: str = ""
    """The tag by which redundancy groups are known; empty for none."""
    order: str = ""
    """In which order instances begin: by name, or by the value of a tag; empty for no order."""
    commanded: tuple[str, ...] | None = None
    """Instances whose guests run commands before and after: none at all is None, all of them an empty list."""


@dataclass(frozen=True)
class Acknowledgement:
    """Who accepted the risks, when, and which text."""

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
        """How many may fail before nothing more starts: a count, or a share of the batch."""
        share = self.policy.failure_percent
        return self.policy.failure_budget if share is None else self.size * share // 100


@dataclass(frozen=True)
class Handle:
    """What the row knows of the job."""

    source_id: str = ""
    job_id: str = ""
    started_at: datetime | None = None


@dataclass(frozen=True)
class Migration:
    """One instance on its way."""

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
    """What the row tells a person of its failure."""
    account_id: str = ""
    """The member account of the instance; empty for the deployment's own."""
    destination: str = ""
    """Where its last hop leads."""


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
    """A document without the fields that only the newer version of the simulation writes, at every depth."""
    if isinstance(value, dict):
        return {name: without_later(each) for name, each in value.items() if name != LATER}
    return [without_later(each) for each in value] if isinstance(value, list) else value


def control(row: Columns) -> dict[str, Any]:
    """The last act on a batch, as its row has it: ``brake``, ``by``, ``at``, ``why``."""
    first, second = (json.loads(row.get(name, "{}")) for name in CONTROLS)
    assert first == second, "both columns say the same"
    return {"brake": GOES_ON, "by": "", "at": None, "why": "", **first}


def waves(row: Columns) -> list[list[str]]:
    """The migrations of each wave of a batch; none if it has no waves."""
    return [json.loads(row[name]) for name in sorted(row) if name.startswith(WAVE)]


def holds(row: Columns | None) -> bool:
    """Whether the hold's row holds everything: any row does that does not say it is released."""
    return row is not None and row.get("state", "held") != "released"


def moment(text: str | None) -> datetime | None:
    """A time as rows and the account's records write it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def numbered(prefix: str, version: int) -> str:
    """The column of one version."""
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
    """The batch in a row's ``doc``, with the policy that it was submitted with (``doc_asked``) and its selection."""
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
        policy=_policy(asked.get("policy", {})),
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


def _policy(doc: dict[str, Any]) -> Policy:
    return Policy(
        driver=doc.get("driver", "smc"),
        max_moving=doc.get("max_moving", 5),
        failure_budget=doc.get("failure_budget", 1),
        failure_percent=doc.get("failure_percent"),
        soak_min=doc.get("soak_min", 0),
        gate=doc.get("gate", "automatic"),
        approvals=doc.get("approvals", 0),
        wave_approvals=doc.get("wave_approvals", 0),
        rollback_approvals=doc.get("rollback_approvals", 0),
        automatic_rollback=doc.get("automatic_rollback", False),
        approval_min=doc.get("approval_min", 1440),
        canary=doc.get("canary", 0),
        retention_days=doc.get("retention_days", 7),
        windows=_windows(doc),
        blackouts=tuple(_blackout(each) for each in doc.get("blackouts", ())),
        check=doc.get("check", ""),
        commanded=tuple(doc["commands"][0].get("instances", ())) if doc.get("commands") else None,
        per_region=doc.get("max_moving_per_region"),
        per_wave=doc.get("max_moving_per_wave"),
        group=(doc.get("group") or {}).get("tag", ""),
        order=doc.get("order", ""),
    )


UNKNOWN_BEFORE = ("blackouts", "waves", "order", "approvals", "max_moving_per_region", "max_moving_per_wave")
"""Beside these, a window that never opens is there for older versions."""


def _windows(doc: dict[str, Any]) -> tuple[Window, ...]:
    """All windows. Beside several, blackouts, waves or approvals, the one window may be for older versions: it never opens."""
    several = tuple(_window(each) for each in doc.get("windows", ()))
    if several or not doc.get("window"):
        return several
    own = _window(doc["window"])
    return () if own == NEVER and any(doc.get(name) for name in UNKNOWN_BEFORE) else (own,)


def _window(doc: dict[str, Any]) -> Window:
    days, offset, cutoff = tuple(doc.get("days", range(7))), doc.get("utc_offset_min", 0), doc.get("cutoff_min", 60)
    return Window(doc["start"], doc.get("end", ""), days, offset, cutoff, doc.get("zone", ""), doc.get("length_min", 0))


def _blackout(doc: dict[str, Any]) -> Blackout:
    return Blackout(_at(doc["from_"]), _at(doc["to"]), doc.get("reason", ""), doc.get("cutoff_min", 0))


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
    """The journal in a migration's row, in its order."""
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
    """The state that a journal leads to; ValueError if it has a gap or a step that the table lacks."""
    state: State | None = None
    for place, written in enumerate(journal, start=1):
        if written.version != place:
            raise ValueError(f"line {place} of the journal has version {written.version}")
        if written.from_state is not state or written.to_state not in TRANSITIONS[state]:
            raise ValueError(f"line {place} of the journal is no step from {state}")
        state = written.to_state
    return state
