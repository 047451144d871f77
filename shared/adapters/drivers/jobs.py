"""Operating-system migration jobs and source servers of SMC, as both drivers see them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from shared.adapters.clock import moment_or_none
from shared.adapters.sdk import Clients
from shared.adapters.sdk_call import Expected, call, never
from shared.domain.migration import Handle, Migration
from shared.ports.driver import Phase, Report

OS_JOB = 1
"""JobType of operating-system migrations (0 server, 2 cross-zone, 3 VMware)."""
PAGE = 50
"""DescribeReplicationJobs and DescribeSourceServers give no more per page, and take no more job ids."""
MAX_PAGES = 100

PHASES = {
    "Ready": Phase.PREPARED,
    "Running": Phase.RUNNING,
    "Waiting": Phase.RUNNING,
    "Finished": Phase.FINISHED,
    "InError": Phase.FAILED,
    "Stopped": Phase.FAILED,
    "Expired": Phase.FAILED,
}
"""What a job's Status means; Deleting, or no job at all, is a failure of its own."""
_RETRY = "Read SMC's message, correct the cause in the instance, then retry: the same job goes on where it stopped."
_AGAIN = "Retry the migration: a new job is made."


class Jobs:
    """SMC's jobs and sources of one account."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def send(self, operation: str, request: Any, *, expected: Expected = never) -> Any:
        """One call of SMC; see ``sdk_call.call``."""
        method: Callable[[Any, Any], Any] = getattr(self._clients.smc(), f"{operation}_with_options")
        return call(self._clients, lambda runtime: method(request, runtime), expected=expected)

    def send_with(self, action: str, request: Any, more: Mapping[str, str], *, expected: Expected = never) -> dict[str, Any]:
        """One call with parameters that the SDK's model lacks (``more``); the answer's body."""
        from alibabacloud_openapi_util.client import Client as OpenApiUtil  # type: ignore[import-untyped]
        from alibabacloud_tea_openapi import models

        params = models.Params(
            action=action,
            version="2019-06-01",
            protocol="HTTPS",
            pathname="/",
            method="POST",
            auth_type="AK",
            style="RPC",
            req_body_type="formData",
            body_type="json",
        )
        query = models.OpenApiRequest(query=OpenApiUtil.query({**request.to_map(), **more}))
        client = self._clients.smc()
        body = call(self._clients, lambda runtime: SimpleNamespace(**client.call_api(params, query, runtime)), expected=expected)
        return dict(body)

    def by_id(self, job_ids: Sequence[str]) -> dict[str, Any]:
        """The jobs that exist, 50 per call."""
        found: dict[str, Any] = {}
        for place in range(0, len(job_ids), PAGE):
            page = self._jobs(job_id=list(job_ids[place : place + PAGE]), page_number=1, page_size=PAGE)
            found.update((job.job_id, job) for job in page)
        return found

    def by_name(self, name: str) -> Any | None:
        """The job with exactly this name."""
        return next((job for job in self._jobs(name=name, page_number=1, page_size=PAGE) if job.name == name), None)

    def of_sources(self, source_ids: Sequence[str]) -> list[Any]:
        """The operating-system jobs of up to 50 sources."""
        return self._jobs(source_id=list(source_ids), job_type=OS_JOB, page_number=1, page_size=PAGE) if source_ids else []

    def _jobs(self, **wanted: Any) -> list[Any]:
        from alibabacloud_smc20190601 import models

        body = self.send("describe_replication_jobs", models.DescribeReplicationJobsRequest(**wanted))
        return list(body.replication_jobs.replication_job or []) if body.replication_jobs else []

    def source(self, source_id: str) -> Any | None:
        """The source server with this id."""
        return next(self._sources(source_id=[source_id]), None)

    def sources_at(self, private_ips: Sequence[str], **wanted: Any) -> list[Any]:
        """The source servers that name one of the addresses; SMC knows no instance ids."""
        return [source for source in self._sources(**wanted) if addresses(source.system_info) & set(private_ips)]

    def _sources(self, **wanted: Any) -> Iterator[Any]:
        from alibabacloud_smc20190601 import models

        for number in range(1, MAX_PAGES + 1):
            request = models.DescribeSourceServersRequest(page_number=number, page_size=PAGE, **wanted)
            body = self.send("describe_source_servers", request)
            page = (body.source_servers.source_server if body.source_servers else None) or []
            yield from page
            if number * PAGE >= int(body.total_count or 0) or not page:
                return


def addresses(system_info: str | None) -> set[str]:
    """The IPv4 addresses in a source's SystemInfo (a JSON object whose ``ipv4`` is one address or several)."""
    try:
        document = json.loads(system_info or "{}")
    except ValueError:
        return set()
    value = document.get("ipv4", "") if isinstance(document, dict) else ""
    return set(re.findall(r"\d{1,3}(?:\.\d{1,3}){3}", json.dumps(value)))


def observed(jobs: Jobs, migrations: Iterable[Migration]) -> dict[str, Report]:
    """How the jobs of these migrations stand, by migration id."""
    known = list(migrations)
    found = jobs.by_id([each.handle.job_id for each in known if each.handle.job_id])
    return {each.migration_id: report(each.handle, found.get(each.handle.job_id)) for each in known}


def report(handle: Handle, job: Any | None) -> Report:
    """What a job's answer says; None for a job that is not there."""
    if job is None or job.status not in PHASES:
        if not handle.job_id:
            return Report(Phase.PREPARING, handle)
        return Report(Phase.FAILED, handle, code="Job.Gone", message=f"SMC has no job {handle.job_id}.", remedy=_AGAIN)
    phase = PHASES[job.status]
    handle = replace(
        handle,
        job_id=job.job_id,
        source_id=handle.source_id or job.source_id or "",
        started_at=handle.started_at or moment_or_none(job.start_time),
        finished_at=moment_or_none(job.end_time) if phase is Phase.FINISHED else None,
    )
    if phase is not Phase.FAILED:
        return Report(phase, handle, progress=percent(job.progress))
    code = job.error_code or f"Job.{job.status}"
    message = job.status_info or f"SMC says {job.status}."
    return Report(phase, handle, percent(job.progress), code, message, _AGAIN if job.status == "Expired" else _RETRY)


def percent(progress: Any) -> int:
    """SMC's progress (a float from 0 to 100, or nothing) as a whole percentage."""
    try:
        return min(max(int(float(progress or 0)), 0), 100)
    except ValueError:
        return 0
