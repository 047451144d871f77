"""Start-up: the cost of each function's import and initializer, compared with the bare interpreter and the plain import of its
SDKs.

Each case starts in cold processes from the unpacked zip, with its bytecode and without. The rounds are interleaved, and the minimum
of each case counts. CPU time is compared: a start only computes, and its wall time depends on other processes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.report import table, write
from shared.runtime.composition import FUNCTIONS
from tools.package.build import Builder, sdks_of
from tools.package.content import compiled, own
from tools.package.target import Target
from tools.package.wheelhouse import ROOT, Wheelhouse

PROBE = Path(__file__).with_name("start_probe.py")
MODULES = {
    "tablestore": "tablestore",
    "alibabacloud-eventbridge": "alibabacloud_eventbridge.client",
    "alibabacloud-ecs20140526": "alibabacloud_ecs20140526.client",
    "alibabacloud-smc20190601": "alibabacloud_smc20190601.client",
    "aliyun-fc2": "fc2",
}
AIM = 0.6
"""The target for a function's start, relative to the plain import of its SDKs."""
BARE, ALL, PLAIN, SOURCES = "bare", "plain: all five", "plain: ", "sources: "
"""The names of the other cases: the interpreter, the SDKs, a function without its bytecode."""
Sample = dict[str, Any]


def unpack(builder: Builder, functions: Iterable[str], into: Path) -> None:
    """Unpack the built packages, each into a folder with the function's name."""
    for function in functions:
        with zipfile.ZipFile(builder.out / f"{function}.zip") as archive:
            archive.extractall(into / function)


class Starts:
    """Folders with everything unpacked, and methods that measure a start in them."""

    def __init__(self, builder: Builder, folder: Path) -> None:
        assert builder.python is not None
        self._python, self._folder, self._builder = builder.python, folder, builder
        unpack(builder, FUNCTIONS, folder)
        self._unpack_plain(folder / "plain")

    def _unpack_plain(self, into: Path) -> None:
        """Unpack all five SDKs with all their declared dependencies, as pip would install them, and compile them in the same
        way.
        """
        builder = self._builder
        wheels = Wheelhouse(builder.wheels.folder, builder.target, unused=("future", "pycparser"))
        for wheel in wheels.closure(MODULES).values():
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(into)
        sources = {name: path for name, path in own(into, ["."]).items() if not {"tests", "testing"} & set(path.parts)}
        compiled(sources, into, self._python, builder.target)

    def function(self, name: str) -> Sample:
        """Measure the import of a handler and its initializer."""
        return self._start(self._folder / name, "function")

    def sources(self, name: str) -> Sample:
        """The same without bytecode: the cost of a package without bytecode, or with bytecode that unpacking has made invalid."""
        options = ("-X", f"pycache_prefix={self._folder / 'nothing'}")
        return self._start(self._folder / name, "function", options=options, REPLANK_BUNDLE="0")

    def plain(self, sdks: Iterable[str]) -> Sample:
        """Measure the import of SDKs."""
        return self._start(self._folder / "plain", "plain", *(MODULES[sdk] for sdk in sdks))

    def bare(self) -> Sample:
        """Measure the interpreter alone, from outside: the CPU time of the whole process."""
        return self._start(self._folder, "plain")

    def _start(self, folder: Path, *arguments: str, options: Sequence[str] = (), **environment: str) -> Sample:
        command = [str(self._python), "-I", "-S", "-B", *options, str(PROBE), str(folder), *arguments]
        started = time.perf_counter()
        found = {**os.environ, **environment}
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, env=found)
        return {**json.loads(done.stdout.splitlines()[-1]), "process_ms": (time.perf_counter() - started) * 1e3}


def least(samples: list[Sample]) -> Sample:
    """The minimum of every figure."""
    return {name: min(each[name] for each in samples) for name in samples[0]}


def measure(starts: Starts, rounds: int) -> dict[str, Sample]:
    """Measure every start; the rounds are interleaved."""
    cases: dict[str, Any] = {BARE: starts.bare, ALL: lambda: starts.plain(MODULES)}
    for function in FUNCTIONS:
        cases[function] = lambda function=function: starts.function(function)
        cases[PLAIN + _key(function)] = lambda function=function: starts.plain(sdks_of(function))
    samples: dict[str, list[Sample]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            samples[name].append(case())
    for function in FUNCTIONS:
        samples[SOURCES + function] = [starts.sources(function)]
    return {name: least(each) for name, each in samples.items()}


def _key(function: str) -> str:
    return " + ".join(sdk.removeprefix("alibabacloud-") for sdk in sdks_of(function))


def rows_of(found: dict[str, Sample]) -> list[list[Any]]:
    """The table's rows."""
    rows = []
    for function in FUNCTIONS:
        own, plain = found[function], found[PLAIN + _key(function)]
        share = own["cpu_ms"] / plain["cpu_ms"]
        row = [function, round(own["cpu_ms"]), round(plain["cpu_ms"]), share, round(own["wall_ms"]), round(plain["wall_ms"])]
        row += [own["modules"], plain["modules"], round(own["memory_mib"]), round(plain["memory_mib"])]
        rows.append([*row, round(found[SOURCES + function]["cpu_ms"])])
    return rows


HEADS = ["function", "CPU ms", "its SDKs", "share", "wall ms", "its SDKs", "modules", "its SDKs", "MiB", "its SDKs", "no bytecode"]


def shown(result: dict[str, Any]) -> str:
    """Import and initializer in a cold process on the bytecode of the unpacked package, beside the plain import of the function's
    SDKs as pip installs them, on bytecode too. CPU time is what is compared, and what a function with a third of a core waits for;
    the plain import takes less wall time because numpy, which it brings along, starts threads. The least of several interleaved
    rounds. The last column is the CPU time where neither bytecode nor bundle is found."""
    return "\n\n".join(_runtime_shown(version, starts) for version, starts in result["runtimes"].items())


def _runtime_shown(version: str, starts: dict[str, Sample]) -> str:
    bare, five = starts[BARE], starts[ALL]
    return (
        f"### On python{version}\n\n{table(HEADS, rows_of(starts))}\n\n"
        f"Bare interpreter: {bare['process_ms']:.0f} ms, {bare['memory_mib']:.0f} MiB.\n"
        f"Plain import of all five SDKs: {five['cpu_ms']:.0f} ms CPU, {five['wall_ms']:.0f} ms wall, {five['modules']} modules, "
        f"{five['memory_mib']:.0f} MiB."
    )


def main() -> int:
    """Measure, print, and name the functions that miss the target."""
    options = argparse.ArgumentParser("python -m bench.startup", description=__doc__)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--for", dest="versions", default="3.10,3.12", help="runtimes, separated by commas")
    given = options.parse_args()
    runtimes = {}
    for version in given.versions.split(","):
        found = _measured(version, given.rounds)
        if found is None:
            print(f"Python {version} is not on this machine: nothing to measure.", file=sys.stderr)
        else:
            runtimes[version] = found
    if not runtimes:
        return 1
    result = {"runtimes": runtimes}
    print(shown(result))
    write("startup", f"python -m bench.startup --for {','.join(runtimes)} --rounds {given.rounds}", result)
    for version, starts in runtimes.items():
        for row in rows_of(starts):
            if row[3] > AIM:
                print(f"python{version}: {row[0]} takes {row[3]:.2f} of its SDKs' plain import, the aim is {AIM}.", file=sys.stderr)
    return 0


def _measured(version: str, rounds: int) -> dict[str, Sample] | None:
    """The starts on one runtime; None if its interpreter is not on this machine."""
    with tempfile.TemporaryDirectory(prefix="replank-startup-") as folder:
        builder = Builder(Target(version), Path(folder) / "build", wheels=ROOT / "build" / "wheels")
        if builder.python is None:
            return None
        builder.build()
        return measure(Starts(builder, Path(folder)), rounds)


if __name__ == "__main__":
    sys.exit(main())
