"""The commands events validate and events send: check events against their schemas, or publish them on the event bus."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import output
from cli.files import read_json_file
from cli.options import AsJson
from cli.problem import NEGATIVE, Problem, bad_input_problem
from cli.sdk_account import OperatorAccount, problem_from_error
from shared.domain import events as known

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "events"
_FILE = Annotated[Path, typer.Argument(metavar="FILE", help="JSON file with one CloudEvent, or a list of them.")]


def add_commands(app: typer.Typer) -> None:
    """Add the commands events validate and events send to the command line."""
    group = typer.Typer(help="Check events against their schemas, or publish them on the bus.", no_args_is_help=True)
    group.command("validate")(validate_events)
    group.command("send")(send_events)
    app.add_typer(group, name="events")


def validate_events(file: _FILE, as_json: AsJson = False) -> None:
    """Check each event's envelope, and check the event's data against the schema of the event's type.

    The exit status is 1 if an event is invalid.
    """
    problems = [
        f"event {place}: {problem}" for place, event in enumerate(read_events(file)) for problem in problems_in_event(event)
    ]
    if as_json:
        output.show_json({"valid": not problems, "problems": problems})
    else:
        print("\n".join(problems) or "valid")
    if problems:
        raise typer.Exit(1)


def send_events(file: _FILE, as_json: AsJson = False) -> None:
    """Check the events, and publish them on the pipeline's event bus.

    A notice creates a batch, but starts no migration. No instance migrates before a person acknowledges the batch.
    """
    found = read_events(file)
    problems = [problem for event in found for problem in problems_in_event(event)]
    if problems:
        raise bad_input_problem("Event.Invalid", "; ".join(problems[:5]), "Correct the file; `replank events validate` checks it.")
    ids = publish_events(OperatorAccount.from_environment(), found)
    if as_json:
        output.show_json({"sent": ids})
    else:
        print(f"{len(ids)} sent: {', '.join(ids)}")


def read_events(file: Path) -> list[Json]:
    """The events in a JSON file. Raises Problem (File.Unreadable, File.Invalid)."""
    try:
        found = read_json_file(file)
    except (OSError, ValueError) as error:
        raise bad_input_problem(
            "File.Unreadable", f"{file}: {output.error_in_words(error)}.", "Give a JSON file with a CloudEvent."
        ) from None
    listed = found if isinstance(found, list) else [found]
    if not listed or not all(isinstance(each, dict) for each in listed):
        raise bad_input_problem("File.Invalid", f"{file} holds no CloudEvent.", "events/EndOfLife/sample.notice.json is one.")
    return listed


def problems_in_event(event: Json) -> list[str]:
    """The faults of an event, one sentence each; empty if the event is valid."""
    type_ = str(event.get("type", ""))
    found = _schema_problems(FOLDER / "envelope.schema.json", event, "")
    if type_ not in known.PRODUCERS:
        return [*found, f"type: {type_!r} is no type of this pipeline"]
    return found + _schema_problems(FOLDER / type_.rpartition(":")[2] / "schema.json", event.get("data"), "data")


def _schema_problems(schema_file: Path, value: Any, at: str) -> list[str]:
    import jsonschema

    if not schema_file.is_file():
        raise Problem(
            "Schema.Missing", f"{schema_file} is missing.", "Run this from a checkout of the repository.", exit_status=NEGATIVE
        )
    schema = json.loads(schema_file.read_text(encoding="utf-8"))
    checker = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    return [
        f"{'.'.join(filter(None, [at, *map(str, error.path)])) or 'event'}: {error.message}"
        for error in sorted(checker.iter_errors(value), key=lambda error: list(map(str, error.path)))
    ]


def publish_events(account: OperatorAccount, found: list[Json]) -> list[str]:
    """Publish events on the pipeline's event bus. Returns the ids of the events. Raises Problem if EventBridge refuses an event."""
    from alibabacloud_eventbridge import models
    from Tea.exceptions import TeaException

    request = [
        models.CloudEvent(
            id=str(event.get("id") or uuid.uuid4()),
            source=str(event["source"]),
            specversion="1.0",
            type=str(event["type"]),
            datacontenttype="application/json",
            subject=str(event.get("subject") or ""),
            time=str(event.get("time") or datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")),
            data=json.dumps(event.get("data", {})).encode(),
            extensions={"aliyuneventbusname": account.bus},
        )
        for event in found
    ]
    client, said, refused = account.eventbridge_client(), list[str](), 0
    for part in _portions(request):
        try:
            answer = client.put_events(part)
        except TeaException as error:
            raise _problem_with_rest(problem_from_error(error, "EventBridge"), request, part) from None
        refused += answer.failed_entry_count or 0
        said += [f"{each.error_code}: {each.error_message}" for each in answer.entry_list or () if each.error_code]
    if refused:
        raise Problem(
            "EventBridge.Refused",
            f"{refused} events were refused: {'; '.join(said)}",
            "Correct these events, then send them again.",
        )
    return [each.id for each in request]


def _portions(entries: list[Any]) -> Iterator[list[Any]]:
    """The events in their order, in portions that each fit into one PutEvents call."""
    from shared.adapters.bus import ENVELOPE_BYTES, MAX_BYTES, MAX_ENTRIES

    portion, size = list[Any](), 0
    for entry in entries:
        needs = len(entry.data) + ENVELOPE_BYTES
        if portion and (len(portion) == MAX_ENTRIES or size + needs > MAX_BYTES):
            yield portion
            portion, size = [], 0
        portion.append(entry)
        size += needs
    yield portion


def _problem_with_rest(problem: Problem, entries: list[Any], part: list[Any]) -> Problem:
    """The problem of one call. If earlier calls were accepted, the sentence says from which event on nothing was published."""
    sent = entries.index(part[0])
    if sent:
        problem.message += f" The first {sent} of {len(entries)} events were published, and no event from {part[0].id} on."
    return problem
