"""One invocation under way, as the simulation and its checkers know it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Frame:
    """``began`` is the number of row changes seen when it began; ``calls`` counts its own."""

    function: str
    request_id: str
    began: int
    now_ms: int
    """The cloud's time when it began."""
    timeout_s: int
    payload: bytes = b""
    calls: int = 0
    clock_ms: int = 0
    """The time by the function's own clock when it began: the one that it decides by."""
    newer: bool = False
    """Whether a newer version of the code runs in it."""
