"""Shows the health of the deployment, as far as stored rows show it.

If no row shows a figure, the figure is ``unknown``. For an unknown figure, the answer says where a person can find it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.domain.migration import Migration
from shared.ports.ports import Ports
from shared.stages.api.people_views import HealthFigure, HealthView

LATE = timedelta(minutes=5)
"""The tick counts as late if a migration has been due for longer than this limit. The alarm for a missing tick uses the same limit
as this module.
"""
ROWS = 20
"""Maximum overdue rows that one answer reads."""
_TICK = "Look at the timer and the newest log lines of replank-watch. The alarm 'Replank: No tick for five minutes' reports it."
_LETTERS = (
    "Open the queue replank-dead-letters in the console of Message Service. The alarm 'Replank: dead letters' reports new ones."
)
_ERRORS = "Open the dashboard Replank in Log Service. The alarm 'Replank: A function has failed' reports errors."


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
    """Return the figure that says whether the tick is late.

    No row has the time of the last tick, but a migration that stays overdue shows that ticks are missing.
    """
    page = ports.migrations.tick_queue_page(now - LATE, limit=ROWS)
    since = min(map(_due_time, page.migrations), default=None)
    if since is None:
        return HealthFigure("tick", "unknown", None, "No migration is overdue. No row holds the time of the last tick.", _TICK)
    more = " or more" if page.next_token else ""
    sentence = f"{len(page.migrations)}{more} migrations have been due for more than five minutes. The tick is missing or late."
    return HealthFigure("tick", "late", since, sentence, _TICK)


def _due_time(migration: Migration) -> datetime:
    return migration.due_at or migration.entered_at
