"""Time limits for the states of a migration, and the pauses between two checks of a migration."""

from __future__ import annotations

from datetime import timedelta

LOOK_AGAIN = timedelta(seconds=60)
"""The shortest time between two checks of the same thing, because the tick runs once a minute."""
LOST = timedelta(minutes=5)
"""If the event of a step has not arrived after this time, the stage is called again."""
OUTBOX_GRACE = timedelta(minutes=2)
"""The tick handles an outbox that is at least this old. A crash must have left such an outbox."""

CLOCKS_APART = timedelta(seconds=30)
"""Assumed maximum difference between the clocks of two functions, or of a function and a service. No decision depends on smaller
time differences.

No service publishes a bound. ECS and Tablestore accept requests with a time that is up to 15 minutes wrong, so their answers do not
reveal a wrong clock. Clocks synchronised by NTP differ by milliseconds. Thirty seconds also cover a clock that has just started.
"""

REMINDER_MINUTE = 30
"""The minute of each hour in which the tick looks for batches that a person can confirm. In minute 0, the tick closes batches
instead.
"""

PROTECTION_MINUTE = 15
"""The minute of each hour in which the tick looks for deletion protections that were not put back."""

PLANNING_PATIENCE = timedelta(hours=1)
"""The time for which a batch's planning waits for a region that does not answer. After this time, the batch is planned without the
silent region.
"""
LONGEST_BACK_OFF = timedelta(minutes=30)
"""The longest pause before a failed action is repeated."""

PROBE_LIMIT = timedelta(minutes=15)
"""Time limit for the answer of a probe. A probe runs for seconds, and Cloud Assistant ends a longer probe after two minutes."""
PROBE_TIMEOUT_S = 120
MARKER_TIMEOUT_S = 60
"""Time limit of the scripts that write and read the marker. The scripts take less than a second, so only a guest that hangs reaches
this limit.
"""
LOOK_LIMIT = timedelta(minutes=25)
"""After a job that did not migrate the instance, the pipeline asks the guest about its disks. If the guest has not answered after
this time, the state of the disks counts as unknown.
"""
PRECHECK_AGE = timedelta(minutes=30)
"""The maximum age of a precheck. An older precheck is repeated in full before the snapshot, because the guest may have changed."""
WINDOWS_MISSED = 3
"""If the snapshots miss their window this many times in a row, a person has to choose a longer window."""
START_LIMIT = timedelta(hours=1)
"""How long a migration may hold a slot while its start fails for temporary reasons. After this time, another migration gets the
slot and a person must act.
"""
SNAPSHOT_LIMIT = timedelta(hours=24)
"""Time limit of the snapshots; the first snapshot of a large, full disk takes hours."""
PREPARE_LIMIT = timedelta(hours=1)
"""Time limit for the smc driver to import the instance and create the job, usually minutes. A person in the console has no
limit."""
GUEST_PREPARE_LIMIT = timedelta(hours=2)
"""Time limit for installing a tool in the guest, for the wait for a licence, and for the tool's own precheck. Installation and
precheck usually take minutes, or longer with slow mirrors."""
JOB_LIMIT = timedelta(hours=6)
"""Time limit of a job, which takes 15 to 30 minutes plus SMC's own snapshots (ECS documentation, "Operating system migration")."""
LONGEST_PAUSE = timedelta(minutes=5)
"""The longest pause between two polls of a job. The pipeline therefore notices the end of a job with at most this delay."""
TICK_JITTER = timedelta(seconds=15)
"""A tick also handles work that becomes due within this time after the tick, because the time between two ticks varies."""
SETTLE = timedelta(minutes=5)
"""The pause before the first check of the guest after its job has finished, because the guest restarts once more."""
RETURN_LIMIT = timedelta(hours=2)
"""Time limit of the initialisation, which takes 15 to 30 minutes (SMC documentation). If the guest has not returned after this
time, a person must act."""
VALIDATION_PATIENCE = timedelta(minutes=40)
"""A difference counts as a failure only after this time, because services may still be starting."""
VALIDATION_PAUSE = timedelta(minutes=3)
ROLLBACK_LIMIT = timedelta(hours=2)


def retry_pause(waited: timedelta) -> timedelta:
    """The pause before the next try: half of the time waited so far, but between LOOK_AGAIN and LONGEST_BACK_OFF."""
    return min(max(waited / 2, LOOK_AGAIN), LONGEST_BACK_OFF)


def is_retry_tick(waited: timedelta) -> bool:
    """Whether this tick retries work that has no due time. During the first 15 minutes, every tick does. Later, one tick in 5
    minutes does, and after 2 hours one tick in 30 minutes.
    """
    minutes = int(waited / timedelta(minutes=1))
    if minutes < 15:
        return True
    return minutes % (5 if minutes < 120 else int(LONGEST_BACK_OFF / timedelta(minutes=1))) == 0


def job_poll_pause(waited: timedelta, limit: timedelta = JOB_LIMIT) -> timedelta:
    """The pause before a job is polled again: half of the time ``waited`` so far. A pause of zero means that the next tick polls
    the job.

    The pipeline thus notices early failures soon, and polls long jobs rarely. The poll at the time ``limit`` is never delayed.
    """
    pause = min(waited / 2, LONGEST_PAUSE, max(limit - waited, timedelta(0)))
    return pause - TICK_JITTER if pause > LOOK_AGAIN + TICK_JITTER else timedelta(0)
