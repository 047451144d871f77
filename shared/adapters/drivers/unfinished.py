"""Finds and stops the SMC jobs that can still change an instance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shared.adapters.clock import parse_time_or_none
from shared.adapters.drivers.jobs import PAGE, SmcJobs, is_job_of_other_instance
from shared.adapters.drivers.sources import is_source_of_instance
from shared.adapters.sdk_call import error_code_matcher, is_not_found
from shared.adapters.sdk_errors import CloudError
from shared.domain.migration import Migration
from shared.ports.driver import InstanceIdentity, UnfinishedJob

MIGRATION_TAG = "replank:migration"
"""The key of the tag that marks the pipeline's jobs. The tag's value is the migration's id."""
RUNS = frozenset({"Running", "Waiting", "Deleting"})
"""States in which a job may write to the disks. SMC does not document what a job does while it is being deleted."""
STARTABLE = frozenset({"Ready", "Stopped", "InError"})
"""States in which SMC's operation StartReplicationJob accepts a job."""
_REFUSED = error_code_matcher("ReplicationJob.InvalidStatus", "ReplicationJob.InvalidBusinessStatus")


class JobStopper:
    """The part of a driver that finds and stops SMC jobs.

    If the attribute ``follows`` is true, jobs that a person makes also count as the migration's jobs. A person's job counts only if
    it was made for the instance after the migration began.
    """

    follows = False
    _jobs: SmcJobs

    def source_servers(self, migration: Migration, identity: InstanceIdentity) -> tuple[str, ...]:
        near = self._jobs.sources_at_addresses(identity, related_job_type=["Os"]) if identity.private_ips else []
        own = {source.source_id for source in near if is_source_of_instance(source, identity)}
        return tuple(sorted((own | {migration.handle.source_id}) - {""}))

    def unfinished_jobs(self, migration: Migration, source_ids: Sequence[str]) -> tuple[UnfinishedJob, ...]:
        ours = {job.job_id: job for job in self._jobs_of_migration(migration)}
        near = {job.job_id: job for job in self._jobs.jobs_of_sources(source_ids[:PAGE])}
        found = []
        for job_id, job in {**near, **ours}.items():
            own = job_id in ours or (self.follows and _was_job_made_since(job, migration.created_at))
            live = UnfinishedJob(job_id, job.status or "", job.status in RUNS, own)
            if not is_job_of_other_instance(job, migration) and (live.runs or (own and live.status in STARTABLE)):
                found.append(live)
        return tuple(found)

    def _jobs_of_migration(self, migration: Migration) -> list[Any]:
        job_id = migration.handle.job_id
        known = self._jobs.jobs_by_id([job_id]).values() if job_id else ()
        return [*known, *([] if self.follows else self._jobs.jobs_with_tag(MIGRATION_TAG, migration.migration_id))]

    def remove_jobs(self, jobs: Sequence[UnfinishedJob]) -> None:
        from alibabacloud_smc20190601 import models

        for job in jobs:
            if job.status == "Running":
                self._send_and_ignore_refusal("stop_replication_job", models.StopReplicationJobRequest(job_id=job.job_id))
            self._send_and_ignore_refusal("delete_replication_job", models.DeleteReplicationJobRequest(job_id=job.job_id))

    def _send_and_ignore_refusal(self, operation: str, request: Any) -> None:
        try:
            self._jobs.call_smc(operation, request, expected=lambda error: is_not_found(error) or _REFUSED(error))
        except CloudError:
            return


def _was_job_made_since(job: Any, began_at: datetime) -> bool:
    made = parse_time_or_none(job.creation_time)
    return made is not None and made >= began_at.replace(microsecond=0)
