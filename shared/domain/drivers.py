"""A table with the properties of each driver. All other code reads the properties from the table, and does not depend on the names
of drivers.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import Enum

from shared.domain.catalog.model import Catalog, MigrationPath
from shared.domain.record import dataclass
from shared.domain.timing import GUEST_PREPARE_LIMIT, JOB_LIMIT, PREPARE_LIMIT

SHARED_HOSTNAMES = frozenset({"", "localhost"})
"""Hostnames that do not identify a machine, because many machines have these names."""


class FirstPossibleChange(Enum):
    """The first point of a hop at which the job may have changed the instance. Once the job may have changed the instance, only the
    snapshots can restore the instance.
    """

    LAUNCH = "the step that starts the job"
    SNAPSHOTS = "the end of the snapshots, when a person is asked to start the job"


@dataclass(frozen=True)
class DriverTraits:
    """The properties of one driver. For a driver that only a later version of Replank knows, ``driver_traits`` returns the
    properties of SMC.
    """

    name: str
    does: str
    """The tool or person that replaces the operating system, in words."""
    attended: bool
    """Whether a person starts the job."""
    needs_identity: bool
    """Whether ``prepare_job`` needs the instance's addresses and hostnames. The pipeline needs two calls to read addresses and
    hostnames.
    """
    changes_from: FirstPossibleChange
    paths: Callable[[Catalog], tuple[MigrationPath, ...]]
    """The migration paths that the driver supports."""
    usual_minutes: tuple[int, int]
    """The shortest and the longest usual duration of the driver's job, in minutes. Only the documentation uses these durations."""
    prepare_limit: timedelta | None
    """Maximum time to prepare the job; None if there is no limit, because a person starts the job."""
    job_limit: timedelta
    """Maximum time for which the job may run. If the job runs longer, a person must examine the job."""
    job_seen_at: str = "in the SMC console"
    """Where a person can watch the job, in words."""
    preparing: str = "SMC to know the instance and to have its job ready"
    """What a migration waits for while the driver prepares the job, in words."""
    copies_disks: bool = True
    """Whether the driver's job copies the disks, and may by itself reset the disks to the copies."""
    installs_in_guest: bool = False
    """Whether the driver installs a tool in the guest. The snapshots of a later attempt may contain the tool that an earlier
    attempt installed.
    """
    needs_listing: bool = True
    """Whether the account must be on Alibaba Cloud's allow list for paths that are only open on request."""
    rank: int = 0
    """The rank of the driver for ``auto``. Among the drivers that are ready, ``auto`` chooses the driver with the smallest rank."""
    merit: str = ""
    """The reason for the rank, in words."""
    is_choice: bool = False
    """Whether the row stands for ``auto``, for which the precheck of each instance chooses a driver. ``auto`` itself replaces no
    operating system.
    """
    why_not: Callable[[Catalog, str, str], tuple[str, str]] = lambda catalog, source, goal: ("", "")
    """The reason why the driver does not support a path of the matrix, and the remedy. The reason and the remedy are empty texts if
    the driver supports the path.
    """

    @property
    def may_job_run_unseen(self) -> bool:
        """Whether the driver's job may already run before the pipeline notices the job."""
        return self.changes_from is FirstPossibleChange.SNAPSHOTS


def _paths_of_smc(catalog: Catalog) -> tuple[MigrationPath, ...]:
    return tuple(path for path in catalog.paths if not path.tool_only)


def _why_path_needs_tool(catalog: Catalog, source: str, goal: str) -> tuple[str, str]:
    if not any((path.source, path.destination) == (source, goal) and path.tool_only for path in catalog.paths):
        return "", ""
    return (
        f"SMC has no path from {catalog.release_name(source)} to {catalog.release_name(goal)}.",
        "Submit the batch with the guest driver (docs/drivers.md).",
    )


def _paths_with_recipe(catalog: Catalog) -> tuple[MigrationPath, ...]:
    # Imported here, because only batches with this driver need the recipes.
    from shared.domain.recipes.choose import paths_with_recipe

    return paths_with_recipe(catalog)


def _why_no_recipe(catalog: Catalog, source: str, goal: str) -> tuple[str, str]:
    from shared.domain.recipes.choose import why_no_recipe

    return why_no_recipe(catalog, source, goal)


SMC = DriverTraits(
    name="smc",
    does="the API of Server Migration Center (SMC)",
    attended=False,
    needs_identity=False,
    changes_from=FirstPossibleChange.LAUNCH,
    paths=_paths_of_smc,
    why_not=_why_path_needs_tool,
    usual_minutes=(15, 30),
    prepare_limit=PREPARE_LIMIT,
    job_limit=JOB_LIMIT,
    rank=1,
    merit="it needs no person, and keeps copies of the disks of its own",
)
CONSOLE = DriverTraits(
    name="console",
    does="a person in the ECS console",
    attended=True,
    needs_identity=True,
    changes_from=FirstPossibleChange.SNAPSHOTS,
    paths=_paths_of_smc,
    why_not=_why_path_needs_tool,
    usual_minutes=(15, 30),
    prepare_limit=None,
    job_limit=JOB_LIMIT,
    rank=3,
    merit="a person starts its job",
)
GUEST = DriverTraits(
    name="guest",
    does="the distribution's own tool, run inside the instance by Cloud Assistant",
    attended=False,
    needs_identity=False,
    changes_from=FirstPossibleChange.LAUNCH,
    paths=_paths_with_recipe,
    usual_minutes=(30, 90),
    prepare_limit=GUEST_PREPARE_LIMIT,
    job_limit=JOB_LIMIT,
    job_seen_at="in the instance (/var/lib/replank-tool)",
    preparing="the tool to be installed in the instance, and its own precheck to pass",
    copies_disks=False,
    installs_in_guest=True,
    needs_listing=False,
    why_not=_why_no_recipe,
    rank=2,
    merit="it needs no person",
)
DRIVERS = {each.name: each for each in (SMC, CONSOLE, GUEST)}
DEFAULT_DRIVER = SMC.name


def _paths_of_all_drivers(catalog: Catalog) -> tuple[MigrationPath, ...]:
    return tuple({path: None for each in DRIVERS.values() for path in each.paths(catalog)})


AUTO = DriverTraits(
    name="auto",
    does="for each instance the best of these that is ready",
    attended=False,
    needs_identity=False,
    changes_from=FirstPossibleChange.LAUNCH,
    paths=_paths_of_all_drivers,
    usual_minutes=(
        min(each.usual_minutes[0] for each in DRIVERS.values()),
        max(each.usual_minutes[1] for each in DRIVERS.values()),
    ),
    prepare_limit=PREPARE_LIMIT,
    job_limit=JOB_LIMIT,
    preparing="a driver to be chosen",
    copies_disks=False,
    is_choice=True,
)
"""The entry for ``auto``, which leaves the choice of the driver to the precheck. A migration's driver is ``auto`` only until its
first precheck chooses a driver.
"""


def driver_choices() -> dict[str, DriverTraits]:
    """For each name that a policy may give as its driver, the driver's properties."""
    return {**DRIVERS, AUTO.name: AUTO}


def driver_traits(name: str) -> DriverTraits:
    """The properties of a driver. For an unknown driver, the result is SMC's properties, which is safe because Replank never starts
    an unknown driver.
    """
    return driver_choices().get(name, SMC)


def drivers_in_order_of_rank() -> tuple[DriverTraits, ...]:
    """The drivers in the order in which ``auto`` prefers them."""
    return tuple(sorted(DRIVERS.values(), key=lambda each: each.rank))


def driver_names_in_words() -> str:
    """The names of all drivers in words: ``smc, console, guest or auto``."""
    *first, last = driver_choices()
    return f"{', '.join(first)} or {last}"
