"""catalog and eol: releases, paths, routes and dates, without any account."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import output
from cli.fleet import read_fleet
from cli.options import AsJson
from cli.problem import bad_input
from shared.domain.catalog import CATALOG, LIFECYCLE, PATHS, RELEASES, identify, require_release
from shared.domain.route import plan_route

Json = dict[str, Any]
_ARM = re.compile(r"^ecs\.[a-z]+\d+[ry](?:[.-]|$)")
"""Families with Arm processors end in r or y (g6r, g8y); DescribeInstances names no architecture."""
_ON = Annotated[str, typer.Option(help="The day to look from (YYYY-MM-DD).")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Releases, supported paths and routes; works offline.", no_args_is_help=True)
    group.command("releases")(releases)
    group.command("paths")(paths)
    group.command("route")(route)
    app.add_typer(group, name="catalog")
    app.command("eol")(eol)


def day(text: str) -> date:
    """A day from an option."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise bad_input("Option.Invalid", f"{text!r} is no date.", "Write it like 2026-12-01.") from None


def releases(as_json: AsJson = False) -> None:
    """List every release the catalog can name, with the end of its support."""
    rows = []
    for release in RELEASES.values():
        life = LIFECYCLE.get(release.product)
        ends = life.ends_on.isoformat() if life and life.ends_on else ""
        rows.append({"key": release.key, "name": release.name, "osType": release.os_type, "supportEnds": ends})
    if as_json:
        output.show_json({"releases": rows})
    else:
        output.table(("key", "name", "type", "support ends"), (tuple(row.values()) for row in rows))


def paths(
    source: Annotated[str, typer.Option("--from", help="Only paths from this release.")] = "",
    as_json: AsJson = False,
) -> None:
    """List the supported paths (one hop each)."""
    key = require_release(source).key if source else ""
    rows = [
        {
            "from": path.source,
            "to": path.destination,
            "architecture": path.architecture,
            "onlyFrom": path.exact,
            "allowListed": path.allow_listed,
            "note": path.note,
        }
        for path in PATHS
        if key in ("", path.source)
    ]
    if as_json:
        output.show_json({"paths": rows})
    else:
        output.table(("from", "to", "architecture", "only from", "allow-listed", "note"), (tuple(row.values()) for row in rows))


def route(  # noqa: PLR0913 - one parameter per option
    source: Annotated[str, typer.Argument(help="Release to leave (key or name, e.g. 'CentOS 7.9').")],
    to: Annotated[str, typer.Option("--to", help="Destination release; default: the catalog's choice.")] = "",
    architecture: Annotated[str, typer.Option(help="x86_64 or arm64.")] = "x86_64",
    on: _ON = "",
    allow_end_of_life: Annotated[bool, typer.Option(help="Allow a destination out of support.")] = False,
    allow_listed: Annotated[bool, typer.Option(help="Allow paths opened on request only.")] = False,
    as_json: AsJson = False,
) -> None:
    """Plan a route: the hops from a release to a supported one, with warnings. Exit status 2 if there is none."""
    if architecture not in ("x86_64", "arm64"):
        raise bad_input("Option.Invalid", f"{architecture!r} is no architecture.", "Use x86_64 or arm64.")
    release = identify(source) or require_release(source)
    looked_from = day(on) if on else date.today()
    planned = plan_route(
        release,
        architecture,
        on=looked_from,
        destination=to or None,
        allow_end_of_life=allow_end_of_life,
        allow_listed=allow_listed,
    )
    if as_json:
        hops = [{"from": hop.source, "to": hop.destination} for hop in planned.hops]
        output.show_json({"hops": hops, "warnings": [finding.to_json() for finding in planned.warnings]})
        return
    print(" -> ".join([CATALOG.name(release.key), *(CATALOG.name(hop.destination) for hop in planned.hops)]))
    for finding in planned.warnings:
        print(f"[{finding.severity.value}] {finding.code}: {finding.seen}. {finding.remedy}")


def eol(
    fleet: Annotated[Path, typer.Option("--fleet", help="JSON file with what DescribeInstances returned.")],
    on: _ON = "",
    as_json: AsJson = False,
) -> None:
    """Say which instances of a fleet run a release out of support, and where each may go. Exit status 1 if any does."""
    looked_from = day(on) if on else date.today()
    rows = [_verdict(record, looked_from) for record in read_fleet(fleet).instances]
    if as_json:
        print(json.dumps({"on": looked_from.isoformat(), "instances": rows}, indent=2, ensure_ascii=False))
    else:
        output.table(("instance", "name", "release", "support ended", "days", "route"), (tuple(row.values()) for row in rows))
        print(f"\n{sum(bool(row['ended']) for row in rows)} of {len(rows)} instances are out of support on {looked_from}")
    if any(row["ended"] for row in rows):
        raise typer.Exit(1)


def _verdict(record: Json, on: date) -> Json:
    release = identify(record["OSName"], record.get("OSNameEn") or "")
    life = CATALOG.life(release.key) if release else None
    ended = life is not None and life.ended(on)
    ends_on = life.ends_on if life else None
    return {
        "instanceId": record["InstanceId"],
        "name": record.get("InstanceName", ""),
        "release": release.key if release else f"unknown: {record['OSName']}",
        "ended": ends_on.isoformat() if ended and ends_on else "",
        "days": (on - ends_on).days if ended and ends_on else None,
        "route": _route(record, release, on) if ended and release else "",
    }


def _route(record: Json, release: Any, on: date) -> str:
    from shared.domain.errors import Refused

    architecture = "arm64" if _ARM.match(record.get("InstanceType", "")) else "x86_64"
    try:
        planned = plan_route(release, architecture, on=on)
    except Refused as refused:
        return f"none: {refused.code}"
    return " -> ".join(hop.destination for hop in planned.hops)
