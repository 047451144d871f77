"""One act on many migrations of a batch: the list, the question, the requests of 100 each, and what came of each migration."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import typer

from cli import output, states
from cli.client import ApiClient
from cli.problem import Problem, bad_input_problem

Json = dict[str, Any]
AT_ONCE = 100
"""Maximum number of migrations in one request to the API."""


@dataclass(frozen=True)
class BulkAct:
    """What the commands say about one act on many migrations."""

    path: str
    """The act's name in the API."""
    answer: str
    """The field of the API's answer that holds the ids of the migrations on which the act succeeded."""
    states: tuple[str, ...]
    """The states of the migrations that the act is meant for, if the user names none."""
    meant: str
    """The migrations in these states, in words."""
    done: str
    not_done: str
    line: Callable[[Json], str]
    """The words about one migration in the list, after its id and its instance."""
    question: Callable[[int, Json], str]
    """The question about a number of migrations of a batch."""
    typed: bool = False
    """Whether the user types the batch's id instead of answering yes or no."""


def _question_before_confirming(number: int, batch: Json) -> str:
    kept = batch["policy"]["retentionDays"]
    return f"Confirm these {number}? Their snapshots are deleted {kept} days later; then nothing can be rolled back."


def _question_before_retrying(number: int, _batch: Json) -> str:
    return f"Try these {number} again? A failed rollback is continued as a rollback."


def _question_before_cancelling(number: int, batch: Json) -> str:
    return f"Cancel these {number} of the {batch['size']} migrations of the batch? None of them starts by itself again."


def _question_before_rolling_back(number: int, batch: Json) -> str:
    which = f"these {number} of the {batch['size']} instances of the batch"
    return f"Reset every disk of {which} to its snapshot? Data written since is lost."


def _name_and_state(migration: Json) -> str:
    return f"{migration['instanceName']}  {migration['state']} since {output.time_in_words(migration['enteredAt'])}"


CONFIRM = BulkAct(
    "confirmation",
    "confirmed",
    ("migrated",),
    "migrated migration",
    "confirmed",
    "confirmed",
    lambda each: f"{each['instanceName']}  validated {output.time_in_words(each['enteredAt'])}",
    _question_before_confirming,
)
RETRY = BulkAct(
    "retry",
    "retried",
    ("failed",),
    "failed migration",
    "tried again",
    "tried again",
    lambda each: f"{each['failure']['code']} ({each['failure']['stage']})",
    _question_before_retrying,
)
CANCEL = BulkAct(
    "cancellation",
    "cancelled",
    states.NOT_BEGUN,
    "migration that has not begun",
    "cancelled",
    "cancelled",
    _name_and_state,
    _question_before_cancelling,
    typed=True,
)
ROLL_BACK = BulkAct(
    "rollback",
    "begun",
    ("migrated",),
    "migrated migration",
    "being rolled back",
    "rolled back",
    _name_and_state,
    _question_before_rolling_back,
    typed=True,
)


def act_on_batch(api: ApiClient, act: BulkAct, batch: str, *, yes: bool, as_json: bool, chosen: Iterable[str] = ()) -> None:
    """List the batch's migrations that the act is meant for, ask the user, and act on each whose version has not changed since.

    ``chosen`` are the states that the user names. The exit status is 1 if the act is refused for a migration, or if there is
    nothing to act on.
    """
    found = api.get(f"/batches/{batch}")
    named = states.in_order(chosen) or act.states
    meant = [each for state in named for each in api.all_items("/migrations", "migrations", batchId=batch, state=state)]
    if meant and not yes:
        _list_and_ask(act, meant, batch, act.question(len(meant), found))
    done, refused = _send_act(api, f"/batches/{batch}/{act.path}", meant, act.answer)
    if as_json:
        output.show_json({act.answer: done, "refused": refused})
    else:
        which = f"migration in state {', '.join(named)}" if chosen else act.meant
        print(f"{len(done)} {act.done}." if meant else f"Nothing was {act.not_done}: batch {batch} has no {which}.")
        for each in refused:
            print(f"Not {act.not_done}: {each['code']}: {each['message']}\n  {each['remedy']}")
    if refused or not done:
        raise typer.Exit(1)


def _list_and_ask(act: BulkAct, meant: list[Json], batch: str, question: str) -> None:
    for each in meant:
        print(f"{each['migrationId']}  {each['instanceId']}  {act.line(each)}", file=sys.stderr)
    if act.typed:
        ask_for_batch_id(question, batch)
    else:
        typer.confirm(question, abort=True, err=True)


def ask_for_batch_id(question: str, batch: str) -> None:
    """Ask the user to type the batch's id. Raises Problem (Confirmation.Different) for any other text, before anything is done."""
    typed = str(typer.prompt(f"{question}\nType the id of the batch to do it", err=True)).strip()
    if typed != batch:
        raise bad_input_problem(
            "Confirmation.Different",
            f"You typed {typed}, and the batch is {batch}. Nothing was done.",
            "Repeat the command and type the batch's id. In a script, use --yes.",
        )


def _send_act(api: ApiClient, path: str, migrations: list[Json], answer: str) -> tuple[list[str], list[Json]]:
    """Ask the API to do an act on many migrations. Returns the ids of the migrations on which the act succeeded, and the refusals
    with their reasons.

    If a request after the first one fails, its migrations and all later ones count as refused, so that what was done is still told.
    """
    done, refused = list[str](), list[Json]()
    for place in range(0, len(migrations), AT_ONCE):
        some = migrations[place : place + AT_ONCE]
        named = [{"migrationId": each["migrationId"], "version": each["version"]} for each in some]
        try:
            found = api.post(path, {"migrations": named})
        except Problem as problem:
            if not place:
                raise
            return done, refused + [_unanswered(each, problem, asked=each in some) for each in migrations[place:]]
        done += found[answer]
        refused += found["refused"]
    return done, refused


def _unanswered(migration: Json, problem: Problem, *, asked: bool) -> Json:
    """The entry of a migration whose request failed or was not sent, in the form of the API's own refusals."""
    about = f"Migration {migration['migrationId']}: {problem.message}"
    remedy = f"{problem.remedy} Then repeat the command." if asked else "It was not asked for any more. Repeat the command."
    return {"migrationId": migration["migrationId"], "code": problem.code, "message": about, "remedy": remedy}
