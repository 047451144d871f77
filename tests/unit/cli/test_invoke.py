"""How the command line handles a function's answer, or a missing answer."""

from __future__ import annotations

import base64
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
    """A Function Compute that gives this answer to an invocation, or fails."""
    functions = SimpleNamespace(invoke=mock.Mock(side_effect=[answer]))
    return mock.patch.object(OperatorAccount, "from_environment", return_value=SimpleNamespace(functions_client=lambda: functions))


@pytest.mark.parametrize(("result", "said"), [("done", "`replank snapshots` shows what is left"), ("waiting", "Run it again")])
def test_a_sweep_says_whether_there_is_more_to_do(result: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with answering(SimpleNamespace(headers={"x-fc-request-id": "r"}, content=f'{{"result": "{result}"}}'.encode())):
        snapshots.sweep_snapshots(dry_run=False, at="", as_json=False)
    assert said in capsys.readouterr().out


def test_no_answer_in_time_is_a_problem_with_a_remedy() -> None:
    with answering(requests.ReadTimeout("timed out")), pytest.raises(Problem) as found:
        invoke_function("sweep", b"{}")
    assert found.value.code == "FunctionCompute.ReadTimeout"
    assert found.value.remedy


def test_a_function_that_fails_says_why_and_shows_its_log_apart(capsys: pytest.CaptureFixture[str]) -> None:
    log = 'Traceback (most recent call last):\n  File "/code/index.py", line 3\nKeyError: x'
    content = b'{"errorType": "KeyError", "errorMessage": "x", "stackTrace": ["File /code/index.py, line 3"]}'
    headers = {"x-fc-error-type": "UnhandledInvocationError", "x-fc-request-id": "r-7"}
    headers["x-fc-log-result"] = base64.b64encode(log.encode()).decode()
    with answering(SimpleNamespace(headers=headers, content=content)), pytest.raises(Problem) as found:
        invoke_function("watch", b"{}")
    assert str(found.value) == "Function.Failed: replank-watch failed: KeyError: x"
    assert "r-7" in found.value.remedy
    assert "Traceback" not in found.value.remedy
    assert log in capsys.readouterr().err
