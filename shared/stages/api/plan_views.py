"""The API's views of a plan: what will happen, when, and at what cost. See views.py for how it becomes JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class FinishView:
    """When something will have finished: the earliest time, then in 10, 50 and 90 of 100 runs; null if fewer runs finish."""

    earliest: datetime | None
    p10: datetime | None
    p50: datetime | None
    p90: datetime | None


@dataclass(frozen=True)
class PlannedWave:
    """One wave: its size, the names of its first instances, and when it will have finished."""

    number: int
    size: int
    names: tuple[str, ...]
    finish: FinishView


@dataclass(frozen=True)
class FindingCount:
    """How many instances have a finding; ``severity`` as in their prechecks."""

    code: str
    severity: str
    title: str
    instances: int


@dataclass(frozen=True)
class AssumedDuration:
    """A duration that the forecast is made of, in minutes: a tenth of all cases, half of them, nine tenths."""

    part: str
    low: float
    usual: float
    high: float
    source: str
    certainty: str
    """``documented`` or ``assumed``."""


@dataclass(frozen=True)
class OpeningView:
    """A period in which windows and blackouts allow starts."""

    from_: datetime
    to: datetime


@dataclass(frozen=True)
class PlanView:
    """What will happen in a batch. The request changes nothing, and the same ``seed`` gives the same forecast."""

    batch_id: str
    state: str
    """The state of the batch; ``planning`` while its instances are being found."""
    made_at: datetime
    seed: str
    runs: int
    digest: str
    """Digest of the instances chosen; empty during planning."""
    left_out: int
    instances: int
    """Migrations that have not ended, without those that the precheck refused."""
    unassessed: int
    """Migrations whose precheck has not ended."""
    routes: dict[str, int]
    findings: tuple[FindingCount, ...]
    finish: FinishView
    waves: tuple[PlannedWave, ...]
    planned: FinishView | None
    """The forecast as of the acknowledgement; null before it."""
    finished_at: datetime | None
    """When the last migration ended; null while one has not."""
    outcomes: dict[str, int]
    """The real outcome so far: the number of migrations by state."""
    openings: tuple[OpeningView, ...]
    """When windows and blackouts allow starts, from now until nine tenths of the runs have finished; 60 periods at most."""
    limits: tuple[str, ...]
    snapshot_gib: int
    """The upper bound: the sizes of all disks, for each hop. A snapshot is billed by the data in it."""
    snapshot_cost: float
    """The cost until the sweep, if each outcome is confirmed at once; 0 if REPLANK_SNAPSHOT_PRICE is not set."""
    currency: str
    sizes_seen: int
    """How many instances' disks were read; the others count with the average size."""
    needs_a_person: tuple[str, ...]
    not_known: tuple[str, ...]
    """What the forecast leaves out now, such as a hold or other batches; empty if nothing."""
    assumed: tuple[AssumedDuration, ...]
