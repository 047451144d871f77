"""Reads SMC's operating-system migration jobs and source servers, for the drivers ``smc`` and ``console``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from shared.adapters.clock import parse_time_or_none
from shared.adapters.drivers.sources import has_address_of_instance
from shared.adapters.sdk import Clients
from shared.adapters.sdk_call import Expected, call_service, is_never_expected
from shared.domain.errors import Permanent
from shared.domain.migration import DriverData, Migration
from shared.ports.driver import InstanceIdentity, JobPhase, JobReport

OS_JOB = 1
"""The JobType of operating-system migrations. The other values of JobType are 0 (server), 2 (cross-zone) and 3 (VMware)."""
PAGE = 50
"""Maximum number of items per page of DescribeReplicationJobs and DescribeSourceServers. One call also takes at most 50 job ids."""
MAX_PAGES = 100

PHASES = {
    "Ready": JobPhase.PREPARED,
    "Running": JobPhase.RUNNING,
    "Waiting": JobPhase.RUNNING,
    "Finished": JobPhase.FINISHED,
    "InError": JobPhase.FAILED,
    "Stopped": JobPhase.FAILED,
    "Expired": JobPhase.FAILED,
}
"""Maps each Status of a job in SMC to the phase of the job.

A job that is missing, or that has another Status such as Deleting, is reported as gone.
"""
_STATUSES_WITH_COPIES = frozenset({"Syncing", "Processing", "Cleaning"})
"""The values of a job's BusinessStatus after the value Preparing.

For a job with one of these values, SMC has already copied the disks (docs/assumptions.md).
"""
_REMEDY_SAME_JOB = "Read SMC's message, correct the cause in the instance, then retry: the same job goes on where it stopped."
_REMEDY_NEW_JOB = "Retry the migration: a new job is made."


class SmcJobs:
    """Reads the jobs and source servers of one account in SMC."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def call_smc(self, operation: str, request: Any, *, expected: Expected = is_never_expected) -> Any:
        """Call one operation of SMC. Raises the errors of ``sdk_call.call_service``."""
        method: Callable[[Any, Any], Any] = getattr(self._clients.smc_client(), f"{operation}_with_options")
        return call_service(self._clients, lambda runtime: method(request, runtime), expected=expected)

    def call_smc_with_extra_parameters(
        self, action: str, request: Any, more: Mapping[str, str], *, expected: Expected = is_never_expected
    ) -> dict[str, Any]:
        """Call one operation of SMC. The argument ``more`` contains parameters that the SDK's model lacks.

        Returns the answer's body.
        """
        from alibabacloud_openapi_util.client import Client as OpenApiUtil
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
        client = self._clients.smc_client()
        body = call_service(
            self._clients, lambda runtime: SimpleNamespace(**client.call_api(params, query, runtime)), expected=expected
        )
        return dict(body)

    def jobs_by_id(self, job_ids: Sequence[str]) -> dict[str, Any]:
        """Maps each of these job ids to the job. Ids that SMC does not know are left out. Makes one call per 50 ids."""
        found: dict[str, Any] = {}
        for place in range(0, len(job_ids), PAGE):
            page = self._list_jobs(job_id=list(job_ids[place : place + PAGE]), page_number=1, page_size=PAGE)
            found.update((job.job_id, job) for job in page)
        return found

    def job_by_name(self, name: str) -> Any | None:
        """The job with exactly this name; None if no job has this name."""
        return next((job for job in self._list_jobs(name=name, page_number=1, page_size=PAGE) if job.name == name), None)

    def jobs_of_sources(self, source_ids: Sequence[str]) -> list[Any]:
        """The operating-system migration jobs of up to 50 source servers."""
        return self._list_jobs(source_id=list(source_ids), job_type=OS_JOB, page_number=1, page_size=PAGE) if source_ids else []

    def jobs_with_tag(self, key: str, value: str) -> list[Any]:
        """The jobs that have this tag key and value."""
        from alibabacloud_smc20190601 import models

        return self._list_jobs(tag=[models.DescribeReplicationJobsRequestTag(key=key, value=value)], page_number=1, page_size=PAGE)

    def all_jobs_of_source(self, source_id: str) -> list[Any]:
        """All jobs of one source server, whatever their JobType."""
        return self._list_jobs(source_id=[source_id], page_number=1, page_size=PAGE)

    def _list_jobs(self, **wanted: Any) -> list[Any]:
        from alibabacloud_smc20190601 import models

        body = self.call_smc("describe_replication_jobs", models.DescribeReplicationJobsRequest(**wanted))
        return list(body.replication_jobs.replication_job or []) if body.replication_jobs else []

    def source_by_id(self, source_id: str) -> Any | None:
        """The source server with this id; None if it does not exist."""
        return next(self._list_sources(source_id=[source_id]), None)

    def sources_at_addresses(self, identity: InstanceIdentity, **wanted: Any) -> list[Any]:
        """The source servers that have one of the instance's addresses.

        A source server may belong to another instance with the same address.
        """
        return [source for source in self._list_sources(**wanted) if has_address_of_instance(source, identity)]

    def _list_sources(self, **wanted: Any) -> Iterator[Any]:
        from alibabacloud_smc20190601 import models

        for number in range(1, MAX_PAGES + 1):
            request = models.DescribeSourceServersRequest(page_number=number, page_size=PAGE, **wanted)
            body = self.call_smc("describe_source_servers", request)
            page = (body.source_servers.source_server if body.source_servers else None) or []
            yield from page
            if number * PAGE >= int(body.total_count or 0) or not page:
                return


def is_job_of_other_instance(job: Any, migration: Migration) -> bool:
    """Whether the job names an instance or a region that is not the migration's."""
    instance = (job.instance_id or migration.instance_id) == migration.instance_id
    return not (instance and (job.region_id or migration.region_id) == migration.region_id)


def foreign_job_error(job: Any) -> Permanent:
    """The error for a job that names another instance."""
    named = f"{job.instance_id or 'an instance'} in {job.region_id or 'some region'}"
    remedy = "Finish or delete that job in the SMC console, then retry."
    return Permanent("Job.Foreign", f"Job {job.job_id} is of {named}.", remedy)


def ambiguous_source_report(handle: DriverData, source_ids: Iterable[str]) -> JobReport:
    """The report of a failure: several source servers match one instance."""
    message = f"Sources {', '.join(sorted(source_ids))} all have this instance's address and hostname."
    remedy = "See in the SMC console which are of other machines, and delete this instance's surplus ones; then retry."
    return JobReport(JobPhase.FAILED, handle, code="Source.Ambiguous", message=message, remedy=remedy)


def indistinct_instance_report(handle: DriverData, instance_ids: Iterable[str]) -> JobReport:
    """The report of a failure: several instances share an address and a hostname.

    SMC does not show which of these instances a job belongs to.
    """
    message = f"Instances {', '.join(instance_ids)} have this one's address and hostname, and SMC shows a job by nothing else."
    remedy = "Submit it with the smc driver; or change the hostname of one of them, then retry."
    return JobReport(JobPhase.FAILED, handle, code="Instance.Indistinct", message=message, remedy=remedy)


def job_reports(jobs: SmcJobs, migrations: Iterable[Migration]) -> dict[str, JobReport]:
    """Maps each migration's id to the report on the migration's job."""
    known = list(migrations)
    found = jobs.jobs_by_id([each.handle.job_id for each in known if each.handle.job_id])
    return {each.migration_id: job_report(each.handle, found.get(each.handle.job_id)) for each in known}


def job_report(handle: DriverData, job: Any | None) -> JobReport:
    """The report on one job, made from SMC's answer. If SMC does not have the job, the argument ``job`` is None."""
    if job is None or job.status not in PHASES:
        if not handle.job_id:
            return JobReport(JobPhase.PREPARING, handle)
        return JobReport(
            JobPhase.FAILED, handle, code="Job.Gone", message=f"SMC has no job {handle.job_id}.", remedy=_REMEDY_NEW_JOB
        )
    phase = PHASES[job.status]
    handle = replace(
        handle,
        job_id=job.job_id,
        source_id=handle.source_id or job.source_id or "",
        started_at=handle.started_at or parse_time_or_none(job.start_time),
        finished_at=parse_time_or_none(job.end_time) if phase is JobPhase.FINISHED else None,
    )
    copied = phase is JobPhase.FINISHED or job.business_status in _STATUSES_WITH_COPIES
    if phase is not JobPhase.FAILED:
        return JobReport(phase, handle, progress=whole_percent(job.progress), copied=copied)
    code = job.error_code or f"Job.{job.status}"
    message = job.status_info or f"SMC says {job.status}."
    return JobReport(
        phase,
        handle,
        whole_percent(job.progress),
        code,
        message,
        _REMEDY_NEW_JOB if job.status == "Expired" else _REMEDY_SAME_JOB,
        copied,
    )


def whole_percent(progress: Any) -> int:
    """The progress that SMC reports for a job, as a whole percentage. SMC sends a number from 0 to 100, or no number."""
    try:
        return min(max(int(float(progress or 0)), 0), 100)
    except ValueError:
        return 0
