"""The duration of each part of a migration, as data. Each duration names its source. The forecast uses only the durations in this
module.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import field
from datetime import timedelta
from statistics import NormalDist

from shared.domain.drivers import driver_traits
from shared.domain.record import dataclass


@dataclass(frozen=True)
class Duration:
    """The duration of one part in minutes. Of 100 cases, 10 end within ``low``, 50 within ``usual``, and 90 within ``high``."""

    part: str
    low: float
    usual: float
    high: float
    source: str
    certainty: str
    """The certainty of the duration: ``documented``, or ``assumed`` if no public source has a figure."""


SNAPSHOTS = Duration(
    "the snapshots of all disks",
    2,
    5,
    20,
    "ECS documentation, Create a snapshot: the first snapshot of a disk is full, and takes longer the more data the disk has",
    "assumed",
)
JOB = Duration("the job in SMC", 15, 22, 30, "ECS documentation, Operating system migration: 15 to 30 minutes", "documented")
RETURN = Duration(
    "the restarts and the initialisation after the job",
    5,
    14,
    30,
    "SMC documentation: an initialisation of 15 to 30 minutes follows the job; the ECS documentation counts both as 15 to 30",
    "documented",
)
VALIDATION = Duration("the comparison of the guest", 2, 5, 15, "services get time to start before a difference counts", "assumed")
BUTTON = Duration("a person starts the job in the console", 5, 30, 180, "depends on who is on call", "assumed")
PERSON = Duration("a person approves, resumes, or lets a wave begin", 10, 60, 240, "depends on who is on call", "assumed")
FAILS = 0.03
"""The share of hops that fail. The share is assumed, because no public source states how many hops fail."""
ALIKE = 0.5
"""The share of the variation in durations that is the same for all instances of one fleet, for example because they are in one
zone. The share is assumed, because no public source states how durations vary within a fleet.
"""

DECLARED = (SNAPSHOTS, JOB, RETURN, VALIDATION, BUTTON, PERSON)


def parts_after_snapshots(driver: str) -> tuple[Duration, ...]:
    """The parts of one hop that follow the snapshots, in order."""
    button = (BUTTON,) if driver_traits(driver).attended else ()
    return (*button, JOB, RETURN, VALIDATION)


@dataclass(frozen=True)
class RandomDraws:
    """Random draws that depend only on the seed.

    If ``fixed`` is given, nothing is random: each duration is the time within which the share ``fixed`` of all cases ends.
    """

    seed: str
    fixed: float | None = None
    _fleet: dict[str, float] = field(default_factory=dict, compare=False, repr=False)
    """For each part of a migration, the random deviation that all instances have in common."""

    def draw_duration(self, duration: Duration, *words: object) -> timedelta:
        """A random duration for one part of a migration. Part of the random deviation is the same for all instances of a fleet."""
        common = self._fleet.get(duration.part)
        if common is None:
            common = self._fleet[duration.part] = self._draw_common_deviation(duration)
        if self.fixed is not None:
            return _duration_at(duration, common)
        return _duration_at(duration, common + _OWN_SHARE * self._draw_normally_distributed_number(duration.part, *words))

    def _draw_common_deviation(self, duration: Duration) -> float:
        if self.fixed is not None:
            return _NORMAL.inv_cdf(self.fixed)
        return _COMMON_SHARE * self._draw_normally_distributed_number("fleet", duration.part)

    def draw_failure(self, *words: object) -> bool:
        """Decide at random whether the hop fails."""
        return self.fixed is None and self._draw_fraction("fails", *words) < FAILS

    def _draw_normally_distributed_number(self, *words: object) -> float:
        return _NORMAL.inv_cdf(self._draw_fraction(*words))

    def _draw_fraction(self, *words: object) -> float:
        """A random number that is greater than 0 and less than 1."""
        written = "|".join([self.seed, *map(str, words)])
        number = int.from_bytes(hashlib.sha256(written.encode()).digest()[:6], "big")
        return (number + 0.5) / 2**48


def _duration_at(duration: Duration, z: float) -> timedelta:
    """The duration at a number of standard deviations from the usual one."""
    spread = duration.usual / duration.low if z < 0 else duration.high / duration.usual
    return timedelta(minutes=duration.usual * spread ** (z / _TENTH))


_NORMAL = NormalDist()
_TENTH = _NORMAL.inv_cdf(0.9)
_COMMON_SHARE, _OWN_SHARE = math.sqrt(ALIKE), math.sqrt(1 - ALIKE)


def duration_rows() -> list[Mapping[str, object]]:
    """The durations of all parts of a migration as rows, for the documents and the API."""
    return [
        {"part": e.part, "low": e.low, "usual": e.usual, "high": e.high, "source": e.source, "certainty": e.certainty}
        for e in DECLARED
    ]
