"""What needs a person now, from what the API says: the most urgent first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
RANKS = ("held", "budget", "account", "stuck", "failed", "paused", "acknowledge", "approve", "wave", "refused", "ready", "confirm")
"""Kinds of what needs a person, most urgent first."""


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


def of_batch(standing: Json, *, ready: bool = False) -> list[Item]:
    """What one batch waits for from a person. Of what is ``ready`` to confirm, ``of_ready`` tells."""
    batch_id = str(standing.get("batchId", ""))
    page, counts = f"/batches/{batch_id}", standing.get("counts") or {}
    brake = standing.get("brake") or {}
    found: list[Item] = []

    def add(kind: str, number: int = 0, note: object = "", path: str = page) -> None:
        found.append(Item(kind, path, number, batch_id, str(note or "")))

    if brake.get("state") == "paused at budget":
        add("budget", int(standing.get("failed") or 0))
    elif brake.get("state") == "paused":
        add("paused", note=brake.get("why"))
    if is_empty(standing):
        return found
    if needs_acknowledgement(standing):
        add("acknowledge", int(standing.get("size") or 0))
    missing = sum(int(each.get("missing") or 0) for each in standing.get("approvals") or [])
    if missing and is_open(standing):
        add("approve", missing, path=f"{page}#approvals")
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
    waiting: list[Json] = [each for each in standing.get("waves") or [] if each.get("waitsFor")]
    words = str(waiting[0]["waitsFor"]) if waiting else ""
    return waiting[0] if "has ended" in words and "soaks" not in words else {}


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
