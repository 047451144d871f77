"""The SMC API: maps each operation to its implementation."""

from __future__ import annotations

from typing import Any

from localcloud.core.app import Cloud
from localcloud.smc import job_list
from localcloud.smc.console import EcsConsole
from localcloud.smc.jobs import Jobs
from localcloud.smc.migration import MigrationRun
from localcloud.smc.sources import Sources
from localcloud.smc.tokens import Tokens
from localcloud.smc.world import SmcWorld
from localcloud.wire.rpc_service import Operation, Params, RpcService, load_spec

VERSION = "2019-06-01"
_UNPUBLISHED = {"CreateReplicationJob": {"TargetOsType": "str"}}
"""Parameters that no published table lists, but that the real operation must have in some form."""


class Smc(RpcService):
    """Server Migration Center of one account. It works on instances through the hook ``ecs`` and registers the hook
    ``smc_import``.
    """

    def __init__(self, cloud: Cloud) -> None:
        spec = {name: {**row, **_UNPUBLISHED.get(name, {})} for name, row in load_spec("localcloud.smc").items()}
        super().__init__(cloud, "smc", VERSION, spec)
        self.world = world = SmcWorld(cloud)
        self.tokens = tokens = Tokens(world)
        self.sources = sources = Sources(world, tokens)
        self.jobs = jobs = Jobs(world, sources, MigrationRun(world))
        self.operations = {
            "CreateAccessToken": Operation(tokens.create),
            "ListAccessTokens": Operation(tokens.list),
            "DisableAccessToken": Operation(tokens.disable),
            "DeleteAccessToken": Operation(tokens.delete),
            "DescribeSourceServers": Operation(sources.describe, _each("sourceserver", "SourceId")),
            "ModifySourceServerAttribute": Operation(sources.modify, _each("sourceserver", "SourceId")),
            "DeleteSourceServer": Operation(sources.delete, _each("sourceserver", "SourceId")),
            "CreateReplicationJob": Operation(jobs.create, _created),
            "StartReplicationJob": Operation(jobs.start, _each("replicationjob", "JobId")),
            "StopReplicationJob": Operation(jobs.stop, _each("replicationjob", "JobId")),
            "CutOverReplicationJob": Operation(jobs.cut_over, _each("replicationjob", "JobId")),
            "DeleteReplicationJob": Operation(jobs.delete, _each("replicationjob", "JobId")),
            "ModifyReplicationJobAttribute": Operation(jobs.modify, _each("replicationjob", "JobId")),
            "DescribeReplicationJobs": Operation(lambda params: job_list.describe(world, params), _each("replicationjob", "JobId")),
        }
        cloud.hooks.smc_import = sources.register
        self.console = EcsConsole(cloud, jobs)
        cloud.hooks.inventory_parts.append(self._inventory)

    def _inventory(self) -> dict[str, Any]:
        """Tokens, sources and jobs, for ``admin:inventory``."""
        world = self.world
        return {
            "access_tokens": {id: self.tokens.status(doc) for id, doc in world.tokens.items()},
            "sources": {id: {"InstanceId": doc["sim"]["instance_id"], "JobId": doc["JobId"]} for id, doc in world.sources.items()},
            "jobs": {
                id: {"InstanceId": doc["sim"]["instance_id"], "Status": doc["Status"], "Attempt": doc["sim"]["attempt"]}
                for id, doc in world.jobs.items()
            },
        }


def _each(kind: str, name: str) -> Any:
    """The resources that a parameter names (one id or a list). Without the parameter, all resources of the kind."""

    def arns(params: Params) -> tuple[str, ...]:
        given = params.get(name, "*")
        return tuple(f"{kind}/{id}" for id in ([given] if isinstance(given, str) else given))

    return arns


def _created(params: Params) -> tuple[str, ...]:
    return (f"sourceserver/{params['SourceId']}", "replicationjob/*")
