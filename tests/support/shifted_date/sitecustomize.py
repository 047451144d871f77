"""Lets a process sleep under ``faketime --exclude-monotonic``, which runs the process as if on another date.

``time.sleep`` waits for a moment of the monotonic clock. libfaketime 0.9.10 shifts that moment, although it is told to leave this
clock alone, and the system refuses the call (EINVAL). ``select`` waits for a length of time instead. Python imports this file by
its name in every process that has this folder in ``PYTHONPATH``.
"""

from __future__ import annotations

import select
import time
from typing import SupportsIndex


def _sleep(seconds: SupportsIndex | float, /) -> None:
    length = float(seconds)
    if length < 0:
        raise ValueError("sleep length must be non-negative")
    select.select([], [], [], length)


def _is_broken() -> bool:
    try:
        time.sleep(1e-6)
    except OSError:
        return True
    return False


MENDED = _is_broken()
"""Whether ``time.sleep`` was broken in this process and was replaced."""
if MENDED:
    time.sleep = _sleep
