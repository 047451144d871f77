"""``python -m tools.package``: builds the packages, then imports and runs every handler once from the unpacked package."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.package.archive import TooLarge
from tools.package.build import PACKAGES, Builder, sdks_of
from tools.package.target import VERSIONS, Target
from tools.package.trial import TrialFailed, run
from tools.package.wheelhouse import ROOT, NotAvailable


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser("python -m tools.package", description=__doc__)
    made.add_argument("--for", dest="version", choices=VERSIONS, default=VERSIONS[0], help="the runtime's Python (default: 3.10)")
    made.add_argument("--out", type=Path, default=ROOT / "build", help="where the zips go (default: build)")
    made.add_argument("--only", choices=PACKAGES, action="append", help="build this function only; may be repeated")
    made.add_argument("--no-trial", action="store_true", help="do not run the handlers")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Build the packages and try them. Returns 1 if that fails."""
    options = parser().parse_args(arguments)
    builder = Builder(Target(options.version), options.out.resolve())
    try:
        sizes = builder.build(options.only or PACKAGES)
        for function, size in sizes.items():
            print(f"{function}.zip {size / 1e6:6.2f} MB  {', '.join(sdks_of(function))}")
        if builder.python is None:
            print(
                f"Python {options.version} is not on this machine: the packages hold sources only (each cold start compiles them,"
            )
            print("2 to 4 seconds), and they were not tried. Install it, or build where it is, before you deploy.")
        elif not options.no_trial:
            for line in run(builder.python, {function: builder.out / f"{function}.zip" for function in sizes}):
                print(line)
    except (NotAvailable, TooLarge, TrialFailed) as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
