"""A cloud with several accounts in this process: the deployment's own and two members, used through the real SDKs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alibabacloud_ecs20140526 import models as ecs
from alibabacloud_ecs20140526.client import Client as EcsClient
from alibabacloud_smc20190601.client import Client as SmcClient
from alibabacloud_tea_openapi.client import Client as AnyClient
from alibabacloud_tea_openapi.models import Config, OpenApiRequest, Params
from alibabacloud_tea_util.models import RuntimeOptions

from localcloud import account
from localcloud.core import members
from localcloud.core.access_keys import Key
from localcloud.core.app import Cloud
from localcloud.core.hooks import offered
from localcloud.fc.inprocess import InProcessInvoker
from tools.deployed.inprocess import in_process

REGION, MINUTE = "cn-hangzhou", 60_000
SHOP, BANK, NOBODY = "2222222222222222", "3333333333333333", "9999999999999999"
CENTRAL, MEMBER, EXTERNAL_ID = "replank-api", "replank-member", "deploy-7f3a"
OWN_INSTANCE, SHOP_INSTANCE, BANK_INSTANCE = "i-own", "i-shop", "i-bank"
MEMBER_ARN = f"acs:ram::{SHOP}:role/{MEMBER}"


def policy(*actions: str, resource: str = "*") -> dict[str, Any]:
    """A policy document that allows the actions."""
    return {"Version": "1", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": [resource]}]}


def trust(*principals: str, condition: Any = None, kind: str = "RAM") -> dict[str, Any]:
    """A trust policy that allows these principals."""
    more = {"Condition": condition} if condition else {}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {kind: list(principals)}, **more}
    return {"Version": "1", "Statement": [statement]}


def fleet(own: str, external_id: str = "") -> dict[str, Any]:
    """One instance in each account, and a role in the shop's account that the deployment's account may assume."""
    condition = {"StringEquals": {"sts:ExternalId": external_id}} if external_id else None
    role = {
        "trust": trust(f"acs:ram::{own}:root", condition=condition),
        "policies": [policy("ecs:*", "smc:*")],
        "max_session_s": 7200,
    }
    return {
        "accounts": {
            SHOP: {"name": "shop", "directory": "rd-one", "roles": {MEMBER: role}},
            BANK: {"name": "bank", "faults": {"snapshots_per_disk": 1}},
        },
        "pages": [
            {"Instances": {"Instance": [{"InstanceId": OWN_INSTANCE}, {"InstanceId": BANK_INSTANCE, "account": BANK}]}},
            {"account": SHOP, "Instances": {"Instance": [{"InstanceId": SHOP_INSTANCE, "OSName": "CentOS  7.9 64 bit"}]}},
        ],
    }


@dataclass
class Several:
    """The cloud, and clients for any key."""

    cloud: Cloud

    @property
    def central(self) -> Key:
        """The role of the deployment's account that may assume other roles."""
        found = self.cloud.identities.of(f"role:{CENTRAL}")
        assert found
        return found

    def owner(self, id: str) -> Key:
        return members.owner_of(self.cloud, id)

    def ecs(self, key: Key) -> EcsClient:
        return EcsClient(_config(key))

    def smc(self, key: Key) -> SmcClient:
        return SmcClient(_config(key))

    def instances(self, key: Key) -> list[str]:
        """The ids that DescribeInstances shows."""
        answer = self.ecs(key).describe_instances(ecs.DescribeInstancesRequest(region_id=REGION))
        return [each.instance_id for each in answer.body.instances.instance]

    def system_disk(self, key: Key, instance_id: str) -> str:
        answer = self.ecs(key).describe_disks(ecs.DescribeDisksRequest(region_id=REGION, instance_id=instance_id))
        return str(answer.body.disks.disk[0].disk_id)

    def snapshots(self, key: Key) -> list[Any]:
        return list(self.ecs(key).describe_snapshots(ecs.DescribeSnapshotsRequest(region_id=REGION)).body.snapshots.snapshot)

    def sts(self, key: Key, action: str, **query: Any) -> dict[str, Any]:
        """Call an operation of STS with Tea's generic client, which knows nothing of this cloud."""
        params = Params(
            action=action, version="2015-04-01", protocol="HTTP", method="POST", auth_type="AK", style="RPC",
            pathname="/", req_body_type="formData", body_type="json",
        )  # fmt: skip
        request = OpenApiRequest(query={name: str(value) for name, value in query.items()})
        body: dict[str, Any] = AnyClient(_config(key)).call_api(params, request, RuntimeOptions(autoretry=False))["body"]
        return body

    def assume(self, key: Key | None = None, **query: Any) -> Key:
        """AssumeRole of the shop's role, or of the named role. Returns the temporary key."""
        asked = {"RoleArn": MEMBER_ARN, "RoleSessionName": "m-20260101-1", **query}
        given = self.sts(key or self.central, "AssumeRole", **asked)["Credentials"]
        return Key(given["AccessKeyId"], given["AccessKeySecret"], given["SecurityToken"], "")

    def pass_minutes(self, minutes: float) -> None:
        until = self.cloud.clock.now_ms() + round(minutes * MINUTE)
        while self.cloud.step(until):
            pass

    def service(self, name: str) -> Any:
        return account.service(self.cloud, name)


def _config(key: Key) -> Config:
    config = {"access_key_id": key.access_key_id, "access_key_secret": key.access_key_secret}
    if key.token:
        config |= {"security_token": key.token, "type": "sts"}
    return Config(**config, endpoint="127.0.0.1:9", protocol="http", region_id=REGION)


@contextmanager
def several(folder: Path | None = None, external_id: str = "") -> Iterator[Several]:
    """The cloud with the fleet above, and a role in the deployment's account that may assume the shop's role."""
    cloud = account.build(folder, seed=5, invoker=InProcessInvoker())
    allowed = json.loads(json.dumps(policy("sts:AssumeRole", resource=f"acs:ram:*:*:role/{MEMBER}")))["Statement"]
    with cloud.lock, cloud.db.transaction():
        cloud.policies.set_role(CENTRAL, allowed)
        cloud.identities.add(Key("STS.NTcentral", "secret", "CAIScentral", f"role:{CENTRAL}"))
    offered(cloud.hooks.load_fleet)(fleet(cloud.accounts.own, external_id))
    with in_process(cloud.handle):
        yield Several(cloud)
    cloud.close()
