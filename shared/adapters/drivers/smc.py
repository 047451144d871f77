"""The driver that makes, starts and watches jobs through SMC's API.

Alibaba Cloud does not publish some values that SMC's API needs. The settings of the driver provide the unpublished values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.adapters.clock import parse_time_or_none
from shared.adapters.drivers.access_tokens import AccessTokens
from shared.adapters.drivers.jobs import OS_JOB, PAGE, SmcJobs, foreign_job_error, is_job_of_other_instance, job_reports
from shared.adapters.drivers.smc_settings import SmcSettings
from shared.adapters.drivers.unfinished import MIGRATION_TAG, JobStopper
from shared.adapters.sdk import Clients
from shared.adapters.sdk_call import error_code_matcher, is_not_found
from shared.adapters.sdk_errors import CloudError
from shared.domain.drivers import SMC
from shared.domain.errors import Permanent, Transient
from shared.domain.events import guest_command_name
from shared.domain.migration import DriverData, Migration
from shared.domain.timing import CLOCKS_APART
from shared.ports.clock import Clock
from shared.ports.driver import InstanceIdentity, JobPhase, JobReport
from shared.ports.guest import CommandResult, Guest

VALID_FOR = timedelta(days=14)
"""How long a job stays valid, counted from the migration's last change of state.

SMC accepts 7 to 90 days, counted from the call.
"""
IMPORT_TIMEOUT_S = 600
IMPORT_ENDS = timedelta(seconds=IMPORT_TIMEOUT_S + 60)
"""Maximum duration of an import that this driver starts. A command that runs longer cannot be an import of this driver."""
_IMPORTED = re.compile(r"Import Source Server \[(s-[0-9A-Za-z]+)\] Successfully")
"""Matches what the SMC client prints after an import, according to SMC's guide on operating-system migration."""
_USABLE = frozenset({"Ready", "Running", "Stopped", "InError", "Finished", "Waiting"})
"""States of a job that runs, has run or can be started. A job in any other state, for example Expired, is replaced by a new job."""
_RELATED = error_code_matcher("ReplicationJob.Related", "SourceServer.WithRunningReplicationJob")
"""Whether SMC refused to delete a source because the source has a job.

SMC deletes such a source only if the call forces the deletion.
"""
_STARTED = frozenset({"Running", "Waiting", "Finished"})


class SmcDriver(JobStopper):
    """Implements the port ``Driver`` with SMC's API."""

    traits = SMC

    def __init__(self, clients: Clients, guest: Guest, settings: SmcSettings, clock: Clock) -> None:
        self._clients = clients
        self._jobs = SmcJobs(clients)
        self._tokens = AccessTokens(self._jobs)
        self._guest = guest
        self._settings = settings
        self._clock = clock

    def check_settings(self) -> None:
        missing = []
        if not (self._settings.import_linux or self._settings.import_windows):
            missing.append("REPLANK_SMC_IMPORT_LINUX or REPLANK_SMC_IMPORT_WINDOWS")
        if not self._settings.target_values:
            missing.append("REPLANK_SMC_TARGET_VALUES")
        if missing:
            raise _setting_missing_error(" and ".join(missing))

    def check_settings_for_destinations(self, os_type: str, releases: Sequence[str], region_id: str) -> None:
        self._import_command_template(os_type)
        for release in releases:
            self._smc_release_name(release)

    # Preparation ------------------------------------------------------------------------------------------------------

    def prepare_job(self, migration: Migration, identity: InstanceIdentity) -> JobReport:
        self.check_settings()
        handle = migration.handle
        if handle.job_id:
            job = self._jobs.jobs_by_id([handle.job_id]).get(handle.job_id)
            if job is not None and is_job_of_other_instance(job, migration):
                raise foreign_job_error(job)
            if job is not None and job.status in _USABLE:
                return JobReport(JobPhase.PREPARED, replace(handle, ran_before=job.start_time or ""))
            self._delete_job(handle.job_id)
            handle = replace(handle, job_id="", finished_at=None)
        if not handle.source_id:
            imported = self._begin_or_check_import(migration, handle)
            if not imported.handle.source_id:
                return imported
            handle = imported.handle
        return self._make_job_for_source(migration, handle)

    def _begin_or_check_import(self, migration: Migration, handle: DriverData) -> JobReport:
        """Begin the import, or read the result of an import that has begun.

        If the import has registered a source server, the report's handle contains the id of this source server.
        """
        if handle.import_invocation_id:
            result = self._guest.command_result(migration.region_id, migration.instance_id, handle.import_invocation_id)
            return JobReport(JobPhase.PREPARING, handle) if result is None else _job_report_of_import(handle, result)
        name = _job_name(migration)
        if self._tokens.delete_tokens_by_name(name):
            # An earlier call made the token and then crashed, so the activation code is lost. Its import may still have succeeded.
            known = self._id_of_imported_source_without_job(migration)
            if known:
                return JobReport(JobPhase.PREPARING, replace(handle, source_id=known))
        command = self._import_command_template(migration.os_type)
        token_id, code = self._tokens.make_token(name)
        if self._tokens.has_other_tokens(name, token_id):
            # Older tokens were deleted above, so another function handles the same message now, and imports the instance.
            self._tokens.delete_token(token_id)
            return JobReport(JobPhase.PREPARING, handle)
        invocation = self._guest.launch_script(
            migration.region_id,
            migration.instance_id,
            os_type=migration.os_type,
            script=command.replace("{token_id}", token_id).replace("{token_code}", code),
            token=migration.client_token("import", migration.hop, migration.attempt, token_id),
            timeout_s=IMPORT_TIMEOUT_S,
            name=guest_command_name("migrate", migration.migration_id),
        )
        return JobReport(JobPhase.PREPARING, replace(handle, token_id=token_id, import_invocation_id=invocation))

    def _id_of_imported_source_without_job(self, migration: Migration) -> str:
        """The id of the newest source server that an import of this migration registered and that has no job.

        The result is empty if no such source server exists. Only imports since the beginning of the preparation count.
        """
        since = max(migration.created_at, migration.handle.began_at or migration.created_at)
        for source_id in reversed(_imported_source_ids(self._command_results_of_instance(migration, since))):
            source = self._jobs.source_by_id(source_id)
            if source is not None and source.state == "Available" and not source.job_id:
                return source_id
        return ""

    def _command_results_of_instance(self, migration: Migration, since: datetime) -> list[CommandResult]:
        """The results of the commands that were run in the instance, oldest first. The SMC client prints the id of each source
        server that the client registers.

        SMC's list of source servers cannot replace the client's output, because SMC's list shows no instance ids. Two instances may
        have the same address and hostname.
        """
        return self._guest.command_results(migration.region_id, migration.instance_id, since - CLOCKS_APART)

    def _import_command_template(self, os_type: str) -> str:
        template = self._settings.import_windows if os_type == "windows" else self._settings.import_linux
        if not template:
            raise _setting_missing_error(f"REPLANK_SMC_IMPORT_{os_type.upper()}")
        return template

    def _make_job_for_source(self, migration: Migration, handle: DriverData) -> JobReport:
        source = self._jobs.source_by_id(handle.source_id)
        if source is None or source.state == "Deleting":
            return JobReport(JobPhase.PREPARING, replace(handle, source_id="", import_invocation_id=""))
        if source.state == "Available":
            for job_id in self._existing_job_ids(_job_names_of_all_attempts(migration)[:-1]):
                self._delete_job(job_id)
            try:
                return JobReport(
                    JobPhase.PREPARED, replace(handle, job_id=self._create_job(migration, handle.source_id), ran_before="")
                )
            except CloudError as error:
                source.state = "InUse"
                source.status_info = error.message
        if source.state == "InUse":
            return self._existing_job_report(migration, handle, source)
        return JobReport(
            JobPhase.PREPARING, handle, message=f"Source {handle.source_id} is {source.state}. {source.status_info or ''}"
        )

    def _existing_job_report(self, migration: Migration, handle: DriverData, source: Any) -> JobReport:
        """The report for a source that already has a job.

        The report's phase is PREPARED if an earlier call of this migration made the job, and otherwise FAILED.
        """
        job = self._jobs.job_by_name(_job_name(migration))
        if job is not None:
            return JobReport(JobPhase.PREPARED, replace(handle, job_id=job.job_id, ran_before=job.start_time or ""))
        remedy = "Finish or delete that job in the SMC console, then retry."
        message = f"Source {handle.source_id} already has a job {source.job_id or ''}: {source.status_info or 'not ours'}"
        return JobReport(JobPhase.FAILED, handle, code="Job.Foreign", message=message, remedy=remedy)

    def _create_job(self, migration: Migration, source_id: str) -> str:
        from alibabacloud_smc20190601 import models

        inside, _, key = self._settings.target_parameter.rpartition(".")
        target = {key: self._smc_release_name(migration.current_hop.destination)}
        request = models.CreateReplicationJobRequest(
            region_id=migration.region_id,
            source_id=source_id,
            job_type=OS_JOB,
            name=_job_name(migration),
            description=f"{migration.instance_id}: {migration.current_hop.source} to {migration.current_hop.destination}",
            client_token=migration.client_token("job", migration.hop, migration.attempt),
            valid_time=(migration.entered_at + VALID_FOR).strftime("%Y-%m-%dT%H:%M:%SZ"),
            replication_parameters=json.dumps(target) if inside else None,
            tag=[models.CreateReplicationJobRequestTag(key=MIGRATION_TAG, value=migration.migration_id)],
        )
        expected = error_code_matcher("ReplicationJobName.Duplicate", "SourceServerState.Invalid")
        more = {} if inside else target
        return str(self._jobs.call_smc_with_extra_parameters("CreateReplicationJob", request, more, expected=expected)["JobId"])

    def _smc_release_name(self, release: str) -> str:
        value = self._settings.target_values.get(release)
        if not value:
            raise _setting_missing_error(f"REPLANK_SMC_TARGET_VALUES (the value for {release})")
        return value

    # The running job --------------------------------------------------------------------------------------------------

    def launch_job(self, migration: Migration) -> None:
        from alibabacloud_smc20190601 import models

        job_id = migration.handle.job_id
        job = self._jobs.jobs_by_id([job_id]).get(job_id)
        if job is not None and is_job_of_other_instance(job, migration):
            raise foreign_job_error(job)
        if _has_attempt_started_job(job, migration):
            return  # an earlier call started the job; if the job has failed since, only a person may start it again
        request = models.StartReplicationJobRequest(job_id=job_id)
        try:
            self._jobs.call_smc("start_replication_job", request, expected=error_code_matcher("ReplicationJob.InvalidStatus"))
        except CloudError as error:
            job = self._jobs.jobs_by_id([job_id]).get(job_id)
            status = job.status if job is not None else "gone"
            if status not in _STARTED:
                remedy = "Look at the job in the SMC console, then retry."
                raise Permanent("Job.NotStartable", f"Job {job_id} is {status}: {error.message}", remedy) from error

    def job_reports(self, migrations: Sequence[Migration]) -> dict[str, JobReport]:
        return job_reports(self._jobs, migrations)

    def clean_up_hop(self, migration: Migration, handle: DriverData, *, sources: bool = True) -> None:
        if handle == DriverData() and not migration.snapshots_made:
            return  # nothing is prepared before the snapshots exist
        names = _job_names_of_all_attempts(migration)
        # With only one attempt and a known job, no other job can exist. Otherwise a lost call may have made one.
        lost = [] if handle.job_id and migration.attempt == 1 else self._existing_job_ids(names)
        own = sorted({*lost, handle.job_id} - {""})
        for job_id in own:
            self._delete_job(job_id)
        if handle.token_id:
            self._tokens.delete_token(handle.token_id)
        for name in names:
            self._tokens.delete_tokens_by_name(name)
        if sources:
            self._delete_sources(migration, handle, {*own, *names})

    def _existing_job_ids(self, names: Sequence[str]) -> list[str]:
        """The ids of the existing jobs with these names.

        The migration's row may lack the id of a job if the answer to a call was lost, or if a step was not stored.
        """
        return [job.job_id for name in names if (job := self._jobs.job_by_name(name)) is not None]

    def _delete_sources(self, migration: Migration, handle: DriverData, own: Collection[str]) -> None:
        """Delete the source server that the handle names, and all source servers that the instance registered since the migration
        began.

        The activation codes must already be deleted, so that no new import can begin. Raises Transient while an import may be
        running.
        """
        outputs = self._command_results_of_instance(migration, migration.created_at)
        for source_id in sorted({*_imported_source_ids(outputs), handle.source_id} - {""}):
            self._delete_source(source_id, own)
        since = self._clock.now() - IMPORT_ENDS
        if not handle.source_id and any(not each.ended and each.begun_at and each.begun_at > since for each in outputs):
            raise Transient("Import.Running", f"An import may still be under way in {migration.instance_id}.")

    def _delete_source(self, source_id: str, own: Collection[str]) -> None:
        """Delete the source server.

        SMC refuses to delete a source server that has jobs. The deletion is forced if all jobs of the source server belong to the
        migration.
        """
        from alibabacloud_smc20190601 import models

        try:
            request = models.DeleteSourceServerRequest(source_id=source_id)
            self._jobs.call_smc("delete_source_server", request, expected=lambda error: is_not_found(error) or _RELATED(error))
        except CloudError as error:
            jobs = self._jobs.all_jobs_of_source(source_id) if _RELATED(error) else []
            # a full page may be followed by further jobs
            if 0 < len(jobs) < PAGE and all(job.job_id in own or job.name in own for job in jobs):
                self._delete_if_exists("delete_source_server", models.DeleteSourceServerRequest(source_id=source_id, force=True))

    def _delete_job(self, job_id: str) -> None:
        from alibabacloud_smc20190601 import models

        self._delete_if_exists("delete_replication_job", models.DeleteReplicationJobRequest(job_id=job_id))

    def _delete_if_exists(self, operation: str, request: Any) -> None:
        try:
            self._jobs.call_smc(operation, request, expected=is_not_found)
        except CloudError:
            return


def _has_attempt_started_job(job: Any | None, migration: Migration) -> bool:
    """Whether the start time that SMC shows for the job proves that this attempt started the job."""
    if job is None or not job.start_time:
        return False
    if migration.handle.ran_before is not None:
        return bool(job.start_time != migration.handle.ran_before)
    at = parse_time_or_none(job.start_time)
    return at is not None and at >= migration.entered_at - CLOCKS_APART


def _job_name(migration: Migration) -> str:
    """The name of the attempt's token and job. Repeated calls of one attempt use the same name."""
    return f"rp-{migration.migration_id}-{migration.hop}-{migration.attempt}"


def _job_names_of_all_attempts(migration: Migration) -> list[str]:
    """The job names of all attempts so far, oldest first."""
    return [_job_name(replace(migration, attempt=attempt)) for attempt in range(1, migration.attempt + 1)]


def _imported_source_ids(outputs: Sequence[CommandResult]) -> list[str]:
    """The ids of imported source servers, read from the output of commands, in order and without duplicates."""
    found = (_IMPORTED.search(each.output.decode("utf-8", "replace")) for each in outputs)
    return list(dict.fromkeys(each.group(1) for each in found if each))


def _job_report_of_import(handle: DriverData, result: CommandResult) -> JobReport:
    output = result.output.decode("utf-8", "replace")
    found = _IMPORTED.search(output)
    if found:
        return JobReport(JobPhase.PREPARING, replace(handle, source_id=found.group(1)))
    if not result.output and result.problem and result.status in ("Cancelled", "Aborted"):
        # The import never ran, and this result will not change. The next call of prepare_job begins a new import with a new code.
        return JobReport(JobPhase.PREPARING, replace(handle, import_invocation_id=""), remedy=result.problem)
    # The output is not shown, because it may contain the activation code. The code is not stored, so it could not be hidden in the
    # output.
    message = f"The SMC client ended with {result.status}, exit code {result.exit_code}. {result.problem}".strip()
    remedy = "Run the import command in the instance by hand to see why it fails (network, SMC client), then retry."
    return JobReport(
        JobPhase.FAILED, replace(handle, import_invocation_id=""), code="Import.Failed", message=message, remedy=remedy
    )


def _setting_missing_error(what: str) -> Permanent:
    remedy = "docs/operations.md says where each value is found. Set it, deploy, then retry; or use the console driver."
    return Permanent("Driver.SettingMissing", f"The smc driver needs {what}.", remedy)
