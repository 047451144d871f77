"""Third-party clients assume a role by themselves: the SDK before Tea, and Alibaba's credentials library.

Both use the keys of a RAM user and the older signature, and call sts.aliyuncs.com, the only address that they know.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from alibabacloud_credentials.client import Client as CredentialsClient
from alibabacloud_credentials.exceptions import CredentialException
from alibabacloud_credentials.models import Config as CredentialsConfig

from localcloud.core import members
from localcloud.core.access_keys import Key
from localcloud.core.app import ACCOUNT_ID
from tests.contract.localcloud.members_support import MEMBER, MEMBER_ARN, SHOP, SHOP_INSTANCE, Several, policy, several, trust
from tests.contract.localcloud.test_rpc_older_clients import carried

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    sdk = pytest.importorskip("aliyunsdkcore.client")
    pytest.importorskip("aliyunsdkecs")
    from aliyunsdkcore.acs_exception.exceptions import ServerException
    from aliyunsdkcore.auth.credentials import RamRoleArnCredential
    from aliyunsdkecs.request.v20140526.DescribeInstancesRequest import DescribeInstancesRequest


@pytest.fixture
def cloud() -> Iterator[Several]:
    with several() as made, carried(made):  # type: ignore[arg-type]
        yield made


def user(cloud: Several, *actions: str) -> Key:
    """A RAM user of the deployment's account."""
    return members.put_user(cloud.cloud, ACCOUNT_ID, "ci", {"policies": [policy(*actions)]})


def listed(key: Key) -> list[str]:
    """The list that the SDK before Tea gets in the role, which the SDK assumes by itself."""
    credential = RamRoleArnCredential(key.access_key_id, key.access_key_secret, MEMBER_ARN, "m-1")
    client = sdk.AcsClient(region_id="cn-hangzhou", credential=credential, auto_retry=False)
    request = DescribeInstancesRequest()
    request.set_accept_format("json")
    found = json.loads(client.do_action_with_exception(request))
    return [each["InstanceId"] for each in found["Instances"]["Instance"]]


def test_the_sdk_before_tea_assumes_a_role(cloud: Several) -> None:
    assert listed(user(cloud, "sts:AssumeRole")) == [SHOP_INSTANCE]
    operations = [(record.operation, record.account, record.principal) for record in cloud.cloud.calls.newest]
    assert ("AssumeRole", ACCOUNT_ID, "user:ci") in operations
    assert operations[-1] == ("DescribeInstances", SHOP, f"role:{MEMBER}")


def test_it_is_told_why_it_may_not(cloud: Several) -> None:
    with pytest.raises(ServerException) as caught:
        listed(user(cloud, "ecs:*"))
    assert "You are not authorized to do this action" in str(caught.value)


def test_the_credentials_library_assumes_a_role(cloud: Several) -> None:
    # Read all three values from one object. By the machine's clock the library considers the credentials expired, so each getter
    # would ask again.
    given = credentials(user(cloud, "sts:AssumeRole")).get_credential()
    key = Key(given.access_key_id, given.access_key_secret, given.security_token, "")
    assert cloud.instances(key) == [SHOP_INSTANCE]


def test_it_hands_on_the_refusal(cloud: Several) -> None:
    members.set_role(cloud.cloud, SHOP, MEMBER, {"trust": trust(f"acs:ram::{ACCOUNT_ID}:user/other")})
    with pytest.raises(CredentialException, match="NoPermission"):
        credentials(user(cloud, "sts:AssumeRole")).get_access_key_id()
    members.set_role(cloud.cloud, SHOP, MEMBER, {"trust": trust(f"acs:ram::{ACCOUNT_ID}:user/ci")})
    assert credentials(user(cloud, "sts:AssumeRole")).get_access_key_id().startswith("STS.")


def credentials(key: Key) -> Any:
    config = CredentialsConfig(
        type="ram_role_arn",
        access_key_id=key.access_key_id,
        access_key_secret=key.access_key_secret,
        role_arn=MEMBER_ARN,
        role_session_name="m-1",
    )
    return CredentialsClient(config)


def test_a_user_says_who_it_is(cloud: Several) -> None:
    key = user(cloud)
    assert key == user(cloud, "ecs:*")
    shown = cloud.sts(key, "GetCallerIdentity")
    assert (shown["IdentityType"], shown["Arn"]) == ("RAMUser", f"acs:ram::{ACCOUNT_ID}:user/ci")
