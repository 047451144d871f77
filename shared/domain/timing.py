"""How long a migration may stay where it is, and how often it is looked at."""

from __future__ import annotations

from datetime import timedelta

LOOK_AGAIN = timedelta(seconds=60)
"""The tick runs once a minute: nothing is worth looking at more often."""
LOST = timedelta(minutes=5)
"""A step without its event is driven again after this time."""
OUTBOX_GRACE = timedelta(minutes=2)
"""What a crash left in an outbox is taken up after so long."""

CLOCKS_APART = timedelta(seconds=30)
"""How far two clocks may differ: of two functions, or of a function and a service. Nothing is decided on less.

No service publishes a bound. ECS and Tablestore accept a request that is up to 15 minutes off, so a wrong clock goes unnoticed;
machines that keep time by NTP differ by milliseconds. Thirty seconds leaves room for one that has just started.
"""

PLANNING_PATIENCE = timedelta(hours=1)
"""How long a batch's planning waits for a region that does not answer. The instances of other regions must not wait for ever."""
LONGEST_BACK_OFF = timedelta(minutes=30)
"""What cannot be done is tried again at least so often."""

PROBE_LIMIT = timedelta(minutes=15)
"""A probe runs for seconds; Cloud Assistant ends it after two minutes."""
PROBE_TIMEOUT_S = 120
MARKER_TIMEOUT_S = 60
"""The marker's scripts take a moment; only a guest that hangs lets them run into this."""
LOOK_LIMIT = timedelta(minutes=25)
"""How long the guest may stay silent after a job that did not migrate it. Then it is not known what SMC did to its disks."""
PRECHECK_AGE = timedelta(minutes=30)
"""A precheck older than this is made again, in full, right before the snapshot: only a new look tells whether the guest changed."""
WINDOWS_MISSED = 3
"""How often in a row snapshots may be ready too late for their window. Then a person has to choose a longer one."""
START_LIMIT = timedelta(hours=1)
"""How long a migration may hold a slot while its start fails for a passing cause. Then a person looks, and others get the slot."""
SNAPSHOT_LIMIT = timedelta(hours=24)
"""A first snapshot of a large, full disk takes hours."""
PREPARE_LIMIT = timedelta(hours=1)
"""Import and creation of a job by the smc driver (minutes as a rule). A person in the console may take any time."""
JOB_LIMIT = timedelta(hours=6)
"""A job runs 15 to 30 minutes plus SMC's own snapshots (ECS documentation, "Operating system migration")."""
LONGEST_PAUSE = timedelta(minutes=5)
"""A job's end is noticed this late at most."""
TICK_JITTER = timedelta(seconds=15)
"""One tick comes later after its minute than another: what is due this long after a tick still belongs to it."""
SETTLE = timedelta(minutes=5)
"""Finished is not yet usable: the guest restarts once more; nothing is asked of it before."""
RETURN_LIMIT = timedelta(hours=2)
"""The initialisation after the job takes 15 to 30 minutes (SMC documentation); a guest not back by then needs a person."""
VALIDATION_PATIENCE = timedelta(minutes=40)
"""Services may still be starting: a difference counts as a failure only after so long."""
VALIDATION_PAUSE = timedelta(minutes=3)
ROLLBACK_LIMIT = timedelta(hours=2)


def back_off(waited: timedelta) -> timedelta:
    """When to try again what has been tried for ``waited``: half as long again, LOOK_AGAIN at least, LONGEST_BACK_OFF at most."""
    return min(max(waited / 2, LOOK_AGAIN), LONGEST_BACK_OFF)


def is_a_look(waited: timedelta) -> bool:
    """Whether a tick tries again what it keeps no time for: each one for 15 minutes, then every 5, after 2 hours every 30."""
    minutes = int(waited / timedelta(minutes=1))
    if minutes < 15:
        return True
    return minutes % (5 if minutes < 120 else int(LONGEST_BACK_OFF / timedelta(minutes=1))) == 0


def job_pause(waited: timedelta, limit: timedelta = JOB_LIMIT) -> timedelta:
    """How long to leave a job alone that has been watched for ``waited``: half as long again, zero for every tick.

    What fails soon is seen soon; what runs long is asked seldom. The look at ``limit`` is not put off.
    """
    pause = min(waited / 2, LONGEST_PAUSE, max(limit - waited, timedelta(0)))
    return pause - TICK_JITTER if pause > LOOK_AGAIN + TICK_JITTER else timedelta(0)
