"""Function Compute through the client of the next version: alibabacloud-fc20230330 (ACS3, ROA), generated from the API's
metadata.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions
from Tea.exceptions import TeaException

from localcloud.fc.checksum import crc64_by_table
from tests.contract.localcloud.account_support import App, in_process_app
from tools.deployed.application import ROLE
from tools.deployed.clients import functions

fc = pytest.importorskip("alibabacloud_fc20230330.client")
models = pytest.importorskip("alibabacloud_fc20230330.models")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with in_process_app(tmp_path) as made:
        yield made


def client(app: App, key: Any = None) -> Any:
    key = key or app.cloud.owner
    config = Config(access_key_id=key.access_key_id, access_key_secret=key.access_key_secret, security_token=key.token or None)
    config.endpoint, config.protocol, config.region_id = "127.0.0.1:9", "http", "cn-hangzhou"
    return fc.Client(config)


def invoke(app: App, name: str, payload: bytes, key: Any = None, **headers: str) -> Any:
    request, sent = models.InvokeFunctionRequest(body=payload), models.InvokeFunctionHeaders(**headers)
    return client(app, key).invoke_function_with_options(name, request, sent, RuntimeOptions())


def test_a_synchronous_invocation_returns_result_and_log(app: App) -> None:
    answer = invoke(app, "app-echo", b'{"x":1}', x_fc_log_type="Tail")
    assert json.loads(answer.body.read())["event"] == {"x": 1}
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert headers["x-fc-request-id"].encode() in base64.b64decode(headers["x-fc-log-result"])


def test_an_error_of_the_handler_is_told_in_a_header(app: App) -> None:
    answer = invoke(app, "app-echo", b"BOOM")
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert headers["x-fc-error-type"] == "UnhandledInvocationError"
    assert json.loads(answer.body.read())["errorType"] == "ValueError"


def test_an_asynchronous_invocation_is_accepted_and_runs_later(app: App) -> None:
    answer = invoke(app, "app-echo", b"[7]", x_fc_invocation_type="Async")
    assert answer.status_code == 202
    app.settle()
    assert [json.loads(run.result)["event"] for run in app.invocations()] == [[7]]


def test_functions_are_shown_and_listed_in_pages(app: App) -> None:
    shown = client(app).get_function("app-echo", models.GetFunctionRequest(qualifier="LATEST")).body
    assert (shown.function_name, shown.timeout, shown.runtime) == ("app-echo", 1, "python3.10")
    assert shown.environment_variables["GREETING"] == "hello"
    account = app.cloud.account_id
    assert shown.function_arn == f"acs:fc:cn-hangzhou:{account}:functions/app-echo"
    assert shown.role == f"acs:ram::{account}:role/app-echo"
    assert (shown.state, shown.last_update_status, shown.disk_size, shown.instance_concurrency) == ("Active", "Successful", 512, 1)
    assert shown.instance_lifecycle_config.initializer.handler == "index.initialize"
    assert all((shown.function_id, shown.code_size, shown.created_time, shown.last_modified_time))
    files = sorted((app.files.services.parent / "functions" / "echo").rglob("*.py"))
    assert shown.code_checksum == str(crc64_by_table(b"".join(each.read_bytes() for each in files)))
    first = client(app).list_functions(models.ListFunctionsRequest(limit=1, prefix="app-")).body
    second = client(app).list_functions(models.ListFunctionsRequest(limit=1, prefix="app-", next_token=first.next_token)).body
    names = [each.function_name for page in (first, second) for each in page.functions]
    assert (names, second.next_token) == (["app-dead", "app-echo"], None)
    older = functions(app.cloud).list_functions("any", prefix="app-e").data["functions"]
    assert [each["functionName"] for each in older] == ["app-echo"]


def test_a_wrong_call_of_the_newer_client_gets_the_real_error_code(app: App) -> None:
    role = app.cloud.identities.of(f"role:{ROLE}")
    ask = client(app)
    cases: list[tuple[Callable[[], Any], str]] = [
        (lambda: invoke(app, "no-such", b""), "FunctionNotFound"),
        (lambda: invoke(app, "app-echo", b"", x_fc_async_task_id="t-1"), "InvalidArgument"),
        (lambda: client(app, role).list_functions(models.ListFunctionsRequest()), "AccessDenied"),
        (lambda: ask.list_functions(models.ListFunctionsRequest(limit=0)), "InvalidArgument"),
        (lambda: ask.list_functions(models.ListFunctionsRequest(fc_version="v2")), "InvalidArgument"),
        (lambda: ask.get_function("app-echo", models.GetFunctionRequest(qualifier="7")), "QualifierNotFound"),
    ]
    for act, code in cases:
        with pytest.raises(TeaException) as caught:
            act()
        assert caught.value.code == code
