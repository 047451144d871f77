"""Activation codes, source servers and jobs through the API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from alibabacloud_ecs20140526 import models as ecs
from alibabacloud_smc20190601 import models as smc
from Tea.exceptions import TeaException

from localcloud.core.clock import START
from localcloud.core.hooks import offered
from tests.contract.localcloud.ecs_support import CENTOS, INSTANCES, REGION, WINDOWS, Account, account, refused

ALINUX3 = "Alibaba Cloud Linux 3"


@pytest.fixture
def cloud() -> Iterator[Account]:
    with account() as made:
        made.load()
        yield made


def token(cloud: Account, **fields: str) -> smc.CreateAccessTokenResponseBody:
    return cloud.smc.create_access_token(smc.CreateAccessTokenRequest(**fields)).body


def tokens(cloud: Account) -> dict[str, str]:
    body = cloud.smc.list_access_tokens(smc.ListAccessTokensRequest()).body
    return {each.access_token_id: each.status for each in body.access_tokens.access_token}


def source(cloud: Account, id: str) -> smc.DescribeSourceServersResponseBodySourceServersSourceServer:
    return cloud.smc.describe_source_servers(smc.DescribeSourceServersRequest(source_id=[id])).body.source_servers.source_server[0]


def after(days: float) -> str:
    when: datetime = START + timedelta(days=days)
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_code_lives_as_long_as_it_says(cloud: Account) -> None:
    made = token(cloud, name="wave", time_to_live_in_days="1")
    assert made.access_token_id.startswith("at-")
    assert tokens(cloud) == {made.access_token_id: "activated"}
    cloud.pass_minutes(25 * 60)
    assert tokens(cloud) == {made.access_token_id: "expired"}
    assert cloud.imported(CENTOS, made) == ""
    cloud.smc.delete_access_token(smc.DeleteAccessTokenRequest(access_token_id=made.access_token_id))
    assert tokens(cloud) == {}


def test_a_disabled_used_up_or_wrong_code_imports_nothing(cloud: Account) -> None:
    made = token(cloud, count="1")
    assert cloud.imported(CENTOS, made).startswith("s-")
    assert cloud.imported(CENTOS, made) == ""
    disabled = token(cloud)
    cloud.smc.disable_access_token(smc.DisableAccessTokenRequest(access_token_id=disabled.access_token_id))
    result, _ = cloud.run(CENTOS, f"/smc/go2aliyun_client import {disabled.access_token_id} {disabled.access_token_code}")
    assert result.exit_code == 1
    result, output = cloud.run(CENTOS, f"/smc/go2aliyun_client import {token(cloud).access_token_id} wrong")
    assert (result.exit_code, "Failed" in output) == (1, True)


@pytest.mark.parametrize(
    "fields", [{"count": "0"}, {"count": "1001"}, {"time_to_live_in_days": "91"}, {"time_to_live_in_days": "x"}]
)
def test_numbers_of_codes_are_checked(cloud: Account, fields: dict[str, str]) -> None:
    with refused("Count.Invalid" if "count" in fields else "TimeToLiveInDays.Invalid"):
        token(cloud, **fields)


def test_an_import_makes_one_source_however_often_it_runs(cloud: Account) -> None:
    made = token(cloud)
    first = cloud.imported(CENTOS, made)
    assert cloud.imported(CENTOS, made) == first
    found = source(cloud, first)
    assert (found.state, found.platform, found.name) == ("Available", "CentOS", "web1")
    assert '"hostname": "web1"' in found.system_info
    assert '"ipv4": "172.16.' in found.system_info
    cloud.smc.modify_source_server_attribute(smc.ModifySourceServerAttributeRequest(source_id=first, name="other"))
    assert source(cloud, first).name == "other"
    assert cloud.imported(WINDOWS, made) != first


def test_the_target_is_named_in_either_place_and_must_match(cloud: Account) -> None:
    id = cloud.imported(CENTOS)
    with pytest.raises(
        TeaException, match=r"The supported TargetOsType list is: \[Anolis OS 7, Anolis OS 8, Alibaba Cloud Linux 2"
    ) as caught:
        cloud.job(id, "Debian 12")
    assert caught.value.code == "InvalidOsMigrationType.NotMatched"
    with refused("InvalidOsMigrationType.NotMatched"):
        cloud.job(id, "", replication_parameters="{}")
    assert cloud.job(id, "Anolis OS 8").startswith("j-")
    windows = cloud.imported(WINDOWS)
    with refused("InvalidOsMigrationType.NotMatched"):
        cloud.job(windows, "Windows Server 2019 Datacenter")
    assert cloud.job(windows, "Windows Server 2012 R2 Datacenter")


def test_a_source_has_one_unfinished_job(cloud: Account) -> None:
    id = cloud.imported(CENTOS)
    job = cloud.job(id, ALINUX3, name="job-1", client_token="t")
    assert cloud.job(id, ALINUX3, name="job-1", client_token="t") == job
    with refused("IdempotentParameterMismatch"):
        cloud.job(id, ALINUX3, name="job-2", client_token="t")
    with refused("SourceServerState.Invalid"):
        cloud.job(id, ALINUX3)
    with refused("ReplicationJobName.Duplicate"):
        cloud.job(cloud.imported(WINDOWS), "Windows Server 2012 R2 Datacenter", name="job-1")
    with refused("ReplicationJob.Related"):
        cloud.smc.delete_source_server(smc.DeleteSourceServerRequest(source_id=id))
    cloud.smc.delete_replication_job(smc.DeleteReplicationJobRequest(job_id=job))
    assert cloud.job(id, ALINUX3, name="job-1") != job
    cloud.smc.delete_source_server(smc.DeleteSourceServerRequest(source_id=id, force=True))
    with refused("SourceId.NotFound"):
        cloud.job(id, ALINUX3)


def test_what_a_job_needs_is_checked(cloud: Account) -> None:
    id = cloud.imported(CENTOS)
    for field, days in (("valid_time", 6), ("valid_time", 91), ("scheduled_start_time", 31)):
        with refused("ValidTime.Invalid" if field == "valid_time" else "ScheduledStartTime.Invalid"):
            cloud.job(id, ALINUX3, **{field: after(days)})
    with refused("InvalidParameter"):
        cloud.job(id, ALINUX3, job_type=0)
    with refused("Name.Invalid"):
        cloud.job(id, ALINUX3, name="1 x")
    offered(cloud.cloud.hooks.load_fleet)({"pages": [], "faults": {"smc_role_missing": True}})
    with refused("EntityNotExist.Role"):
        cloud.job(id, ALINUX3)


def test_states_bind_the_operations(cloud: Account) -> None:
    job = cloud.job(cloud.imported(CENTOS), ALINUX3)
    with refused("ReplicationJob.InvalidStatus"):
        cloud.smc.stop_replication_job(smc.StopReplicationJobRequest(job_id=job))
    with refused("ReplicationJob.InvalidStatus"):
        cloud.smc.cut_over_replication_job(smc.CutOverReplicationJobRequest(job_id=job))
    cloud.start(job)
    with refused("ReplicationJob.InvalidStatus"):
        cloud.start(job)
    with refused("ReplicationJob.InvalidStatus"):
        cloud.smc.delete_replication_job(smc.DeleteReplicationJobRequest(job_id=job))
    with refused("ReplicationJob.InvalidBusinessStatus"):
        cloud.smc.stop_replication_job(smc.StopReplicationJobRequest(job_id=job))
    with refused("SourceServer.WithRunningReplicationJob"):
        cloud.smc.delete_source_server(smc.DeleteSourceServerRequest(source_id=cloud.job_state(job).source_id, force=True))
    with refused("ReplicationJob.InvalidStatus"):
        cloud.smc.modify_replication_job_attribute(smc.ModifyReplicationJobAttributeRequest(job_id=job, system_disk_size=50))
    cloud.smc.modify_replication_job_attribute(
        smc.ModifyReplicationJobAttributeRequest(job_id=job, name="later", valid_time=after(60))
    )
    assert (cloud.job_state(job).name, cloud.job_state(job).valid_time) == ("later", after(60))
    with refused("JobId.NotFound"):
        cloud.start("j-none")


def test_a_job_starts_at_its_time_and_expires_at_its_end(cloud: Account) -> None:
    job = cloud.job(cloud.imported(CENTOS), ALINUX3, scheduled_start_time=after(2))
    cloud.pass_minutes(24 * 60)
    assert cloud.job_state(job).status == "Ready"
    cloud.pass_minutes(26 * 60)
    assert cloud.job_state(job).status == "Finished"
    assert cloud.job_state(job).replication_job_runs.replication_job_run[0].type == "Schedule"
    idle = cloud.job(cloud.imported(WINDOWS), "Windows Server 2012 R2 Datacenter", valid_time=after(30))
    cloud.pass_minutes(28 * 24 * 60)
    assert cloud.job_state(idle).status == "Expired"
    cloud.pass_minutes(8 * 24 * 60)
    listed = cloud.smc.describe_replication_jobs(smc.DescribeReplicationJobsRequest(job_id=[idle]))
    assert listed.body.total_count == 0


def test_lists_filter_and_page(cloud: Account) -> None:
    cloud.load([{"InstanceId": f"i-{n}"} for n in range(12)])
    made = token(cloud)
    jobs = [
        cloud.job(cloud.imported(f"i-{n}", made), ALINUX3, tag=[smc.CreateReplicationJobRequestTag(key="n", value=str(n))])
        for n in range(12)
    ]

    def listed(**fields: object) -> smc.DescribeReplicationJobsResponseBody:
        return cloud.smc.describe_replication_jobs(smc.DescribeReplicationJobsRequest(region_id=REGION, **fields)).body

    pages = [listed(page_number=number, page_size=5) for number in (1, 2, 3)]
    assert sorted(job.job_id for page in pages for job in page.replication_jobs.replication_job) == sorted(jobs)
    assert {page.total_count for page in pages} == {12}
    tag = smc.DescribeReplicationJobsRequestTag(key="n", value="3")
    assert [job.job_id for job in listed(tag=[tag], job_type=1).replication_jobs.replication_job] == [jobs[3]]
    assert listed(status="Running").total_count == 0
    with refused("InvalidParameter"):
        listed(page_size=51)


def test_an_instance_that_is_gone_is_unavailable(cloud: Account) -> None:
    cloud.load(INSTANCES)
    id = cloud.imported(CENTOS)
    cloud.ecs.delete_instance(ecs.DeleteInstanceRequest(instance_id=CENTOS, force=True))
    assert source(cloud, id).state == "Unavailable"
    with refused("SourceServerState.Invalid"):
        cloud.job(id, ALINUX3)


def test_sources_are_listed_by_whether_they_have_a_job(cloud: Account) -> None:
    id = cloud.imported(CENTOS)

    def listed(*kinds: str) -> list[str]:
        request = smc.DescribeSourceServersRequest(related_job_type=list(kinds))
        return [each.source_id for each in cloud.smc.describe_source_servers(request).body.source_servers.source_server]

    assert (listed(), listed("Not_Related"), listed("Os"), listed("Os", "Not_Related")) == ([id], [id], [], [id])
    job = cloud.job(id, ALINUX3)
    assert (listed(), listed("Not_Related"), listed("Os"), listed("Server")) == ([id], [], [id], [])
    cloud.smc.delete_replication_job(smc.DeleteReplicationJobRequest(job_id=job))
    assert (listed("Not_Related"), listed("Os")) == ([id], [])
