"""An error is shown by name, whoever refused: the API, Function Compute in front of the API (in both spellings), or a process
that ended.
"""

from __future__ import annotations

from typing import Any

import pytest

from cli.client import problem_from_answer


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        ({"Code": "Batch.NotFound", "Message": "None."}, "Batch.NotFound", "None."),
        ({"ErrorCode": "AccessDenied", "ErrorMessage": "Not you."}, "AccessDenied", "Not you."),
        ({"errorCode": "EntityTooLarge", "errorMessage": "Too much."}, "EntityTooLarge", "Too much."),
        ({"errorType": "ValueError", "errorMessage": "boom"}, "ValueError", "boom"),
        ({"errorMessage": "Process exited unexpectedly"}, "Http.502", "Process exited unexpectedly"),
        ({"Code": "", "Message": None}, "Http.502", "The API answered 502."),
        ("<html>", "Http.502", "The API answered 502."),
    ],
)
def test_code_and_message_of_a_refusal(answer: Any, code: str, message: str) -> None:
    problem = problem_from_answer(502, answer)
    assert (problem.code, problem.message) == (code, message)
