"""replank plan: for an existing batch, or for a submission that is not sent yet."""

from __future__ import annotations

import time
from typing import Any

import pytest

from cli import client
from cli.main import run

EMPTY = {"earliest": None, "p10": None, "p50": None, "p90": None}


def a_plan(**more: Any) -> dict[str, Any]:
    shown = {"batchId": "b1", "state": "open", "needsAPerson": [], "instances": 2, "unassessed": 0, "routes": {}, "finish": EMPTY}
    shown |= {
        "planned": None,
        "finishedAt": None,
        "snapshotGib": 40,
        "snapshotCost": 0.0,
        "limits": [],
        "waves": [],
        "findings": [],
    }
    return {**shown, "runs": 5, "digest": "d" * 32, "leftOut": 3, "openings": [], **more}


class ApiInTurn:
    """Returns its answers in turn, and records the requests."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers, self.asked = list(answers), list[tuple[str, str, Any]]()

    def get(self, path: str, **query: Any) -> Any:
        self.asked.append(("GET", path, query))
        return self.answers.pop(0)

    def post(self, path: str, body: Any) -> Any:
        self.asked.append(("POST", path, body))
        return self.answers.pop(0)


def asked_with(monkeypatch: pytest.MonkeyPatch, api: ApiInTurn, *arguments: str) -> int:
    pauses: list[float] = []
    monkeypatch.setattr(client.ApiClient, "from_environment", lambda: api)
    monkeypatch.setattr(time, "sleep", pauses.append)
    return run(["plan", *arguments])


def test_a_new_plan_is_waited_for_until_every_instance_is_prechecked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api = ApiInTurn(a_plan(state="planning"), a_plan(unassessed=1), a_plan())
    assert asked_with(monkeypatch, api, "--tag", "env=prod", "--client-token", "once", "--exclude-name", "db-*") == 0
    assert api.asked[0] == ("POST", "/plans", {"clientToken": "once", "tags": ["env=prod"], "exclude": {"names": ["db-*"]}})
    assert [each[:2] for each in api.asked[1:]] == [("GET", "/batches/b1/plan")] * 2
    shown = capsys.readouterr()
    assert "left out" in shown.out
    assert "dry run b1" in shown.err


def test_patience_ends(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    api = ApiInTurn(a_plan(state="planning"))
    assert asked_with(monkeypatch, api, "--vpc", "vpc-a", "--wait", "0") == 0
    assert "the search for its instances is not finished" in capsys.readouterr().out


def test_a_batch_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiInTurn(a_plan())
    assert asked_with(monkeypatch, api, "b1", "--seed", "7") == 0
    assert api.asked == [("GET", "/batches/b1/plan", {"seed": "7"})]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("b1", "--tag", "env"), "Option.NoEffect"), (("b1", "--wait", "3"), "Option.NoEffect"), ((), "Option.Missing")],
)
def test_it_is_a_batch_or_a_selection(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: str
) -> None:
    assert asked_with(monkeypatch, ApiInTurn(), *arguments) == 2
    assert code in capsys.readouterr().err
