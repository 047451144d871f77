"""The packages: their size, unpacked size and number of files, and the time to unpack one."""

from __future__ import annotations

import argparse
import sys
import zipfile
from typing import Any

from bench.report import table, write
from shared.runtime.composition import FUNCTIONS
from tools.package.build import Builder, sdks_of
from tools.package.target import VERSIONS, Target
from tools.package.wheelhouse import ROOT


def measure(version: str) -> list[dict[str, object]]:
    """Build and measure every package for one runtime."""
    builder = Builder(Target(version), ROOT / "build" / "bench" / version, wheels=ROOT / "build" / "wheels")
    found: list[dict[str, object]] = []
    for function, size in builder.build(FUNCTIONS).items():
        with zipfile.ZipFile(builder.out / f"{function}.zip") as archive:
            unpacked, files = sum(each.file_size for each in archive.infolist()), len(archive.infolist())
        found.append({"runtime": version, "function": function, "bytes": size, "unpacked": unpacked, "files": files})
    return found


def shown(result: dict[str, Any]) -> str:
    """One zip per function and runtime, compiled files included."""
    rows = []
    for each in result["packages"]:
        sizes = [each["bytes"] / 1e6, each["unpacked"] / 1e6, each["files"]]
        rows.append([each["runtime"], each["function"], *sizes, ", ".join(sdks_of(each["function"]))])
    return table(["runtime", "function", "zip MB", "unpacked MB", "files", "SDKs"], rows)


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser("python -m bench.packages", description=__doc__)
    options.add_argument("--for", dest="versions", nargs="*", choices=VERSIONS, default=list(VERSIONS))
    found = [each for version in options.parse_args().versions for each in measure(version)]
    print(shown({"packages": found}))
    write("packages", "python -m bench.packages", {"packages": found})
    return 0


if __name__ == "__main__":
    sys.exit(main())
