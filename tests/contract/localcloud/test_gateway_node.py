"""API Gateway through Alibaba Cloud's own client for it, over a socket. Its signature is the reference for ours.

Needs ``node`` and the npm package aliyun-api-gateway 1.1.6, which ``make test`` installs (tools/clients.sh); skipped without them.
"""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from localcloud import account
from localcloud.core.server import Server
from tests.contract.localcloud.gateway_support import behind_gateway, client_of
from tests.contract.localcloud.test_tablestore_node import node

SCRIPT = Path(__file__).with_name("gateway_node.js")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if shutil.which("node") is None or node("-e", "require.resolve('aliyun-api-gateway')").returncode:
        pytest.skip("needs node and the npm package aliyun-api-gateway: tools/clients.sh tests/clients .venv/clients")
    with behind_gateway(tmp_path_factory.mktemp("gateway")) as cloud:
        server = Server(0, cloud.handle)
        server.start()
        try:
            client, app = client_of(cloud, server.url), account.service(cloud, "apigateway").groups()[0].apps[0]
            run = node(str(SCRIPT), client.url, client.key, client.secret, app.code)
        finally:
            server.shutdown()
            server.server_close()
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_its_signed_questions_are_let_in(seen: dict[str, Any]) -> None:
    event = seen["get"]["answer"]
    assert (event["pathParameters"], event["headers"]["X-Own"]) == ({"id": "a b"}, "mine")
    assert event["queryParameters"] == {"limit": "5", "word": "张 三&=", "empty": ""}


def test_a_header_that_it_signs_is_part_of_the_signature(seen: dict[str, Any]) -> None:
    assert seen["signed"]["answer"]["headers"]["X-Own"] == "mine"


def test_its_signed_bodies_are_let_in(seen: dict[str, Any]) -> None:
    event = seen["post"]["answer"]
    assert (event["httpMethod"], json.loads(base64.b64decode(event["body"]))) == ("POST", {"name": "张三"})


def test_its_app_code_is_let_in(seen: dict[str, Any]) -> None:
    assert seen["code"]["answer"]["path"] == "/things/1"


@pytest.mark.parametrize(
    ("attempt", "status", "code"),
    [
        ("wrong", 403, "A403IS"),
        ("stranger", 400, "A400IK"),
        ("stage", 400, "I400SG"),
        ("missing", 404, "I404NF"),
        ("wrongCode", 400, "A400AC"),
    ],
)
def test_it_understands_refusals(seen: dict[str, Any], attempt: str, status: int, code: str) -> None:
    found = seen[attempt]
    assert (found["status"], found["headers"]["x-ca-error-code"]) == (status, code)
    assert found["headers"]["x-ca-request-id"] in found["message"]
    assert found["headers"]["x-ca-error-message"] in found["message"]


def test_it_can_compare_what_was_to_be_signed(seen: dict[str, Any]) -> None:
    """The client's debug output cuts exactly this prefix off."""
    assert seen["wrong"]["headers"]["x-ca-error-message"].startswith("Invalid Signature, Server StringToSign:`GET#")
