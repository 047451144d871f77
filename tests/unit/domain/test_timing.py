"""How often a running job is polled, and how messages write a duration."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from shared.domain.timing import JOB_LIMIT, LONGEST_PAUSE, LOOK_AGAIN, duration_in_words, interval_before_poll

MINUTE = timedelta(minutes=1)


def looks(until: timedelta) -> list[int]:
    """The minutes at which the job is polled. Ticks come on the minute, the first one after a minute."""
    at, found = MINUTE, []
    while at <= until:
        found.append(at // MINUTE)
        due = at + interval_before_poll(at)
        at += MINUTE
        while at < due:
            at += MINUTE
    return found


def test_a_job_of_half_an_hour_is_looked_at_nine_times() -> None:
    assert looks(30 * MINUTE) == [1, 2, 3, 5, 8, 12, 17, 22, 27]


def test_the_end_is_never_noticed_later_than_the_longest_pause() -> None:
    found = looks(JOB_LIMIT + timedelta(minutes=2))
    pauses = [after - before for before, after in pairwise(found)]
    assert max(pauses) == LONGEST_PAUSE // MINUTE


def test_the_look_at_the_deadline_is_not_put_off() -> None:
    found = looks(JOB_LIMIT + timedelta(minutes=2))
    assert [each for each in found if each * MINUTE > JOB_LIMIT] == [361, 362]
    assert interval_before_poll(JOB_LIMIT + MINUTE) == timedelta(0)


def test_ticks_that_come_late_and_early_still_find_it_due() -> None:
    late, early = timedelta(seconds=7), timedelta(seconds=-7)
    for minute in range(1, 360):
        waited = minute * MINUTE + late
        pause = interval_before_poll(waited)
        assert pause == timedelta(0) or pause > LOOK_AGAIN
        ticks = -(-(waited + pause - minute * MINUTE - early) // MINUTE) if pause else 1
        assert ticks * MINUTE <= LONGEST_PAUSE


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=59), "0 minutes"),
        (timedelta(seconds=119), "1 minute"),
        (timedelta(minutes=119), "119 minutes"),
        (timedelta(hours=2), "2 hours"),
        (timedelta(hours=47, minutes=59), "47 hours"),
        (timedelta(days=2), "2 days"),
    ],
)
def test_a_duration_is_written_in_words(span: timedelta, words: str) -> None:
    assert duration_in_words(span) == words
