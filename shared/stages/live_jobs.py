"""Finds the jobs that can still change an instance.

A job that can still change an instance delays the reset of the instance's disks and the release of its lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared.domain.migration import Migration
from shared.ports.driver import NOBODY, UnfinishedJob
from shared.ports.ports import Ports
from shared.stages.host_identity import host_identity


def source_server_ids(migration: Migration, ports: Ports) -> tuple[str, ...]:
    """Return the ids of the source servers that represent the instance in SMC.

    The function reads SMC's whole list of source servers.
    """
    seen = (host_identity(migration, hop, ports) for hop in range(migration.hop, -1, -1))
    who = next((each for each in seen if each.private_ips), NOBODY)  # the precheck of this hop may not have run yet
    return ports.driver_with_name(migration.driver).source_servers(migration, who)


def unfinished_jobs(migration: Migration, ports: Ports, source_ids: Sequence[str] | None = None) -> tuple[UnfinishedJob, ...]:
    """Return the running jobs of the instance, and the migration's own jobs that could be started again.

    Without ``source_ids``, all source servers of the instance are searched.
    """
    where = source_server_ids(migration, ports) if source_ids is None else source_ids
    return ports.driver_with_name(migration.driver).unfinished_jobs(migration, where)


def remove_jobs_of_migration(migration: Migration, source_ids: Sequence[str], ports: Ports) -> tuple[UnfinishedJob, ...]:
    """Stop and delete the migration's own jobs, if SMC allows it. Return the instance's remaining jobs."""
    found = unfinished_jobs(migration, ports, source_ids)
    own = [job for job in found if job.ours]
    if not own:
        return found
    ports.driver_with_name(migration.driver).remove_jobs(own)
    return unfinished_jobs(migration, ports, source_ids)


def jobs_in_words(jobs: Iterable[UnfinishedJob]) -> str:
    """Return the jobs in words, for example ``job j-1 is Running in SMC``."""
    return ", ".join(f"job {job.job_id} is {job.status}{'' if job.ends_with_instance else ' in SMC'}" for job in jobs)
