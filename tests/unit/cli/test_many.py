"""Acts on many migrations of a batch: the list and the number before the act, the typed batch, and what came of each."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from cli.client import ApiClient
from cli.main import run
from cli.problem import Problem
from shared.domain.migration import State
from tests.support.api import ApiInHand, ApiInMemory, migration


class ApiThatStops(ApiInHand):
    """Answers the first act on many. Every later one fails."""

    acts = 0

    def send_request(self, method: str, path: str, **more: Any) -> Any:
        if method == "POST":
            self.acts += 1
            if self.acts > 1:
                raise Problem("Api.Unreachable", "No answer.", "Look at the network.")
        return super().send_request(method, path, **more)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> ApiInMemory:
    api = ApiInMemory()
    monkeypatch.setattr(ApiClient, "from_environment", lambda: ApiInHand(api))
    return api


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the user types, one text for each question. The questions replace the texts."""
    texts: list[str] = []

    def ask(question: str, **_: object) -> str:
        text = texts.pop(0)
        texts.append(question)
        return text

    monkeypatch.setattr("typer.prompt", ask)
    return texts


def said(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    ended = run(list(arguments))
    told = capsys.readouterr()
    assert ended == status, told.err
    return told.out + told.err


def some(state: State, *numbers: int) -> list[Any]:
    return [migration(f"{state.value}{number}", state, instance_id=f"i-{number}") for number in numbers]


def states_of(api: ApiInMemory) -> dict[str, str]:
    return {migration_id: row.migration.state.value for migration_id, row in api.fakes.migrations.rows.items()}


@pytest.mark.parametrize(
    ("command", "others", "becomes", "words"),
    [
        ("rollback", State.MIGRATED, "rolling_back", "2 being rolled back."),
        ("cancel", State.READY, "cancelled", "2 cancelled."),
    ],
)
def test_the_list_and_the_number_come_before_the_act(
    api: ApiInMemory,
    capsys: pytest.CaptureFixture[str],
    typed: list[str],
    command: str,
    others: State,
    becomes: str,
    words: str,
) -> None:
    batch = api.open_batch(*some(others, 1, 2), *some(State.COMPLETED, 3))
    typed.append(batch)
    told = said(capsys, command, "--batch", batch)
    assert f"{others.value}1  i-1" in told
    assert f"{others.value}2  i-2" in told
    assert "completed3" not in told
    assert " these 2 of the 3 " in typed[0]
    assert words in told
    assert states_of(api) == {f"{others.value}1": becomes, f"{others.value}2": becomes, "completed3": "completed"}


@pytest.mark.parametrize("command", ["rollback --batch", "cancel --batch", "stop"])
def test_another_word_than_the_batch_does_nothing(
    api: ApiInMemory, capsys: pytest.CaptureFixture[str], typed: list[str], command: str
) -> None:
    batch = api.open_batch(*some(State.MIGRATED, 1), *some(State.READY, 2))
    before = states_of(api)
    typed.append("yes")
    told = said(capsys, *command.split(), batch, status=2)
    assert f"Confirmation.Different: You typed yes, and the batch is {batch}. Nothing was done." in told
    assert states_of(api) == before
    assert api.call("GET", f"/batches/{batch}")[1]["brake"] is None


def test_a_script_says_yes_and_reads_json(api: ApiInMemory, capsys: pytest.CaptureFixture[str]) -> None:
    batch = api.open_batch(*some(State.MIGRATED, 1, 2))
    assert run(["rollback", "--batch", batch, "--yes", "--json"]) == 0
    told = capsys.readouterr()
    assert (json.loads(told.out), told.err) == ({"begun": ["migrated1", "migrated2"], "refused": []}, "")


def test_the_states_that_the_user_names_are_meant(api: ApiInMemory, capsys: pytest.CaptureFixture[str]) -> None:
    moved = [replace(each, hop=1) for each in some(State.FAILED, 3)]
    batch = api.open_batch(*some(State.MIGRATED, 1), *moved, *some(State.COMPLETED, 4))
    assert said(capsys, "rollback", "--batch", batch, "--state", "failed", "-y") == "1 being rolled back.\n"
    assert states_of(api) == {"migrated1": "migrated", "failed3": "rolling_back", "completed4": "completed"}
    told = said(capsys, "rollback", "--batch", batch, "--state", "waiting", "--state", "ready", "-y", status=1)
    assert told == f"Nothing was rolled back: batch {batch} has no migration in state ready, waiting.\n"


@pytest.mark.parametrize(("command", "kind"), [("rollback", "migrated migration"), ("cancel", "migration that has not begun")])
def test_nothing_to_do_is_no_success_and_asks_nothing(
    api: ApiInMemory, capsys: pytest.CaptureFixture[str], command: str, kind: str
) -> None:
    batch = api.open_batch(*some(State.COMPLETED, 1))
    assert f"batch {batch} has no {kind}.\n" in said(capsys, command, "--batch", batch, status=1)
    assert "Batch.NotFound" in said(capsys, command, "--batch", "nobodys", "-y", status=1)


def test_each_refusal_is_told_and_the_rest_is_done(api: ApiInMemory, capsys: pytest.CaptureFixture[str]) -> None:
    without_snapshots = replace(some(State.MIGRATED, 2)[0], snapshots_made=0)
    batch = api.open_batch(*some(State.MIGRATED, 1), without_snapshots, *some(State.MIGRATED, 3))
    told = said(capsys, "rollback", "--batch", batch, "-y", status=1)
    assert told.startswith("2 being rolled back.\nNot rolled back: Migration.NotRollbackable: Migration migrated2 ")
    assert list(states_of(api).values()) == ["rolling_back", "migrated", "rolling_back"]


def test_what_was_done_is_told_although_a_later_request_fails(
    api: ApiInMemory, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API takes 100 at once: the second hundred gets no answer, and the rest is not sent."""
    stops = ApiThatStops(api)
    monkeypatch.setattr(ApiClient, "from_environment", lambda: stops)
    batch = api.open_batch(*some(State.READY, *range(201)))
    assert run(["cancel", "--batch", batch, "-y", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (len(told["cancelled"]), len(told["refused"]), stops.acts) == (100, 101, 2)
    assert {each["code"] for each in told["refused"]} == {"Api.Unreachable"}
    asked = [each["remedy"].startswith("Look at the network.") for each in told["refused"]]
    assert (asked.count(True), asked.count(False)) == (100, 1)
