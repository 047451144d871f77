"""The traits of each driver. All other code reads this table instead of testing a driver's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from shared.domain.catalog.model import Catalog, Path
from shared.domain.timing import JOB_LIMIT, PREPARE_LIMIT


class ChangesFrom(Enum):
    """The point from which the instance may have changed; after it, only the snapshots restore it."""

    LAUNCH = "the step that starts the job"
    SNAPSHOTS = "the end of the snapshots, when a person is asked to start the job"


@dataclass(frozen=True)
class DriverTraits:
    """One driver. A row of a later version may name one that is not in the table: see ``traits``."""

    name: str
    does: str
    """What replaces the operating system, in words."""
    attended: bool
    """Whether a person may start the job at any time."""
    needs_identity: bool
    """Whether ``prepare`` needs the instance's addresses and hostnames, which take two calls to find."""
    changes_from: ChangesFrom
    paths: Callable[[Catalog], tuple[Path, ...]]
    """The paths that it can follow."""
    usual_minutes: tuple[int, int]
    """The usual length of its job, for the documents."""
    prepare_limit: timedelta | None
    """Maximum time for preparing; None if a person may take any time."""
    job_limit: timedelta
    """Maximum time that its job may run before a person must look."""

    @property
    def starts_unseen(self) -> bool:
        """Whether a job may run before the pipeline has seen it."""
        return self.changes_from is ChangesFrom.SNAPSHOTS


def _every_path(catalog: Catalog) -> tuple[Path, ...]:
    return catalog.paths


SMC = DriverTraits(
    name="smc",
    does="the API of Server Migration Center (SMC)",
    attended=False,
    needs_identity=False,
    changes_from=ChangesFrom.LAUNCH,
    paths=_every_path,
    usual_minutes=(15, 30),
    prepare_limit=PREPARE_LIMIT,
    job_limit=JOB_LIMIT,
)
CONSOLE = DriverTraits(
    name="console",
    does="a person in the ECS console",
    attended=True,
    needs_identity=True,
    changes_from=ChangesFrom.SNAPSHOTS,
    paths=_every_path,
    usual_minutes=(15, 30),
    prepare_limit=None,
    job_limit=JOB_LIMIT,
)
DRIVERS = {each.name: each for each in (SMC, CONSOLE)}
DEFAULT_DRIVER = SMC.name


def traits(name: str) -> DriverTraits:
    """The traits of a driver. A driver that this version lacks never starts here, so it counts as unattended."""
    return DRIVERS.get(name, SMC)


def names_in_words() -> str:
    """The drivers to choose from: ``smc or console``."""
    return " or ".join(DRIVERS)
