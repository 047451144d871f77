"""The commands catalog and eol: show releases, paths, routes and end-of-support dates. Both commands work without an account."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import output
from cli.fleet import Fleet, os_names, read_fleet
from cli.options import AsJson
from cli.problem import bad_input_problem
from cli.rows import CatalogFile, catalog_from_file
from cli.standing import SUPPORT_ENDED, conversion_in_words, release_of_converted_guest, support_status
from cli.today import today_in_utc
from shared.domain.catalog import Catalog, require_release
from shared.domain.catalog.identify import identify_release_in_catalog
from shared.domain.errors import Refused
from shared.domain.route import plan_route

Json = dict[str, Any]
_ARM_INSTANCE_TYPE = re.compile(r"^ecs\.[a-z]+\d+[ry](?:[.-]|$)")
"""Matches Arm instance types.

DescribeInstances returns no architecture, but the name of an Arm family ends in r or y, for example g6r.
"""
_SupportDay = Annotated[str, typer.Option(help="The day on which to judge support (YYYY-MM-DD); default: today.")]
_FleetDay = Annotated[
    str, typer.Option(help="The day to look from (YYYY-MM-DD); default: takenOn of the fleet file, else the day it was written.")
]


def add_commands(app: typer.Typer) -> None:
    """Add the commands catalog and eol to the command line."""
    group = typer.Typer(help="Releases, supported paths and routes; works offline.", no_args_is_help=True)
    group.command("releases")(list_releases)
    group.command("paths")(list_paths)
    group.command("route")(show_route)
    app.add_typer(group, name="catalog")
    app.command("eol")(list_support_statuses)


def day_from_text(text: str) -> date:
    """The day in an option's text (YYYY-MM-DD). Raises Problem (Option.Invalid)."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise bad_input_problem("Option.Invalid", f"{text!r} is not a date.", "Write it like 2026-12-01.") from None


def list_releases(catalog: CatalogFile = None, as_json: AsJson = False) -> None:
    """List every release in the catalog, with the end of its support."""
    rows, known = [], catalog_from_file(catalog)
    for release in known.releases.values():
        life = known.lifecycle.get(release.product)
        ends = life.ends_on.isoformat() if life and life.ends_on else ""
        rows.append({"key": release.key, "name": release.name, "osType": release.os_type, "supportEnds": ends})
    if as_json:
        output.show_json({"releases": rows})
    else:
        output.print_table(("key", "name", "type", "support ends"), (tuple(row.values()) for row in rows))


def list_paths(
    source: Annotated[str, typer.Option("--from", help="Only paths from this release.")] = "",
    catalog: CatalogFile = None,
    as_json: AsJson = False,
) -> None:
    """List the supported paths. A path is a single hop from one release to another."""
    known = catalog_from_file(catalog)
    key = require_release(source, known).key if source else ""
    rows = [
        {
            "from": path.source,
            "to": path.destination,
            "architecture": path.architecture,
            "onlyFrom": path.exact,
            "allowListed": path.allow_listed,
            "note": path.note,
        }
        for path in known.paths
        if key in ("", path.source)
    ]
    if as_json:
        output.show_json({"paths": rows})
    else:
        output.print_table(
            ("from", "to", "architecture", "only from", "allow-listed", "note"), (tuple(row.values()) for row in rows)
        )


def show_route(  # noqa: PLR0913 - one parameter per option
    source: Annotated[str, typer.Argument(help="Release to migrate from (key or name, such as 'CentOS 7.9').")] = "",
    from_: Annotated[str, typer.Option("--from", help="Release to migrate from, as an option instead of an argument.")] = "",
    to: Annotated[str, typer.Option("--to", help="Destination release; default: the catalog's choice.")] = "",
    architecture: Annotated[str, typer.Option("--architecture", "--arch", help="x86_64 or arm64.")] = "x86_64",
    on: _SupportDay = "",
    allow_end_of_life: Annotated[bool, typer.Option(help="Allow a destination out of support.")] = False,
    allow_listed: Annotated[bool, typer.Option(help="Allow paths that Alibaba Cloud opens only on request.")] = False,
    catalog: CatalogFile = None,
    as_json: AsJson = False,
) -> None:
    """Plan a route from a release to a supported release. Print the route's hops and warnings. The exit status is 2 if no route
    exists.
    """
    if architecture not in ("x86_64", "arm64"):
        raise bad_input_problem("Option.Invalid", f"{architecture!r} is not an architecture.", "Use x86_64 or arm64.")
    if bool(source) == bool(from_):
        raise bad_input_problem(
            "Option.Missing", "Exactly one release to migrate from is needed.", "Name it, for example --from 'CentOS 7.9'."
        )
    known = catalog_from_file(catalog)
    release = require_release(source or from_, known)
    looked_from = day_from_text(on) if on else today_in_utc()
    planned = plan_route(
        release,
        architecture,
        on=looked_from,
        destination=to or None,
        allow_end_of_life=allow_end_of_life,
        allow_listed=allow_listed,
        catalog=known,
    )
    if as_json:
        hops = [{"from": hop.source, "to": hop.destination} for hop in planned.hops]
        output.show_json({"hops": hops, "warnings": [finding.to_json() for finding in planned.warnings]})
        return
    print(" -> ".join([known.release_name(release.key), *(known.release_name(hop.destination) for hop in planned.hops)]))
    for finding in planned.warnings:
        print(f"[{finding.severity.value}] {finding.code}: {finding.seen}. {finding.remedy}")


def list_support_statuses(
    fleet: Annotated[Path, typer.Option("--fleet", help="JSON file with what DescribeInstances returned.")],
    on: _FleetDay = "",
    catalog: CatalogFile = None,
    as_json: AsJson = False,
) -> None:
    """List the instances of a fleet with the support status of their releases. If a release is out of support, a route from this
    release is shown too.

    The exit status is 1 if an instance runs a release out of support.
    """
    found, known = read_fleet(fleet), catalog_from_file(catalog)
    looked_from, why = day_to_judge_support(found, on)
    rows = [_support_row(found, record, looked_from, known) for record in found.instances]
    over = sum(row["standing"] in SUPPORT_ENDED for row in rows)
    if as_json:
        output.show_json({"on": looked_from.isoformat(), "instances": rows})
    else:
        heads = ("instance", "name", "release", "standing", "support ends", "#days left", "route")
        output.print_table(heads, (tuple(row.values())[: len(heads)] for row in rows))
        for row in rows:
            if row["converted"]:
                print(f"{row['instanceId']}: {row['converted']}")
        print(f"\n{over} of {len(rows)} instances are out of support on {looked_from} ({why}; days are those of UTC)")
    if over:
        raise typer.Exit(1)


def day_to_judge_support(fleet: Fleet, on: str) -> tuple[date, str]:
    """The day on which support is judged, and a phrase that says where the day comes from. The day comes from the option --on, the
    fleet file, or the clock.
    """
    if on:
        return day_from_text(on), "as --on says"
    return fleet.on or today_in_utc(), fleet.dated or "today"


def _support_row(fleet: Fleet, record: Json, on: date, known: Catalog) -> Json:
    name, name_en = os_names(record)
    life = support_status(fleet, record, on, known)
    return {
        "instanceId": record["InstanceId"],
        "name": record.get("InstanceName", ""),
        "release": life.release or f"unknown: {name or name_en or 'ECS shows no OSName'}",
        "standing": life.standing,
        "supportEnds": life.ends_on.isoformat() if life.ends_on else "",
        "daysLeft": life.days_left,
        "route": _route_in_words(fleet, record, on, known) if life.standing in SUPPORT_ENDED else "",
        "source": life.source,
        "converted": conversion_in_words(fleet, record, known),
    }


def _route_in_words(fleet: Fleet, record: Json, on: date, known: Catalog) -> str:
    release = release_of_converted_guest(fleet, record, known) or identify_release_in_catalog(known, *os_names(record))
    architecture = "arm64" if _ARM_INSTANCE_TYPE.match(record.get("InstanceType", "")) else "x86_64"
    if release is None:
        return ""
    try:
        planned = plan_route(release, architecture, on=on, catalog=known)
    except Refused as refused:
        return f"none: {refused.code}"
    return " -> ".join(hop.destination for hop in planned.hops)
