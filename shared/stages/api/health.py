"""Shows the health of the deployment, as far as stored rows show it.

Figures that are not stored are ``unknown``. The answer says where to find them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.domain.errors import ReplankError
from shared.domain.migration import Migration
from shared.domain.timing import TICK_LATE
from shared.ports.ports import Ports
from shared.stages.api.people_views import HealthFigure, HealthView

LATE = timedelta(minutes=5)
"""The tick counts as late if a migration has been due for longer than this limit. The alarm for a missing tick uses the same limit
as this module.
"""
ROWS = 20
"""Maximum overdue rows that one answer reads."""
_TICK = "Look at the timer and the newest log lines of replank-watch. The alarm 'Replank: No tick for five minutes' reports it."
_WAIT = "Wait ten minutes after the deployment or the upgrade."
_LETTERS = (
    "Open the queue replank-dead-letters in the console of Message Service. The alarm 'Replank: dead letters' reports new ones."
)
_ERRORS = "Open the dashboard Replank in Log Service. The alarm 'Replank: A function has failed' reports errors."
_MISSING = "The tick is missing or late."
_TWO_MISSING = "Two records in a row are missing."


def health_view(ports: Ports) -> HealthView:
    """Return what is known about the tick, about dead letters, and about errors of the functions. Changes nothing."""
    now = ports.clock.now()
    return HealthView(
        now,
        (
            _health_figure_of_tick(ports, now),
            HealthFigure("deadLetters", "unknown", None, "No row of Replank counts dead letters.", _LETTERS),
            HealthFigure("functionErrors", "unknown", None, "No row of Replank counts the functions' errors.", _ERRORS),
        ),
    )


def _health_figure_of_tick(ports: Ports, now: datetime) -> HealthFigure:
    """Return the figure that says whether the tick runs.

    An overdue migration proves that the tick is late. If no migration is overdue, the recorded time of the last tick shows
    whether the tick is late.
    """
    last, unreadable = _last_tick(ports)
    page = ports.migrations.due_migration_page(now - LATE, limit=ROWS)
    since = min(map(_due_time, page.migrations), default=None)
    if since is not None:
        more = " or more" if page.next_token else ""
        sentence = f"{len(page.migrations)}{more} migrations have been due for more than five minutes."
        cause = "The tick runs, but does not keep up." if last is not None and now - last <= TICK_LATE else _MISSING
        return HealthFigure("tick", "late", since, f"{sentence} {cause}", _TICK, last)
    if unreadable:
        return HealthFigure("tick", "unknown", None, f"The record of the last tick cannot be read now ({unreadable}).", _TICK)
    if last is None:
        return HealthFigure("tick", "never", None, "No migration is overdue. No tick has ever been recorded.", f"{_WAIT} {_TICK}")
    if now - last > TICK_LATE:
        return HealthFigure("tick", "late", last, f"{_TWO_MISSING} {_MISSING}", _TICK, last)
    return HealthFigure("tick", "fine", None, "The tick runs. Every fifth minute it records its time.", _TICK, last)


def _last_tick(ports: Ports) -> tuple[datetime | None, str]:
    """Return the time of the last tick on record; if it cannot be read, None and the error's code."""
    try:
        return ports.ticks.last_tick_time(), ""
    except ReplankError as error:
        return None, error.code


def _due_time(migration: Migration) -> datetime:
    return migration.due_at or migration.entered_at
