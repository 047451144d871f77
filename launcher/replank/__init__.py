"""The installed Replank. This package contains the repository's own folders, so that their names do not enter site-packages.

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
