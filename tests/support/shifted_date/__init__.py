"""Repairs sleep under faketime, in the process of the tests and in the processes that they start."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.shifted_date import sitecustomize


def keep_sleep_working() -> None:
    """Make sleep work in child processes too, if they run on another date. The import above has repaired this process."""
    if sitecustomize.MENDED:
        os.environ["PYTHONPATH"] = first_in_path(Path(__file__).parent)


def first_in_path(folder: Path) -> str:
    """PYTHONPATH for a process that a test starts: ``folder``, then the current value."""
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
