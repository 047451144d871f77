"""ECS and SMC through Alibaba Cloud's own RPC client for Node.js, over a socket: the fields that clients read, as raw JSON.

Needs ``node`` and the npm package @alicloud/pop-core 1.8.0, which ``make test`` installs (tools/clients.sh); skipped without them.
The names of the fields are those of the Python SDK's response models, which are generated from the published metadata.
"""

from __future__ import annotations

import inspect
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_ecs20140526 import models as ecs
from alibabacloud_smc20190601 import models as smc

from localcloud.core.server import Server
from tests.contract.localcloud.ecs_support import CENTOS, REGION, account
from tests.contract.localcloud.test_tablestore_node import node

SCRIPT = Path(__file__).with_name("rpc_node.js")
JOB = "DescribeReplicationJobsResponseBodyReplicationJobsReplicationJob"
SOURCE = "DescribeSourceServersResponseBodySourceServersSourceServer"
INSTANCE, DISK = "DescribeInstancesResponseBodyInstancesInstance", "DescribeDisksResponseBodyDisksDisk"
NOT_SHOWN = {
    INSTANCE: {"DeploymentSetGroupNo", "PrivateDnsNameOptions"},
    DISK: {"AutoSnapshotPolicyId", "Placement", "StorageClusterId", "Throughput", "ThroughputRead", "ThroughputWrite"},
    JOB: {"ContainerNamespace", "ContainerRepository", "ContainerTag"},
    SOURCE: set[str](),
}


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    if shutil.which("node") is None or node("-e", "require.resolve('@alicloud/pop-core')").returncode:
        pytest.skip("needs node and the npm package @alicloud/pop-core: tools/clients.sh tests/clients .venv/clients")
    with account() as cloud:
        cloud.load()
        source = cloud.imported(CENTOS)
        request = {"region_id": REGION, "source_id": source, "job_type": 1, "target_type": "TargetInstance", "instance_id": CENTOS}
        made = smc.CreateReplicationJobRequest(**request, replication_parameters='{"TargetOsType": "Alibaba Cloud Linux 3"}')
        job = str(cloud.smc.create_replication_job(made).body.job_id)
        server = Server(0, cloud.cloud.handle)
        server.start()
        key = cloud.cloud.owner
        run = node(str(SCRIPT), server.url, key.access_key_id, key.access_key_secret, job, source)
        server.shutdown()
        server.server_close()
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def row(seen: dict[str, Any], attempt: str, *path: str) -> dict[str, Any]:
    """The first member of a list in an answer."""
    found = seen[attempt]["answer"]
    for name in path:
        found = found[name]
    return dict(found[0])


def published(models: Any, name: str) -> set[str]:
    return set(re.findall(r"result\['(\w+)'\]", inspect.getsource(getattr(models, name).to_map))) - NOT_SHOWN[name]


def test_an_instance_has_every_published_field(seen: dict[str, Any]) -> None:
    instance = next(each for each in seen["instances"]["answer"]["Instances"]["Instance"] if each["InstanceId"] == CENTOS)
    assert published(ecs, INSTANCE) - set(instance) == set()
    (interface,) = instance["NetworkInterfaces"]["NetworkInterface"]
    assert interface["PrimaryIpAddress"] == instance["VpcAttributes"]["PrivateIpAddress"]["IpAddress"][0]
    assert interface["PrivateIpSets"]["PrivateIpSet"] == [{"PrivateIpAddress": interface["PrimaryIpAddress"], "Primary": True}]
    assert re.fullmatch(r"00:16:3e(:[0-9a-f]{2}){3}", interface["MacAddress"])


def test_no_two_interfaces_are_the_same(seen: dict[str, Any]) -> None:
    records = seen["instances"]["answer"]["Instances"]["Instance"]
    interfaces = [each["NetworkInterfaces"]["NetworkInterface"][0] for each in records]
    ids = [each[name] for each in interfaces for name in ("NetworkInterfaceId", "MacAddress", "PrimaryIpAddress")]
    assert len(set(ids)) == len(ids) == 3 * len(records) == 6


def test_a_disk_has_every_published_field(seen: dict[str, Any]) -> None:
    disk = row(seen, "disks", "Disks", "Disk")
    assert published(ecs, DISK) - set(disk) == set()
    assert (disk["Size"], disk["PerformanceLevel"], disk["IOPS"], disk["Throughput"]) == (100, "PL1", 6800, 170)
    assert seen["level"]["answer"]["Disks"]["Disk"] == []


def test_a_job_and_its_source_have_every_published_field(seen: dict[str, Any]) -> None:
    job, source = row(seen, "jobs", "ReplicationJobs", "ReplicationJob"), row(seen, "sources", "SourceServers", "SourceServer")
    assert published(smc, JOB) - set(job) == set()
    assert published(smc, SOURCE) - set(source) == set()
    assert (job["InstanceId"], job["SystemDiskSize"], job["Disks"]["System"]["Size"]) == (CENTOS, 40, 40)
    assert (
        [each["Size"] for each in job["Disks"]["Data"]["Data"]]
        == [each["Size"] for each in source["Disks"]["Data"]["Data"]]
        == [100]
    )


def test_parameters_of_the_newest_metadata_are_known(seen: dict[str, Any]) -> None:
    assert {name: seen[name]["code"] for name in ("off", "misspelt")} == {
        "off": "InvalidInstanceId.NotFound",
        "misspelt": "UnknownParameter",
    }
    assert seen["opened"]["answer"]["RequestId"]


@pytest.mark.parametrize(("attempt", "name"), [("status", "Status"), ("diskType", "DiskType"), ("jobStatus", "Status")])
def test_a_filter_refuses_a_value_in_another_spelling(seen: dict[str, Any], attempt: str, name: str) -> None:
    assert seen[attempt]["code"] == f"Invalid{name}.ValueNotSupported"
