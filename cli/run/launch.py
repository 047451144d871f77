"""Starts the local cloud as a process: its options, its first line of output, and the error if the cloud does not start."""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from cli.events import ROOT
from cli.problem import Problem, bad_input_problem
from shared.domain.catalog import CATALOG, Catalog
from shared.domain.recipes.choose import shipped_recipes

Json = dict[str, Any]
START_S = 60
_BARE = "/smc/go2aliyun_client import {token_id} {token_code}"


def _smc_target_names(catalog: Catalog) -> str:
    """A JSON object that maps the key of each destination release to the local SMC's name for the release."""
    return json.dumps({key: smc_target_name(key, catalog) for key in sorted({path.destination for path in catalog.paths})})


def smc_target_name(release: str, catalog: Catalog) -> str:
    """The name that the local SMC uses for a destination release."""
    return catalog.release_name(release).replace("Red Hat Enterprise Linux", "Red Hat")


SETTINGS = {
    "REPLANK_CLOCK": "env:LOCALCLOUD_NOW",
    "REPLANK_SMC_IMPORT_LINUX": _BARE,  # the local SMC accepts this command, and the parameter below
    "REPLANK_SMC_IMPORT_WINDOWS": "C:\\smc\\go2aliyun_client.exe import {token_id} {token_code}",
    "REPLANK_SMC_TARGET_PARAMETER": "ReplicationParameters.TargetOsType",
    "REPLANK_SMC_TARGET_VALUES": _smc_target_names(CATALOG),
    "REPLANK_GUEST_PROVEN": ",".join(each.key for each in shipped_recipes()),  # the local guests have the tools of every recipe
    "REPLANK_SNAPSHOT_PRICE": "0.0173",
    "REPLANK_CURRENCY": "USD",
    "REPLANK_API_RATE": "0",  # virtual time stands still between requests
    "REPLANK_NOTICE_POLICY": json.dumps({"maxMoving": 12, "failureBudget": 3, "retentionDays": 1}),
}
"""The default settings of the functions in the local cloud. An operator who deploys to a local cloud by hand exports the same
settings.
"""
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


def write_catalog_rows(rows: Any, catalog: Catalog, folder: Path) -> dict[str, str]:
    """Write the user's own catalog rows to a file for the functions. Returns the settings that tell the functions where the file
    is.

    ``catalog`` is the built-in catalog, extended by the user's rows. The rows need a file, because all variables of a function
    together may have only 4 KB.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder.resolve() / "catalog.json"
    file.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return {"REPLANK_CATALOG": str(file), "REPLANK_SMC_TARGET_VALUES": _smc_target_names(catalog)}


def console_ticket_folder(state: Path) -> Path:
    """The folder for the console's one-time links, inside a state folder."""
    return state.resolve() / "console-links"


@dataclass(frozen=True)
class LaunchOptions:
    """The options with which a local cloud is started.

    The functions accept notices from ``sources``. The argument ``on`` is the day on which the virtual clock begins. ``options`` are
    added to the local cloud's command line.
    """

    state: Path
    regions: Iterable[str]
    sources: Iterable[str] = ()
    on: date | None = None
    options: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    """Settings that override the functions' default settings."""

    @property
    def command_line(self) -> list[str]:
        """The command line of the local cloud's process."""
        line = [sys.executable, "-m", "localcloud", "--state", str(self.state.resolve()), *self.options]
        line += ["--template", str(ROOT / "template.yml"), "--services", str(ROOT / "s.yaml")]
        line += ["--route", "/console=replank-console"]
        line += ["--start", self.on.isoformat()] if self.on else []
        own = {
            "REPLANK_API_URL": "{url}/http/replank-api",
            "REPLANK_CONSOLE_TICKETS": str(console_ticket_folder(self.state)),
            "REPLANK_REGIONS": ",".join(self.regions),
            "REPLANK_NOTICE_SOURCES": ",".join(self.sources),
        }
        for name, value in {**SETTINGS, **own, **self.settings}.items():
            line += ["--env", f"{name}={value}"]
        return line


def launch_cloud(wanted: LaunchOptions, *, tied: bool) -> subprocess.Popen[str]:
    """Start the local cloud's process. If ``tied`` is true, the cloud ends when this process ends.

    Raises Problem (State.Unusable) if the state folder cannot be written.
    """
    try:
        wanted.state.mkdir(parents=True, exist_ok=True)
        log = (wanted.state / "localcloud.log").open("a", encoding="utf-8")
    except OSError as error:
        remedy = "Name a folder that this user may write, on a disk with space."
        raise bad_input_problem("State.Unusable", f"{wanted.state} cannot be used: {error}.", remedy) from error
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    # In a session of its own, the child does not receive Ctrl-C. This process receives it, and then ends the child in order.
    # Nothing is written to the child's input. The input closes when this process ends, and a tied child then ends too.
    stdin = subprocess.PIPE if tied else subprocess.DEVNULL
    command = wanted.command_line + (["--end-with-input"] if tied else [])
    pipes: Json = {"stdin": stdin, "stdout": subprocess.PIPE, "stderr": log}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, text=True, start_new_session=True, **pipes)
    log.close()
    return process


def read_ready_line(process: subprocess.Popen[str], state: Path) -> Json:
    """The first line that the process prints, parsed as JSON. Raises Problem (LocalCloud.NotStarted or State.*)."""
    lines: queue.Queue[str] = queue.Queue()
    assert process.stdout is not None
    threading.Thread(target=_read_line_into_queue, args=(process.stdout, lines), daemon=True).start()
    try:
        found: Json = json.loads(lines.get(timeout=START_S))
        return found
    except (queue.Empty, ValueError):
        raise _not_started_problem((state / "localcloud.log").read_text(encoding="utf-8", errors="replace"), state) from None


def _not_started_problem(log: str, state: Path) -> Problem:
    """The Problem to report if the local cloud did not start.

    If the cloud reported a State error, the Problem repeats this error. Otherwise, the Problem contains the end of the cloud's
    log.
    """
    _, told, last = log.rpartition("localcloud: ")
    if told and (found := _STATE_PROBLEM.fullmatch(last.strip())):
        return bad_input_problem(*found.groups())
    why = log.strip()[-1500:] or "no answer"
    remedy = (
        "Name another port with --port; 0 takes any free one."
        if told and _PORT_PROBLEM.match(last)
        else f"See {state / 'localcloud.log'}."
    )
    return Problem("LocalCloud.NotStarted", f"The local cloud did not start: {why}", remedy)


_PORT_PROBLEM = re.compile(r"port \d+ of 127\.0\.0\.1 cannot be used")
_STATE_PROBLEM = re.compile(r"(State\.\w+): (.+)\n(.+)")


def _read_line_into_queue(stream: IO[str], lines: queue.Queue[str]) -> None:
    lines.put(stream.readline())
