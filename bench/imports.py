"""Where the time of a start goes: the imports of each function by origin (each SDK, what the SDKs need, Python, our own code).

``-X importtime`` measures wall time. A module counts once, without the modules that it imports, and with its minimum of all rounds.
So other work on the machine hardly counts.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.report import table, write
from bench.startup import PROBE, unpack
from tools.package.build import PACKAGES, Builder
from tools.package.target import Target
from tools.package.wheelhouse import ROOT

OURS, PYTHON, OTHER = "ours", "Python", "others"
ORIGINS = {
    "index": OURS,
    "shared": OURS,
    "console": OURS,
    "tablestore": "Tablestore",
    "google": "Protobuf",
    "alibabacloud_eventbridge": "EventBridge",
    "alibabacloud_ecs20140526": "ECS",
    "alibabacloud_smc20190601": "SMC",
    "requests": "requests",
    "urllib3": "requests",
    "certifi": "requests",
    "idna": "requests",
}
"""The origin of a module by the first part of its name. ``origin`` says where the other modules belong."""
COLUMNS = (OURS, "Tablestore", "Protobuf", "EventBridge", "ECS", "SMC", "Tea", "requests", OTHER, PYTHON)
BEGIN, END = "start begins", "start ends"
"""The lines that start_probe.py writes to the error stream, before and after what it measures."""
_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")
Times = dict[str, int]
"""For each module that a start imports, the microseconds of its own import."""


def times_in_output(output: str) -> Times:
    """The modules that were imported between the two lines. A module that was tried twice counts with the sum."""
    found: Times = {}
    for microseconds, name in _LINE.findall(output.partition(BEGIN)[2].partition(END)[0]):
        found[name] = found.get(name, 0) + int(microseconds)
    return found


def origin(module: str) -> str:
    """Where a module comes from: one of COLUMNS."""
    first = module.partition(".")[0]
    if first in ORIGINS:
        return ORIGINS[first]
    if first == "Tea" or first.startswith("alibabacloud_"):
        return "Tea"
    return PYTHON if first in sys.stdlib_module_names else OTHER


def least(rounds: Iterable[Times]) -> Times:
    """The minimum of each module."""
    first, *others = rounds
    return {name: min([time, *(each.get(name, time) for each in others)]) for name, time in first.items()}


def by_origin(times: Mapping[str, int]) -> dict[str, Any]:
    """Milliseconds and number of modules by origin, and the ten slowest modules."""
    found: dict[str, list[float]] = {name: [0, 0] for name in COLUMNS}
    for module, microseconds in times.items():
        part = found[origin(module)]
        part[0] += microseconds / 1e3
        part[1] += 1
    slowest = sorted(times.items(), key=lambda each: -each[1])[:10]
    return {"origins": found, "slowest": [[name, microseconds / 1e3] for name, microseconds in slowest]}


def measure(python: Path, packages: Path, rounds: int) -> dict[str, Any]:
    """Measure each function in its unpacked package; the rounds are interleaved."""
    found: dict[str, list[Times]] = {function: [] for function in PACKAGES}
    for _ in range(rounds):
        for function, times in found.items():
            command = [str(python), "-I", "-S", "-B", "-X", "importtime", str(PROBE), str(packages / function), "function"]
            done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
            times.append(times_in_output(done.stderr))
    return {function: by_origin(least(times)) for function, times in found.items()}


def shown(result: dict[str, Any]) -> str:
    """How many milliseconds each function spends on imports. Each column is one origin: our own code, one SDK, Tea (the
    library below the generated clients), requests with urllib3, or Python itself. `-X importtime` measures, and takes
    time itself: compare the columns with each other, not with a clock. The time of a module leaves out the modules that
    it imports. It is the shortest of all rounds."""
    return "\n\n".join(_runtime_shown(version, functions) for version, functions in result["runtimes"].items())


def _runtime_shown(version: str, functions: dict[str, Any]) -> str:
    rows = []
    for function, each in functions.items():
        times = [each["origins"][column] for column in COLUMNS]
        rows.append([function, *(round(ms) for ms, _ in times), round(sum(ms for ms, _ in times)), times[0][1]])
    heads = ["function", *COLUMNS, "all", "modules of ours"]
    slow = "\n".join(f"- The slowest modules of {name}, in ms: {_slowest(functions[name])}." for name in ("api", "watch"))
    return f"### On python{version}\n\n{table(heads, rows)}\n\n{slow}"


def _slowest(function: dict[str, Any]) -> str:
    return ", ".join(f"`{name}` {ms:.1f}" for name, ms in function["slowest"])


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser("python -m bench.imports", description=__doc__)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--for", dest="versions", default="3.10", help="runtimes, separated by commas")
    given = options.parse_args()
    runtimes = {}
    for version in given.versions.split(","):
        with tempfile.TemporaryDirectory(prefix="replank-imports-") as folder:
            builder = Builder(Target(version), Path(folder) / "build", wheels=ROOT / "build" / "wheels")
            if builder.python is None:
                print(f"Python {version} is not on this machine: nothing to measure.", file=sys.stderr)
                continue
            builder.build()
            unpack(builder, PACKAGES, Path(folder) / "packages")
            runtimes[version] = measure(builder.python, Path(folder) / "packages", given.rounds)
    if not runtimes:
        return 1
    result = {"runtimes": runtimes}
    print(shown(result))
    write("imports", f"python -m bench.imports --for {','.join(runtimes)} --rounds {given.rounds}", result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
