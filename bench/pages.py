"""Writes docs/performance.md and its two plots from bench/results."""

from __future__ import annotations

import json
import sys
from inspect import cleandoc
from typing import Any

from bench import against, cloud, console, durable_step, fleet, imports, migration, packages, scale, services, slots, startup
from bench.plots import Bar, bars
from bench.report import RESULTS
from tools.package.wheelhouse import ROOT

Json = dict[str, Any]
DOCS = ROOT / "docs"
SECTIONS = (
    ("startup", "Start-up", startup.shown),
    ("imports", "Where a start's time goes", imports.shown),
    ("packages", "Packages", packages.shown),
    ("durable_step", "One durable step", durable_step.shown),
    ("migration", "One migration of one hop", migration.shown),
    ("fleet", "Fleets", fleet.shown),
    ("scale", "Large batches", scale.shown),
    ("slots", "Slots", slots.shown),
    ("console", "The operations page", console.shown),
    ("cloud", "The local cloud", cloud.shown),
    ("services", "The local cloud, service by service", services.shown),
    ("against", "The local cloud, before and now", against.shown),
)
HEAD = """\
# Performance

Written by `make bench` (`make costs` rewrites it from `bench/results`). Times were taken on a shared machine: compare within a
table, not between machines. Numbers of calls and modules and what is in a package do not depend on the machine. `make bench` fails
if a count grew, and tests bound some of them. What it costs: [costs.md](costs.md).
"""
PLOTS = {"startup": "startup.svg", "fleet": "fleet.svg"}


def section(name: str, title: str, shown: Any) -> str:
    """The section of one figure: its command, its machine, its table."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return f"## {title}\nNot measured: `make bench`.\n"
    found: Json = json.loads(path.read_text(encoding="utf-8"))
    at = found["machine"]
    made = f"`{found['command']}`, Python {at['python']}, {at['cores']} cores, load {at['load']}"
    plot = f"\n![{title}]({PLOTS[name]})\n" if name in PLOTS else ""
    return f"## {title}\n{made}\n\n{cleandoc(shown.__doc__ or '')}\n\n{shown(found)}\n{plot}"


def page() -> str:
    """The text of the page."""
    return "\n".join([HEAD, *(section(*each) for each in SECTIONS)]).rstrip() + "\n"


def plots() -> dict[str, str]:
    """The plots by file name."""
    version, starts = next(iter(json.loads((RESULTS / "startup.json").read_text(encoding="utf-8"))["runtimes"].items()))
    rows = [Bar(row[0], row[1], row[2]) for row in startup.rows_of(starts)]
    title = f"Start-up on python{version}, CPU ms: a function, and the plain import of its SDKs"
    fleets = json.loads((RESULTS / "fleet.json").read_text(encoding="utf-8"))["fleets"]
    sizes = [
        Bar(f"{each['instances']:,}", sum(each["calls"].values()), each["wall_s"] * 1e3 / each["instances"]) for each in fleets
    ]
    return {
        PLOTS["startup"]: bars(title, ("function", "its SDKs"), rows),
        PLOTS["fleet"]: bars("Fleets, per migration: calls, and wall ms on the local cloud", ("calls", "wall ms"), sizes),
    }


def main() -> int:
    """Write the page and its plots."""
    for name, text in {**plots(), "performance.md": page()}.items():
        (DOCS / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
