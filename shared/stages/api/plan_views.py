"""The API's views of the inventory, and of a batch's plan: forecast, waves, findings and cost. The module ``views.py`` says how a
view becomes JSON.
"""

from __future__ import annotations

from datetime import datetime

from shared.domain.record import dataclass


@dataclass(frozen=True)
class FinishForecastView:
    """Forecast of a finish: the earliest time, and the times by which 10, 50 and 90 percent of the runs have finished.

    A time is null if too few runs finish.
    """

    earliest: datetime | None
    p10: datetime | None
    p50: datetime | None
    p90: datetime | None


@dataclass(frozen=True)
class PlannedWave:
    """One wave of a plan: its size, the names of its first instances, and the forecast of its finish."""

    number: int
    size: int
    names: tuple[str, ...]
    finish: FinishForecastView


@dataclass(frozen=True)
class FindingCount:
    """The number of instances that have the same finding. The field ``severity`` is the finding's severity in the prechecks."""

    code: str
    severity: str
    title: str
    instances: int


@dataclass(frozen=True)
class DriverCount:
    """The number of instances that one driver moves. The field ``why`` is the reason why ``auto`` chose the driver; empty if the
    policy names the driver.
    """

    driver: str
    """The driver's name; ``auto`` until the precheck has chosen a driver."""
    why: str
    instances: int


@dataclass(frozen=True)
class AssumedDuration:
    """A duration that the forecast assumes: its 10th, 50th and 90th percentiles in minutes."""

    part: str
    low: float
    usual: float
    high: float
    source: str
    certainty: str
    """How certain the duration is: ``documented`` or ``assumed``."""


@dataclass(frozen=True)
class StartPeriodView:
    """A period in which maintenance windows and blackouts allow starts."""

    from_: datetime
    to: datetime


@dataclass(frozen=True)
class PlanView:
    """The plan of a batch, with a forecast of its finish. The same ``seed`` gives the same forecast."""

    batch_id: str
    state: str
    """The state of the batch, for example ``planning`` while its instances are being found."""
    made_at: datetime
    seed: str
    runs: int
    digest: str
    """Digest of the chosen instances; empty during planning."""
    left_out: int
    instances: int
    """Number of migrations that have not ended. Migrations that the precheck refused do not count."""
    unassessed: int
    """Number of migrations whose precheck has not ended. In a batch of more than 10,000, some of them may be between two hops."""
    routes: dict[str, int]
    """The number of instances by route. In a batch of more than 10,000 instances, routes, drivers and findings are counted in a
    sample, and the field ``not_known`` says so.
    """
    drivers: tuple[DriverCount, ...]
    """The drivers of the instances that will move, most frequent driver first. At most 20 drivers are listed."""
    findings: tuple[FindingCount, ...]
    finish: FinishForecastView
    waves: tuple[PlannedWave, ...]
    planned: FinishForecastView | None
    """The forecast that was made at the acknowledgement; null before the acknowledgement. If the batch is too large for the
    forecast, this field is null, and the field ``not_known`` says so.
    """
    finished_at: datetime | None
    """The time at which the last migration ended; null while a migration is unfinished, and in a batch of more than 10,000."""
    outcomes: dict[str, int]
    """The actual outcome so far: the number of migrations in each state."""
    openings: tuple[StartPeriodView, ...]
    """The periods in which windows and blackouts allow starts, until 90 percent of the forecast's runs have finished. At most 60
    periods are listed.
    """
    limits: tuple[str, ...]
    snapshot_gib: int
    """Upper bound for the total size of the snapshots: the sum of all disk sizes, counted once per hop.

    Alibaba Cloud bills a snapshot by the data that the snapshot stores.
    """
    snapshot_cost: float
    """The snapshots' cost until the sweep, if each migration is confirmed immediately; 0 if REPLANK_SNAPSHOT_PRICE is not set."""
    currency: str
    sizes_seen: int
    """Number of instances whose disk sizes were read. An instance whose disks were not read is assumed to have the average size."""
    needs_a_person: tuple[str, ...]
    not_known: tuple[str, ...]
    """Facts that the forecast ignores, for example a hold or other batches; empty if the forecast ignores nothing."""
    assumed: tuple[AssumedDuration, ...]


@dataclass(frozen=True)
class ReleaseInUse:
    """A release in use: the number of instances that run the release, and how long the release is supported."""

    release: str
    """The key of the release; empty if the catalog does not know the system."""
    name: str
    instances: int
    standing: str
    """The support status: ``ended``, ``extended`` by paid support, ``ending`` within 180 days, ``supported``, or ``unknown``."""
    ends_on: str
    """The last day of support without paid extensions, such as 2024-06-30; empty if the day is unknown."""
    extended_end: str
    """The last day of paid support; empty if there is no paid support."""
    source: str
    """The document that states the dates of support."""
    destinations: tuple[str, ...]
    """The keys of the releases to which a migration path leads; empty if no path exists."""


@dataclass(frozen=True)
class InstanceGroupView:
    """The number of instances that run one release in one region of one account."""

    release: str
    system: str
    account_id: str
    region_id: str
    instances: int


@dataclass(frozen=True)
class MissingPlace:
    """A region or an account that could not be listed, with the reason."""

    place: str
    code: str
    message: str


@dataclass(frozen=True)
class InventoryView:
    """The last daily inventory of the fleet. An instance's release is derived from the system name that ECS shows."""

    account_id: str
    """The deployment's own account."""
    taken_at: datetime | None
    """The time at which the fleet was listed; null before the first inventory."""
    instances: int
    """Total number of instances."""
    unlisted: int
    """Number of instances in groups that are too small to be listed. The fields ``releases`` and ``groups`` do not include the
    instances of groups that are not listed.
    """
    releases: tuple[ReleaseInUse, ...]
    """The releases in use, sorted by their end of support, earliest first."""
    groups: tuple[InstanceGroupView, ...]
    """The groups of instances, largest group first. At most 2,000 groups are listed."""
    lacking: tuple[MissingPlace, ...]
    """The regions and accounts that could not be listed. The instances of these regions and accounts are not counted."""
