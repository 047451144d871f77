"""The commands `local up|down|env|load|clock|console`, for a local cloud that runs in the background until it is stopped."""

from __future__ import annotations

import re
import shlex
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import output
from cli.catalog import day_from_text
from cli.events import ROOT
from cli.files import read_json_file
from cli.local import start
from cli.local.place import StateFolder
from cli.local.ticket import create_console_link
from cli.options import AsJson
from cli.problem import bad_input_problem, option_without_effect_problem
from cli.run.cloud import RunningCloud
from cli.run.launch import SETTINGS
from cli.run.plan import EXAMPLES

Json = dict[str, Any]
PLACE = Path("run/cloud")
SCHEMA = ROOT / "localcloud/ecs/fleet.schema.json"
STEP_S = 3600
_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")

State = Annotated[
    Path, typer.Option("--state", envvar="REPLANK_LOCAL_STATE", help="Folder with the cloud's state. `local env` exports its path.")
]
FleetFile = Annotated[Path | None, typer.Option(help="File with the answers of DescribeInstances (JSON). Default: the sample.")]
Guests = Annotated[
    Path | None, typer.Option(help="File with facts of the guests by instance id. Default: guests.json beside the fleet.")
]


def add_commands(app: typer.Typer) -> None:
    """Add the group of commands `replank local` to the command line."""
    group = typer.Typer(no_args_is_help=True, help="A local cloud in the background: try every command without an account.")
    for name, function in (
        ("up", start_local_cloud),
        ("down", stop_local_cloud),
        ("env", show_environment),
        ("load", load_instances),
        ("clock", show_or_set_clock),
    ):
        group.command(name)(function)
    # the name is not written out, because the same word is a driver's name, which only shared/domain/drivers.py may hold
    group.command()(console)
    app.add_typer(group, name="local")


def start_local_cloud(  # noqa: PLR0913 - one parameter per option
    fleet: FleetFile = None,
    guests: Guests = None,
    empty: Annotated[bool, typer.Option("--empty", help="Load no fleet.")] = False,
    on: Annotated[str, typer.Option(help="Day on which the cloud's time begins (YYYY-MM-DD). Default: as for `replank run`.")] = "",
    speed: Annotated[float | None, typer.Option(help="Virtual seconds per second; default: 60.", min=0.01, max=86400)] = None,
    step: Annotated[
        bool, typer.Option("--step", help="Stop the cloud's time. Only `replank local clock --advance` then moves it.")
    ] = False,
    port: Annotated[int | None, typer.Option(help="Port on 127.0.0.1; 0: any free one. Default: 8600.", min=0, max=65535)] = None,
    foreground: Annotated[bool, typer.Option("--foreground", help="Run in the foreground until Ctrl-C.")] = False,
    state: State = PLACE,
) -> None:
    """Start a local cloud with Replank deployed, and load a fleet: the sample, or your own.

    The cloud runs in the background and keeps its state. Five minutes after the last call, an idle cloud falls asleep: its time
    stands still, and it uses no CPU. The next call wakes the cloud.
    """
    _refuse_conflicting_options({"--fleet": fleet, "--guests": guests}, "--empty", empty)
    _refuse_conflicting_options({"--speed": speed}, "--step", step)
    _refuse_guests_without_fleet(fleet, guests)
    place = StateFolder.from_path(state)
    wanted = start.StartOptions(fleet, guests, empty, day_from_text(on) if on else None, speed, step, port)
    if running := place.running_cloud():
        _refuse_options_if_running(wanted, foreground)
        print(f"The local cloud already runs in {place.path} (process {running.ready['pid']}).", file=sys.stderr)
        start.prepare_cloud(place, running)
        _print_export_commands(place, running)
        return
    if foreground:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
    cloud = start.start_cloud(place, wanted, tied=foreground)
    try:
        print(f"The local cloud runs in {place.path} (process {cloud.ready['pid']}).", file=sys.stderr)
        print(f"Link to the operations page (it works once): {_console_link(place, cloud)}", file=sys.stderr)
        print("These variables connect this shell to it. `replank local down` ends the cloud:", file=sys.stderr)
        _print_export_commands(place, cloud)
        sys.stdout.flush()
        if foreground and cloud.process:
            cloud.process.wait()
    except KeyboardInterrupt:
        print()
    finally:
        if foreground:
            cloud.stop()


def stop_local_cloud(state: State = PLACE) -> None:
    """Stop the local cloud. The cloud's state is kept, and `replank local up` continues with it."""
    place = StateFolder.from_path(state)
    if place.stop_cloud():
        print(f"The local cloud has ended. Its state is kept in {place.path}; delete the folder to start over.")
    else:
        print(f"No local cloud runs in {place.path}.", file=sys.stderr)


def show_environment(state: State = PLACE, as_json: AsJson = False) -> None:
    """Print the variables with which every other command uses the local cloud. Use the output like this: eval "$(replank local
    env)".
    """
    place = StateFolder.from_path(state)
    cloud = place.require_running_cloud()
    if as_json:
        output.show_json(_cloud_environment(place, cloud))
    else:
        _print_export_commands(place, cloud)


def console(state: State = PLACE) -> None:
    """Print a link to the operations page of the local cloud. The link signs in one browser and works only once.

    The browser acts under the name in REPLANK_OPERATOR. If REPLANK_OPERATOR is unset, the browser acts under your login name.
    """
    place = StateFolder.from_path(state)
    print(_console_link(place, place.require_running_cloud()))


def _console_link(place: StateFolder, cloud: RunningCloud) -> str:
    return create_console_link(place.path, cloud.ready["fc"])


def load_instances(
    fleet: Annotated[
        Path | None,
        typer.Argument(metavar="[FLEET]", help="File with the answers of DescribeInstances (JSON). Default: the sample."),
    ] = None,
    guests: Guests = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace instances that exist already. They get new disks.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of fleets and guest facts, and exit.")] = False,
    state: State = PLACE,
) -> None:
    """Load more instances into the running local cloud: the sample, or your own.

    If the file has a mistake, no instance is loaded.
    """
    if schema:
        _refuse_conflicting_options({"A fleet": fleet, "--guests": guests, "--replace": replace}, "--schema", schema)
        output.show_json(read_json_file(SCHEMA))
        return
    _refuse_guests_without_fleet(fleet, guests)
    place = StateFolder.from_path(state)
    number = start.load_fleet(place, place.require_running_cloud(), start.fleet_to_load(fleet, guests), replace=replace)
    print(f"{number} instances loaded.")


def show_or_set_clock(
    advance: Annotated[
        str, typer.Option(help="Advance time and run everything that becomes due. Examples: 90s, 30m, 2h, 8d, 1d12h.")
    ] = "",
    speed: Annotated[float | None, typer.Option(help="Let time run: virtual seconds per second.", min=0.01, max=86400)] = None,
    step: Annotated[bool, typer.Option("--step", help="Stop time. Only --advance then moves it.")] = False,
    state: State = PLACE,
    as_json: AsJson = False,
) -> None:
    """Show or change the local cloud's time."""
    _refuse_conflicting_options({"--speed": speed}, "--step", step)
    left_s = seconds_in_span(advance) if advance else 0
    cloud = StateFolder.from_path(state).require_running_cloud()
    if step or speed is not None:
        cloud.set_clock(hold=step, **({} if step else {"speed": speed}))
    while left_s > 0:
        cloud.advance_clock(min(left_s, STEP_S))
        left_s -= STEP_S
    now = cloud.clock_state()
    if as_json:
        output.show_json({name: now[name] for name in ("now", "speed", "hold", "asleep")})
    else:
        print(f"{output.time_in_words(now['now'])}: {_speed_in_words(now)}")


def seconds_in_span(span: str) -> int:
    """The number of seconds in a span of time such as ``1d12h``. Raises Problem (Option.Invalid)."""
    found = _SPAN.fullmatch(span.strip())
    if not span.strip() or found is None:
        raise bad_input_problem("Option.Invalid", f"{span!r} is not a span of time.", "Write it like 90s, 30m, 2h, 8d or 1d12h.")
    days, hours, minutes, seconds = (int(each or 0) for each in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _speed_in_words(now: Json) -> str:
    if now["hold"]:
        return "it stands still; move it with --advance"
    if now["asleep"]:
        return "it stands still, because nothing is in progress and nobody calls; the next call wakes the cloud"
    return f"it runs {now['speed']:g} times as fast as real time" if now["speed"] else "it jumps to what is due next"


def _cloud_environment(place: StateFolder, cloud: RunningCloud) -> dict[str, str]:
    of_smc = {name: value for name, value in SETTINGS.items() if name.startswith("REPLANK_SMC_")}
    return {**cloud.environment_variables(), **of_smc, "REPLANK_LOCAL_STATE": str(place.path)}


def _print_export_commands(place: StateFolder, cloud: RunningCloud) -> None:
    for name, value in _cloud_environment(place, cloud).items():
        print(f"export {name}={shlex.quote(value)}")
    notices = EXAMPLES / "notices"
    print(f"# Then for example: replank events send {shlex.quote(str(notices / 'centos-7.json'))}; replank status")


def _refuse_guests_without_fleet(fleet: Path | None, guests: Path | None) -> None:
    if guests and not fleet:
        raise option_without_effect_problem("--guests", "on the sample fleet", "Give a fleet of your own.")


def _refuse_conflicting_options(given: dict[str, Any], other: str, is_given: bool) -> None:
    for name, value in given.items():
        if is_given and value not in (None, False):
            raise option_without_effect_problem(name, f"with {other}", "Leave one of them out.")


def _refuse_options_if_running(wanted: start.StartOptions, foreground: bool) -> None:
    """Refuse every option that only affects the start of a cloud. The cloud already runs, so such an option would have no
    effect.
    """
    given = {
        "--fleet": (wanted.fleet, "Load it with `replank local load`."),
        "--guests": (wanted.guests, "Load them with `replank local load`."),
        "--empty": (wanted.empty, "End the cloud with `replank local down` and name another folder."),
        "--on": (wanted.on, "Its time has begun; `replank local clock --advance` moves it on."),
        "--speed": (wanted.speed, "Change it with `replank local clock --speed`."),
        "--step": (wanted.step, "Change it with `replank local clock --step`."),
        "--port": (wanted.port, "End the cloud with `replank local down` first."),
        "--foreground": (foreground, "End the cloud with `replank local down` first."),
    }
    for name, (value, remedy) in given.items():
        if value not in (None, False):
            raise option_without_effect_problem(name, "because the local cloud already runs", remedy)
