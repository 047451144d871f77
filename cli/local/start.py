"""Starts a local cloud that keeps running, and gives it a bus and a fleet; each step can be repeated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from cli.bootstrap import ensure_bus
from cli.fleet import Fleet, read_fleet
from cli.local.place import Place
from cli.problem import Problem, bad_input
from cli.run import plan as plans
from cli.run.cloud import RunningCloud
from cli.run.launch import Launch, launch, ready_line

Json = dict[str, Any]
SPEED, PORT = 60.0, 8600
SHOWN = 5


@dataclass(frozen=True)
class Wanted:
    """The user's options for a start; None or False means not given."""

    fleet: Path | None = None
    guests: Path | None = None
    empty: bool = False
    on: date | None = None
    speed: float | None = None
    step: bool = False
    port: int | None = None


@dataclass(frozen=True)
class Load:
    """A fleet to load, settings of the account, and the day on which its time begins."""

    fleet: Fleet
    faults: Json
    on: date | None = None


def fleet_of(file: Path | None, guests: Path | None) -> Load:
    """The user's own fleet, or the sample with its mishaps; raises Problem (Fleet.*)."""
    if file is None:
        sample = plans.sample()
        return Load(sample.fleet, sample.faults)
    fleet = read_fleet(file, guests)
    return Load(fleet, {}, fleet.on)


def start(place: Place, wanted: Wanted, *, tied: bool) -> RunningCloud:
    """Start a cloud and load the fleet; files are checked before anything starts."""
    _refuse_second_fleet(place, wanted)
    first = not (wanted.empty or place.mark.get("loaded"))
    chosen = fleet_of(wanted.fleet, wanted.guests) if first else None
    regions = chosen.fleet.regions if chosen else place.mark.get("regions", [])
    on = wanted.on or (chosen.on if chosen else None)
    clock = ("--hold",) if wanted.step else ()
    options = (*clock, "--speed", str(wanted.speed or SPEED), "--port", str(PORT if wanted.port is None else wanted.port))
    cloud = _launched(place, Launch(place.path, regions, plans.sample().sources, on, options), tied)
    try:
        if first:
            place.note(regions=regions, fleet=[str(each.resolve()) if each else "" for each in (wanted.fleet, wanted.guests)])
        elif wanted.empty:
            place.note(regions=regions, loaded=True)
        prepare(place, cloud)
    except BaseException:
        _stop(place, cloud)
        raise
    return cloud


def prepare(place: Place, cloud: RunningCloud) -> None:
    """Make the bus and load the fleet of the mark unless this is done, because a start may have been interrupted."""
    ensure_bus(cloud.account)
    if not place.mark.get("loaded"):
        files = [Path(each) if each else None for each in place.mark.get("fleet", ["", ""])]
        load(place, cloud, fleet_of(files[0], files[1]), replace=True)


def load(place: Place, cloud: RunningCloud, wanted: Load, *, replace: bool) -> int:
    """Load a fleet and let the functions look into its regions; returns the number of instances.

    Raises Problem (Fleet.AlreadyThere).
    """
    there = sorted(set(cloud.inventory()["instances"]) & {each["InstanceId"] for each in wanted.fleet.instances})
    if there and not replace:
        more = f" and {len(there) - SHOWN} more" if len(there) > SHOWN else ""
        raise bad_input(
            "Fleet.AlreadyThere",
            f"{', '.join(there[:SHOWN])}{more}: instances of these ids are there already.",
            "Remove them from the file, or give --replace: then their disks and what was done to them are gone.",
        )
    known = place.mark.get("regions", [])
    regions = list(dict.fromkeys([*known, *wanted.fleet.regions]))
    cloud.load_fleet({**wanted.fleet.document, "faults": wanted.faults})
    if regions != known:
        cloud.deploy({"REPLANK_REGIONS": ",".join(regions)})
    place.note(regions=regions, loaded=True)
    return len(wanted.fleet.instances)


def _refuse_second_fleet(place: Place, wanted: Wanted) -> None:
    given = wanted.fleet or wanted.guests or wanted.empty or wanted.on
    if given and place.mark.get("loaded"):
        raise bad_input(
            "State.OtherRun",
            f"{place.path} holds a cloud with its fleet and its time already.",
            "Start it without these options and use `replank local load`, or name another folder with --state.",
        )


def _launched(place: Place, wanted: Launch, tied: bool) -> RunningCloud:
    process = launch(wanted, tied=tied)
    try:
        ready = ready_line(process, place.path)
    except BaseException as error:
        process.kill()
        process.wait()
        if isinstance(error, Problem) and place.running():
            raise Problem(
                "LocalCloud.Running", f"Another command has just started the local cloud in {place.path}.", "Use it."
            ) from None
        raise
    found = place.need_running()
    found.ready = {**ready, **found.ready}
    found.process = process if tied else None
    return found


def _stop(place: Place, cloud: RunningCloud) -> None:
    cloud.stop()
    place.stop()
