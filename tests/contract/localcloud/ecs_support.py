"""An account with ECS and SMC in this process, used through the real SDKs, and the calls that most tests make."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_ecs20140526 import models as ecs
from alibabacloud_ecs20140526.client import Client as EcsClient
from alibabacloud_smc20190601 import models as smc
from alibabacloud_smc20190601.client import Client as SmcClient
from alibabacloud_tea_openapi.models import Config
from Tea.exceptions import TeaException

from localcloud.core.access_keys import Key
from localcloud.core.app import Cloud
from localcloud.core.hooks import offered
from localcloud.core.http import Request
from localcloud.ecs import Ecs
from localcloud.smc import Smc
from tools.deployed.inprocess import in_process

REGION = "cn-hangzhou"
MINUTE = 60_000
CENTOS, WINDOWS = "i-centos", "i-windows"
INSTANCES: list[dict[str, Any]] = [
    {"InstanceId": CENTOS, "InstanceName": "web-1", "HostName": "web1", "OSName": "CentOS  7.9 64 bit"},
    {"InstanceId": WINDOWS, "InstanceName": "win-1", "OSName": "Windows Server 2008 R2 Enterprise 64bit", "OSType": "windows"},
]
GUESTS: dict[str, Any] = {
    CENTOS: {"disks": [{"used_gib": 10}, {"size_gib": 100, "used_gib": 20, "mount": "/data", "files": {"/db/rows": "one\n"}}]},
}


class Account:
    """A cloud with its clients. ``events`` are the events that ECS published."""

    def __init__(self, folder: Path | None = None) -> None:
        self.cloud = Cloud(folder, seed=7)
        self.cloud.services += [Ecs(self.cloud), Smc(self.cloud)]
        self.events: list[dict[str, Any]] = []
        self.cloud.hooks.emit_event = self.events.append
        self.ecs, self.smc = self.clients(self.cloud.owner)

    def clients(self, key: Key) -> tuple[EcsClient, SmcClient]:
        """Clients that sign with a key."""
        config = {"access_key_id": key.access_key_id, "access_key_secret": key.access_key_secret}
        if key.token:
            config |= {"security_token": key.token, "type": "sts"}
        made = Config(**config, endpoint="127.0.0.1:9", protocol="http", region_id=REGION)
        return EcsClient(made), SmcClient(made)

    def load(self, instances: list[dict[str, Any]] | None = None, guests: Any = None, **faults: Any) -> None:
        """Load a fleet of one page."""
        pages = [{"Instances": {"Instance": INSTANCES if instances is None else instances}}]
        chosen = (GUESTS if instances is None else {}) if guests is None else guests
        offered(self.cloud.hooks.load_fleet)({"pages": pages, "guests": chosen, "faults": faults})

    def pass_minutes(self, minutes: float) -> None:
        """Let time pass, and do everything that is due meanwhile."""
        until = self.cloud.clock.now_ms() + round(minutes * MINUTE)
        while self.cloud.step(until):
            pass

    def disks(self, instance_id: str) -> list[Any]:
        answer = self.ecs.describe_disks(ecs.DescribeDisksRequest(region_id=REGION, instance_id=instance_id))
        return sorted(answer.body.disks.disk, key=lambda disk: disk.device)

    def status(self, instance_id: str) -> str:
        answer = self.ecs.describe_instance_status(ecs.DescribeInstanceStatusRequest(region_id=REGION, instance_id=[instance_id]))
        return str(answer.body.instance_statuses.instance_status[0].status)

    def snapshot(self, disk_id: str, **more: Any) -> str:
        return str(self.ecs.create_snapshot(ecs.CreateSnapshotRequest(disk_id=disk_id, **more)).body.snapshot_id)

    def snapshots(self, **filters: Any) -> list[Any]:
        answer = self.ecs.describe_snapshots(ecs.DescribeSnapshotsRequest(region_id=REGION, **filters))
        return list(answer.body.snapshots.snapshot)

    def begin(self, instance_id: str, script: str, **more: Any) -> str:
        """RunCommand. Returns the invocation's id."""
        kind = "RunPowerShellScript" if instance_id == WINDOWS else "RunShellScript"
        content = base64.b64encode(script.encode()).decode()
        fields = {"region_id": REGION, "instance_id": [instance_id], "type": kind, "content_encoding": "Base64", **more}
        return str(self.ecs.run_command(ecs.RunCommandRequest(command_content=content, **fields)).body.invoke_id)

    def result(self, invoke_id: str) -> Any:
        request = ecs.DescribeInvocationResultsRequest(region_id=REGION, invoke_id=invoke_id)
        return self.ecs.describe_invocation_results(request).body.invocation.invocation_results.invocation_result[0]

    def run(self, instance_id: str, script: str, minutes: float = 3, **more: Any) -> tuple[Any, str]:
        """Run a script and wait. Returns the result and the output."""
        invoke_id = self.begin(instance_id, script, **more)
        self.pass_minutes(minutes)
        result = self.result(invoke_id)
        return result, base64.b64decode(result.output or "").decode()

    def imported(self, instance_id: str, token: Any = None) -> str:
        """Make an instance a source server. Returns the source's id."""
        token = token or self.smc.create_access_token(smc.CreateAccessTokenRequest()).body
        client = "C:\\smc\\go2aliyun_client.exe" if instance_id == WINDOWS else "/smc/go2aliyun_client"
        _, output = self.run(instance_id, f"{client} import {token.access_token_id} {token.access_token_code}")
        return output.partition("[")[2].partition("]")[0]

    def job(self, source_id: str, target: str, **more: Any) -> str:
        fields = {"region_id": REGION, "source_id": source_id, "job_type": 1, **more}
        fields.setdefault("replication_parameters", f'{{"TargetOsType": "{target}"}}')
        return str(self.smc.create_replication_job(smc.CreateReplicationJobRequest(**fields)).body.job_id)

    def start(self, job_id: str) -> None:
        self.smc.start_replication_job(smc.StartReplicationJobRequest(job_id=job_id))

    def job_state(self, job_id: str) -> Any:
        request = smc.DescribeReplicationJobsRequest(job_id=[job_id])
        return self.smc.describe_replication_jobs(request).body.replication_jobs.replication_job[0]

    def digests(self, instance_id: str) -> dict[str, str]:
        """The digest of each disk's content, by disk id."""
        _, guests = self.cloud.hooks.admin["guests"](Request("GET", f"/?InstanceId={instance_id}", {}))
        return {disk["disk_id"]: disk["digest"] for disk in guests[instance_id]["disks"]}


@contextmanager
def account(folder: Path | None = None) -> Iterator[Account]:
    """An account whose clients reach it without a socket."""
    made = Account(folder)
    with in_process(made.cloud.handle):
        yield made
    made.cloud.close()


@contextmanager
def refused(code: str) -> Iterator[None]:
    """Within the block, the call must be refused with exactly this code."""
    with pytest.raises(TeaException) as caught:
        yield
    assert caught.value.code == code
