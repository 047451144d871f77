"""A second client: the SDKs before Tea (aliyun-python-sdk-*), with the older signature, in JSON and in XML."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock
from urllib.parse import urlencode

import pytest

from localcloud.core.access_keys import Key
from localcloud.core.http import Request, Response
from localcloud.sts import Location, Sts
from localcloud.wire import rpc_v1
from tests.contract.localcloud.ecs_support import CENTOS, Account, account
from tests.support.signing_time import signing_time

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    sdk = pytest.importorskip("aliyunsdkcore.client")
    pytest.importorskip("aliyunsdkecs")
    pytest.importorskip("aliyunsdksmc")
    from aliyunsdkcore.acs_exception.exceptions import ServerException
    from aliyunsdkcore.auth.credentials import StsTokenCredential
    from aliyunsdkcore.request import CommonRequest
    from aliyunsdkcore.vendored.requests.packages.urllib3 import HTTPResponse
    from aliyunsdkcore.vendored.requests.packages.urllib3.connectionpool import HTTPConnectionPool
    from aliyunsdkecs.request.v20140526.CreateSnapshotRequest import CreateSnapshotRequest
    from aliyunsdkecs.request.v20140526.DescribeInstancesRequest import DescribeInstancesRequest
    from aliyunsdkecs.request.v20140526.RunCommandRequest import RunCommandRequest
    from aliyunsdkecs.request.v20140526.StopInstanceRequest import StopInstanceRequest
    from aliyunsdksmc.request.v20190601.CreateReplicationJobRequest import CreateReplicationJobRequest
    from aliyunsdksmc.request.v20190601.DescribeSourceServersRequest import DescribeSourceServersRequest


@contextmanager
def carried(cloud: Account) -> Iterator[None]:
    """The SDK's own copy of urllib3, redirected to the cloud without a socket."""

    def urlopen(pool: Any, method: str, url: str, body: Any = None, headers: Any = None, **options: Any) -> Any:
        sent = {"host": f"{pool.host}:{pool.port}", **{str(name).lower(): str(value) for name, value in headers.items()}}
        content = body.encode() if isinstance(body, str) else body or b""
        answer = cloud.cloud.handle(Request(method, url, sent, content))
        return HTTPResponse(io.BytesIO(answer.body), answer.headers, answer.status, preload_content=False)

    with mock.patch.object(HTTPConnectionPool, "urlopen", urlopen):
        yield


@pytest.fixture
def cloud() -> Iterator[Account]:
    with account() as made, carried(made):
        made.cloud.services += [Sts(made.cloud), Location(made.cloud)]
        made.load()
        yield made


def ask(cloud: Account, request: Any, key: Key | None = None) -> Any:
    """Send a request of the older SDK. Returns its answer as text."""
    key = key or cloud.cloud.owner
    request.set_endpoint("127.0.0.1:9")
    request.set_protocol_type("http")
    if key.token:
        credential = StsTokenCredential(key.access_key_id, key.access_key_secret, key.token)
        client = sdk.AcsClient(region_id="cn-hangzhou", credential=credential, auto_retry=False)
    else:
        client = sdk.AcsClient(key.access_key_id, key.access_key_secret, "cn-hangzhou", auto_retry=False)
    return client.do_action_with_exception(request).decode()


def common(version: str, action: str, **params: str) -> Any:
    request = CommonRequest(version=version, action_name=action, product="x")
    for name, value in params.items():
        request.add_query_param(name, value)
    return request


def by_hand(cloud: Account, **params: str) -> Response:
    """A request signed without an SDK. The answer is XML unless Format says JSON."""
    owner = cloud.cloud.owner
    sent = {
        "Version": "2014-05-26",
        "AccessKeyId": owner.access_key_id,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": cloud.cloud.request_id(),
        "Timestamp": signing_time(),
        **params,
    }
    text = rpc_v1.string_to_sign("GET", sent)
    digest = hmac.new(f"{owner.access_key_secret}&".encode(), text.encode(), hashlib.sha1).digest()
    sent["Signature"] = base64.b64encode(digest).decode()
    return cloud.cloud.handle(Request("GET", f"/?{urlencode(sent)}", {"host": "127.0.0.1"}))


def test_lists_and_commands_work(cloud: Account) -> None:
    found = json.loads(ask(cloud, DescribeInstancesRequest()))
    assert [each["InstanceId"] for each in found["Instances"]["Instance"]] == [CENTOS, "i-windows"]
    run = RunCommandRequest()
    run.set_CommandContent("echo 'a b+c' | sed 's/b/&&/'")
    run.set_Type("RunShellScript")
    run.set_InstanceIds([CENTOS])
    invoke = json.loads(ask(cloud, run))["InvokeId"]
    cloud.pass_minutes(1)
    assert cloud.result(invoke).output == "YSBiYitjCg=="


def test_operations_without_a_region_take_it_anyway(cloud: Account) -> None:
    stop = StopInstanceRequest()
    stop.set_InstanceId(CENTOS)
    ask(cloud, stop)
    assert cloud.status(CENTOS) == "Stopping"


def test_nested_parameters_arrive(cloud: Account) -> None:
    make = CreateSnapshotRequest()
    make.set_DiskId(cloud.disks(CENTOS)[0].disk_id)
    make.set_Tags([{"Key": "by", "Value": "ä & ö"}])
    id = json.loads(ask(cloud, make))["SnapshotId"]
    (tag,) = cloud.snapshots(snapshot_ids=json.dumps([id]))[0].tags.tag
    assert (tag.tag_key, tag.tag_value) == ("by", "ä & ö")


def test_smc_works_too(cloud: Account) -> None:
    source = cloud.imported(CENTOS)
    listed = json.loads(ask(cloud, DescribeSourceServersRequest()))
    assert [each["SourceId"] for each in listed["SourceServers"]["SourceServer"]] == [source]
    job = CreateReplicationJobRequest()
    job.set_SourceId(source)
    job.set_JobType(1)
    job.set_ReplicationParameters('{"TargetOsType": "Anolis OS 8"}')
    assert json.loads(ask(cloud, job))["JobId"].startswith("j-")


def test_xml_is_answered_where_asked(cloud: Account) -> None:
    root = ElementTree.fromstring(by_hand(cloud, Action="DescribeInstances", RegionId="cn-hangzhou").body)
    assert root.tag == "DescribeInstancesResponse"
    assert [each.text for each in root.findall("Instances/Instance/InstanceId")] == [CENTOS, "i-windows"]
    assert root.findtext("Instances/Instance/DeletionProtection") == "false"
    refusal = by_hand(cloud, Action="StopInstance", InstanceId="i-<none>", Format="xml")
    assert (refusal.status, refusal.headers["content-type"]) == (404, "text/xml;charset=utf-8")
    error = ElementTree.fromstring(refusal.body)
    assert (error.tag, error.findtext("Code")) == ("Error", "InvalidInstanceId.NotFound")
    assert "i-<none>" in (error.findtext("Message") or "")
    assert json.loads(by_hand(cloud, Action="DescribeRegions", Format="JSON").body)["Regions"]


def test_form_bodies_are_signed_with_the_query(cloud: Account) -> None:
    request = common("2014-05-26", "StopInstance")
    request.set_method("POST")
    request.add_body_params("InstanceId", CENTOS)
    ask(cloud, request)
    assert cloud.status(CENTOS) == "Stopping"


def test_wrong_keys_and_names_are_refused(cloud: Account) -> None:
    owner = cloud.cloud.owner
    wrong = Key(owner.access_key_id, "wrong", "", owner.principal)
    cases = [
        # The SDK compares the server's string to sign with its own; they must be identical to the byte.
        (DescribeInstancesRequest(), wrong, "InvalidAccessKeySecret"),
        (DescribeInstancesRequest(), Key("LTAInobody", "x", "", ""), "InvalidAccessKeyId.NotFound"),
        (common("2014-05-26", "DescribeNothing"), owner, "InvalidAction.NotFound"),
        (common("2014-05-26", "StopInstance"), owner, "MissingParameter"),
        (common("2014-05-26", "StopInstance", InstanceId=CENTOS, Instance="x"), owner, "UnknownParameter"),
    ]
    for request, key, code in cases:
        with pytest.raises(ServerException) as caught:
            ask(cloud, request, key)
        assert caught.value.get_error_code() == code


def test_a_nonce_works_once_and_old_dates_never(cloud: Account) -> None:
    assert by_hand(cloud, Action="DescribeRegions", SignatureNonce="once").status == 200
    again = by_hand(cloud, Action="DescribeRegions", SignatureNonce="once", Format="JSON")
    assert json.loads(again.body)["Code"] == "SignatureNonceUsed"
    old = by_hand(cloud, Action="DescribeRegions", Timestamp="2020-01-01T00:00:00Z", Format="JSON")
    assert json.loads(old.body)["Code"] == "InvalidTimeStamp.Expired"


def test_roles_sign_with_their_token(cloud: Account) -> None:
    key = cloud.cloud.identities.add(Key("STS.role", "secret", "token", "role:Watch"))
    shown = json.loads(ask(cloud, common("2015-04-01", "GetCallerIdentity"), key))
    assert (shown["IdentityType"], shown["Arn"].split(":")[-1]) == ("AssumedRoleUser", "assumed-role/watch/localcloud")
    with pytest.raises(ServerException) as caught:
        ask(cloud, DescribeInstancesRequest(), key)
    assert caught.value.get_error_code() == "Forbidden.RAM"


def test_who_and_where_are_answered(cloud: Account) -> None:
    shown = json.loads(ask(cloud, common("2015-04-01", "GetCallerIdentity")))
    assert (shown["AccountId"], shown["IdentityType"]) == (cloud.cloud.account_id, "Account")
    found = json.loads(ask(cloud, common("2015-06-12", "DescribeEndpoints", Id="cn-hangzhou", ServiceCode="ecs", Type="openAPI")))
    assert found["Endpoints"]["Endpoint"][0]["Endpoint"] == "ecs.cn-hangzhou.aliyuncs.com"
