"""Emulates a person in the ECS console on the page Operating system migration. That page has no published API.

``POST /_localcloud/ecs-console`` with ``instance_id`` and ``target`` (a name of localcloud.smc.matrix) imports the instance,
creates the job and starts it. If the instance has a running job, that job is returned and nothing is started. A failed job is
started again.
"""

from __future__ import annotations

import json
from typing import Any

from localcloud.core.app import Cloud
from localcloud.core.errors import ApiError
from localcloud.core.http import Request
from localcloud.smc.jobs import Jobs
from localcloud.smc.sources import UNFINISHED
from localcloud.smc.world import Doc

_FIELDS = {"instance_id", "target"}


class EcsConsole:
    """Registers the handler of that path in the hook ``admin``."""

    def __init__(self, cloud: Cloud, jobs: Jobs) -> None:
        self._cloud, self._jobs = cloud, jobs
        cloud.hooks.admin["ecs-console"] = self._administer

    def _administer(self, request: Request) -> tuple[int, Any]:
        try:
            given = json.loads(request.body or b"{}")
        except (ValueError, RecursionError):
            given = None
        texts = isinstance(given, dict) and all(isinstance(each, str) for each in given.values())
        if request.method != "POST" or not texts or set(given) != _FIELDS:
            return 400, {"error": f"POST an object with the texts {' and '.join(sorted(_FIELDS))}"}
        try:
            with self._cloud.lock, self._cloud.db.transaction():
                return 200, self.migrate(given["instance_id"], given["target"])
        except ApiError as error:
            return error.status, {"error": str(error)}

    def migrate(self, instance_id: str, target: str) -> Doc:
        """The job that replaces an instance's system: JobId and Status. A job is started if none is running."""
        sources = self._jobs.sources
        known = sources.of_instance(instance_id)
        job = self._jobs.world.jobs.get(known["JobId"]) if known and known["JobId"] else None
        if job is None or job["Status"] not in UNFINISHED:
            id = self._jobs.create({"SourceId": self._imported(instance_id), "JobType": 1, "TargetOsType": target})["JobId"]
            job = self._jobs.need(id)
        if job["Status"] not in ("Running", "Waiting"):
            self._jobs.start({"JobId": job["JobId"]})
            job = self._jobs.need(job["JobId"])
        return {"JobId": job["JobId"], "Status": job["Status"]}

    def _imported(self, instance_id: str) -> str:
        """The source server of an instance. The activation code for the import is used only once."""
        tokens = self._jobs.sources.tokens
        token = tokens.create({"Name": "console", "Count": "1"})
        source_id = self._jobs.sources.register(instance_id, token["AccessTokenId"], token["AccessTokenCode"])
        tokens.delete({"AccessTokenId": token["AccessTokenId"]})
        return source_id
