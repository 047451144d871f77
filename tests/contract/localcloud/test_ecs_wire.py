"""Signatures, parameters and permissions, as every RPC service checks them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest
from alibabacloud_ecs20140526 import models as ecs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcloud.core.access_keys import Key
from localcloud.core.errors import ApiError
from localcloud.core.http import Request, Response
from localcloud.wire import acs3, rpc
from tests.contract.localcloud.ecs_support import CENTOS, INSTANCES, REGION, Account, account, refused
from tests.support.signing_time import signing_time
from tools.deployed.inprocess import in_process


@pytest.fixture
def cloud() -> Iterator[Account]:
    with account() as made:
        made.load()
        yield made


def signed(cloud: Account, operation: str, query: str, **changed: str) -> Request:
    """A request as a client signs it. ``changed`` headers (``_`` for ``-``) are set before signing, ``late_`` ones afterwards."""
    headers = {
        "host": "127.0.0.1",
        "x-acs-action": operation,
        "x-acs-version": "2014-05-26",
        "x-acs-date": signing_time(),
        "x-acs-signature-nonce": f"n-{cloud.cloud.request_id()}",
        "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }
    late = {name.removeprefix("late_").replace("_", "-"): value for name, value in changed.items() if name.startswith("late_")}
    headers |= {name.replace("_", "-"): value for name, value in changed.items() if not name.startswith("late_")}
    request = Request("POST", f"/?{query}", headers)
    names = sorted(headers)
    owner = cloud.cloud.owner
    signature = acs3.hmac_sha256(owner.access_key_secret, acs3.string_to_sign(request, names))
    text = f"{acs3.ALGORITHM} Credential={owner.access_key_id},SignedHeaders={';'.join(names)},Signature={signature}"
    return Request("POST", f"/?{query}", {**headers, "authorization": text, **late})


def code(answer: Response) -> str:
    return str(json.loads(answer.body).get("Code", answer.status))


def ask(cloud: Account, operation: str, query: str, **changed: str) -> str:
    return code(cloud.cloud.handle(signed(cloud, operation, query, **changed)))


def test_a_hand_made_signature_passes_once(cloud: Account) -> None:
    request = signed(cloud, "DescribeInstances", "RegionId=cn-hangzhou&InstanceName=a%20b%2A~")
    assert code(cloud.cloud.handle(request)) == "200"
    assert code(cloud.cloud.handle(request)) == "SignatureNonceUsed"


def test_old_and_altered_requests_are_refused(cloud: Account) -> None:
    query = "RegionId=cn-hangzhou"
    old = signing_time(minutes_ago=16)
    assert ask(cloud, "DescribeInstances", query, x_acs_date=old) == "InvalidTimeStamp.Expired"
    assert ask(cloud, "DescribeInstances", query, x_acs_date="yesterday") == "InvalidTimeStamp.Format"
    assert ask(cloud, "DescribeInstances", query, late_x_acs_action="DeleteInstance") == "SignatureDoesNotMatch"
    assert ask(cloud, "DescribeInstances", query, late_authorization="Basic x") == "IncompleteSignature"
    assert ask(cloud, "DescribeInstances", query, x_acs_content_sha256="0" * 64) == "InvalidContentSha256"
    assert ask(cloud, "DescribeInstances", query, late_x_acs_security_token="t") == "InvalidSecurityToken.MismatchWithAccessKey"


def test_unknown_keys_are_refused(cloud: Account) -> None:
    strange, _ = cloud.clients(Key("LTAInobody", "secret", "", "nobody"))
    with refused("InvalidAccessKeyId.NotFound"):
        strange.describe_regions(ecs.DescribeRegionsRequest())
    owner = cloud.cloud.owner
    wrong, _ = cloud.clients(Key(owner.access_key_id, "wrong", "", owner.principal))
    with refused("SignatureDoesNotMatch"):
        wrong.describe_regions(ecs.DescribeRegionsRequest())


def test_a_role_does_what_its_policy_says(cloud: Account) -> None:
    key = cloud.cloud.identities.add(Key("STS.role", "secret", "token", "role:watch"))
    allowed = {
        "Effect": "Allow",
        "Action": ["ecs:DescribeInstances", "ecs:StopInstance"],
        "Resource": f"acs:ecs:*:*:instance/{CENTOS}",
    }
    listing = {"Effect": "Allow", "Action": "ecs:DescribeInstances", "Resource": "*"}
    cloud.cloud.policies.set_role("watch", [allowed, listing])
    client, _ = cloud.clients(key)
    client.describe_instances(ecs.DescribeInstancesRequest(region_id=REGION))
    client.stop_instance(ecs.StopInstanceRequest(instance_id=CENTOS))
    with refused("Forbidden.RAM"):
        client.stop_instance(ecs.StopInstanceRequest(instance_id="i-windows"))
    with refused("Forbidden.RAM"):
        client.describe_disks(ecs.DescribeDisksRequest(region_id=REGION))


@pytest.mark.parametrize(
    ("operation", "query", "expected"),
    [
        ("DescribeNothing", "", "InvalidAction.NotFound"),
        ("DescribeInstances", "", "MissingParameter"),
        ("DescribeInstances", "RegionId=cn-atlantis", "InvalidRegionId.NotFound"),
        ("DescribeInstances", "RegionId=cn-hangzhou&PageSize=ten", "InvalidParameter"),
        ("DescribeInstances", "RegionId=cn-hangzhou&PageSize=101", "InvalidParameter"),
        ("DescribeInstances", "RegionId=cn-hangzhou&NextToken=%21%21", "InvalidParameter"),
        ("DescribeInstances", "RegionId=cn-hangzhou&InstanceIds=i-1", "InvalidParameter"),
        ("DescribeInstances", "RegionId=cn-hangzhou&InstanceId=i-1", "UnknownParameter"),
        ("DescribeInstances", "RegionId=cn-hangzhou&DryRun=maybe", "InvalidParameter"),
        ("DescribeInstances", "RegionId=cn-hangzhou&Tag.1.Name=x", "UnknownParameter"),
        ("DescribeInstances", "RegionId=cn-hangzhou&Tag.x.Key=x", "InvalidParameter"),
        ("DescribeInstances", "RegionId=cn-hangzhou&Tag=x", "InvalidParameter"),
        ("DescribeInstances", "RegionId.1=cn-hangzhou", "InvalidParameter"),
        ("StopInstance", "", "MissingParameter"),
    ],
)
def test_parameters_are_checked(cloud: Account, operation: str, query: str, expected: str) -> None:
    assert ask(cloud, operation, query) == expected


def test_refusals_look_like_the_real_ones(cloud: Account) -> None:
    body = json.loads(cloud.cloud.handle(signed(cloud, "StopInstance", "InstanceId=i-none")).body)
    assert set(body) == {"Code", "Message", "RequestId", "HostId", "Recommend"}
    assert "i-none" in body["Message"]


def test_faults_reach_the_client(cloud: Account) -> None:
    cloud.cloud.faults.set([{"service": "ecs", "operation": "DescribeInstances", "kind": "throttle"}])
    with refused("Throttling.User"):
        cloud.ecs.describe_instances(ecs.DescribeInstancesRequest(region_id=REGION))
    cloud.ecs.describe_instances(ecs.DescribeInstancesRequest(region_id=REGION))


names = st.text("RegionIdTagKyVlue.123xN", min_size=1, max_size=12)


@given(pairs=st.lists(st.tuples(names, st.text(max_size=8)), max_size=6))
def test_any_parameters_are_taken_or_refused_never_more(pairs: list[tuple[str, str]]) -> None:
    spec: dict[str, Any] = {"RegionId": "str!", "Tag": [{"Key": "str", "Value": "int"}], "N": "bool", "x": "json"}
    try:
        outcome = rpc.decode(pairs, spec)["RegionId"] and "taken"
    except ApiError as error:
        outcome = error.code
    assert outcome in ("taken", "MissingParameter", "InvalidParameter", "UnknownParameter")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(max_size=20))
def test_any_text_survives_the_way(cloud: Account, value: str) -> None:
    value = value.encode("utf-8", "ignore").decode()
    seen: list[str] = []

    def handle(request: Request) -> Response:
        seen.append(dict(parse_qsl(request.target.partition("?")[2], keep_blank_values=True)).get("InstanceName", ""))
        return cloud.cloud.handle(request)

    with in_process(handle):
        found = cloud.ecs.describe_instances(ecs.DescribeInstancesRequest(region_id=REGION, instance_name=value)).body
    assert seen == [value]
    assert {each.instance_name for each in found.instances.instance} <= {each["InstanceName"] for each in INSTANCES}


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40))
def test_any_query_gets_an_answer(cloud: Account, query: str) -> None:
    for operation in ("DescribeInstances", "CreateSnapshot", "RunCommand"):
        answer = cloud.cloud.handle(signed(cloud, operation, quote(query, safe="=&%.+")))
        assert answer.status in (200, 400, 403, 404)
