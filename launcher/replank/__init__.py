"""The installed Replank: the repository's own folders, kept inside this package so that no name of theirs enters site-packages.

`shared`, `cli` and `localcloud` import each other by these names, as they do in a checkout and in the deployed functions.
"""

from __future__ import annotations

import sys
from pathlib import Path

INSIDE = Path(__file__).resolve().parent / "inside"


def main() -> None:
    """The command `replank`."""
    sys.path.insert(0, str(INSIDE))
    from cli.main import main as run

    run()
