"""API Gateway: signatures and AppCodes, what reaches the function, limits, time-outs, and the gateway's own errors."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from localcloud import account
from localcloud.core.app import Cloud
from localcloud.deploy.document import DeployError
from localcloud.fc.invoker import OnDone
from localcloud.fc.model import Function, Invocation, Result
from tests.contract.localcloud.gateway_support import TEMPLATE, behind_gateway, client_of, files_with_gateway
from tests.support.gateway import GatewayClient, sent
from tools.deployed.inprocess import in_process

URL = "http://127.0.0.1:1"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with behind_gateway(tmp_path) as made, in_process(made.handle):
        yield made


@pytest.fixture
def client(cloud: Cloud) -> GatewayClient:
    return client_of(cloud, URL)


def refusal(answer: requests.Response) -> tuple[int, str]:
    """The status and code of an answer that must be the gateway's own, with its message and request id."""
    assert answer.headers["X-Ca-Request-Id"]
    assert answer.headers["X-Ca-Error-Message"]
    assert answer.content == b""
    return answer.status_code, answer.headers["X-Ca-Error-Code"]


def test_the_function_gets_what_is_declared_in_the_published_shape(client: GatewayClient) -> None:
    answer = client.send("GET", "/things/a%20b?limit=5&empty=&secret=1&word=x", x_other="no", user_agent="me")
    event = answer.json()
    assert (event["path"], event["httpMethod"], event["pathParameters"]) == ("/things/a%20b", "GET", {"id": "a b"})
    assert event["queryParameters"] == {"limit": "5", "empty": "", "word": "x"}, "what is not declared does not pass"
    assert (event["body"], event["isBase64Encoded"]) == ("", "false")
    named = {name.lower(): value for name, value in event["headers"].items()}
    assert (named["x-own"], named["user-agent"], named["accept"]) == ("mine", "me", "application/json")
    assert named["x-app"].isdigit(), "the app, as the system parameter is mapped"
    assert not {"x-other", "x-ca-key", "x-ca-signature", "authorization"} & set(named)
    assert answer.headers["x-own"] == "yes"
    assert answer.headers["X-Ca-Request-Id"] == named["x-ca-request-id"]


def test_a_body_reaches_the_function_in_base64(client: GatewayClient) -> None:
    event = client.send("POST", "/things", {"name": "张三"}).json()
    assert (event["isBase64Encoded"], json.loads(base64.b64decode(event["body"]))) == ("true", {"name": "张三"})


def test_a_client_cannot_say_which_app_it_is(client: GatewayClient) -> None:
    event = client.send("GET", "/things/1", x_app="somebody").json()
    assert event["headers"]["x-app"] != "somebody"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"x-ca-key": "nobody"}, (400, "A400IK")),
        ({"x-ca-signature": "AAAA"}, (403, "A403IS")),
        ({"x-ca-signature": ""}, (403, "A403IS")),
        ({"x-ca-nonce": "another"}, (403, "A403IS")),
        ({"accept": "text/html"}, (403, "A403IS")),
        ({"x-ca-signature-method": "HmacSHA1"}, (400, "I400HD")),
        ({"x-ca-stage": "TEST"}, (400, "I400SG")),
        ({"x-ca-timestamp": "soon"}, (400, "I400HD")),
    ],
)
def test_what_was_signed_is_what_is_sent(client: GatewayClient, change: dict[str, str], expected: tuple[int, str]) -> None:
    request = client.signed("GET", "/things/1")
    request.headers = {**request.headers, **change}
    assert refusal(sent(request)) == expected


def test_a_wrong_signature_is_told_what_was_to_be_signed(client: GatewayClient) -> None:
    client.secret = "wrong"
    message = client.send("GET", "/things/1?limit=5").headers["X-Ca-Error-Message"]
    assert message.startswith("Invalid Signature, Server StringToSign:`GET#application/json####x-ca-key:")
    assert message.endswith("#/gateway/things/things/1?limit=5`")


def test_a_body_that_is_not_the_one_announced_is_refused(client: GatewayClient) -> None:
    request = client.signed("POST", "/things", b'{"a": 1}')
    request.data = b'{"a": 2}'
    assert refusal(sent(request)) == (400, "I400I5")


def test_a_request_works_once_and_for_a_quarter_of_an_hour(client: GatewayClient) -> None:
    request = client.signed("GET", "/things/1")
    assert sent(request).status_code == 200
    assert refusal(sent(request)) == (403, "S403NU")
    assert refusal(sent(client.signed("GET", "/things/1", minutes_ago=16))) == (403, "S403TE")
    nonce_left_out = client.signed("GET", "/things/1", x_ca_nonce="")
    assert refusal(sent(nonce_left_out)) == (400, "I400NC")


def test_who_is_not_authorised_is_refused(cloud: Cloud) -> None:
    assert refusal(client_of(cloud, URL, "strangers").send("GET", "/things/1")) == (403, "I403AA")
    assert refusal(sent(requests.Request("GET", f"{URL}/gateway/things/things/1"))) == (400, "A400MA")


def test_an_app_code_will_do_where_it_is_allowed(cloud: Cloud, tmp_path: Path) -> None:
    app = account.service(cloud, "apigateway").groups()[0].apps[0]

    def with_code(code: str) -> requests.Response:
        return sent(requests.Request("GET", f"{URL}/gateway/things/things/1", headers={"Authorization": f"APPCODE {code}"}))

    assert with_code(app.code).status_code == 200
    assert refusal(with_code("wrong")) == (400, "A400AC")
    (tmp_path / "other").mkdir()
    files = files_with_gateway(tmp_path / "other", TEMPLATE.replace("AppCodeAuthType: HEADER", "AppCodeAuthType: DISABLE"))
    account.deploy(cloud, files, URL)
    assert refusal(with_code(app.code)) == (400, "A400AC")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/nothing", (404, "I404NF")),
        ("GET", "/things/1/2", (404, "I404NF")),
        ("POST", "/things/1", (404, "I404NF")),
        ("HEAD", "/things/1", (404, "I404NF")),
        ("GET", "/things/broken", (502, "D502FC")),
        ("GET", "/things/shapeless", (502, "D502FC")),
    ],
)
def test_the_gateways_own_answers(client: GatewayClient, method: str, path: str, expected: tuple[int, str]) -> None:
    assert refusal(client.send(method, path)) == expected


def test_a_group_that_is_not_there(cloud: Cloud, client: GatewayClient) -> None:
    client.url = f"{URL}/gateway/nobody"
    assert refusal(client.send("GET", "/things/1")) == (404, "I404DO")


def test_a_refusal_of_the_function_is_the_functions(client: GatewayClient) -> None:
    answer = client.send("GET", "/things/gone")
    assert (answer.status_code, answer.json()["path"]) == (404, "/things/gone")
    assert "X-Ca-Error-Code" not in answer.headers


def test_a_parameter_that_must_be_there(client: GatewayClient) -> None:
    client.headers = {}
    assert refusal(client.send("POST", "/things", {"a": 1})) == (400, "I400MP")


def test_each_minute_has_its_number_of_requests(cloud: Cloud, client: GatewayClient) -> None:
    statuses = [client.send("POST", "/things", {"n": number}).status_code for number in range(6)]
    assert statuses == [200] * 5 + [429]
    assert client.send("GET", "/things/1").status_code == 200, "another operation has its own"
    cloud.step(cloud.clock.now_ms() + 60_000)
    assert client.send("POST", "/things", {}).status_code == 200


def test_the_role_must_be_allowed_to_invoke(cloud: Cloud, client: GatewayClient) -> None:
    cloud.policies.set_role("app-gateway", [])
    assert refusal(client.send("GET", "/things/1")) == (403, "A403FC")


class HeldInvocations:
    """Starts invocations that end when the test decides."""

    def __init__(self) -> None:
        self.waiting: list[OnDone] = []

    def start(self, function: Function, invocation: Invocation, on_done: OnDone) -> None:
        self.waiting.append(on_done)

    def forget(self, name: str) -> None:
        pass

    def close(self) -> None:
        pass


def test_a_function_that_takes_too_long(tmp_path: Path) -> None:
    silent = HeldInvocations()
    template = TEMPLATE.replace("ServiceTimeOut: 20000", "ServiceTimeOut: 1")
    with behind_gateway(tmp_path, template, silent) as cloud, in_process(cloud.handle):
        assert refusal(client_of(cloud, URL).send("GET", "/things/1")) == (504, "D504TO")
        assert cloud.in_flight == 1, "it goes on, and time stands still for it"
        silent.waiting[0](Result(b"{}"))
        assert cloud.in_flight == 0


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("FunctionName: app-echo", "FunctionName: app-none", "app-none is no function"),
        ("Service: [apigateway.aliyuncs.com]", "Service: [fc.aliyuncs.com]", "may assume"),
        ("ServiceParametersMap: [", "Unknown: [", "unknown key"),
        ("StageName: RELEASE", "StageName: NONE", "RELEASE"),
        ("GroupId: !GetAtt Group.GroupId", "GroupId: !GetAtt Nothing.GroupId", "Nothing"),
        ("AppName: friends", "AppName: x", "AppName"),
    ],
)
def test_mistakes_in_the_template_are_named(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    assert right in TEMPLATE
    with pytest.raises(DeployError) as caught, behind_gateway(tmp_path, TEMPLATE.replace(right, wrong)):
        pass
    assert any("gateway.yml:" in each and said in each for each in caught.value.problems)


def test_a_group_that_a_later_deployment_does_not_name_is_gone(cloud: Cloud, client: GatewayClient, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    files = files_with_gateway(tmp_path / "other")
    files.more = ()
    account.deploy(cloud, files, URL)
    assert refusal(client.send("GET", "/things/1")) == (404, "I404DO")


def test_keys_outlive_a_restart(tmp_path: Path) -> None:
    keys: list[Any] = []
    for number in range(2):
        cloud = account.build(tmp_path / "state", private=True)
        (tmp_path / str(number)).mkdir()
        account.deploy(cloud, files_with_gateway(tmp_path / str(number)), URL)
        keys.append([(each.key, each.secret) for each in account.service(cloud, "apigateway").groups()[0].apps])
        cloud.close()
    assert keys[0] == keys[1]
