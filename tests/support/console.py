"""A person at the ECS console, who imports an instance into SMC and starts its migration outside the product."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

from alibabacloud_ecs20140526 import models as ecs_models
from alibabacloud_ecs20140526.client import Client as EcsClient
from alibabacloud_smc20190601 import models as smc_models
from alibabacloud_smc20190601.client import Client as SmcClient
from alibabacloud_tea_openapi.models import Config

from localcloud.core.app import Cloud

REGION = "cn-hangzhou"


def start_job(cloud: Cloud, host: str, instance_id: str, target: str, *, pause: Callable[[], None]) -> str:
    """Import the instance, create a job for ``target`` and start it. Returns the job's id. ``pause`` lets time pass."""
    owner = cloud.owner
    config: dict[str, Any] = {"access_key_id": owner.access_key_id, "access_key_secret": owner.access_key_secret}
    ecs = EcsClient(Config(**config, endpoint=host, protocol="http", region_id=REGION))
    smc = SmcClient(Config(**config, endpoint=host, protocol="http", region_id=REGION))
    token = smc.create_access_token(smc_models.CreateAccessTokenRequest(name="console")).body
    command = f"/smc/go2aliyun_client import {token.access_token_id} {token.access_token_code}"
    source_id = _import(ecs, instance_id, command, pause)
    job = smc.create_replication_job(
        smc_models.CreateReplicationJobRequest(
            region_id=REGION,
            source_id=source_id,
            job_type=1,
            name=f"console-{instance_id}",
            replication_parameters=json.dumps({"TargetOsType": target}),
        )
    ).body
    smc.start_replication_job(smc_models.StartReplicationJobRequest(job_id=job.job_id))
    return str(job.job_id)


def _import(ecs: EcsClient, instance_id: str, command: str, pause: Callable[[], None]) -> str:
    run = ecs.run_command(
        ecs_models.RunCommandRequest(
            region_id=REGION,
            instance_id=[instance_id],
            type="RunShellScript",
            content_encoding="Base64",
            command_content=base64.b64encode(command.encode()).decode(),
        )
    ).body
    for _ in range(10):
        pause()
        answer = ecs.describe_invocation_results(
            ecs_models.DescribeInvocationResultsRequest(region_id=REGION, invoke_id=run.invoke_id)
        ).body
        (result,) = answer.invocation.invocation_results.invocation_result
        found = re.search(r"\[(s-\w+)\]", base64.b64decode(result.output or "").decode())
        if found:
            return found[1]
    raise AssertionError("the import did not answer")
