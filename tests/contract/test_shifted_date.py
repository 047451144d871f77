"""A process that a test starts can sleep even on another date."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from tests.support.repository import ROOT

CHILD = "import time; time.sleep(0.001); print('slept')"
PARENT = f"""
import subprocess, sys
from tests.support.shifted_date import keep_sleep_working
keep_sleep_working()
sys.exit(subprocess.run([sys.executable, "-c", {CHILD!r}], cwd="/").returncode)
"""


@pytest.mark.skipif(not shutil.which("faketime"), reason="needs faketime")
def test_a_child_process_sleeps_under_faketime() -> None:
    command = ["faketime", "--exclude-monotonic", "-f", "+1d", sys.executable, "-c", PARENT]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout.strip()) == (0, "slept"), ended.stderr
