"""Faults and mishaps on request, over a socket, through the endpoint's own client and the real SDKs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from alibabacloud_ecs20140526 import models as ecs
from alibabacloud_ecs20140526.client import Client as EcsClient
from alibabacloud_eventbridge import models as eb
from alibabacloud_smc20190601 import models as smc
from alibabacloud_smc20190601.client import Client as SmcClient
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions
from tablestore import OTSClient, OTSServiceError
from Tea.exceptions import TeaException

from localcloud import account
from localcloud.client import AdminError, LocalCloud
from localcloud.core.hooks import offered
from localcloud.fc.inprocess import InProcessInvoker
from tests.contract.localcloud.ecs_support import CENTOS, GUESTS, INSTANCES, REGION
from tools.deployed.clients import eventbridge, functions

QUICK = RuntimeOptions(autoretry=False, connect_timeout=2000, read_timeout=400)
REGIONS = ecs.DescribeRegionsRequest()


class Served:
    """A cloud on a port of this process, its admin client and an ECS client."""

    def __init__(self, running: account.Running) -> None:
        self.running, self.cloud = running, running.cloud
        self.line = running.describe()
        self.admin = LocalCloud(self.line["admin"], self.line["admin_token"])
        self.host = self.line["ecs"].removeprefix("http://")
        owner = self.cloud.owner
        keys = {"access_key_id": owner.access_key_id, "access_key_secret": owner.access_key_secret}
        config = Config(**keys, endpoint=self.host, protocol="http", region_id=REGION)
        self.ecs, self.smc = EcsClient(config), SmcClient(config)

    def load(self) -> None:
        pages = [{"Instances": {"Instance": INSTANCES}}]
        assert self.admin.load_fleet({"pages": pages, "guests": GUESTS}) == 2

    def assistant(self) -> str:
        request = ecs.DescribeCloudAssistantStatusRequest(region_id=REGION, instance_id=[CENTOS])
        found = self.ecs.describe_cloud_assistant_status(request).body.instance_cloud_assistant_status_set
        return str(found.instance_cloud_assistant_status[0].cloud_assistant_status)

    def snapshot(self) -> tuple[str, str]:
        """Make a snapshot of the system disk. Returns its id and its status two hours later."""
        disks = self.ecs.describe_disks(ecs.DescribeDisksRequest(region_id=REGION, instance_id=CENTOS)).body.disks.disk
        id = self.ecs.create_snapshot(ecs.CreateSnapshotRequest(disk_id=disks[0].disk_id)).body.snapshot_id
        self.admin.advance(7200)
        return id, self.status_of(id)

    def job(self, id: str) -> Any:
        request = smc.DescribeReplicationJobsRequest(job_id=[id])
        return self.smc.describe_replication_jobs(request).body.replication_jobs.replication_job[0]

    def run_job(self, id: str) -> Any:
        """Start a job. Returns the job three hours later."""
        self.smc.start_replication_job(smc.StartReplicationJobRequest(job_id=id))
        self.admin.advance(3 * 3600)
        return self.job(id)

    def status_of(self, snapshot_id: str) -> str:
        request = ecs.DescribeSnapshotsRequest(region_id=REGION, snapshot_ids=f'["{snapshot_id}"]')
        return str(self.ecs.describe_snapshots(request).body.snapshots.snapshot[0].status)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def started() -> Iterator[Served]:
    running = account.Running(account.build(invoker=InProcessInvoker()), hold=True)
    yield Served(running)
    running.close()


@pytest.fixture
def cloud(started: Served) -> Iterator[Served]:
    started.load()
    yield started
    started.admin.set_faults()


def test_calls_are_slow_silent_or_cut(cloud: Served) -> None:
    rule = {"service": "ecs", "operation": "DescribeRegions"}
    slow = {**rule, "kind": "slow", "wait_s": 0.6}
    with cloud.admin.faults(slow), pytest.raises(Exception, match=r"[Tt]ime"):
        cloud.ecs.describe_regions_with_options(REGIONS, QUICK)
    with cloud.admin.faults(slow):
        assert cloud.ecs.describe_regions(REGIONS).body.regions.region
    for kind in ("timeout_before", "timeout_after", "drop_before", "drop_after"):
        with cloud.admin.faults({**rule, "kind": kind, "wait_s": 0.6}), pytest.raises(Exception, match=r"[Tt]ime|[Cc]onnection"):
            cloud.ecs.describe_regions_with_options(REGIONS, QUICK)
    with cloud.admin.faults({**rule, "kind": "error", "code": "ServiceUnavailable", "status": 503}):
        with pytest.raises(TeaException) as caught:
            cloud.ecs.describe_regions(REGIONS)
        assert caught.value.data["statusCode"] == 503


def test_what_comes_after_the_effect_leaves_it(cloud: Served) -> None:
    client = eventbridge(cloud.cloud, endpoint=cloud.host)
    for kind, made in (("drop_before", False), ("drop_after", True), ("timeout_after", True)):
        rule = {"service": "eventbridge", "operation": "createEventBus", "kind": kind, "wait_s": 0.1}
        name = kind.replace("_", "-")
        with cloud.admin.faults(rule), pytest.raises(Exception, match=r"[Tt]ime|[Cc]onnection"):
            client.create_event_bus_with_options(eb.CreateEventBusRequest(event_bus_name=name), QUICK)
        buses = client.list_event_buses(eb.ListEventBusesRequest(name_prefix=name)).event_buses
        assert bool(buses) is made, kind


def test_a_wrong_clock_refuses_good_signatures_in_each_services_words(cloud: Served) -> None:
    owner = cloud.cloud.owner
    tables = OTSClient(cloud.line["tablestore"], owner.access_key_id, owner.access_key_secret, "replank")
    asked: list[tuple[str, Any, str]] = [
        ("ecs", lambda: cloud.ecs.describe_regions(REGIONS), "InvalidTimeStamp.Expired"),
        ("smc", lambda: cloud.smc.list_access_tokens(smc.ListAccessTokensRequest()), "InvalidTimeStamp.Expired"),
        ("tablestore", tables.list_table, "OTSAuthFailed"),
        ("fc", lambda: functions(cloud.cloud, endpoint=cloud.line["fc"]).list_functions("s"), "RequestTimeTooSkewed"),
        (
            "eventbridge",
            lambda: eventbridge(cloud.cloud, endpoint=cloud.host).list_event_buses(eb.ListEventBusesRequest()),
            "RequestExpired",
        ),
    ]
    for service, ask, code in asked:
        with cloud.admin.faults({"service": service, "kind": "skew", "skew_s": -3600}):
            with pytest.raises(Exception) as caught:  # noqa: PT011 - each SDK has its own
                ask()
            said = caught.value.get_error_code() if isinstance(caught.value, OTSServiceError) else str(caught.value)
            assert code in said


def test_agents_fall_silent_and_return(cloud: Served) -> None:
    assert cloud.assistant() == "true"
    cloud.admin.happen("agent_silent", instance_id=CENTOS)
    cloud.admin.advance(180)
    assert cloud.assistant() == "false"
    cloud.admin.happen("agent_back", instance_id=CENTOS)
    assert cloud.assistant() == "true"


def test_snapshots_fail_and_stick(cloud: Served) -> None:
    cloud.admin.happen("snapshot_fails", id=CENTOS)
    assert [cloud.snapshot()[1], cloud.snapshot()[1]] == ["failed", "accomplished"]
    rule = {"service": "ecs", "operation": "snapshot_finish", "kind": "stick", "delay_ms": 86_400_000}
    with cloud.admin.faults(rule):
        id, status = cloud.snapshot()
        assert status == "progressing"
    cloud.admin.advance(86_400)
    assert cloud.status_of(id) == "accomplished"


def test_migrations_fail_and_stick(cloud: Served) -> None:
    token = cloud.smc.create_access_token(smc.CreateAccessTokenRequest()).body
    source = offered(cloud.cloud.hooks.smc_import)(CENTOS, token.access_token_id, token.access_token_code)
    fields = {"source_id": source, "job_type": 1, "region_id": REGION}
    target = smc.CreateReplicationJobRequest(**fields, replication_parameters='{"TargetOsType": "Anolis OS 8"}')
    id = cloud.smc.create_replication_job(target).body.job_id
    cloud.admin.happen("migration_fails", instance_id=CENTOS, at="Syncing", cause="No repository answers.")
    seen = [cloud.run_job(id)]
    rule = {"service": "smc", "operation": "job_step", "match": id, "kind": "stick", "delay_ms": 86_400_000}
    with cloud.admin.faults(rule):
        seen.append(cloud.run_job(id))
    cloud.admin.advance(2 * 86_400)
    seen.append(cloud.job(id))
    assert [(each.status, each.status_info) for each in seen] == [
        ("InError", "No repository answers."),
        ("Running", ""),
        ("Finished", ""),
    ]


def test_the_call_log_tells_who_asked_what(cloud: Served) -> None:
    cloud.ecs.describe_regions(REGIONS)
    last = cloud.admin.calls(service="ecs", operation="DescribeRegions")[-1]
    assert (last["principal"], last["status"], last["code"]) == ("owner", 200, "")
    assert "Python" in last["user_agent"]


def test_time_moves_as_told(cloud: Served) -> None:
    before = cloud.admin.now_ms
    assert cloud.admin.advance(60) == before + 60_000
    assert cloud.admin.now_ms == before + 60_000


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "weather"},
        {"kind": "slow", "wait_s": -1},
        {"kind": "slow", "wait_s": "1"},
        {"kind": "skew", "operation": "PutRow"},
        {"kind": "error", "times": True},
        {"kind": "error", "service": "ecss"},
        {"kind": "stick", "service": "smc", "operation": "rest"},
        {"color": "red"},
    ],
)
def test_rules_that_are_none_are_refused(cloud: Served, rule: dict[str, Any]) -> None:
    with pytest.raises(AdminError) as caught:
        cloud.admin.set_faults(rule)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"kind": "rain"}, 400),
        ({"kind": "happen"}, 400),
        ({"kind": "agent_silent"}, 400),
        ({"kind": "agent_silent", "instance_id": "i-none"}, 404),
        ({"kind": "agent_silent", "instance_id": ["i-centos"]}, 400),
        ({"kind": "snapshot_fails", "id": CENTOS, "times": -1}, 400),
        ({"kind": "setting", "name": "event_form", "value": 1}, 400),
    ],
)
def test_mishaps_that_are_none_are_refused(cloud: Served, body: dict[str, Any], status: int) -> None:
    with pytest.raises(AdminError) as caught:
        cloud.admin.post("mishaps", body)
    assert caught.value.status == status


def test_a_fault_that_never_struck_fails_the_test_that_asked_for_it(cloud: Served) -> None:
    with pytest.raises(AssertionError, match="never struck"), cloud.admin.faults({"service": "smc", "kind": "throttle"}):
        cloud.ecs.describe_regions(REGIONS)


def test_fleets_are_loaded_or_refused_with_the_field(cloud: Served) -> None:
    with pytest.raises(AdminError, match=r"pages\[0\].Instances.Instance\[0\].Status") as caught:
        cloud.admin.load_fleet({"pages": [{"Instances": {"Instance": [{"InstanceId": "i-1", "Status": "Asleep"}]}}]})
    assert caught.value.status == 422
