"""AssumeRole as published, and the errors for expired temporary credentials; through Tea's generic client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from alibabacloud_ecs20140526 import models as ecs
from Tea.exceptions import TeaException

from localcloud.core import members
from localcloud.core.access_keys import Key
from localcloud.core.app import ACCOUNT_ID
from tests.contract.localcloud.members_support import (
    BANK,
    CENTRAL,
    EXTERNAL_ID,
    MEMBER,
    MEMBER_ARN,
    NOBODY,
    REGION,
    SHOP,
    SHOP_INSTANCE,
    Several,
    policy,
    several,
    trust,
)

OWN_ROOT = f"acs:ram::{ACCOUNT_ID}:root"


@pytest.fixture
def cloud() -> Iterator[Several]:
    with several() as made:
        yield made


def refused(cloud: Several, key: Key | None = None, **query: Any) -> tuple[str, int]:
    """The code and HTTP status of an AssumeRole that is refused."""
    with pytest.raises(TeaException) as caught:
        cloud.assume(key, **query)
    return str(caught.value.code), int(caught.value.statusCode)


def set_trust(cloud: Several, document: Any, account: str = SHOP, role: str = MEMBER) -> None:
    members.set_role(cloud.cloud, account, role, {"trust": document, "policies": [policy("ecs:Describe*")]})


def test_a_role_of_another_account_is_assumed(cloud: Several) -> None:
    given = cloud.sts(cloud.central, "AssumeRole", RoleArn=MEMBER_ARN, RoleSessionName="m-1", DurationSeconds=900)
    assert given["AssumedRoleUser"]["Arn"] == f"{MEMBER_ARN}/m-1"
    assert given["AssumedRoleUser"]["AssumedRoleId"].endswith(":m-1")
    assert given["Credentials"]["AccessKeyId"].startswith("STS.")
    assert given["Credentials"]["Expiration"] == "2026-11-23T08:15:00Z"
    key = cloud.assume()
    assert cloud.instances(key) == [SHOP_INSTANCE]


def test_the_session_says_who_it_is(cloud: Several) -> None:
    shown = cloud.sts(cloud.assume(RoleSessionName="m-1"), "GetCallerIdentity")
    assert (shown["AccountId"], shown["IdentityType"]) == (SHOP, "AssumedRoleUser")
    assert shown["Arn"] == f"acs:ram::{SHOP}:assumed-role/{MEMBER}/m-1"
    assert shown["PrincipalId"] == f"{shown['RoleId']}:m-1"


def test_the_calls_are_logged_without_secrets(cloud: Several) -> None:
    key = cloud.assume()
    cloud.instances(key)
    log = json.dumps(cloud.cloud.calls.as_json(100))
    assert key.access_key_secret not in log
    assert key.token not in log
    newest = cloud.cloud.calls.newest[-1]
    assert (newest.account, newest.principal, newest.code) == (SHOP, f"role:{MEMBER}", "")


@pytest.mark.parametrize(
    ("query", "code", "status"),
    [
        ({"RoleArn": "replank-member"}, "InvalidParameter.RoleArn", 400),
        ({"RoleSessionName": "a"}, "InvalidParameter.RoleSessionName", 400),
        ({"RoleSessionName": "a b"}, "InvalidParameter.RoleSessionName", 400),
        ({"RoleSessionName": "x" * 65}, "InvalidParameter.RoleSessionName", 400),
        ({"DurationSeconds": 899}, "InvalidParameter.DurationSeconds", 400),
        ({"DurationSeconds": 7201}, "InvalidParameter.DurationSeconds", 400),
        ({"Policy": "{"}, "InvalidParameter.PolicyGrammar", 400),
        ({"Policy": json.dumps({"Version": "1", "Statements": []})}, "InvalidParameter.PolicyGrammar", 400),
        ({"Policy": json.dumps(policy("ecs:*" * 500))}, "InvalidParameter.PolicySize", 400),
        ({"ExternalId": "x"}, "InvalidParameter.ExternalId", 400),
        ({"RoleArn": f"acs:ram::{SHOP}:role/nothing"}, "EntityNotExist.Role", 404),
        ({"RoleArn": f"acs:ram::{NOBODY}:role/{MEMBER}"}, "EntityNotExist.Role", 404),
        ({"RoleArn": ""}, "MissingParameter", 400),
    ],
)
def test_the_published_codes(cloud: Several, query: Any, code: str, status: int) -> None:
    assert refused(cloud, **query) == (code, status)


def test_the_longest_session_is_the_roles(cloud: Several) -> None:
    assert cloud.assume(DurationSeconds=7200)
    set_trust(cloud, trust(OWN_ROOT))  # the maximum is 3600 s again
    assert refused(cloud, DurationSeconds=3601)[0] == "InvalidParameter.DurationSeconds"


def test_an_accounts_own_keys_assume_nothing(cloud: Several) -> None:
    assert refused(cloud, cloud.cloud.owner) == ("NoPermission", 403)


def test_the_callers_policies_must_allow_it(cloud: Several) -> None:
    cloud.cloud.policies.set_role(CENTRAL, policy("sts:AssumeRole", resource=f"acs:ram::{BANK}:role/*")["Statement"])
    assert refused(cloud) == ("NoPermission", 403)


@pytest.mark.parametrize(
    ("document", "lets_in"),
    [
        (trust(OWN_ROOT), True),
        (trust(f"acs:ram::{ACCOUNT_ID}:role/{CENTRAL}"), True),
        (trust(f"acs:ram::{ACCOUNT_ID}:role/{CENTRAL.upper()}"), True),
        (trust(f"acs:ram::{ACCOUNT_ID}:role/other"), False),
        (trust(f"acs:ram::{BANK}:root"), False),
        (trust("ecs.aliyuncs.com", kind="Service"), False),
        ({"Version": "1", "Statement": []}, False),
        (trust(OWN_ROOT, condition={"StringEquals": {"acs:PrincipalRDId": "rd-other"}}), False),
        (trust(OWN_ROOT, condition={"StringNotEquals": {"acs:PrincipalRDId": "rd-other"}}), True),
        (trust(OWN_ROOT, condition={"StringLike": {"acs:principalarn": f"acs:ram::*:role/{CENTRAL}"}}), True),
        (trust(OWN_ROOT, condition={"StringLike": {"acs:PrincipalARN": "acs:ram::*:role/o*"}}), False),
        (trust(OWN_ROOT, condition={"Bool": {"acs:MFAPresent": "true"}}), False),
        ({"Statement": [*trust(OWN_ROOT)["Statement"], {**trust(OWN_ROOT)["Statement"][0], "Effect": "Deny"}]}, False),
    ],
)
def test_the_roles_trust_must_let_the_caller_in(cloud: Several, document: Any, lets_in: bool) -> None:
    set_trust(cloud, document)
    if lets_in:
        assert cloud.assume()
    else:
        assert refused(cloud) == ("NoPermission", 403)


def test_the_callers_directory_is_looked_at(cloud: Several) -> None:
    set_trust(cloud, trust(OWN_ROOT, condition={"StringEquals": {"acs:PrincipalRDId": ["rd-other", "rd-one"]}}))
    assert refused(cloud)[0] == "NoPermission"
    members.open_account(cloud.cloud, ACCOUNT_ID, {"directory": "rd-one"})
    assert cloud.assume()


def test_an_external_id_must_be_the_one_agreed() -> None:
    with several(external_id=EXTERNAL_ID) as cloud:
        assert refused(cloud) == ("NoPermission", 403)
        assert refused(cloud, ExternalId="another") == ("NoPermission", 403)
        assert cloud.instances(cloud.assume(ExternalId=EXTERNAL_ID)) == [SHOP_INSTANCE]


def test_a_sessions_policy_only_takes_away(cloud: Several) -> None:
    key = cloud.assume(Policy=json.dumps(policy("ecs:DescribeInstances", "sms:*")))
    assert cloud.instances(key) == [SHOP_INSTANCE]
    with pytest.raises(TeaException) as caught:
        cloud.ecs(key).stop_instance(ecs.StopInstanceRequest(instance_id=SHOP_INSTANCE))
    assert caught.value.code == "Forbidden.RAM"
    set_trust(cloud, trust(OWN_ROOT))  # the role itself may only read now
    wide = cloud.assume(Policy=json.dumps(policy("*")))
    with pytest.raises(TeaException):
        cloud.ecs(wide).stop_instance(ecs.StopInstanceRequest(instance_id=SHOP_INSTANCE))


def test_a_role_may_assume_the_next_if_both_sides_allow_it(cloud: Several) -> None:
    set_trust(cloud, trust(f"acs:ram::{SHOP}:role/{MEMBER}"), BANK, "vault")
    arn = f"acs:ram::{BANK}:role/vault"
    assert refused(cloud, cloud.assume(), RoleArn=arn)[0] == "NoPermission"
    members.set_role(cloud.cloud, SHOP, MEMBER, {"trust": trust(OWN_ROOT), "policies": [policy("sts:AssumeRole", resource=arn)]})
    assert cloud.sts(cloud.assume(cloud.assume(), RoleArn=arn), "GetCallerIdentity")["AccountId"] == BANK


# How they end ---------------------------------------------------------------------------------------------------------


def test_credentials_end_by_the_clouds_clock(cloud: Several) -> None:
    key = cloud.assume(DurationSeconds=900)
    cloud.pass_minutes(14.9)
    assert cloud.instances(key) == [SHOP_INSTANCE]
    cloud.pass_minutes(0.1)
    for call in (lambda: cloud.instances(key), lambda: cloud.sts(key, "GetCallerIdentity")):
        with pytest.raises(TeaException) as caught:
            call()
        assert (caught.value.code, caught.value.statusCode) == ("InvalidSecurityToken.Expired", 400)
    cloud.pass_minutes(2 * 24 * 60)
    cloud.assume()
    with pytest.raises(TeaException) as caught:
        cloud.instances(key)
    assert caught.value.code == "InvalidAccessKeyId.NotFound"


def test_only_what_ended_long_ago_is_forgotten(cloud: Several) -> None:
    short, long = cloud.assume(DurationSeconds=900), cloud.assume(DurationSeconds=7200)
    members.expire_credentials(cloud.cloud, session="nobody")
    cloud.pass_minutes(24 * 60 + 16)
    cloud.assume()
    assert cloud.cloud.identities.find(short.access_key_id) is None
    assert cloud.cloud.identities.find(long.access_key_id)


def test_a_foreign_token_is_refused(cloud: Several) -> None:
    one, two = cloud.assume(), cloud.assume()
    mixed = Key(one.access_key_id, one.access_key_secret, two.token, "")
    with pytest.raises(TeaException) as caught:
        cloud.instances(mixed)
    assert caught.value.code == "InvalidSecurityToken.MismatchWithAccessKey"


def test_other_services_refuse_what_has_ended_in_their_own_words(cloud: Several) -> None:
    import fc2
    import tablestore
    from alibabacloud_eventbridge import models as eb

    from tools.deployed.clients import eventbridge, functions

    members.set_role(cloud.cloud, ACCOUNT_ID, "helper", {"trust": trust(OWN_ROOT), "policies": [policy("*")]})
    cloud.cloud.policies.set_role(CENTRAL, policy("sts:AssumeRole")["Statement"])
    key = cloud.assume(RoleArn=f"acs:ram::{ACCOUNT_ID}:role/helper", DurationSeconds=900)
    ots = tablestore.OTSClient(
        "http://127.0.0.1:9", key.access_key_id, key.access_key_secret, "replank", sts_token=key.token, region=REGION
    )
    assert list(ots.list_table()) == []
    cloud.pass_minutes(15)
    with pytest.raises(tablestore.OTSServiceError) as told:
        ots.list_table()
    assert (told.value.get_error_code(), told.value.get_http_status()) == ("OTSAuthFailed", 403)
    with pytest.raises(fc2.FcError) as failed:
        functions(cloud.cloud, key).invoke_function("s", "f", payload=b"{}")
    assert failed.value.err_code == "SecurityTokenExpired"
    with pytest.raises(TeaException) as caught:
        eventbridge(cloud.cloud, key).list_event_buses(eb.ListEventBusesRequest())
    assert caught.value.code == "SecurityTokenExpired"


def test_a_role_is_withdrawn_and_restored(cloud: Several) -> None:
    key = cloud.assume()
    members.withdraw_role(cloud.cloud, SHOP, MEMBER, "role")
    assert refused(cloud) == ("EntityNotExist.Role", 404)
    with pytest.raises(TeaException) as caught:
        cloud.instances(key)
    assert caught.value.code == "Forbidden.RAM"
    members.withdraw_role(cloud.cloud, SHOP, MEMBER, "")
    assert cloud.instances(key) == cloud.instances(cloud.assume()) == [SHOP_INSTANCE]


def test_without_trust_live_sessions_go_on(cloud: Several) -> None:
    key = cloud.assume()
    members.withdraw_role(cloud.cloud, SHOP, MEMBER, "trust")
    assert refused(cloud) == ("NoPermission", 403)
    assert cloud.instances(key) == [SHOP_INSTANCE]


def test_credentials_expire_now(cloud: Several) -> None:
    one, two = cloud.assume(RoleSessionName="one"), cloud.assume(RoleSessionName="two")
    assert members.expire_credentials(cloud.cloud, account=SHOP, session="one") == 1
    with pytest.raises(TeaException) as caught:
        cloud.instances(one)
    assert caught.value.code == "InvalidSecurityToken.Expired"
    assert cloud.instances(two) == [SHOP_INSTANCE]
    assert members.expire_credentials(cloud.cloud, account=BANK) == 0


def test_what_a_members_role_never_used_is_told(cloud: Several) -> None:
    cloud.instances(cloud.assume())
    unused = cloud.cloud.policies.unused()
    assert (f"{SHOP}/{MEMBER}", "smc:*") in unused
    assert (f"{SHOP}/{MEMBER}", "ecs:*") not in unused
    assert (CENTRAL, "sts:AssumeRole") not in unused
