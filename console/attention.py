"""What needs a person now, from what the API says: the most urgent first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Json = dict[str, Any]
RANKS = (
    "held",
    "budget",
    "account",
    "stuck",
    "failed",
    "paused",
    "acknowledge",
    "approve",
    "wave",
    "start",
    "expires",
    "refused",
    "ready",
    "confirm",
    "due",
)
"""Kinds of what needs a person, most urgent first."""
SOON_S = 24 * 3600
"""How long before its time something is told: an approval that expires, a snapshot that is deleted."""


FIRST, FOLDED = 5, 50
"""Items of one kind that are shown, and those that are on the page at all."""


@dataclass(frozen=True)
class Item:
    """One thing to do: its kind, how many migrations it is about, the page on which it is done, and the API's own words."""

    kind: str
    path: str
    number: int = 0
    subject: str = ""
    note: str = ""


def of_everything(hold: Json, stuck: Json, accounts: Json) -> list[Item]:
    """What is wrong beside the batches."""
    found = [Item("held", "/system", note=str(hold.get("reason", "")))] if hold.get("held") else []
    for each in accounts.get("accounts", []):
        trouble = each.get("trouble")
        if trouble:
            found.append(Item("account", "/system", subject=str(each.get("accountId", "")), note=str(trouble.get("message", ""))))
    rows = stuck.get("stuck", [])
    if rows:
        found.append(Item("stuck", "/system", number=len(rows), note=str(rows[0].get("cause", ""))))
    return found


def of_ready(batches: Sequence[Json]) -> list[Item]:
    """The batches that are ready to confirm, as one thing to do."""
    names = ", ".join(str(each.get("batchId")) for each in batches[:3]) + (", …" if len(batches) > 3 else "")
    return [Item("ready", "/ready", len(batches), names)] if batches else []


def due_snapshots(held: Json, now: float) -> list[Item]:
    """The snapshots that are deleted within a day, as one thing to know of; the note is the first time."""
    due = sorted(str(each["sweepAt"]) for each in held.get("snapshots") or [] if is_soon(each.get("sweepAt"), now))
    return [Item("due", "/snapshots", len(due), note=due[0])] if due else []


def is_soon(at: object, now: float) -> bool:
    """Whether a time of the API is within a day from ``now``, or over. What is no time is not."""
    try:
        return datetime.fromisoformat(str(at or "").replace("Z", "+00:00")).timestamp() - now < SOON_S
    except ValueError:
        return False


def of_batch(standing: Json, *, now: float = 0, ready: bool = False) -> list[Item]:
    """What one batch waits for from a person. Of what is ``ready`` to confirm, ``of_ready`` tells.

    A row of the list of batches tells less than the batch itself: no counts, no waves.
    """
    batch_id = str(standing.get("batchId", ""))
    page, counts = f"/batches/{batch_id}", standing.get("counts") or {}
    found = _of_brake(standing, page)

    def add(kind: str, number: int = 0, note: object = "", path: str = page) -> None:
        found.append(Item(kind, path, number, batch_id, str(note or "")))

    if is_empty(standing):
        return found
    if needs_acknowledgement(standing):
        add("acknowledge", int(standing.get("size") or 0))
    if is_open(standing):
        found += _of_approvals(standing, f"{page}#approvals", now)
    if jobs_to_start(standing):
        add("start", jobs_to_start(standing), path=f"{page}?state=snapshotted")
    wave = wave_to_begin(standing)
    if wave:
        add("wave", int(wave.get("number") or 0), wave.get("waitsFor"))
    for kind, state in (("failed", "failed"), ("refused", "precheck_failed"), ("confirm", "migrated")):
        if counts.get(state) and not (ready and kind == "confirm"):
            add(kind, int(counts[state]), path=f"{page}?state={state}")
    return found


def wave_to_begin(standing: Json) -> Json:
    """The wave that waits for a person: the one before has ended, and its soak is over. Empty without one."""
    policy = standing.get("policy") or {}
    if policy.get("gate") != "approval" and not policy.get("waveApprovals"):
        return {}
    return next((each for each in standing.get("waves") or [] if each.get("soakOver")), {})


def _of_brake(standing: Json, path: str) -> list[Item]:
    """The pause of a batch; a row of the list does not know how many failed."""
    brake, batch_id = standing.get("brake") or {}, str(standing.get("batchId", ""))
    if brake.get("state") == "paused at budget":
        return [Item("budget", path, int(standing.get("failed") or 0), batch_id, str(brake.get("why") or ""))]
    return [Item("paused", path, 0, batch_id, str(brake.get("why") or ""))] if brake.get("state") == "paused" else []


def _of_approvals(standing: Json, path: str, now: float) -> list[Item]:
    """The approvals that are missing, and those that soon will be."""
    asked, batch_id = standing.get("approvals") or [], str(standing.get("batchId", ""))
    missing = sum(int(each.get("missing") or 0) for each in asked)
    ends = sorted(str(each["expiresAt"]) for each in asked if is_soon(each.get("expiresAt"), now))
    found = [Item("approve", path, missing, batch_id)] if missing else []
    return [*found, Item("expires", path, len(ends), batch_id, ends[0])] if ends else found


def jobs_to_start(standing: Json) -> int:
    """How many jobs a person has to start in the ECS console now, as the API counts them."""
    may_start = not standing.get("brake") and not standing.get("nextOpening")
    return int(standing.get("jobsToStart") or 0) if may_start else 0


def needs_acknowledgement(standing: Json) -> bool:
    """Whether a batch waits for a person to accept its risks."""
    is_planned = standing.get("state") != "planning" and not is_empty(standing)
    return is_open(standing) and is_planned and not standing.get("acknowledgement")


def is_empty(standing: Json) -> bool:
    """Whether a batch was planned and has no instance: nothing in it needs a person."""
    return standing.get("size") == 0 and standing.get("state") != "planning"


def is_open(standing: Json) -> bool:
    """Whether something may still start in a batch."""
    stopped = (standing.get("brake") or {}).get("state") == "stopped"
    return standing.get("state") != "closed" and not standing.get("dryRun") and not stopped


@dataclass(frozen=True)
class Heap:
    """What is to do of one kind: the items that are shown, those that are folded, and how many more there are."""

    kind: str
    first: tuple[Item, ...]
    rest: tuple[Item, ...]
    beyond: int


def heaps_of(items: Iterable[Item]) -> list[Heap]:
    """The items by kind, most urgent first. Three hundred batches that wait for the same leave room for the next kind."""
    found: dict[str, list[Item]] = {}
    for each in sorted_items(items):
        found.setdefault(each.kind, []).append(each)
    return [Heap(kind, tuple(some[:FIRST]), tuple(some[FIRST:FOLDED]), max(0, len(some) - FOLDED)) for kind, some in found.items()]


def sorted_items(items: Iterable[Item]) -> list[Item]:
    """Most urgent first, then by number."""
    return sorted(items, key=lambda each: (RANKS.index(each.kind), -each.number, each.subject))


def running(standings: Sequence[Json]) -> list[Json]:
    """The batches in which something moves or may start."""
    return [each for each in standings if each.get("acknowledgement") and each.get("state") == "open" and not each.get("brake")]


def waiting(standings: Sequence[Json]) -> list[Json]:
    """The open batches that do not run; those without an instance are left out."""
    moving = running(standings)
    return [each for each in standings if each.get("state") != "closed" and each not in moving and not is_empty(each)]
