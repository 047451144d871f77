"""A substitute for a driver while no driver is chosen for a migration.

A migration without a chosen driver has no job.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.drivers import AUTO
from shared.domain.errors import Permanent
from shared.domain.migration import DriverData, Migration
from shared.ports.driver import InstanceIdentity, JobReport, UnfinishedJob


class UnchosenDriver:
    """Implements the port ``Driver`` for a migration without a chosen driver. Preparing or starting a job is refused."""

    traits = AUTO

    def check_settings(self) -> None:
        return  # the precheck asks the drivers themselves

    def check_settings_for_destinations(self, os_type: str, releases: Sequence[str], region_id: str) -> None:
        return

    def prepare_job(self, migration: Migration, identity: InstanceIdentity) -> JobReport:
        raise _driver_not_chosen_error()

    def launch_job(self, migration: Migration) -> None:
        raise _driver_not_chosen_error()

    def job_reports(self, migrations: Sequence[Migration]) -> dict[str, JobReport]:
        return {}

    def source_servers(self, migration: Migration, identity: InstanceIdentity) -> tuple[str, ...]:
        return ()

    def unfinished_jobs(self, migration: Migration, source_ids: Sequence[str]) -> tuple[UnfinishedJob, ...]:
        return ()

    def remove_jobs(self, jobs: Sequence[UnfinishedJob]) -> None:
        return

    def clean_up_hop(self, migration: Migration, handle: DriverData, *, sources: bool = True) -> None:
        return


def _driver_not_chosen_error() -> Permanent:
    """The error for a migration without a chosen driver.

    Older versions chose no driver in the precheck.
    """
    return Permanent("Driver.NotChosen", "No driver has been chosen for this instance.", "Retry: its precheck chooses one.")
