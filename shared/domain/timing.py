"""Time limits for the states of a migration, the pauses between two checks of a migration, and durations in words."""

from __future__ import annotations

from datetime import timedelta

LOOK_AGAIN = timedelta(seconds=60)
"""The shortest time between two checks of one migration or job, because the tick runs once a minute."""
LOST = timedelta(minutes=5)
"""The time after which a stage is called again if the event for its step has not arrived."""
OUTBOX_GRACE = timedelta(minutes=2)
"""The tick carries out the effects in an outbox that is older than this time, because only a crash leaves an outbox for so long."""

CLOCKS_APART = timedelta(seconds=30)
"""Assumed maximum difference between the clocks of two functions, or of a function and a service. No decision depends on time
differences below the maximum.

No service publishes how wrong its clock may be. ECS and Tablestore accept requests with a time that is up to 15 minutes wrong, so
their answers do not reveal a wrong clock. Clocks synchronised by NTP differ by milliseconds. Thirty seconds also cover a clock that
has just started.
"""

REMINDER_MINUTE = 30
"""The minute of each hour in which the tick looks for batches that a person can confirm. In minute 0 of each hour, the tick closes
batches.
"""

PROTECTION_MINUTE = 15
"""The minute of each hour in which the tick looks for deletion protections that were not restored."""

MEDIA_MINUTE = 8
"""The last digit of the minutes in which the tick looks for media disks that no migration needs: six times an hour."""

TICK_RECORD_MINUTES, TICK_RECORD_MINUTE = 5, 2
"""The tick records its time in one minute of every five: in minutes 2, 7, 12 and so on. No hourly work falls on these minutes."""
TICK_LATE = timedelta(minutes=2 * TICK_RECORD_MINUTES + 1)
"""If the last record is at least this old, the tick is late. Two records are then missing. A single record may be missing because a
minute was skipped.
"""

PLANNING_PATIENCE = timedelta(hours=1)
"""The time for which a batch's planning waits for a region that does not answer. After this time, the batch is planned without the
region.
"""
LONGEST_BACK_OFF = timedelta(minutes=30)
"""The longest pause before a failed action is repeated."""

PROBE_LIMIT = timedelta(minutes=15)
"""Time limit for the answer of a probe. A probe usually takes a few seconds, and Cloud Assistant stops a probe after two minutes.
"""
PROBE_TIMEOUT_S = 120
MARKER_TIMEOUT_S = 60
"""Time limit of the scripts that write and read the marker. The scripts take less than a second, so only a guest that hangs reaches
this limit.
"""
LOOK_LIMIT = timedelta(minutes=25)
"""Time limit for the guest's answer about its disks after a job that did not migrate the instance. Without an answer, the state of
the disks counts as unknown.
"""
PRECHECK_AGE = timedelta(minutes=30)
"""The maximum age of a precheck. An older precheck is repeated in full before the snapshot, because the guest may have changed."""
WINDOWS_MISSED = 3
"""If a migration misses this number of windows in a row, a person has to choose a longer window."""
START_LIMIT = timedelta(hours=1)
"""How long a migration may hold a slot while its start fails for temporary reasons. After the limit, another migration gets the
slot, and a person must act.
"""
SNAPSHOT_LIMIT = timedelta(hours=24)
"""Time limit of the snapshots; the first snapshot of a large, full disk takes hours."""
PREPARE_LIMIT = timedelta(hours=1)
"""Time limit for the smc driver to import the instance and create the job, which usually takes minutes. A person who starts the job
in the ECS console has no time limit.
"""
GUEST_PREPARE_LIMIT = timedelta(hours=2)
"""Time limit for installing a tool in the guest, for the wait for a licence, and for the tool's own precheck. Installation and
precheck usually take minutes, or longer with slow mirrors."""
JOB_LIMIT = timedelta(hours=6)
"""Time limit of a job, which takes 15 to 30 minutes plus SMC's own snapshots (ECS documentation, "Operating system migration")."""
LONGEST_PAUSE = timedelta(minutes=5)
"""The longest pause between two polls of a job. The pipeline notices the end of a job after at most this time."""
TICK_JITTER = timedelta(seconds=15)
"""A tick also does work that becomes due within this time, because the time between two ticks varies."""
SETTLE = timedelta(minutes=5)
"""The pause before the first check of the guest after its job has finished, because the guest restarts once more."""
RETURN_LIMIT = timedelta(hours=2)
"""Time limit of the initialisation, which takes 15 to 30 minutes (SMC documentation). If the guest has not returned within the
limit, a person must act.
"""
VALIDATION_PATIENCE = timedelta(minutes=40)
"""The time after which a difference counts as a failure; until then, services may still be starting."""
VALIDATION_PAUSE = timedelta(minutes=3)
ROLLBACK_LIMIT = timedelta(hours=2)


def interval_before_retry(waited: timedelta) -> timedelta:
    """The pause before the next try: half of the time waited so far, but between LOOK_AGAIN and LONGEST_BACK_OFF."""
    return min(max(waited / 2, LOOK_AGAIN), LONGEST_BACK_OFF)


def is_retry_tick(waited: timedelta) -> bool:
    """Whether this tick retries work that has no due time. Every tick retries the work during the first 15 minutes, then one tick
    in 5 minutes, and after 2 hours one tick in 30 minutes.
    """
    minutes = int(waited / timedelta(minutes=1))
    if minutes < 15:
        return True
    return minutes % (5 if minutes < 120 else int(LONGEST_BACK_OFF / timedelta(minutes=1))) == 0


def interval_before_poll(waited: timedelta, limit: timedelta = JOB_LIMIT) -> timedelta:
    """The pause before a job is polled again: half of the time ``waited`` so far. A pause of zero means that the next tick polls
    the job.

    The pipeline notices early failures soon, and polls long jobs rarely. No pause lasts beyond the job's time limit.
    """
    pause = min(waited / 2, LONGEST_PAUSE, max(limit - waited, timedelta(0)))
    return pause - TICK_JITTER if pause > LOOK_AGAIN + TICK_JITTER else timedelta(0)


def duration_in_words(span: timedelta) -> str:
    """A duration in words: in days from two days on, in hours from two hours on, otherwise in minutes; rounded down."""
    for unit, seconds in (("day", 86400), ("hour", 3600)):
        if span.total_seconds() >= 2 * seconds:
            return f"{int(span.total_seconds() // seconds)} {unit}s"
    minutes = int(span.total_seconds() // 60)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
