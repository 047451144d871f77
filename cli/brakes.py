"""Commands that control when the migrations of a batch may start: pause, resume, stop and next-wave."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli import output
from cli.client import ApiClient
from cli.many import ask_for_batch_id
from cli.options import AsJson, BatchId, description
from shared.domain.migration import BEFORE_A_START
from shared.runtime import requests

Json = dict[str, Any]
Why = Annotated[str, typer.Option(help=description(requests.BRAKE, "why"))]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for a confirmation.")]


def add_commands(app: typer.Typer) -> None:
    """Add the commands pause, resume, stop and next-wave to the command line."""
    app.command("pause")(pause_batch)
    app.command("resume")(resume_batch)
    app.command("stop")(stop_batch)
    app.command("next-wave")(start_next_wave)


def pause_batch(batch: BatchId, why: Why = "", as_json: AsJson = False) -> None:
    """Pause a batch: no migration or retry of the batch starts any more. Running migrations finish, including their next hops."""
    api = ApiClient.from_environment()
    found = api.get(f"/batches/{batch}")
    answer = api.post(f"/batches/{batch}/pause", {"why": why} if why else {}, seen=found["version"])
    _print_answer(answer, as_json, f"Batch {batch} is paused. Let it go on with: replank resume {batch} --why ...")


def resume_batch(
    batch: BatchId,
    why: Annotated[str, typer.Option(help=description(requests.RESUME, "why"))],
    as_json: AsJson = False,
) -> None:
    """Resume a paused or stopped batch. If the batch was paused because it reached its failure budget, its count of failures
    restarts at 0.
    """
    api = ApiClient.from_environment()
    found = api.get(f"/batches/{batch}")
    at_budget = found["brake"] is not None and found["brake"]["state"] == "paused at budget"
    answer = api.post(f"/batches/{batch}/resume", {"why": why, "failed": found["failed"]}, seen=found["version"])
    counts = f" The count of failures restarts at 0; the {found['failed']} so far no longer count." if at_budget else ""
    _print_answer(answer, as_json, f"Batch {batch} goes on.{counts} Follow it with: replank watch {batch}")


def stop_batch(batch: BatchId, why: Why = "", yes: Yes = False, as_json: AsJson = False) -> None:
    """Stop a batch, and cancel those of its migrations that have not begun.

    Running migrations finish, including their next hops.
    """
    api = ApiClient.from_environment()
    found = api.get(f"/batches/{batch}")
    if not yes:
        waiting = sum(found["counts"].get(each.value, 0) for each in BEFORE_A_START)
        ask_for_batch_id(f"Stop batch {batch} and cancel the migrations that have not begun ({waiting} are waiting now)?", batch)
    answer = api.post(f"/batches/{batch}/stop", {"why": why} if why else {}, seen=found["version"])
    _print_answer(
        answer, as_json, f"Batch {batch} is stopped. Its waiting migrations are cancelled within minutes: replank watch {batch}"
    )


def start_next_wave(batch: BatchId, as_json: AsJson = False) -> None:
    """Start the next wave of a batch whose policy needs a person's approval for each wave (gate: approval)."""
    api = ApiClient.from_environment()
    found = api.get(f"/batches/{batch}")
    answer = api.post(f"/batches/{batch}/waves/next", seen=found["version"])
    _print_answer(answer, as_json, f"The next wave of batch {batch} begins within a minute. Follow it with: replank watch {batch}")


def _print_answer(answer: Json, as_json: bool, sentence: str) -> None:
    if as_json:
        output.show_json(answer)
    else:
        print(sentence)
