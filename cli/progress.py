"""The lines that `replank watch` prints about a batch: first what a person must do, then each wave with its forecast finish."""

from __future__ import annotations

from typing import Any

from cli import output
from cli.client import ApiClient
from cli.planning import finish_in_words, plan_if_supported

Json = dict[str, Any]
COUNTED = "failed moving waiting moved"
"""The API's names for the counts of a wave. The most important count comes first."""


def current_plan(api: ApiClient, batch: Json) -> Json | None:
    """The current plan of the batch; None if the batch is empty or not acknowledged, or if the deployed API has no plans yet."""
    if batch["acknowledgement"] is None or not batch["size"]:
        return None
    return plan_if_supported(api, batch["batchId"])


def urgent_messages(batch: Json, plan: Json | None) -> list[str]:
    """Messages about what a person must do now: first about the whole batch, then about its migrations."""
    brake = batch["brake"]
    said = [_brake_message(brake, batch["batchId"])] if brake and batch["state"] == "open" else []
    said += [f"{each['about']}: {each['waitsFor']}" for each in batch.get("approvals", ()) if each["missing"]]
    said += [f"account {each['accountId']}: {each['code']}: {each['remedy']}" for each in batch.get("accountTroubles", ())]
    said += [sentence] if (sentence := confirmation_hint(batch)) else []
    failed = plan["outcomes"].get("failed", 0) if plan else 0
    return said + ([f"{failed} failed: see why (replank status {batch['batchId']} --state failed)"] if failed else [])


def _brake_message(brake: Json, batch_id: str) -> str:
    """Who paused or stopped the batch. A pause at the budget also says which budget: the batch's, or that of one wave."""
    reason = f" ({brake['why']})" if brake["state"] == "paused at budget" and brake.get("why") else ""
    return f"{brake['state']} by {brake['by']}{reason}: replank resume {batch_id}"


def confirmation_hint(batch: Json) -> str:
    """A hint to confirm migrations, with their number and the command; empty if no migration waits for a confirmation."""
    number, ready_at = batch["counts"].get("migrated", 0), batch.get("readyToConfirmAt")
    if not number or not ready_at:
        return ""
    return (
        f"{number} migrated, ready to confirm from {output.time_in_words(ready_at)} on: replank confirm --batch {batch['batchId']}"
    )


def wave_lines(batch: Json, plan: Json | None) -> list[str]:
    """One line per wave: its counts, the reason why the wave waits, and its forecast finish.

    A batch without waves gets one line with its forecast finish.
    """
    by_number = {each["number"]: each["finish"] for each in plan["waves"]} if plan else {}
    said = []
    for wave in batch["waves"]:
        stands = [f"{wave[name]} {name}" for name in COUNTED.split() if wave[name]]
        waits = f"; {wave['waitsFor']}" if wave["waitsFor"] else ""
        open_still = wave["moving"] or wave["waiting"]
        ends = f"; finish {finish_in_words(by_number[wave['number']])}" if open_still and wave["number"] in by_number else ""
        said.append(f"wave {wave['number']} of {len(batch['waves'])}: {', '.join(stands) or 'empty'}{waits}{ends}")
    if not said and plan and plan["instances"]:
        said.append(f"finish {finish_in_words(plan['finish'])}")
    return said
