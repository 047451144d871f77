"""Clocks that differ: every function of a world may run ahead of the cloud or behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

from shared.adapters.clock import clock_from_setting
from shared.ports.clock import Clock
from shared.ports.ports import Ports
from shared.runtime import invocation
from shared.runtime.composition import make_ports


@dataclass(frozen=True)
class Shifted:
    """A clock that is ``by`` ahead of another clock, or behind it if ``by`` is negative."""

    clock: Clock
    seconds: float

    def now(self) -> datetime:
        return self.clock.now() + timedelta(seconds=self.seconds)


@contextmanager
def clocks_apart(seconds: dict[str, float]) -> Iterator[None]:
    """Within the block, the clock of each named function is this many seconds ahead of the cloud's."""

    def shifted(function: str, settings: Any, credentials: Any) -> Ports:
        clock = Shifted(clock_from_setting(settings.clock), seconds.get(function, 0))
        return make_ports(function, settings, credentials, clock)

    with mock.patch.object(invocation, "make_ports", shifted):
        yield
