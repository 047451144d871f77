"""The driver that runs a distribution's own tool inside the instance, through Cloud Assistant.

The state of a run is read from the guest, and is not stored. Each check first reads the newest answer to earlier commands, and then
sends the next command. The driver stores no command ids, so it recovers from a lost answer or a lost step.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.adapters.drivers.media import MediaOfMigrations
from shared.adapters.drivers.tool_reports import (
    UNLICENSED,
    media_disk_report,
    preparation_report,
    report_during_replacement,
    unanswered_preparation_report,
)
from shared.domain.catalog import Catalog
from shared.domain.drivers import GUEST
from shared.domain.errors import NOT_KEPT, AccountUnusable, Permanent, Refused, Transient
from shared.domain.events import PLAIN_COMMAND, guest_command_name
from shared.domain.kept_commands import KeptCall
from shared.domain.migration import DriverData, Migration, State
from shared.domain.recipes.choose import SETTING, all_recipes, is_recipe_usable, recipe_for_path
from shared.domain.recipes.recipe import Recipe
from shared.domain.timing import CLOCKS_APART, JOB_LIMIT, LONGEST_BACK_OFF
from shared.domain.toolrun import ToolAnswer, is_answer_fresh, tool_run_id
from shared.ports.clock import Clock
from shared.ports.driver import InstanceIdentity, JobPhase, JobReport, UnfinishedJob
from shared.ports.guest import Agent, Guest
from shared.probes.tool import Action, is_tool_cleanup_reported, parse_tool_answer, tool_script

_LOG = logging.getLogger("replank")
TIMEOUT_S, CLEAN_TIMEOUT_S = 120, 900
MAX_AGE_WITHOUT_NEW_COMMAND = timedelta(seconds=45)
"""While the newest answer is not older than this time, no new command is sent.

The tick and the event at a command's end may both cause a check of the guest at about the same time.
"""
MAX_AGE_WHILE_RUNNING = LONGEST_BACK_OFF + timedelta(minutes=10)
"""Maximum age of an answer that proves that no tool is running. While a tool may be running, the instance stays locked.

One check sends a command, and the next check reads the answer. The maximum age is therefore longer than any pause between two
checks.
"""
CLEAN_UP_REPEATED_FOR = timedelta(days=1)
"""How long the driver tries to clean up a guest that does not answer, or in which the tool still runs."""


class GuestDriver:
    """Implements the port ``Driver`` with a tool in the guest. The migration's row stores only the id of the run."""

    traits = GUEST

    def __init__(self, guest: Guest, clock: Clock, catalog: Catalog, media: MediaOfMigrations) -> None:
        self._guest, self._clock, self._catalog, self._media = guest, clock, catalog, media

    def check_settings(self) -> None:
        if not any(is_recipe_usable(each, self._catalog) for each in all_recipes(self._catalog)):
            keys = ", ".join(each.key for each in all_recipes(self._catalog))
            message = f"No recipe of the guest driver is on: {SETTING} names none of {keys}."
            remedy = (
                f"Try a recipe on an instance that may be lost (docs/drivers.md), then name it in {SETTING}, deploy, and retry."
            )
            raise Permanent("Driver.SettingMissing", message, remedy)

    def check_settings_for_destinations(self, os_type: str, releases: Sequence[str], region_id: str) -> None:
        # A route of this driver has only paths whose recipe may be used. For Windows the media are a setting of their own.
        if os_type == "windows":
            self._media.check_setting(releases, region_id)

    def prepare_job(self, migration: Migration, identity: InstanceIdentity) -> JobReport:
        recipe = self._recipe_of_hop(migration)
        serial = self._media.attached_serial_number(migration) if recipe.for_windows else ""
        if recipe.for_windows and not serial:
            return media_disk_report(migration.handle)
        run = _tool_run_id(migration)
        answer = self._newest_tool_answer(migration, migration.handle.began_at or migration.entered_at)
        if answer is None or (answer.run != run and not answer.word):
            self._send_tool_action(migration, "begin", recipe, disk=serial)
            # A later version must not rename the command: the guest may already run what the first version began.
            new = _tool_command_name(migration.os_type) if self._guest.keeps_commands else ""
            command = migration.handle.command or new
            return unanswered_preparation_report(recipe, replace(migration.handle, command=command))
        report = preparation_report(answer, recipe, migration.handle, run)
        if report.phase is JobPhase.FAILED and recipe.for_windows:
            self._media.is_removed_or_unremovable(migration)  # the first step; the tick takes the others
        if report.phase is JobPhase.PREPARING and not is_answer_fresh(answer, self._clock.now(), MAX_AGE_WITHOUT_NEW_COMMAND):
            self._send_tool_action(migration, "check" if answer.phase == UNLICENSED else "look")
        return report

    def launch_job(self, migration: Migration) -> None:
        self._send_tool_action(migration, "start")

    def job_reports(self, migrations: Sequence[Migration]) -> dict[str, JobReport]:
        return {each.migration_id: self._tool_run_report(each) for each in migrations}

    def source_servers(self, migration: Migration, identity: InstanceIdentity) -> tuple[str, ...]:
        return ()  # this driver needs no source server

    def unfinished_jobs(self, migration: Migration, source_ids: Sequence[str]) -> tuple[UnfinishedJob, ...]:
        """If the tool may be running, the result contains one job, which represents the tool's run. If no tool can be running, the
        result is empty.

        A rollback does not wait for the tool, because stopping the instance ends the tool.
        """
        now, job_id, started_at = self._clock.now(), migration.handle.job_id, migration.handle.started_at
        if not job_id:
            return ()
        agent = self._guest_agent(migration)
        if agent is None or not agent.alive:
            # The tool may be running in a system without an agent. That cannot be seen from outside, but a run never takes longer
            # than JOB_LIMIT.
            may_run = started_at is not None and now - started_at < JOB_LIMIT
            return (_unfinished_tool_job(job_id, "out of sight"),) if may_run else ()
        try:
            answer = self._newest_tool_answer(migration, now - MAX_AGE_WHILE_RUNNING)
            if answer is None:
                self._send_tool_action(migration, "look")
        except Refused:
            return ()  # the instance is gone or takes no commands
        except Transient as error:
            if error.code != NOT_KEPT:
                raise
            answer = None  # a command that is missing in the account must not hold a rollback
        if answer is not None and not answer.is_tool_working:
            return ()
        return (_unfinished_tool_job(job_id, "at work" if answer else "being asked for"),)

    def remove_jobs(self, jobs: Sequence[UnfinishedJob]) -> None:
        return  # a running tool is never killed; it ends when the instance is stopped

    def clean_up_hop(self, migration: Migration, handle: DriverData, *, sources: bool = True) -> None:
        """Remove what the driver installed in the guest. Raises Transient if the guest has not confirmed the removal yet.

        The guest removes nothing while the tool runs. A rollback restores the disks, so the driver sends nothing to a rolled-back
        instance before a person confirms the instance. After the confirmation, the driver removes what an earlier attempt
        installed, because it may still be on the restored disks. If a migration went back to the queue for a slot, its handle is
        empty. The driver may nevertheless have prepared the guest if the migration has made snapshots.
        """
        removed = migration.os_type != "windows" or self._media.is_removed_or_unremovable(migration)
        self._clean_up_guest(migration, handle)
        if not removed and migration.state not in (State.ROLLING_BACK, State.ROLLED_BACK):
            # A rollback never waits for the disk, which is not among the disks that are reset. The tick removes the disk.
            raise Transient("Media.NotRemoved", f"The media disk of {migration.instance_id} is being removed.")

    def _clean_up_guest(self, migration: Migration, handle: DriverData) -> None:
        begun = handle.began_at is not None or migration.snapshots_made > 0
        is_back = migration.state in (State.ROLLING_BACK, State.ROLLED_BACK)
        if not begun or (is_back and (migration.released_at is None or migration.attempt == 1)):
            return
        told, id = {"migrationId": migration.migration_id}, migration.instance_id
        if self._clock.now() - migration.effects_due_since > CLEAN_UP_REPEATED_FOR:
            _LOG.warning("what was installed in %s stays: for a day it could not be removed", id, extra=told)
            return
        agent = self._guest_agent(migration)
        if agent is None:
            return  # the instance is gone
        if not agent.alive:
            raise Transient("Guest.Silent", f"The agent of {id} is silent; what was installed in it stays for now.")
        try:
            sent = migration.released_at if is_back else None  # an answer from before the rollback does not show the present state
            since = sent or (handle.began_at or migration.created_at) - CLOCKS_APART
            outputs = self._guest.command_results(migration.region_id, id, since)
            if any(is_tool_cleanup_reported(each.output, _tool_run_id(migration)) for each in outputs if each.ended):
                return
            self._send_tool_action(replace(migration, handle=handle), "clean")
        except Refused as error:
            _LOG.warning("nothing is removed in the guest: %s", error, extra=told)
            return
        raise Transient("Guest.NotCleaned", f"What was installed in {id} is being removed; the guest has not said that it is.")

    # Reading and commanding the guest ----------------------------------------------------------------------------------

    def _tool_run_report(self, migration: Migration) -> JobReport:
        """The report on one run of the tool in the guest.

        If the guest cannot be reached now, the run is reported as running. The time limit of a run applies even while the guest
        cannot be reached.
        """
        as_before = JobReport(JobPhase.RUNNING, migration.handle, progress=migration.progress)
        started_at = migration.handle.started_at or migration.entered_at
        try:
            recipe = self._recipe_of_hop(migration, under_way=True)
            answer = self._newest_tool_answer(migration, started_at)
            if not is_answer_fresh(answer, self._clock.now(), MAX_AGE_WITHOUT_NEW_COMMAND):
                self._send_tool_action(migration, "look")
        except AccountUnusable:
            raise
        except (Transient, Refused) as error:
            _LOG.info("the guest cannot be asked now: %s", error, extra={"migrationId": migration.migration_id})
            return replace(as_before, code=NOT_KEPT, remedy=error.remedy) if error.code == NOT_KEPT else as_before
        if answer is None:
            return as_before
        report = report_during_replacement(answer, recipe, migration.handle, self._catalog)
        if recipe.for_windows and report.phase in (JobPhase.FINISHED, JobPhase.FAILED):
            removed = self._media.is_removed_or_unremovable(migration)
            if report.phase is JobPhase.FINISHED and not removed:
                return replace(as_before, progress=99)  # the guest is compared without the media disk
        return report

    def _newest_tool_answer(self, migration: Migration, since: datetime) -> ToolAnswer | None:
        """The newest complete answer of the guest; None if no answer is complete. Answers to commands that began before the time
        ``since`` do not count. If another attempt's command was turned away, that says nothing about this attempt.
        """
        outputs = self._guest.command_results(migration.region_id, migration.instance_id, since - CLOCKS_APART)
        answers = (parse_tool_answer(each.output, each.begun_at) for each in reversed(outputs) if each.ended)
        newest = next((each for each in answers if each is not None), None)
        if newest is None or newest.asked in ("", _tool_run_id(migration)):
            return newest
        return replace(newest, word="")

    def _send_tool_action(self, migration: Migration, action: Action, recipe: Recipe | None = None, *, disk: str = "") -> None:
        """Send the command for one action to the guest.

        If the same action is sent twice within a minute, Cloud Assistant runs only one command. The guest never repeats an action.
        """
        minute = int(self._clock.now().timestamp() // 60)
        self._guest.launch_script(
            migration.region_id,
            migration.instance_id,
            os_type=migration.os_type,
            script=tool_script(action, _tool_run_id(migration), recipe, os_type=migration.os_type, disk=disk),
            # The token's word differs from that of older versions, because the command's name has changed since. ECS refuses a
            # known token with changed parameters.
            token=migration.client_token("guest-tool", migration.hop, migration.attempt, action, minute),
            timeout_s=CLEAN_TIMEOUT_S if action == "clean" else TIMEOUT_S,
            name=guest_command_name("migrate", migration.migration_id) if action == "begin" else PLAIN_COMMAND,
            kept=lambda: _kept_tool(action, migration, recipe, disk),
        )

    def _guest_agent(self, migration: Migration) -> Agent | None:
        """The Cloud Assistant agent of the instance; None if the instance does not exist."""
        try:
            return self._guest.agents_by_instance_id(migration.region_id, [migration.instance_id]).get(migration.instance_id)
        except Refused:
            return None

    def _recipe_of_hop(self, migration: Migration, *, under_way: bool = False) -> Recipe:
        """The recipe for the migration's current hop.

        For a new run, a recipe that was turned off is refused. If ``under_way`` is true, a run already uses the recipe, so even a
        recipe that was turned off is returned.
        """
        hop = migration.current_hop
        recipe = recipe_for_path(self._catalog, hop.source, hop.destination)
        if recipe is None or not (under_way or is_recipe_usable(recipe, self._catalog)):
            what = f"The recipe from {hop.source} to {hop.destination} is {'off' if recipe else 'not there any more'}."
            raise Permanent("Recipe.Missing", what, f"Add it, or name it in {SETTING}; deploy, then retry. Or cancel or roll back.")
        return recipe


def _unfinished_tool_job(job_id: str, status: str) -> UnfinishedJob:
    return UnfinishedJob(job_id, status, runs=True, ours=False, ends_with_instance=True)


def _kept_tool(action: Action, migration: Migration, recipe: Recipe | None, disk: str) -> KeptCall:
    from shared.probes.kept import kept_tool  # only a deployment that keeps commands needs it

    run, began_with = _tool_run_id(migration), migration.handle.command
    return kept_tool(action, run, recipe, os_type=migration.os_type, disk=disk, began_with=began_with)


def _tool_command_name(os_type: str) -> str:
    from shared.probes.kept import tool_command_name  # as above

    return tool_command_name(os_type)


def _tool_run_id(migration: Migration) -> str:
    return tool_run_id(migration.migration_id, migration.hop, migration.attempt)
