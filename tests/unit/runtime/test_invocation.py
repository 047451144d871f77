"""The invocation: fates become acknowledgements or exceptions, and each message gives one log line without secrets."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest

from shared.adapters import redact
from shared.adapters.sdk import Credentials
from shared.domain.errors import Bug, Permanent, Refused, Stale, Transient
from shared.domain.message import Message, Outcome
from shared.ports.ports import Ports
from shared.runtime import invocation, logs
from shared.runtime.settings import read_settings

CONTEXT = SimpleNamespace(request_id="R-1", credentials=None)
TYPE = "replank:Batch:BatchAcknowledged"
EVENT = {"id": "e1", "source": "replank", "type": TYPE, "data": {"migrationId": "m1", "hop": 0, "version": 3, "text": "private"}}
ENVIRONMENT = {
    "REPLANK_REGION": "cn-hangzhou",
    "FC_ACCOUNT_ID": "1",
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAI5tABCDEFGH",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "the-secret-of-it",
}


class WrittenLines(logging.Handler):
    """Keeps the log lines as they would be written."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logs.JsonFormatter())
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    handler = WrittenLines()
    logs.log.addHandler(handler)
    before = logs.log.level
    logs.log.setLevel("INFO")
    yield handler.lines
    logs.log.removeHandler(handler)
    logs.log.setLevel(before)


Stage = Callable[[Callable[[Message], Outcome]], None]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Install a stage named ``watch`` that does what the test tells it."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    running = invocation._FunctionState(
        read_settings(ENVIRONMENT), Credentials("LTAI5tABCDEFGH", "the-secret-of-it"), cast(Ports, None)
    )
    monkeypatch.setitem(invocation._running, "watch", running)
    monkeypatch.setitem(invocation._running, "api", running)

    def put(run: Callable[[Message], Outcome]) -> None:
        module = ModuleType("shared.stages.watch")
        module.handle_message = lambda message, ports: run(message)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "shared.stages.watch", module)

    return put


def failing(error: Exception) -> Callable[[Message], Outcome]:
    def run(message: Message) -> Outcome:
        raise error

    return run


def test_one_message_one_line(stage: Stage, lines: list[dict[str, Any]]) -> None:
    stage(lambda message: Outcome("done", {"state": "ready"}))
    assert json.loads(invocation.handle_event("watch", json.dumps(EVENT).encode(), CONTEXT)) == {"result": "done"}
    (line,) = lines
    assert line["requestId"] == "R-1"
    assert (line["function"], line["event"], line["migrationId"], line["hop"]) == ("replank-watch", TYPE, "m1", 0)
    assert (line["result"], line["state"], line["level"]) == ("done", "ready", "INFO")
    assert line["durationMs"] >= 0
    assert "text" not in line
    assert list(line)[:3] == ["time", "level", "requestId"]


@pytest.mark.parametrize(
    ("error", "result", "level"),
    [
        (Stale("Migration.Moved", "m", "r"), "stale", "INFO"),
        (Refused("Batch.NotFound", "m", "r"), "refused", "WARNING"),
        (Permanent("NoPermission", "m", "r"), "permanent", "ERROR"),
    ],
)
def test_what_would_be_met_again_is_acknowledged(
    stage: Stage, lines: list[dict[str, Any]], error: Any, result: str, level: str
) -> None:
    stage(failing(error))
    assert json.loads(invocation.handle_event("watch", json.dumps(EVENT).encode(), CONTEXT)) == {"result": result}
    (line,) = lines
    assert (line["level"], line["code"], line["result"]) == (level, error.code, result)


@pytest.mark.parametrize("error", [Transient("Throttling.User", "m"), Bug("impossible"), KeyError("oops")])
def test_what_may_pass_or_must_not_happen_is_raised(stage: Stage, lines: list[dict[str, Any]], error: Exception) -> None:
    stage(failing(error))
    with pytest.raises(type(error)):
        invocation.handle_event("watch", json.dumps(EVENT).encode(), CONTEXT)
    (line,) = lines
    assert ("trace" in line) == (not isinstance(error, Transient))


@pytest.mark.parametrize("event", [b"\x00", b"[]", b'{"type": 1}', b" " * (1 << 20) + b"{}", b" " * (1 << 16) + b"{}"])
def test_an_event_nobody_understands_is_raised_for_the_dead_letter_queue(
    stage: Stage, lines: list[dict[str, Any]], event: bytes
) -> None:
    stage(failing(AssertionError("never reached")))
    for function in ("watch", "api"):
        with pytest.raises(Refused, match=r"Event\.Invalid: "):
            invocation.handle_event(function, event, CONTEXT)
    assert {(line["code"], line["level"]) for line in lines} == {("Event.Invalid", "WARNING")}
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("function", "type", "source"),
    [
        ("watch", "replank:Batch:BatchAcknowledged.v2", "replank"),
        ("watch", "ecs:Instance:StateChange", "elsewhere"),
        ("watch", "replank:Migration:StepDue", "replank"),
        ("precheck", "timer", "timer"),
        ("sweep", "replank:Batch:BatchAcknowledged", "replank"),
    ],
)
def test_no_function_guesses_at_what_it_does_not_know(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, lines: list[dict[str, Any]], function: str, type: str, source: str
) -> None:
    monkeypatch.setitem(invocation._running, function, invocation._running["watch"])
    stage(failing(AssertionError("never reached")))
    with pytest.raises(Refused, match=r"Event\.Unknown: "):
        invocation.handle_event(function, json.dumps([EVENT, {**EVENT, "type": type, "source": source}]).encode(), CONTEXT)
    assert [line["code"] for line in lines] == ["Event.Unknown"]


def test_a_line_is_never_so_long_that_it_is_cut(stage: Stage, lines: list[dict[str, Any]]) -> None:
    """This is true for any facts. A secret is masked before a cut could split it."""
    redact.add_secret("activation-code-2")
    stage(failing(ValueError("activation-code-2" * 3000)))
    data = {"hop": "m" * 20_000, "attempt": ["ü" * 5_000, {"a": "activation-code-2" * 500}], "version": 10**2000}
    with pytest.raises(ValueError, match="activation"):
        invocation.handle_event("watch", json.dumps({**EVENT, "data": data}).encode(), CONTEXT)
    (line,) = lines
    assert len(json.dumps(line, ensure_ascii=False).encode()) < 32_000
    assert (line["code"], line["event"]) == ("ValueError", TYPE)
    assert "activation-code" not in json.dumps(line)


def test_all_of_a_list_have_their_turn_before_one_is_raised(stage: Stage, lines: list[dict[str, Any]]) -> None:
    seen: list[str] = []

    def run(message: Message) -> Outcome:
        seen.append(message.event_id)
        if message.event_id == "e1":
            raise Transient("Store.Unavailable", "m")
        return Outcome("done")

    stage(run)
    with pytest.raises(Transient):
        invocation.handle_event("watch", json.dumps([EVENT, {**EVENT, "id": "e2"}]).encode(), CONTEXT)
    assert seen == ["e1", "e2"]
    assert len(lines) == 2


def test_a_warning_on_the_way_names_its_invocation_and_its_migration(stage: Stage, lines: list[dict[str, Any]]) -> None:
    def run(message: Message) -> Outcome:
        logging.getLogger("replank.stage").warning("still %s", "owed", extra={"migrationId": "m1"})
        return Outcome("done")

    stage(run)
    invocation.handle_event("watch", json.dumps({**EVENT, "data": {}}).encode(), CONTEXT)
    assert [(line["level"], line["requestId"], line.get("migrationId"), line["message"]) for line in lines] == [
        ("WARNING", "R-1", "m1", "still owed"),
        ("INFO", "R-1", None, "done"),
    ]


def test_secrets_do_not_reach_the_log(stage: Stage, lines: list[dict[str, Any]]) -> None:
    redact.add_secret("activation-code-1")
    stage(failing(ValueError("import at-1 activation-code-1 failed; AccessKeySecret=abcdef")))
    with pytest.raises(ValueError, match="import"):
        invocation.handle_event("watch", json.dumps(EVENT).encode(), CONTEXT)
    written = json.dumps(lines)
    assert "at-1" in written
    assert "activation-code-1" not in written
    assert "abcdef" not in written


REQUEST = {"version": "v1", "rawPath": "/risks", "requestContext": {"http": {"method": "GET", "path": "/risks"}}, "headers": {}}


def test_http_is_answered_even_when_the_api_breaks(
    stage: Stage, lines: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.runtime import web

    def answer(request: Any, ports: Any, settings: Any, request_id: str) -> dict[str, Any]:
        if request["rawPath"] == "/broken":
            raise KeyError("private detail")
        return {"statusCode": 200, "body": request_id}

    monkeypatch.setattr(web, "handle_request", answer)
    assert invocation.handle_event("api", json.dumps(REQUEST).encode(), CONTEXT) == {"statusCode": 200, "body": "R-1"}
    broken = invocation.handle_event("api", json.dumps({**REQUEST, "rawPath": "/broken"}).encode(), CONTEXT)
    assert broken["statusCode"] == 500
    body = json.loads(broken["body"])
    assert (body["Code"], body["RequestId"]) == ("Internal.Bug", "R-1")
    assert "private" not in broken["body"]
    assert [line["result"] for line in lines] == ["200", "bug"]


EVENT_OF_GATEWAY = {"path": "/v1/risks", "httpMethod": "GET", "headers": {"X-Replank-App-Id": "7"}, "isBase64Encoded": "false"}


def test_the_log_says_through_which_door_a_request_came(
    stage: Stage, lines: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.runtime.web.handle_request", lambda *_: {"statusCode": 200})
    for document in (REQUEST, EVENT_OF_GATEWAY):
        assert invocation.handle_event("api", json.dumps(document).encode(), CONTEXT)["statusCode"] == 200
    assert [line["door"] for line in lines] == ["trigger", "gateway"]


def test_a_caller_that_sends_too_much_is_told_to_wait(
    stage: Stage, lines: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.runtime.web.handle_request", lambda *_: {"statusCode": 200})
    monkeypatch.setenv("REPLANK_API_RATE", "2")
    invocation.initialize("api", CONTEXT)
    answers = [invocation.handle_event("api", json.dumps(EVENT_OF_GATEWAY).encode(), CONTEXT) for _ in range(3)]
    assert [each["statusCode"] for each in answers] == [200, 200, 429]
    assert int(answers[2]["headers"]["Retry-After"]) > 0
    assert invocation.handle_event("api", json.dumps(REQUEST).encode(), CONTEXT)["statusCode"] == 200, "another caller"
    assert [line["result"] for line in lines] == ["200", "200", "429", "200"]


def test_a_request_beyond_all_limits_is_answered(stage: Stage, lines: list[dict[str, Any]]) -> None:
    answer = invocation.handle_event("api", json.dumps({**REQUEST, "body": "x" * (9 << 20)}).encode(), CONTEXT)
    assert (answer["statusCode"], json.loads(answer["body"])["Code"]) == (413, "Request.TooLarge")
    assert [line["code"] for line in lines] == ["Request.TooLarge"]


def test_the_platforms_own_handler_gets_the_format() -> None:
    root = logging.getLogger()
    before = [(handler, handler.formatter) for handler in root.handlers]
    level = root.level
    own = logging.StreamHandler()
    root.addHandler(own)
    try:
        logs.configure_logging("INFO")
        assert isinstance(own.formatter, logs.JsonFormatter)
        count = len(root.handlers)
        logs.configure_logging("INFO")
        assert len(root.handlers) == count
    finally:
        root.removeHandler(own)
        for handler, formatter in before:
            handler.setFormatter(formatter)
        root.setLevel(level)


IN_CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}


def test_an_unexpected_error_is_told_in_the_readers_language(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("private detail")

    monkeypatch.setattr("shared.runtime.web.handle_request", fail)
    said = {}
    for headers in ({}, IN_CHINESE, {"Accept-Language": "de"}):
        answer = invocation.handle_event("api", json.dumps({**REQUEST, "headers": headers}).encode(), CONTEXT)
        body = json.loads(answer["body"])
        assert (answer["statusCode"], body["Code"], body["RequestId"]) == (500, "Internal.Bug", "R-1")
        said[str(headers)] = (body["Message"], body["Recommend"].partition("。")[0])
    assert said[str(IN_CHINESE)] == ("意外错误。", "请附上请求 ID 报告该错误")
    assert said[str({})] == said[str({"Accept-Language": "de"})]
    assert said[str({})][0] == "An unexpected error."


def test_an_unexpected_error_of_the_translation_itself_is_told_in_english(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("no catalogue")

    monkeypatch.setattr("shared.runtime.translation.translated_answer", fail)
    monkeypatch.setattr("shared.runtime.web.handle_request", fail)
    answer = invocation.handle_event("api", json.dumps({**REQUEST, "headers": IN_CHINESE}).encode(), CONTEXT)
    assert (answer["statusCode"], json.loads(answer["body"])["Message"]) == (500, "An unexpected error.")


@pytest.mark.parametrize(
    ("headers", "body", "says"),
    [
        (IN_CHINESE, "x", "请求体大于"),
        ({"accept-language": "zh"}, "x", "请求体大于"),
        ({"Accept-Language": "en-GB,zh;q=0.5"}, "x", "The body is larger"),
        ({}, json.dumps({"accept-language": "zh"}), "The body is larger"),
    ],
)
def test_a_request_beyond_all_limits_is_refused_in_the_readers_language(
    stage: Stage, headers: dict[str, str], body: str, says: str
) -> None:
    """The words of the body are no header, however they look."""
    event = {**REQUEST, "body": body + "x" * (9 << 20), "headers": headers}
    answer = invocation.handle_event("api", json.dumps(event).encode(), CONTEXT)
    assert (answer["statusCode"], json.loads(answer["body"])["Message"].startswith(says)) == (413, True)
