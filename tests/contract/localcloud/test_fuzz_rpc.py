"""Any parameters to ECS, SMC, EventBridge 2020-04-01, STS and Location get an answer, and a refused call changes nothing.

In addition: whatever the matrix of docs/localcloud.md calls refused is refused.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcloud import account
from localcloud.core.hooks import offered
from localcloud.core.http import Request, Response
from localcloud.tablestore import refused
from localcloud.tablestore.messages import messages
from localcloud.wire import rpc_v1
from localcloud.wire.rpc_service import RpcService
from tests.contract.localcloud.account_support import App, in_process_app
from tests.contract.localcloud.ecs_support import CENTOS, GUESTS, INSTANCES
from tests.support.signing_time import signing_time

QUICK = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
REFUSED = json.loads(account.NOT_EMULATED.read_text(encoding="utf-8"))
TEXTS = st.sampled_from(
    [
        "",
        "0",
        "1",
        "-1",
        "true",
        "cn-hangzhou",
        CENTOS,
        f'["{CENTOS}"]',
        "replank",
        "{}",
        "[[]]",
        '{"source":["a"]}',
        "2026-11-23T08:00:00Z",
    ]
) | st.text(max_size=6)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """One cloud for all drawn requests. Its state after them is unknown."""
    with loaded(tmp_path_factory.mktemp("app")) as made:
        yield made


@contextmanager
def loaded(folder: Path) -> Iterator[App]:
    """A cloud with the instances of these tests."""
    with in_process_app(folder) as made:
        offered(made.cloud.hooks.load_fleet)({"pages": [{"Instances": {"Instance": INSTANCES}}], "guests": GUESTS})
        yield made


def services(app: App) -> dict[str, RpcService]:
    """The RPC services by their versions."""
    return {each.version: each for each in app.cloud.services if isinstance(each, RpcService)}


VERSIONS = ("2014-05-26", "2019-06-01", "2020-04-01", "2015-04-01", "2015-06-12")


def ask(app: App, version: str, operation: str, params: dict[str, str]) -> Response:
    """A call with the older signature, everything in the query."""
    owner = app.cloud.owner
    sent = {
        **params,
        "Version": version,
        "Action": operation,
        "Format": "JSON",
        "AccessKeyId": owner.access_key_id,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": app.cloud.request_id(),
        "Timestamp": signing_time(),
    }
    text = rpc_v1.string_to_sign("GET", sent)
    digest = hmac.new(f"{owner.access_key_secret}&".encode(), text.encode(), hashlib.sha1).digest()
    sent["Signature"] = base64.b64encode(digest).decode()
    return app.cloud.handle(Request("GET", f"/?{urlencode(sent)}", {"host": "127.0.0.1"}))


def state(app: App) -> list[Any]:
    """Everything that is stored, except for the counter of request ids."""
    sql = app.cloud.db.sql
    tables = [name for (name,) in sql.execute("SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%'")]
    kept = [sql.execute(f"SELECT * FROM {name}").fetchall() for name in sorted(tables) if name != "meta"]
    return [*kept, sql.execute("SELECT * FROM meta WHERE name LIKE 'ecs.%'").fetchall()]


def flat(name: str, kind: Any, text: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str]]:
    """A parameter as it is sent: nested ones have dots and numbers."""
    if isinstance(kind, list):
        return flat(f"{name}.1", kind[0], text) | flat(f"{name}.7", kind[0], text)
    if isinstance(kind, dict):
        return st.sampled_from(sorted(kind)).flatmap(lambda inner: flat(f"{name}.{inner}", kind[inner], text))
    return text.map(lambda value: {name: value})


@QUICK
@given(data=st.data(), version=st.sampled_from(VERSIONS))
def test_any_parameters_get_an_answer_and_a_refusal_changes_nothing(app: App, data: st.DataObject, version: str) -> None:
    service = services(app)[version]
    operation = data.draw(st.sampled_from([*service.operations, "Nonsense"]))
    params: dict[str, str] = {}
    for name, kind in service.spec.get(operation, {}).items():
        if str(kind).endswith("!") or data.draw(st.integers(0, 4)) == 0:
            params |= data.draw(flat(name, kind, TEXTS))
    if data.draw(st.integers(0, 9)) == 0:
        params |= data.draw(st.dictionaries(st.text(min_size=1, max_size=6), TEXTS, max_size=2))
    before = state(app)
    answer = ask(app, version, operation, params)
    fields = json.loads(answer.body)
    assert answer.status == 200 or 400 <= answer.status < 500, fields
    if answer.status != 200:
        assert {"Code", "Message", "RequestId"} <= set(fields)
        assert state(app) == before


@pytest.mark.parametrize(("name", "version"), [("ecs", "2014-05-26"), ("smc", "2019-06-01")])
def test_what_the_matrix_calls_refused_is_refused(app: App, name: str, version: str) -> None:
    spec = services(app)[version].spec
    let_through = []
    for operation, idle in REFUSED[name].items():
        kinds = {each: str(kind) for each, kind in spec[operation].items() if str(kind).endswith("!")}
        needed = {each: "20" if kind == "int!" else "cn-hangzhou" for each, kind in kinds.items()}
        for each in idle:
            rest, kind = _first(spec[operation][each])
            sent = {f"{each}{rest}": "true" if kind == "bool" else "1"}
            answer = json.loads(ask(app, version, operation, {**needed, **sent}).body)
            if answer.get("Code") != "ParameterNotEmulated":
                let_through.append((operation, each, answer.get("Code", "taken")))
    assert let_through == []


def _first(kind: Any) -> tuple[str, str]:
    """The rest of a name down to the first value of a list or structure, and the type of that value."""
    if isinstance(kind, list):
        rest, kind = _first(kind[0])
        return f".1{rest}", kind
    if isinstance(kind, dict):
        name, inner = next(iter(kind.items()))
        rest, kind = _first(inner)
        return f".{name}{rest}", kind
    return "", kind


def test_switches_given_as_off_ask_for_nothing(tmp_path: Path) -> None:
    with loaded(tmp_path) as app:
        answer = ask(app, "2014-05-26", "StopInstance", {"InstanceId": CENTOS, "ForceStop": "false", "DryRun": "true"})
    assert json.loads(answer.body)["Code"] == "DryRunOperation"


def test_a_lenient_cloud_takes_what_it_ignores(tmp_path: Path) -> None:
    with in_process_app(tmp_path, strict=False) as made:
        sent = {"RegionId": "cn-hangzhou", "AdditionalAttributes.1": "x", "Nonsense": "1"}
        assert ask(made, "2014-05-26", "DescribeInstances", sent).status == 200


def test_tablestore_refuses_what_its_table_says() -> None:
    for operation, paths in refused.REFUSED.items():
        for path in paths:
            message = getattr(messages, f"{operation}Request")()
            if path == "partitions":
                message.partitions.add(begin=b"a", end=b"b")
            elif path == "tables.token":
                message.tables.add(table_name="t").token.append(b"t")
            elif path == "token":
                message.token = b"t"
            else:
                setattr(getattr(message, path.split(".")[0]), path.split(".")[1], True)
            with pytest.raises(Exception, match="not emulated"):
                refused.check(operation, message, message.SerializePartialToString())


HALF = '"\\ud83d"'
"""JSON for half a surrogate pair: a text that no encoding can represent."""


@pytest.mark.parametrize(
    ("version", "operation", "params"),
    [
        ("2014-05-26", "DescribeInstances", {"RegionId": "cn-hangzhou", "InstanceIds": f"[{HALF}]"}),
        ("2020-04-01", "CreateRule", {"EventBusName": "default", "RuleName": "r", "FilterPattern": f'{{"source":[{HALF}]}}'}),
        (
            "2020-04-01",
            "PutEvents",
            {"EventBusName": "default", "EventList": f'[{{"id":"a","source":"s","type":"t","data":{HALF}}}]'},
        ),
    ],
)
def test_half_a_surrogate_pair_breaks_nothing(app: App, version: str, operation: str, params: dict[str, str]) -> None:
    before = state(app)
    assert ask(app, version, operation, params).status in (200, 400)
    assert state(app) == before
