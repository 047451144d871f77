"""Starts a local cloud in the background, creates its event bus and loads a fleet. Each of these steps can be repeated safely."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from cli.bootstrap import create_bus_if_missing
from cli.fleet import Fleet, read_fleet
from cli.local.place import StateFolder
from cli.problem import Problem, bad_input_problem
from cli.run import plan as plans
from cli.run.cloud import RunningCloud
from cli.run.launch import LaunchOptions, launch_cloud, read_ready_line

Json = dict[str, Any]
SPEED, PORT = 60.0, 8600
SHOWN = 5


@dataclass(frozen=True)
class StartOptions:
    """The user's options for starting a local cloud. An option that the user did not give is None or False."""

    fleet: Path | None = None
    guests: Path | None = None
    empty: bool = False
    on: date | None = None
    speed: float | None = None
    step: bool = False
    port: int | None = None


@dataclass(frozen=True)
class FleetToLoad:
    """A fleet to load, the faults that the local cloud simulates, and the day on which the cloud's time begins."""

    fleet: Fleet
    faults: Json
    on: date | None = None


def fleet_to_load(file: Path | None, guests: Path | None) -> FleetToLoad:
    """The fleet in the user's file, or the sample fleet with its simulated faults. Raises Problem (Fleet.*)."""
    if file is None:
        sample = plans.sample_plan()
        return FleetToLoad(sample.fleet, sample.faults)
    fleet = read_fleet(file, guests)
    return FleetToLoad(fleet, {}, fleet.on)


def start_cloud(place: StateFolder, wanted: StartOptions, *, tied: bool) -> RunningCloud:
    """Start a local cloud and load the fleet. The fleet's files are checked before the start."""
    _refuse_options_if_fleet_loaded(place, wanted)
    first = not (wanted.empty or place.mark.get("loaded"))
    chosen = fleet_to_load(wanted.fleet, wanted.guests) if first else None
    regions = chosen.fleet.regions if chosen else place.mark.get("regions", [])
    on = wanted.on or (chosen.on if chosen else None)
    clock = ("--hold",) if wanted.step else ()
    options = (*clock, "--speed", str(wanted.speed or SPEED), "--port", str(PORT if wanted.port is None else wanted.port))
    cloud = _launch_cloud(place, LaunchOptions(place.path, regions, plans.sample_plan().notice_sources, on, options), tied)
    try:
        if first:
            place.update_mark(
                regions=regions, fleet=[str(each.resolve()) if each else "" for each in (wanted.fleet, wanted.guests)]
            )
        elif wanted.empty:
            place.update_mark(regions=regions, loaded=True)
        prepare_cloud(place, cloud)
    except BaseException:
        _stop_cloud(place, cloud)
        raise
    return cloud


def prepare_cloud(place: StateFolder, cloud: RunningCloud) -> None:
    """Create the event bus. If no fleet has been loaded, load the fleet that the mark file names."""
    create_bus_if_missing(cloud.account)
    if not place.mark.get("loaded"):
        files = [Path(each) if each else None for each in place.mark.get("fleet", ["", ""])]
        load_fleet(place, cloud, fleet_to_load(files[0], files[1]), replace=True)


def load_fleet(place: StateFolder, cloud: RunningCloud, wanted: FleetToLoad, *, replace: bool) -> int:
    """Load a fleet, and add its regions to the settings of the functions. Returns the number of loaded instances.

    Raises Problem (Fleet.AlreadyThere) if an instance exists and ``replace`` is false.
    """
    there = sorted(set(cloud.resources_by_kind()["instances"]) & {each["InstanceId"] for each in wanted.fleet.instances})
    if there and not replace:
        more = f" and {len(there) - SHOWN} more" if len(there) > SHOWN else ""
        raise bad_input_problem(
            "Fleet.AlreadyThere",
            f"{', '.join(there[:SHOWN])}{more}: instances with these ids exist already.",
            "Remove them from the file, or use --replace, which deletes their disks and all changes to them.",
        )
    known = place.mark.get("regions", [])
    regions = list(dict.fromkeys([*known, *wanted.fleet.regions]))
    cloud.load_fleet({**wanted.fleet.document_to_load, "faults": wanted.faults})
    if regions != known:
        cloud.redeploy_functions({"REPLANK_REGIONS": ",".join(regions)})
    place.update_mark(regions=regions, loaded=True)
    return len(wanted.fleet.instances)


def _refuse_options_if_fleet_loaded(place: StateFolder, wanted: StartOptions) -> None:
    given = wanted.fleet or wanted.guests or wanted.empty or wanted.on
    if given and place.mark.get("loaded"):
        raise bad_input_problem(
            "State.OtherRun",
            f"{place.path} already contains a cloud with a fleet and a time.",
            "Start it without these options and use `replank local load`, or name another folder with --state.",
        )


def _launch_cloud(place: StateFolder, wanted: LaunchOptions, tied: bool) -> RunningCloud:
    process = launch_cloud(wanted, tied=tied)
    try:
        ready = read_ready_line(process, place.path)
    except BaseException as error:
        process.kill()
        process.wait()
        if isinstance(error, Problem) and place.running_cloud():
            raise Problem(
                "LocalCloud.Running", f"Another command has just started the local cloud in {place.path}.", "Use that cloud."
            ) from None
        raise
    found = place.require_running_cloud()
    found.ready = {**ready, **found.ready}
    found.process = process if tied else None
    return found


def _stop_cloud(place: StateFolder, cloud: RunningCloud) -> None:
    cloud.stop()
    place.stop_cloud()
