"""A person in the ECS console starts the migration of an instance: ``/_localcloud/ecs-console``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from alibabacloud_smc20190601 import models as smc

from localcloud.core.http import Request
from tests.contract.localcloud.ecs_support import CENTOS, GUESTS, Account, account

ALINUX3 = "Alibaba Cloud Linux 3"


@pytest.fixture
def cloud() -> Iterator[Account]:
    with account() as made:
        made.load()
        yield made


def press(cloud: Account, *, method: str = "POST", **given: Any) -> tuple[int, Any]:
    return cloud.cloud.hooks.admin["ecs-console"](Request(method, "/_localcloud/ecs-console", {}, json.dumps(given).encode()))


def until(cloud: Account, job: str, status: str) -> None:
    for _ in range(5000):
        if cloud.job_state(job).status == status:
            return
        assert cloud.cloud.step()
    raise AssertionError(f"{job} is {cloud.job_state(job).status}")


def test_a_job_is_made_and_started_once_and_replaces_the_system(cloud: Account) -> None:
    status, job = press(cloud, instance_id=CENTOS, target=ALINUX3)
    assert (status, job["Status"]) == (200, "Running")
    assert press(cloud, instance_id=CENTOS, target=ALINUX3) == (200, job), "pressed twice is pressed once"
    assert cloud.smc.list_access_tokens(smc.ListAccessTokensRequest()).body.total_count == 0, "its code is of this one use"
    until(cloud, job["JobId"], "Finished")
    cloud.pass_minutes(30)
    assert cloud.run(CENTOS, '. "$GUEST_ROOT/etc/os-release"; echo "$ID"')[1].strip() == "alinux"


def test_a_job_that_failed_is_tried_again() -> None:
    with account() as cloud:
        cloud.load(guests={**GUESTS, CENTOS: {**GUESTS[CENTOS], "smc": {"fail_attempts": 1, "at": "Preparing"}}})
        job = press(cloud, instance_id=CENTOS, target=ALINUX3)[1]["JobId"]
        until(cloud, job, "InError")
        assert press(cloud, instance_id=CENTOS, target=ALINUX3) == (200, {"JobId": job, "Status": "Running"})
        until(cloud, job, "Finished")


@pytest.mark.parametrize(
    ("given", "status", "says"),
    [
        ({"instance_id": "i-none", "target": ALINUX3}, 404, "InvalidInstanceId"),
        ({"instance_id": CENTOS, "target": "Plan 9"}, 400, "NotMatched"),
        ({"instance_id": CENTOS}, 400, "instance_id and target"),
        ({"instance_id": CENTOS, "target": 1}, 400, "instance_id and target"),
        ({"instance_id": CENTOS, "target": ALINUX3, "drill": "yes"}, 400, "instance_id and target"),
        ({"method": "GET"}, 400, "POST"),
    ],
)
def test_what_is_wrong_starts_nothing(cloud: Account, given: dict[str, Any], status: int, says: str) -> None:
    found, body = press(cloud, **given)
    assert found == status
    assert says in body["error"]
    assert cloud.smc.describe_replication_jobs(smc.DescribeReplicationJobsRequest()).body.total_count == 0
    assert cloud.smc.list_access_tokens(smc.ListAccessTokensRequest()).body.total_count == 0
