"""Converts a guest's answer into a report on the tool in the guest. The tool is either being prepared or running.

The module sends no requests to the cloud.
"""

from __future__ import annotations

from dataclasses import replace

from shared.domain.catalog import Catalog
from shared.domain.catalog.identify import identify_os_release_in_catalog, identify_release_in_catalog
from shared.domain.findings import Finding
from shared.domain.migration import DriverData
from shared.domain.recipes.recipe import Recipe
from shared.domain.toolreports.failures import failure_kind, findings_of_report, findings_that_stop_tool, first_error_line
from shared.domain.toolreports.results import latest_recorded_run
from shared.domain.toolreports.windows_setup import findings_of_scan
from shared.domain.toolrun import ToolAnswer, end_of_log
from shared.ports.driver import JobPhase, JobReport

UNLICENSED = "unlicensed"
"""The phase of a run that waits for a person to buy a licence."""
_BACK = "Roll back: only the snapshots undo what the tool has changed."
_LET_END = "Let it end, or end it; then retry."


def preparation_report(answer: ToolAnswer, recipe: Recipe, handle: DriverData, run: str) -> JobReport:
    """The report on the tool's installation and on the tool's own precheck."""
    return _report_with_log(_preparation_report_without_log(answer, recipe, handle, run), answer, run)


def report_during_replacement(answer: ToolAnswer, recipe: Recipe, handle: DriverData, catalog: Catalog) -> JobReport:
    """The report on a run that is replacing the operating system. The report is made from the guest's answer."""
    return _report_with_log(_report_during_replacement_without_log(answer, recipe, handle, catalog), answer, handle.job_id)


def _report_with_log(report: JobReport, answer: ToolAnswer, run: str) -> JobReport:
    """The report with the last lines of the tool's log, if the run has failed or is being prepared.

    The log of another run is not added.
    """
    if report.phase not in (JobPhase.FAILED, JobPhase.PREPARING) or answer.run != run:
        return report
    return replace(report, log=end_of_log(answer.log))


def _preparation_report_without_log(answer: ToolAnswer, recipe: Recipe, handle: DriverData, run: str) -> JobReport:
    if answer.word:
        return _refused_run_report(answer, recipe, handle, run)
    if answer.run != run:
        return unanswered_preparation_report(recipe, handle)
    known = replace(handle, job_id=run, waits="")
    if answer.started:
        return JobReport(JobPhase.RUNNING, known)  # the tool has already been started, and must never be started twice
    if answer.phase == "not-installed":
        return _failure_report_with_tool_error(answer, recipe, known, "Tool.NotInstalled", "could not be installed")
    if answer.phase == UNLICENSED:
        return _missing_licence_report(recipe, handle)
    stops = _findings_that_stop_start(answer, recipe) if answer.phase in ("refused", "prepared") else ()
    if answer.phase == "refused" or stops:
        return _precheck_refusal_report(answer, recipe, known)
    if answer.is_cut_off:
        message = (
            f"The preparation of {recipe.tool_name} was cut off while it was {answer.phase}: "
            "the instance restarted, or it was killed."
        )
        return JobReport(
            JobPhase.FAILED, known, code="Tool.Interrupted", message=message, remedy="Retry: it begins from the start."
        )
    if answer.phase == "prepared":
        return JobReport(JobPhase.PREPARED, known)
    doing = "is being installed" if answer.phase in ("begun", "installing") else "checks the instance"
    stop = "schtasks /end /tn ReplankTool" if recipe.for_windows else "systemctl stop replank-tool"
    late = f"Read {recipe.log_in_guest} in the instance. If nothing goes on there, stop it: {stop}. Then retry."
    return JobReport(JobPhase.PREPARING, replace(handle, waits=""), remedy=f"{recipe.tool_name} {doing}.", late_remedy=late)


def _report_during_replacement_without_log(answer: ToolAnswer, recipe: Recipe, handle: DriverData, catalog: Catalog) -> JobReport:
    running = JobReport(JobPhase.RUNNING, handle, progress=answer.progress)
    if answer.run != handle.job_id:
        gone = "The instance has no record of this run. It may have been put back to a snapshot, or another tool is at work in it."
        remedy = "Look at the instance; then retry, or roll back."
        return JobReport(JobPhase.FAILED, handle, answer.progress, "Tool.RecordGone", gone, remedy)
    if answer.phase == "failed":
        return _tool_failure_report(answer, recipe, handle)
    if answer.is_cut_off:
        message = (
            f"{recipe.tool_name} was cut off in the middle: the instance restarted, or the tool was killed."
            f" {_tool_error_text(answer)}".strip()
        )
        return JobReport(JobPhase.FAILED, handle, answer.progress, "Tool.Interrupted", message, _remedy_after_interruption(answer))
    if answer.phase == "prepared" and not answer.started:
        return _refused_run_report(answer, recipe, handle, handle.job_id) if answer.word else JobReport(JobPhase.PREPARED, handle)
    if answer.phase != "restarting" or not answer.returned or answer.busy:
        return running
    if recipe.for_windows:
        found = identify_release_in_catalog(catalog, answer.os_name)
    else:
        found = identify_os_release_in_catalog(catalog, answer.os_id, answer.os_version, answer.os_name)
    if answer.done and found is not None and found.key == recipe.destination:
        return JobReport(JobPhase.FINISHED, handle, progress=100)
    return _system_not_replaced_report(answer, recipe, handle)


def unanswered_preparation_report(recipe: Recipe, handle: DriverData) -> JobReport:
    """The report on a preparation whose first command the guest has not answered yet."""
    late = "See that the Cloud Assistant agent of the instance runs and answers commands; then retry."
    todo = f"{recipe.tool_name} is to be installed in the instance."
    return JobReport(JobPhase.PREPARING, handle, remedy=todo, late_remedy=late)


def media_disk_report(handle: DriverData) -> JobReport:
    """The report on a preparation whose disk with the installation media is not attached yet."""
    late = "Look at the instance's disks in the ECS console: the one named replank-media-... must become In_use; then retry."
    todo = "The disk with the installation media is being made and attached."
    return JobReport(JobPhase.PREPARING, replace(handle, waits=""), remedy=todo, late_remedy=late)


def _missing_licence_report(recipe: Recipe, handle: DriverData) -> JobReport:
    """The report for a tool that waits for a person to buy a licence."""
    todo = f"buy {recipe.licence}. The preparation then continues by itself."
    late = f"Buy {recipe.licence}; then retry. If it is bought, {recipe.log_in_guest} in the instance says why its check fails."
    return JobReport(
        JobPhase.PREPARING,
        replace(handle, waits=todo),
        message=f"{recipe.tool_name} waits for a licence.",
        remedy=f"a person: {todo}",
        late_remedy=late,
    )


def _refused_run_report(answer: ToolAnswer, recipe: Recipe, handle: DriverData, run: str) -> JobReport:
    """The report for a run that the guest refused to begin, because another run is active or has already ended in the guest."""
    own = _migration_part_of_run_id(answer.run) == _migration_part_of_run_id(run)
    if answer.word == "past" and own:
        changed = f"An earlier run of {recipe.tool_name} has changed the system already, and did not complete it."
        return JobReport(JobPhase.FAILED, handle, code="Tool.PastReturn", message=changed, remedy=_BACK)
    if answer.word == "past":
        changed = f"A run of {recipe.tool_name} by another migration has changed the system, and left its record."
        return JobReport(
            JobPhase.FAILED, handle, code="Tool.PastReturn", message=changed, remedy=_remedy_for_foreign_record(recipe)
        )
    if answer.word == "ended":
        over = f"This try of {recipe.tool_name} is over: it was turned away, or what it installed was removed."
        return JobReport(JobPhase.FAILED, handle, code="Tool.Ended", message=over, remedy="Retry: it begins from the start.")
    if own and answer.active:
        message = f"An earlier attempt of this migration is still {answer.phase} in the instance."
        return JobReport(JobPhase.FAILED, handle, code="Tool.AlreadyRuns", message=message, remedy=_LET_END)
    message = f"{recipe.tool_name} is at work in the instance, and this attempt did not start it."
    return JobReport(JobPhase.FAILED, handle, code="Tool.AlreadyRuns", message=message, remedy=_LET_END)


def _migration_part_of_run_id(run: str) -> str:
    """The part of a run's id that names the migration, without the hop and the attempt."""
    return run.rsplit("-", 2)[0]


def _precheck_refusal_report(answer: ToolAnswer, recipe: Recipe, handle: DriverData) -> JobReport:
    """The report for a tool whose own precheck found obstacles.

    The report's message names the first obstacle, and counts the remaining obstacles.
    """
    stops = _findings_that_stop_start(answer, recipe)
    if not stops:
        return _failure_report_with_tool_error(
            answer, recipe, handle, "Tool.PrecheckFailed", f"ended its precheck with status {answer.status}"
        )
    first, more = stops[0], len(stops) - 1
    also = f" And {more} more: {'; '.join(each.title for each in stops[1:4])}." if more else ""
    message = f"{recipe.tool_name} refuses: {first.title}. {first.seen}{also}".strip()
    remedy = first.remedy or f"Read {recipe.log_in_guest} in the instance, correct the cause, then retry."
    report = JobReport(JobPhase.FAILED, handle, code="Tool.Inhibited", message=message, remedy=remedy)
    return replace(report, code=first.code) if recipe.for_windows else report


def _findings_that_stop_start(answer: ToolAnswer, recipe: Recipe) -> tuple[Finding, ...]:
    """The findings of the tool's own precheck that forbid its start.

    For Windows Setup the exit code of its scan decides, and not the guest. A diagnosis only says more of a scan that has refused.
    """
    told = findings_that_stop_tool(findings_of_report(recipe.tool, answer.report))
    if not recipe.for_windows:
        return told
    scan = findings_of_scan(answer.status if answer.status is not None else 0)
    return (*told, *scan) if scan else ()


def _tool_failure_report(answer: ToolAnswer, recipe: Recipe, handle: DriverData) -> JobReport:
    """The report for a tool that ended with an error."""
    report = _failure_report_with_tool_error(answer, recipe, handle, "Tool.Failed", f"ended with status {answer.status}")
    return replace(report, progress=answer.progress, remedy=_BACK if answer.changed else report.remedy)


def _remedy_for_foreign_record(recipe: Recipe) -> str:
    folder = r"C:\ProgramData\ReplankTool\run" if recipe.for_windows else "/var/lib/replank-tool"
    return (
        "Roll back that migration if you can, and cancel this one. "
        f"If the system is whole, delete {folder} in the instance; then retry."
    )


def _system_not_replaced_report(answer: ToolAnswer, recipe: Recipe, handle: DriverData) -> JobReport:
    """The report of a failure: the instance has restarted and the tool has ended, but the replacement is not complete."""
    activity = latest_recorded_run(answer.results)
    own = (
        f" Its record says: from {activity.source_os} to {activity.target_os}, success {str(activity.success).lower()}."
        if activity
        else ""
    )
    system = f"{answer.os_name} {answer.os_version}".strip() or "an unknown system"
    message = f"{recipe.tool_name} has ended, and the instance runs {system}.{own} {_tool_error_text(answer, recipe)}".strip()
    remedy = _BACK
    if recipe.for_windows and not answer.changed:  # Windows Setup puts the old system back by itself if it fails
        message = f"{message} The old system is back."
        stops = findings_that_stop_tool(findings_of_report(recipe.tool, answer.report))
        remedy = stops[0].remedy if stops else "Correct the cause that Windows Setup's logs name; then retry. Or roll back."
    return JobReport(JobPhase.FAILED, handle, answer.progress, "Tool.NotReplaced", message, remedy)


def _failure_report_with_tool_error(answer: ToolAnswer, recipe: Recipe, handle: DriverData, code: str, what: str) -> JobReport:
    """The report of a failure, in the tool's own words. A known kind of failure has its own code and remedy."""
    kind = failure_kind(answer.log)
    remedy = kind.remedy if kind else f"Read {recipe.progress.text} and {recipe.log_in_guest} in the instance, then retry."
    message = f"{recipe.tool_name} {what}. {_tool_error_text(answer, recipe)}".strip()
    return JobReport(JobPhase.FAILED, handle, code=kind.code if kind else code, message=message, remedy=remedy)


def _tool_error_text(answer: ToolAnswer, recipe: Recipe | None = None) -> str:
    """The first error that the tool reports, in the tool's own words; empty if it reports no error."""
    stops = findings_that_stop_tool(findings_of_report(recipe.tool, answer.report)) if recipe and answer.report else ()
    said = f"{stops[0].title}. {stops[0].seen}" if stops else first_error_line(answer.log)
    return f"It says: {said}" if said else ""


def _remedy_after_interruption(answer: ToolAnswer) -> str:
    return _BACK if answer.changed else "Retry: it begins from the start. Or roll back."
