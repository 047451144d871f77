"""One invocation in progress, as the simulation and its checkers see it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Frame:
    """``began`` is the number of row changes before the invocation. ``calls`` counts the invocation's own calls."""

    function: str
    request_id: str
    began: int
    now_ms: int
    """The cloud's time when the invocation began."""
    timeout_s: int
    payload: bytes = b""
    calls: int = 0
    clock_ms: int = 0
    """The function's own clock when the invocation began. The function decides by this clock."""
    newer: bool = False
    """Whether the invocation runs a newer version of the code."""
