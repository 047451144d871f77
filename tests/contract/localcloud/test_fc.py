"""Function Compute through aliyun-fc2 and by HTTP: invocations, the queue, triggers, permissions."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_openapi_util.client import Client as OpenApiUtil
from fc2.fc_exceptions import FcError
from Tea.request import TeaRequest

from localcloud.core.http import Request, Response
from localcloud.fc import http_trigger
from localcloud.fc.model import Result
from tests.contract.localcloud.account_support import App, in_process_app, plain
from tests.support.signing_time import signing_time
from tools.deployed.application import ROLE
from tools.deployed.clients import functions


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with in_process_app(tmp_path) as made:
        yield made


def test_synchronous_invocation_with_log(app: App) -> None:
    answer = functions(app.cloud).invoke_function("any", "app-echo", payload=b'{"x":1}', headers={"x-fc-log-type": "Tail"})
    got = json.loads(answer.data)
    assert got["event"] == {"x": 1}
    assert got["request_id"] == answer.headers["X-Fc-Request-Id"]
    assert b"FC Invoke Start RequestId" in base64.b64decode(answer.headers["x-fc-log-result"])


def test_environment_is_what_the_files_say(app: App) -> None:
    got = json.loads(functions(app.cloud).invoke_function("any", "app-echo", payload=b"{}").data)["environment"]
    role = app.cloud.identities.of(f"role:{ROLE}")
    assert role is not None
    assert got["ALIBABA_CLOUD_ACCESS_KEY_ID"] == role.access_key_id
    assert got["ALIBABA_CLOUD_SECURITY_TOKEN"] == role.token
    assert (got["GREETING"], got["ENDPOINT"], got["FC_FUNCTION_NAME"]) == ("hello", "http://127.0.0.1:1", "app-echo")
    assert got["LOCALCLOUD_NOW"] == "2026-11-23T08:00:00.000Z"


def test_error_of_the_handler(app: App) -> None:
    with pytest.raises(FcError) as caught:
        functions(app.cloud).invoke_function("any", "app-echo", payload=b"BOOM")
    assert caught.value.args[1] == 200
    assert '"errorType": "ValueError"' in str(caught.value)


def test_unknown_function_wrong_secret_and_missing_permission(app: App) -> None:
    role = app.cloud.identities.of(f"role:{ROLE}")
    app.cloud.policies.set_role(ROLE, [])
    for client, name, status, code in (
        (functions(app.cloud), "no-such", 404, "FunctionNotFound"),
        (functions(app.cloud, secret="wrong"), "app-echo", 403, "SignatureNotMatch"),
        (functions(app.cloud, role), "app-echo", 403, "AccessDenied"),
    ):
        with pytest.raises(FcError) as caught:
            client.invoke_function("any", name, payload=b"{}")
        assert caught.value.args[1:3] == (status, code)


def test_what_the_published_table_of_errors_says(app: App) -> None:
    """alibabacloud.com/help/en/functioncompute/error-codes: status, code and message."""
    client, older = functions(app.cloud), "/2016-08-15/services/s"
    cases = (
        ("GET", "/2016-08-15/nonsense", 400, "PathNotSupported", "'/2016-08-15/nonsense' against 'GET' is not supported"),
        ("PUT", f"{older}/functions/app-echo/invocations", 400, "PathNotSupported", "against 'PUT' is not supported"),
        ("GET", f"{older}.7/functions/app-echo", 404, "VersionNotFound", "version '7' of service 's' does not exist"),
        ("GET", f"{older}.prod/functions", 404, "AliasNotFound", "alias 'prod' of service 's' does not exist"),
        ("POST", f"{older}/functions/no-such/invocations", 404, "FunctionNotFound", "does not exist"),
    )
    for method, path, status, code, message in cases:
        with pytest.raises(FcError) as caught:
            client._do_request(method, path, client._build_common_headers(method, path))
        assert caught.value.args[1:3] == (status, code)
        assert message in json.loads(caught.value.args[0])["ErrorMessage"]
    answer = app.cloud.handle(plain("GET", f"{older}/functions"))
    assert (answer.status, body(answer)["ErrorCode"]) == (400, "MissingRequiredHeader")
    assert body(answer)["ErrorMessage"] == "required HTTP header Authorization was not specified"
    with pytest.raises(FcError, match=r"payload size exceeds maximum allowed size \(33554432 bytes\)"):
        client.invoke_function("s", "app-echo", payload=b"x" * (http_trigger.MAX_BODY + 1))


def test_a_function_is_shown_as_the_older_generation_shows_it(app: App) -> None:
    client = functions(app.cloud)
    first = client.get_function("s", "app-echo").data
    assert (first["initializer"], first["initializationTimeout"]) == ("index.initialize", 10)
    assert first["createdTime"] == first["lastModifiedTime"] == "2026-11-23T08:00:00Z"
    assert first["codeSize"] > 0
    assert not {"role", "logConfig", "functionArn"} & set(first)
    app.settle(3_600_000)
    app.files.services.write_text(app.files.services.read_text().replace("timeout: 1\n", "timeout: 2\n"))
    app.deploy()
    again = client.get_function("s", "app-echo").data
    assert (again["functionId"], again["createdTime"], again["timeout"]) == (first["functionId"], first["createdTime"], 2)
    assert again["lastModifiedTime"] > first["lastModifiedTime"]


def test_newer_path_takes_the_same_signature(app: App) -> None:
    client = functions(app.cloud)
    path = "/2023-03-30/functions/app-echo/invocations"
    answer = client._do_request("POST", path, client._build_common_headers("POST", path), body=b"[1]")
    assert json.loads(answer.content)["event"] == [1]


def test_asynchronous_invocation_is_retried_and_reported(app: App) -> None:
    answer = functions(app.cloud).invoke_function("a", "app-echo", payload=b"BOOM", headers={"x-fc-invocation-type": "Async"})
    app.settle(10_000)
    runs = app.invocations()
    assert [(run.attempt, bool(run.error)) for run in runs] == [(0, True), (1, True), (2, True)]
    assert {run.request_id for run in runs} == {answer.headers["X-Fc-Request-Id"]}
    assert [run.at_ms - runs[0].at_ms for run in runs] == [0, 1000, 3000]
    (report,) = [json.loads(run.result)["event"] for run in app.invocations("app-dead")]
    assert report["requestPayload"] == "BOOM"
    assert report["requestContext"]["condition"] == "UnhandledInvocationError"
    assert report["requestContext"]["approximateInvokeCount"] == 3
    assert app.fc.queue.waiting() == []


def test_destination_needs_the_roles_permission(app: App) -> None:
    app.cloud.policies.set_role(ROLE, [])
    functions(app.cloud).invoke_function("a", "app-echo", payload=b"BOOM", headers={"x-fc-invocation-type": "Async"})
    app.settle(10_000)
    (dead,) = app.fc.queue.dead_letters()
    assert "AccessDenied" in dead["destinationError"]


def test_oversized_asynchronous_payload_is_refused(app: App) -> None:
    with pytest.raises(FcError) as caught:
        functions(app.cloud).invoke_function("a", "app-echo", payload=b"x" * 131_073, headers={"x-fc-invocation-type": "Async"})
    assert caught.value.args[1:3] == (400, "EntityTooLarge")


def test_interrupted_invocation_is_run_again(app: App) -> None:
    functions(app.cloud).invoke_function("a", "app-echo", payload=b"[1]", headers={"x-fc-invocation-type": "Async"})
    (job,) = app.cloud.scheduler.due(app.cloud.clock.now_ms())
    assert app.cloud.scheduler.take(job)
    app.settle()
    assert app.invocations() == []
    app.fc.queue._resume()
    app.settle()
    assert len(app.invocations()) == 1


def test_timer_runs_once_a_minute(app: App) -> None:
    app.settle(5 * 60_000)
    ticks = [json.loads(run.result)["event"] for run in app.invocations()]
    assert [tick["triggerTime"] for tick in ticks] == [f"2026-11-23T08:0{minute}:00Z" for minute in range(1, 6)]
    assert ticks[0]["triggerName"] == "tick"
    assert ticks[0]["payload"] == "tick"


def test_deploying_again_leaves_timers_alone(app: App) -> None:
    app.settle(90_000)
    app.deploy()
    app.settle(60_000)
    assert len(app.invocations()) == 2


def signed_acs3(app: App, method: str, path: str, query: dict[str, str], secret: str = "") -> Request:
    key = app.cloud.owner
    request = TeaRequest()
    request.method, request.pathname, request.query = method, path, query
    request.headers = {
        "host": "127.0.0.1:1",
        "x-acs-date": signing_time(),
        "accept": "application/json",
    }
    authorization = OpenApiUtil.get_authorization(
        request, "ACS3-HMAC-SHA256", "", key.access_key_id, secret or key.access_key_secret
    )
    target = path + ("?" + "&".join(f"{name}={value}" for name, value in query.items()) if query else "")
    return Request(method, target, {**request.headers, "authorization": authorization})


def body(response: Response) -> Any:
    return json.loads(response.body)


def test_http_trigger_with_acs3_signature(app: App) -> None:
    request = signed_acs3(app, "GET", "/http/app-echo/batches/b%201", {"limit": "5"})
    got = body(app.cloud.handle(request))["event"]
    assert (got["version"], got["rawPath"], got["queryParameters"]) == ("v1", "/batches/b%201", {"limit": "5"})
    context = got["requestContext"]
    assert (context["http"]["method"], context["http"]["path"]) == ("GET", "/batches/b 1")
    assert context["timeEpoch"] == "1795420800000"
    assert "Authorization" not in got["headers"]


def test_http_trigger_with_the_older_signature(app: App) -> None:
    client, path = functions(app.cloud), "/http/app-echo/x"
    headers = client._build_common_headers("POST", path, {}, {"a": "1"})
    request = Request("POST", f"{path}?a=1", {name.lower(): value for name, value in headers.items()}, b'{"SHAPED":1}')
    answer = app.cloud.handle(request)
    assert (answer.status, answer.headers["x-own"], answer.body) == (201, "yes", b"made")


def test_http_trigger_refuses(app: App) -> None:
    for request, status, code in (
        (plain("GET", "/http/app-echo/x"), 400, "MissingRequiredHeader"),
        (signed_acs3(app, "GET", "/http/app-echo/x", {}, "wrong"), 403, "SignatureNotMatch"),
        (signed_acs3(app, "PUT", "/http/app-echo/x", {}), 403, "MethodNotAllowed"),
        (plain("GET", "/http/nobody/x"), 404, "FunctionNotFound"),
        (plain("DELETE", "/http/app-dead/x"), 403, "MethodNotAllowed"),
        (plain("POST", "/http/app-dead/x", b"x" * (http_trigger.MAX_BODY + 1)), 400, "EntityTooLarge"),
    ):
        answer = app.cloud.handle(request)
        assert (answer.status, body(answer)["Code"]) == (status, code)
        assert answer.headers["x-fc-error-type"] == "FcCommonError"


def test_anonymous_trigger_and_failing_handler(app: App) -> None:
    answer = app.cloud.handle(plain("POST", "/http/app-dead/", b"BOOM", **{"content-type": "text/plain"}))
    assert (answer.status, answer.headers["x-fc-error-type"]) == (502, "UnhandledInvocationError")


@pytest.mark.parametrize(
    ("result", "status", "text"),
    [
        (b'{"statusCode": 204}', 204, b""),
        (b'{"statusCode": "404", "body": "no"}', 404, b"no"),
        (b'{"statusCode": 200, "body": "aGk=", "isBase64Encoded": true}', 200, b"hi"),
        (b'{"plain": 1}', 200, b'{"plain": 1}'),
        (b"text", 200, b"text"),
        (b'{"statusCode": 9999}', 502, None),
        (b'{"statusCode": 200, "headers": []}', 200, b""),
        (b'{"statusCode": 200, "headers": [1]}', 502, None),
        (b'{"statusCode": 200, "body": "*", "isBase64Encoded": true}', 502, None),
        (b" " * (http_trigger.MAX_BODY + 1), 502, None),
    ],
)
def test_a_function_may_answer_in_every_documented_shape(result: bytes, status: int, text: bytes | None) -> None:
    answer = http_trigger.response(Result(result), "R")
    assert answer.status == status
    assert text is None or answer.body == text


def test_function_gone_takes_its_timers_along(app: App) -> None:
    app.fc.drop("app-echo")
    app.settle(10 * 60_000)
    assert app.invocations() == []
