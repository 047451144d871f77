"""The table of drivers in docs/architecture.md, from each driver's description of itself."""

from __future__ import annotations

from shared.domain.drivers import DRIVERS, DriverTraits
from tools.pages.common import table


def render() -> str:
    """A row for each driver."""
    head = ("driver", "carried out by", "a person starts the job", "the instance may have changed from", "runs", "may take")
    return table(head, map(_row, DRIVERS.values()))


def _row(driver: DriverTraits) -> tuple[str, ...]:
    least, most = driver.usual_minutes
    hours = round(driver.job_limit.total_seconds()) // 3600
    attended = "yes" if driver.attended else "no"
    return f"`{driver.name}`", driver.does, attended, driver.changes_from.value, f"{least} to {most} min", f"{hours} h"
