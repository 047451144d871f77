"""Accounts, roles and credentials through the cloud's own endpoint, and events between accounts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_ecs20140526 import models as ecs
from Tea.exceptions import TeaException

from localcloud import account
from localcloud.client import AdminError, LocalCloud
from localcloud.core.access_keys import Key
from localcloud.core.app import ACCOUNT_ID
from localcloud.deploy import __main__ as deploy
from localcloud.deploy import stack
from localcloud.fc.inprocess import InProcessInvoker
from tests.contract.localcloud.members_support import (
    BANK,
    CENTRAL,
    MEMBER,
    SHOP,
    SHOP_INSTANCE,
    Several,
    policy,
    several,
    trust,
)
from tests.support.repository import ROOT

OWN_ROOT = f"acs:ram::{ACCOUNT_ID}:root"


@pytest.fixture
def served() -> Iterator[tuple[LocalCloud, account.Running]]:
    running = account.Running(account.build(seed=5, invoker=InProcessInvoker()), hold=True)
    ready = running.describe()
    yield LocalCloud(ready["admin"], ready["admin_token"]), running
    running.close()


def test_an_account_with_a_role_is_made_withdrawn_and_restored(served: tuple[LocalCloud, account.Running]) -> None:
    client, _ = served
    keys = client.put_account(SHOP, name="shop")
    assert keys == client.put_account(SHOP)
    arn = client.put_role(SHOP, MEMBER, trust=trust(OWN_ROOT), policies=[policy("ecs:*")], max_session_s=7200)
    assert arn == f"acs:ram::{SHOP}:role/{MEMBER}"
    client.withdraw_role(SHOP, MEMBER, "trust")
    own, shop = client.get("accounts")["accounts"]
    assert (own["id"], shop["name"], shop["access_key_id"]) == (ACCOUNT_ID, "shop", keys["access_key_id"])
    assert shop["roles"] == [{"role": MEMBER, "arn": arn, "max_session_s": 7200, "withdrawn": "trust"}]
    client.restore_role(SHOP, MEMBER)
    assert client.get("accounts")["accounts"][1]["roles"][0]["withdrawn"] == ""
    assert keys["access_key_secret"] not in str(client.get("accounts"))
    assert client.expire_credentials(account=SHOP) == 0


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("accounts", {"id": "12"}, "16 digits"),
        ("accounts", {}, "id"),
        ("accounts", {"id": SHOP, "owner": "x"}, "unknown fields: owner"),
        ("roles", {"account": BANK, "role": "x"}, "no account"),
        ("roles", {"account": SHOP, "role": "x", "withdraw": "role"}, "no role x"),
        ("roles", {"account": SHOP, "role": "x", "withdraw": "all"}, "role or trust"),
        ("roles", {"account": SHOP, "role": "x", "max_session_s": 60}, "max_session_s"),
        ("roles", {"account": SHOP, "role": "x", "trust": {"Statement": [{"Effect": "Allow"}]}}, "Action"),
        ("roles", {"account": SHOP, "role": "x", "policies": [{"Statement": [{"Effect": "Allow"}]}]}, "Resource"),
        ("credentials", {}, "expire"),
    ],
)
def test_what_makes_no_sense_is_refused(served: tuple[LocalCloud, account.Running], path: str, body: Any, told: str) -> None:
    client, _ = served
    client.put_account(SHOP)
    before = client.get("accounts")
    with pytest.raises(AdminError, match=told) as caught:
        client.post(path, body)
    assert caught.value.status == 422
    assert client.get("accounts") == before


def test_mishaps_find_the_account(served: tuple[LocalCloud, account.Running]) -> None:
    client, running = served
    client.put_account(SHOP)
    client.put_role(SHOP, MEMBER, trust=trust(OWN_ROOT))
    client.load_fleet({"pages": [{"account": SHOP, "Instances": {"Instance": [{"InstanceId": SHOP_INSTANCE}]}}]})
    client.happen("agent_silent", instance_id=SHOP_INSTANCE)
    client.happen("setting", name="concurrent_snapshots", value=1, account=SHOP)
    client.happen("role_withdrawn", account=SHOP, role=MEMBER)
    client.happen("credentials_expire", account=SHOP)
    world = account.service(running.cloud, "ecs").world
    assert world.setting("concurrent_snapshots", 0) == 0
    with running.cloud.accounts.acting(SHOP):
        assert world.setting("concurrent_snapshots", 0) == 1
        assert world.instance(SHOP_INSTANCE)["sim"]["agent"]["since"] is None
    assert client.get("accounts")["accounts"][1]["roles"][0]["withdrawn"] == "role"
    client.happen("role_restored", account=SHOP, role=MEMBER)
    with pytest.raises(AdminError, match="no account"):
        client.happen("setting", name="account", value="arrears", account=BANK)


MEMBER_TEMPLATE = """
ROSTemplateFormatVersion: '2015-09-01'
Parameters:
  DeploymentAccount: {Type: String}
  ExternalId: {Type: String, Default: unset}
Resources:
  Member:
    Type: ALIYUN::RAM::Role
    Properties:
      RoleName: replank-member
      MaxSessionDuration: 7200
      AssumeRolePolicyDocument:
        Version: '1'
        Statement:
          - Effect: Allow
            Action: 'sts:AssumeRole'
            Principal: {RAM: [!Sub 'acs:ram::${DeploymentAccount}:root']}
            Condition: {StringEquals: {'sts:ExternalId': !Ref ExternalId}}
      Policies:
        - PolicyName: replank-member
          PolicyDocument:
            Version: '1'
            Statement: [{Effect: Allow, Action: 'ecs:Describe*', Resource: [!Sub 'acs:ecs:*:${ALIYUN::TenantId}:*']}]
Outputs:
  RoleArn: {Value: !GetAtt Member.Arn}
"""


def test_a_members_template_is_applied_in_its_account() -> None:
    with several() as cloud:
        made = stack.read("member.yml", MEMBER_TEMPLATE, SHOP, {"DeploymentAccount": ACCOUNT_ID, "ExternalId": "deploy-1"})
        stack.create(made, cloud.cloud, cloud.service("eventbridge"), SHOP)
        assert made.outputs == {"RoleArn": f"acs:ram::{SHOP}:role/{MEMBER}"}
        with pytest.raises(TeaException) as caught:
            cloud.assume()
        assert caught.value.code == "NoPermission"
        key = cloud.assume(ExternalId="deploy-1", DurationSeconds=7200)
        assert cloud.instances(key) == [SHOP_INSTANCE]
        assert cloud.cloud.identities.of(f"role:{MEMBER}", SHOP) is None


def test_the_members_template_of_this_repository_lets_its_functions_in() -> None:
    with several() as cloud:
        text = (ROOT / "member.yml").read_text(encoding="utf-8")
        made = stack.read("member.yml", text, SHOP, {"DeploymentAccount": ACCOUNT_ID, "ExternalId": "agreed+1"})
        stack.create(made, cloud.cloud, cloud.service("eventbridge"), SHOP)
        with pytest.raises(TeaException) as caught:
            cloud.assume(ExternalId="agreed+2")
        assert caught.value.code == "NoPermission"
        with pytest.raises(TeaException):
            cloud.assume(ExternalId="agreed+1")  # the api's role is not among those that the template trusts
        allowed = policy("sts:AssumeRole", resource=f"acs:ram:*:*:role/{MEMBER}")["Statement"]
        cloud.cloud.policies.set_role("replank-watch", allowed)
        watch = cloud.cloud.identities.add(Key("STS.NTwatch", "secret", "CAISwatch", "role:replank-watch"))
        assert cloud.instances(cloud.assume(watch, ExternalId="agreed+1")) == [SHOP_INSTANCE]


def test_a_template_is_applied_in_a_running_cloud(
    served: tuple[LocalCloud, account.Running], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client, running = served
    (tmp_path / "member.yml").write_text(MEMBER_TEMPLATE)
    line = [
        str(tmp_path / "member.yml"),
        "--account",
        SHOP,
        "--state",
        str(tmp_path),
        "--parameter",
        f"DeploymentAccount={ACCOUNT_ID}",
    ]
    assert deploy.main(line) == 1
    assert "No cloud runs in" in capsys.readouterr().err
    (tmp_path / "running.json").write_text(json.dumps(running.describe()))
    assert deploy.main(line) == 1
    assert "no account" in capsys.readouterr().err
    client.put_account(SHOP)
    assert deploy.main(line) == 0
    assert json.loads(capsys.readouterr().out)["roles"] == [f"acs:ram::{SHOP}:role/{MEMBER}"]
    assert deploy.main([*line, "--parameter", "Nothing=1"]) == 1
    assert "Nothing is no parameter" in capsys.readouterr().err
    assert deploy.main(line[:5]) == 1
    assert "Default is missing" in capsys.readouterr().err


# Events ---------------------------------------------------------------------------------------------------------------


def target(bus: str, role: str = "receive") -> dict[str, Any]:
    """A rule's target on the bus of the deployment's account."""
    fixed = {"AccountType": "AnotherAccount", "AccountId": ACCOUNT_ID, "EventBusName": bus, "RAMRoleName": role}
    params = [{"ResourceKey": name, "Form": "CONSTANT", "Value": value} for name, value in fixed.items()]
    return {
        "Id": "home",
        "Type": "acs.eventbridge",
        "Endpoint": f"acs:eventbridge:cn-hangzhou:{ACCOUNT_ID}:eventbus/{bus}",
        "PushRetryStrategy": "BACKOFF_RETRY",
        "ParamList": [*params, {"ResourceKey": "Body", "Form": "ORIGINAL", "Value": ""}],
    }


def route(cloud: Several, role: str = "receive") -> None:
    """A rule on the shop's default bus that forwards ECS's events to the bus ``fleet`` of the deployment's account."""
    control = cloud.service("eventbridge").control
    with cloud.cloud.lock, cloud.cloud.db.transaction():
        control.create_event_bus({"EventBusName": "fleet"})
        with cloud.cloud.accounts.acting(SHOP):
            control.create_rule(
                {
                    "EventBusName": "default",
                    "RuleName": "home",
                    "FilterPattern": '{"source": ["acs.ecs"]}',
                    "Targets": [target("fleet", role)],
                }
            )


def stop(cloud: Several) -> None:
    cloud.ecs(cloud.owner(SHOP)).stop_instance(ecs.StopInstanceRequest(instance_id=SHOP_INSTANCE))
    cloud.pass_minutes(5)


def events(cloud: Several, account_id: str, bus: str) -> list[dict[str, Any]]:
    return [traced.event for traced in cloud.service("eventbridge").traces.of_bus(account_id, bus)]


def test_events_reach_the_bus_of_the_account_they_are_of() -> None:
    with several() as cloud:
        stop(cloud)
        heard = events(cloud, SHOP, "default")
        assert {event["aliyunaccountid"] for event in heard} == {SHOP}
        assert all(f":{SHOP}:" in event["subject"] for event in heard)
        assert heard
        assert events(cloud, ACCOUNT_ID, "default") == events(cloud, BANK, "default") == []


def test_a_rule_passes_events_to_another_accounts_bus() -> None:
    with several() as cloud:
        document = trust(f"{SHOP}@eventbridge.aliyuncs.com", kind="Service")["Statement"]
        allowed = policy("eventbridge:PutEvents", resource=f"acs:eventbridge:*:{ACCOUNT_ID}:eventbus/fleet")["Statement"]
        cloud.cloud.policies.set_role("receive", allowed, trust=document)
        route(cloud)
        stop(cloud)
        heard = events(cloud, ACCOUNT_ID, "fleet")
        assert heard
        assert {(each["aliyunaccountid"], each["aliyunoriginalaccountid"]) for each in heard} == {(ACCOUNT_ID, SHOP)}


@pytest.mark.parametrize(
    ("sender", "action", "role"),
    [(BANK, "eventbridge:PutEvents", "receive"), (SHOP, "eventbridge:GetRule", "receive"), (SHOP, "eventbridge:PutEvents", "")],
)
def test_without_a_role_that_lets_it_in_no_event_arrives(sender: str, action: str, role: str) -> None:
    with several() as cloud:
        document = trust(f"{sender}@eventbridge.aliyuncs.com", kind="Service")["Statement"]
        cloud.cloud.policies.set_role("receive", policy(action)["Statement"], trust=document)
        route(cloud, role)
        stop(cloud)
        assert events(cloud, ACCOUNT_ID, "fleet") == []
        lost = cloud.service("eventbridge").deliveries.undeliverable()
        assert lost
        assert all("AccessDenied" in each["error"] for each in lost)


def test_the_two_wires_of_eventbridge_keep_accounts_apart() -> None:
    from alibabacloud_eventbridge import models as eb

    from tools.deployed.clients import eventbridge

    with several() as cloud:
        route(cloud)
        named = {
            id: [
                each.event_bus_name
                for each in eventbridge(cloud.cloud, key).list_event_buses(eb.ListEventBusesRequest()).event_buses
            ]
            for id, key in ((ACCOUNT_ID, cloud.cloud.owner), (SHOP, cloud.owner(SHOP)))
        }
        assert named == {ACCOUNT_ID: ["default", "fleet"], SHOP: ["default"]}
        with pytest.raises(TeaException) as caught:
            eventbridge(cloud.cloud, cloud.owner(SHOP)).get_event_bus(eb.GetEventBusRequest(event_bus_name="fleet"))
        assert caught.value.code == "EventBusNotExist"
        assert cloud.central.principal == f"role:{CENTRAL}"
