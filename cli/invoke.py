"""The command invoke: runs the function of one stage by hand, through Function Compute's SDK."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import output
from cli.options import AsJson
from cli.problem import Problem, bad_input_problem
from cli.sdk_account import OperatorAccount, problem_from_error

STAGES = ("intake", "api", "precheck", "snapshot", "migrate", "watch", "validate", "rollback", "sweep")


def add_commands(app: typer.Typer) -> None:
    """Add the command invoke to the command line."""
    app.command("invoke")(invoke_stage)


def invoke_stage(
    stage: Annotated[str, typer.Argument(help=f"One of {', '.join(STAGES)}.")],
    event: Annotated[
        Path, typer.Argument(metavar="EVENTFILE", help="JSON file with the event, in the form in which the trigger sends it.")
    ],
    as_json: AsJson = False,
) -> None:
    """Invoke one stage's function with an event from a file. Show the function's answer and the end of its log."""
    if stage not in STAGES:
        raise bad_input_problem("Stage.Unknown", f"There is no stage {stage!r}.", f"The stages are {', '.join(STAGES)}.")
    try:
        payload = event.read_bytes()
        json.loads(payload)
    except (OSError, ValueError) as error:
        raise bad_input_problem(
            "File.Unreadable",
            f"{event}: {output.error_in_words(error)}.",
            "Name a JSON file. There are samples in events/ and events/triggers/.",
        ) from None
    answer = invoke_function(stage, payload)
    output.show_json(answer) if as_json else _print_answer(answer)


def _print_answer(answer: dict[str, Any]) -> None:
    output.show_json(answer["result"])
    if answer["log"]:
        print(answer["log"].rstrip())


def invoke_function(stage: str, payload: bytes) -> dict[str, Any]:
    """Invoke the function replank-<stage>, and wait for the answer. Returns ``result``, ``log`` (the last 4 KiB of the log) and
    ``requestId``.

    Raises Problem (Function.Failed, or an error code of Function Compute).
    """
    import fc2
    import requests

    try:
        answer = OperatorAccount.from_environment().functions_client().invoke(f"replank-{stage}", payload)
    except (fc2.fc_exceptions.FcError, requests.RequestException) as error:
        raise problem_from_error(error, "FunctionCompute") from None
    headers = {name.lower(): value for name, value in answer.headers.items()}
    log = base64.b64decode(headers.get("x-fc-log-result", "")).decode(errors="replace")
    request_id = headers.get("x-fc-request-id", "")
    if headers.get("x-fc-error-type"):
        output.print_note(log.rstrip())
        remedy = f"Its log is above, and in the log store under request id {request_id}. Correct the cause, then try again."
        raise Problem(
            "Function.Failed",
            f"replank-{stage} failed: {_error_in_words(_parsed_answer(answer.content))}",
            remedy,
            request_id=request_id,
        )
    return {"result": _parsed_answer(answer.content), "log": log, "requestId": request_id}


def _error_in_words(answer: Any) -> str:
    """The type and message of the error that the function raised, without the traceback."""
    found = answer if isinstance(answer, dict) else {}
    told = [str(found[name]) for name in ("errorType", "errorMessage") if found.get(name)]
    return ": ".join(told)[:500] or str(answer)[:500] or "the function gave no reason"


def _parsed_answer(content: bytes) -> Any:
    try:
        return json.loads(content or b"null")
    except ValueError:
        return content.decode(errors="replace")
