"""The command run: starts a local cloud with a fleet, migrates the fleet as an operator would, and writes a report."""

from __future__ import annotations

import shlex
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import events, output
from cli.bootstrap import create_bus_if_missing
from cli.options import AsJson
from cli.problem import option_without_effect_problem
from cli.rows import CatalogFile
from cli.run import plan as plans
from cli.run import results
from cli.run.cloud import RunningCloud
from cli.run.drive import RunLoop
from cli.run.folder import RunFolder, open_run_folder
from cli.run.launch import smc_target_name, write_catalog_rows
from cli.run.operator import NAME, SimulatedOperator
from cli.run.plan import RunPlan
from cli.run.screen import make_screen

Json = dict[str, Any]
REPORT = Path("run/report.json")
"""The file with the report of the last run. Every run without --report overwrites run/report.json."""


def add_commands(app: typer.Typer) -> None:
    """Add the command `run` to the command line."""
    app.command("run")(migrate_fleet_locally)


def migrate_fleet_locally(  # noqa: PLR0913 - one parameter per option
    fleet: Annotated[
        Path | None, typer.Option(help="File with the answers of DescribeInstances (JSON, one or more pages). Default: a sample.")
    ] = None,
    guests: Annotated[
        Path | None, typer.Option(help="File with facts of the guests by instance id. Default: guests.json beside the fleet.")
    ] = None,
    on: Annotated[
        str,
        typer.Option(
            help="First day of the run (YYYY-MM-DD). Default: takenOn of the fleet file, else the day the file was written."
        ),
    ] = "",
    notice: Annotated[list[Path] | None, typer.Option(help="End-of-life notice (a CloudEvent); may be repeated.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of all ids and random events. Default: 1, or the seed of the state folder.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="File for the report. Default: a new file in run/, and run/report.json."),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(help="Folder for the cloud's state: an empty one, or that of a run to continue. Default: a new one in run/."),
    ] = None,
    expect: Annotated[Path | None, typer.Option(help="File with the expected outcomes, such as examples/scenario.json.")] = None,
    catalog: CatalogFile = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the cloud running after the end, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Migrate a fleet on a new local cloud, from the notice to the deletion of the snapshots.

    The exit status is 0 if every instance reached its expected outcome, else 1. Without --expect, the outcomes completed and
    refused are expected. If a file is malformed, nothing starts and the exit status is 2.
    """
    for name, given in (("--notice", notice), ("--guests", guests), ("--expect", expect), ("--on", on), ("--catalog", catalog)):
        if given and not fleet:
            raise option_without_effect_problem(name, "on the sample fleet", "Give a fleet of your own: --fleet FILE.")
    plan = plans.plan_from_files(fleet, guests, notice or [], expect, on, catalog) if fleet else plans.sample_plan()
    folder = open_run_folder(state, plan.digest, seed)
    if not as_json:
        print_left_out_instances(plan)
    print(f"State: {folder.path}", file=sys.stderr)
    started = time.monotonic()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # ends the run like Ctrl-C, so that the cloud's process never outlives this process
        signal.signal(number, signal.default_int_handler)
    own = {} if plan.rows is None else write_catalog_rows(plan.rows, plan.catalog, folder.path)
    cloud = RunningCloud.start(folder.path, folder.seed, plan.fleet.regions, plan.notice_sources, plan.on, own)
    try:
        found = _migrate_fleet(cloud, plan, folder)
        facts = {"seed": folder.seed, "virtualNow": cloud.clock_state()["now"], "wallSeconds": round(time.monotonic() - started, 1)}
        facts["leftOut"] = plan.left_out
        written = (report,) if report else (folder.report_file, REPORT)
        results.write_report(found, written, facts)
        _print_results(found, plan, written[0], facts, as_json)
        if keep:
            _wait_until_cloud_stops(cloud)
    except KeyboardInterrupt:
        print(f"\nInterrupted. Continue with the same options and --state {folder.path}.")
        print(f"Look into the cloud: python -m localcloud --hold --state {folder.path} --template template.yml --services s.yaml")
        raise typer.Exit(130) from None
    finally:
        cloud.stop()
    if not found.is_as_expected:
        print(f"Its state is kept: {folder.path}", file=sys.stderr)
        raise typer.Exit(1)
    folder.remove_if_temporary()


def print_left_out_instances(plan: RunPlan) -> None:
    """Print every instance that the run leaves out, with the reason."""
    if not plan.left_out:
        return
    print(f"{len(plan.left_out)} of {len(plan.fleet.instances)} instances are left out:")
    for instance_id, reason in plan.left_out.items():
        print(f"  {instance_id}: {reason}")


def _migrate_fleet(cloud: RunningCloud, plan: RunPlan, folder: RunFolder) -> results.RunResults:
    disks = folder.original_disks or _prepare_cloud(cloud, plan, folder)
    api = cloud.api_client(NAME)
    for number, body in enumerate(plan.batches):
        api.post("/batches", {**body, "clientToken": f"run-{plan.digest}-{number}"})
    shown = make_screen()
    try:
        expected = len(plan.notices) + len(plan.batches)
        batches = RunLoop(cloud, _make_operator(cloud, plan), shown, expected).run()
    finally:
        shown.close()
    changed = _damaged_disks(disks, _disk_digests(cloud), plan.roll_back)
    return results.collect_results(api, batches, plan, cloud.resources_by_kind(), changed)


def _make_operator(cloud: RunningCloud, plan: RunPlan) -> SimulatedOperator:
    def start_job_in_console(instance_id: str, destination: str) -> None:
        cloud.start_job_in_console(instance_id, smc_target_name(destination, plan.catalog))

    return SimulatedOperator(cloud.api_client(NAME), plan.roll_back, start_job_in_console)


def _prepare_cloud(cloud: RunningCloud, plan: RunPlan, folder: RunFolder) -> Json:
    """Load the fleet, create the event bus and send the notices. Returns the digests of the disks.

    The digests are stored in the run's state folder. If the folder already has the digests, the run skips the whole preparation.
    """
    cloud.load_fleet({**plan.fleet.document_to_load, "faults": plan.faults})
    create_bus_if_missing(cloud.account)
    if plan.notices:
        events.publish_events(cloud.account, plan.notices)
    disks = _disk_digests(cloud)
    folder.update_mark(disks=disks)
    return disks


def _disk_digests(cloud: RunningCloud) -> Json:
    """Maps each instance id and disk id to the disk's kind and the digest of its content."""
    found = cloud.guest_disks()
    return {each: {disk["disk_id"]: [disk["type"], disk["digest"]] for disk in guest["disks"]} for each, guest in found.items()}


def _damaged_disks(before: Json, after: Json, rolled_back: frozenset[str]) -> dict[str, list[str]]:
    """Maps each instance id to the disks whose content changed although the content must not change. A data disk must not change.
    If an instance was rolled back, none of its disks may differ.
    """
    return {
        instance_id: [
            disk_id
            for disk_id, (kind, digest) in disks.items()
            if (kind == "data" or instance_id in rolled_back) and after.get(instance_id, {}).get(disk_id, ["", ""])[1] != digest
        ]
        for instance_id, disks in before.items()
    }


def _print_results(found: results.RunResults, plan: RunPlan, report: Path, facts: Json, as_json: bool) -> None:
    if as_json:
        output.show_json(
            {**facts, "asExpected": found.is_as_expected, "surprises": found.surprises, "migrations": found.migrations}
        )
        return
    results.print_results(found, plan.catalog)
    verdict = "every expected outcome was reached" if found.is_as_expected else "NOT every expected outcome was reached"
    print(f"{verdict} ({facts['wallSeconds']} s). The report: {report}")


def _wait_until_cloud_stops(cloud: RunningCloud) -> None:
    print("\nThe cloud keeps running until Ctrl-C. In another shell:")
    for name, value in cloud.environment_variables().items():
        print(f"  export {name}={shlex.quote(value)}")
    try:
        if cloud.process:
            cloud.process.wait()
    except KeyboardInterrupt:
        print()
