"""What the command line makes of a function's answer, or of none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
import requests

from cli import snapshots
from cli.invoke import invoke_function
from cli.problem import Problem
from cli.sdk_account import OperatorAccount


def answering(answer: Any) -> Any:
    """Function Compute, which answers an invocation so, or fails."""
    functions = SimpleNamespace(invoke=mock.Mock(side_effect=[answer]))
    return mock.patch.object(OperatorAccount, "from_environment", return_value=SimpleNamespace(functions=lambda: functions))


@pytest.mark.parametrize(("result", "said"), [("done", "`replank snapshots` shows what is left"), ("waiting", "Run it again")])
def test_a_sweep_says_whether_there_is_more_to_do(result: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with answering(SimpleNamespace(headers={"x-fc-request-id": "r"}, content=f'{{"result": "{result}"}}'.encode())):
        snapshots.sweep(dry_run=False, at="", as_json=False)
    assert said in capsys.readouterr().out


def test_no_answer_in_time_is_a_problem_with_a_remedy() -> None:
    with answering(requests.ReadTimeout("timed out")), pytest.raises(Problem) as found:
        invoke_function("sweep", b"{}")
    assert found.value.code == "FunctionCompute.ReadTimeout"
    assert found.value.remedy
