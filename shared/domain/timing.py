"""How long a migration may stay where it is, and how often it is looked at."""

from __future__ import annotations

from datetime import timedelta

LOOK_AGAIN = timedelta(seconds=60)
"""The tick runs once a minute, so nothing is looked at more often."""
LOST = timedelta(minutes=5)
"""If a step's event does not arrive, the stage is called again after this time."""
OUTBOX_GRACE = timedelta(minutes=2)
"""An outbox that a crash left behind is handled after this time."""

CLOCKS_APART = timedelta(seconds=30)
"""Maximum difference between the clocks of two functions, or of a function and a service. Nothing is decided by a smaller
difference.

No service publishes a bound. ECS and Tablestore accept requests up to 15 minutes off, so a wrong clock goes unnoticed. Clocks
synchronised by NTP differ by milliseconds. Thirty seconds leaves room for one that has just started.
"""

REMINDER_MINUTE = 30
"""The minute of the hour at which the tick looks for batches that a person can confirm; the full hour closes batches."""

PLANNING_PATIENCE = timedelta(hours=1)
"""How long a batch's planning waits for a region that does not answer. The instances of other regions must not wait longer."""
LONGEST_BACK_OFF = timedelta(minutes=30)
"""The longest pause before something that failed is tried again."""

PROBE_LIMIT = timedelta(minutes=15)
"""A probe runs for seconds; Cloud Assistant ends it after two minutes."""
PROBE_TIMEOUT_S = 120
MARKER_TIMEOUT_S = 60
"""Time limit of the marker's scripts; they take a moment, and only a hanging guest reaches it."""
LOOK_LIMIT = timedelta(minutes=25)
"""How long the guest may stay silent after a job that did not migrate it. Then it is not known what SMC did to its disks."""
PRECHECK_AGE = timedelta(minutes=30)
"""A precheck older than this is repeated in full before the snapshot, because the guest may have changed."""
WINDOWS_MISSED = 3
"""How many times in a row snapshots may be ready too late for their window. Then a person has to choose a longer one."""
START_LIMIT = timedelta(hours=1)
"""How long a migration may hold a slot while its start fails for a temporary reason. Then a person looks, and others get the
slot."""
SNAPSHOT_LIMIT = timedelta(hours=24)
"""Time limit of the snapshots; the first snapshot of a large, full disk takes hours."""
PREPARE_LIMIT = timedelta(hours=1)
"""Import and creation of a job by the smc driver (minutes as a rule). A person in the console may take any time."""
GUEST_PREPARE_LIMIT = timedelta(hours=2)
"""Installing a tool in the guest, and its own precheck: minutes as a rule, longer with slow mirrors."""
JOB_LIMIT = timedelta(hours=6)
"""Time limit of a job, which takes 15 to 30 minutes plus SMC's own snapshots (ECS documentation, "Operating system migration")."""
LONGEST_PAUSE = timedelta(minutes=5)
"""The end of a job is noticed at most this much later."""
TICK_JITTER = timedelta(seconds=15)
"""Ticks do not come at exact minutes, so anything due within this time after a tick belongs to it."""
SETTLE = timedelta(minutes=5)
"""How long to leave a guest alone after its job finished, because it restarts once more."""
RETURN_LIMIT = timedelta(hours=2)
"""Time limit of the initialisation, which takes 15 to 30 minutes (SMC documentation). A guest not back by then needs a person."""
VALIDATION_PATIENCE = timedelta(minutes=40)
"""Services may still be starting, so a difference counts as a failure only after this time."""
VALIDATION_PAUSE = timedelta(minutes=3)
ROLLBACK_LIMIT = timedelta(hours=2)


def back_off(waited: timedelta) -> timedelta:
    """How long to wait before the next try, after ``waited``: half of it, but between LOOK_AGAIN and LONGEST_BACK_OFF."""
    return min(max(waited / 2, LOOK_AGAIN), LONGEST_BACK_OFF)


def is_retry_tick(waited: timedelta) -> bool:
    """Whether this tick tries something without a due time again. Every tick does for 15 minutes, then one in 5 minutes, and
    after 2 hours one in 30."""
    minutes = int(waited / timedelta(minutes=1))
    if minutes < 15:
        return True
    return minutes % (5 if minutes < 120 else int(LONGEST_BACK_OFF / timedelta(minutes=1))) == 0


def job_pause(waited: timedelta, limit: timedelta = JOB_LIMIT) -> timedelta:
    """How long to leave a job alone after watching it for ``waited``: half of it; zero means every tick.

    Early failures are seen soon, and long jobs are polled rarely. The look at ``limit`` is never delayed.
    """
    pause = min(waited / 2, LONGEST_PAUSE, max(limit - waited, timedelta(0)))
    return pause - TICK_JITTER if pause > LOOK_AGAIN + TICK_JITTER else timedelta(0)
