"""The traits of each driver. All other code reads this table instead of testing a driver's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from shared.domain.catalog.model import Catalog, Path
from shared.domain.timing import GUEST_PREPARE_LIMIT, JOB_LIMIT, PREPARE_LIMIT


class FirstChange(Enum):
    """The point from which the instance may have changed; after it, only the snapshots restore it."""

    LAUNCH = "the step that starts the job"
    SNAPSHOTS = "the end of the snapshots, when a person is asked to start the job"


@dataclass(frozen=True)
class DriverTraits:
    """One driver. A row of a later version may name one that is not in the table: see ``driver_traits``."""

    name: str
    does: str
    """What replaces the operating system, in words."""
    attended: bool
    """Whether a person may start the job at any time."""
    needs_identity: bool
    """Whether ``prepare_job`` needs the instance's addresses and hostnames, which take two calls to find."""
    changes_from: FirstChange
    paths: Callable[[Catalog], tuple[Path, ...]]
    """The paths that it can follow."""
    usual_minutes: tuple[int, int]
    """The usual length of its job, for the documents."""
    prepare_limit: timedelta | None
    """Maximum time for preparing; None if a person may take any time."""
    job_limit: timedelta
    """Maximum time that its job may run before a person must look."""
    job_seen_at: str = "in the SMC console"
    """Where a person looks at its job."""
    preparing: str = "SMC to know the instance and to have its job ready"
    """What a migration waits for while its job is prepared."""
    copies_disks: bool = True
    """Whether its job makes copies of the disks, and may put the disks back to them by itself."""
    needs_listing: bool = True
    """Whether Alibaba Cloud must list the account for the paths that it opens on request only."""
    why_not: Callable[[Catalog, str, str], tuple[str, str]] = lambda catalog, source, goal: ("", "")
    """Why it cannot follow a path of the matrix, and what to do; both empty if the reason is not the driver's."""

    @property
    def may_start_unseen(self) -> bool:
        """Whether a job may run before the pipeline has seen it."""
        return self.changes_from is FirstChange.SNAPSHOTS


def _all_paths(catalog: Catalog) -> tuple[Path, ...]:
    return catalog.paths


def _paths_with_recipe(catalog: Catalog) -> tuple[Path, ...]:
    from shared.domain.recipes.choose import followable  # only batches with this driver need the recipes

    return followable(catalog)


def _why_no_recipe(catalog: Catalog, source: str, goal: str) -> tuple[str, str]:
    from shared.domain.recipes.choose import why_not

    return why_not(catalog, source, goal)


SMC = DriverTraits(
    name="smc",
    does="the API of Server Migration Center (SMC)",
    attended=False,
    needs_identity=False,
    changes_from=FirstChange.LAUNCH,
    paths=_all_paths,
    usual_minutes=(15, 30),
    prepare_limit=PREPARE_LIMIT,
    job_limit=JOB_LIMIT,
)
CONSOLE = DriverTraits(
    name="console",
    does="a person in the ECS console",
    attended=True,
    needs_identity=True,
    changes_from=FirstChange.SNAPSHOTS,
    paths=_all_paths,
    usual_minutes=(15, 30),
    prepare_limit=None,
    job_limit=JOB_LIMIT,
)
GUEST = DriverTraits(
    name="guest",
    does="the distribution's own tool, run inside the instance by Cloud Assistant",
    attended=False,
    needs_identity=False,
    changes_from=FirstChange.LAUNCH,
    paths=_paths_with_recipe,
    usual_minutes=(30, 90),
    prepare_limit=GUEST_PREPARE_LIMIT,
    job_limit=JOB_LIMIT,
    job_seen_at="in the instance (/var/lib/replank-tool)",
    preparing="the tool to be installed in the instance, and its own precheck to pass",
    copies_disks=False,
    needs_listing=False,
    why_not=_why_no_recipe,
)
DRIVERS = {each.name: each for each in (SMC, CONSOLE, GUEST)}
DEFAULT_DRIVER = SMC.name


def driver_traits(name: str) -> DriverTraits:
    """The traits of a driver. A driver that this version lacks never starts here, so it counts as unattended."""
    return DRIVERS.get(name, SMC)


def driver_names_in_words() -> str:
    """The drivers to choose from: ``smc, console or guest``."""
    *first, last = DRIVERS
    return f"{', '.join(first)} or {last}"
