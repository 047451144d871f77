"""The reason why a migration waits, in words for the person on call."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.drivers import driver_traits
from shared.domain.migration import ADMITTED, Migration, State

_WAITS_FOR_REPLANK = {
    State.ACCEPTED: "its precheck",
    State.PRECHECKING: "the precheck to end",
    State.SNAPSHOTTING: "the snapshots of its disks",
    State.RESTARTING: "the guest to answer after its restart",
    State.VALIDATING: "the checks after the migration",
    State.ROLLING_BACK: "the reset of its disks and the restart",
    State.CONFIRMED: "the retention of its snapshots to pass, and the sweep",
}
_ASKED_AFTER_THE_JOB = frozenset({State.MIGRATING, State.VALIDATING})
_RELEASES_SNAPSHOTS = frozenset({State.CONFIRMED, State.CANCELLED})
_WAITS_FOR_PERSON = {
    State.MIGRATED: "a person: confirm it, or roll it back",
    State.FAILED: "a person: see the failure",
    State.PRECHECK_FAILED: "a person: see the findings",
}


_IN_PRECHECK = frozenset({State.ACCEPTED, State.PRECHECKING})


def may_wait_for_limit(migration: Migration) -> bool:
    """Whether it is possible that a limit holds back the migration now. During the precheck, a limit can hold back only a migration
    that a person has retried.
    """
    return migration.state in ADMITTED | {State.SNAPSHOTTED} or (migration.state in _IN_PRECHECK and migration.retried)


def reason_to_wait(migration: Migration, held: str, *, catalog: Catalog) -> str:
    """What the migration waits for, in words; empty if the migration has ended.

    The argument ``held`` is the reason why a limit holds back the next start; empty if no limit holds back the start. Callers need
    to compute the reason only if ``may_wait_for_limit`` is true.
    """
    state = migration.state
    if migration.lacks is not None:
        return f"a person: {migration.lacks.todo}"
    if state in ADMITTED:
        return held or "its turn: the next minute's look"
    if state is State.SNAPSHOTTED:
        return held or _reason_before_job(migration, catalog)
    if state in _IN_PRECHECK:
        return f"{_WAITS_FOR_REPLANK[state]}; then: {held}" if held else _WAITS_FOR_REPLANK[state]
    if state is State.ROLLING_BACK and migration.rollback_waits:
        return migration.rollback_waits
    if migration.trace.ended is not None and state in _ASKED_AFTER_THE_JOB:
        return f"the guest to say whether SMC rolled the disks back: the job ended with {migration.trace.ended.code}"
    if state in _RELEASES_SNAPSHOTS and migration.owes:
        return "what its last step still owes; the instance stays locked while a job of it runs in SMC"
    if state is State.MIGRATING:
        job = f"job {migration.handle.job_id}" if migration.handle.job_id else "the job"
        return f"{job}, {migration.progress} %"
    return _WAITS_FOR_REPLANK.get(state) or _WAITS_FOR_PERSON.get(state, "")


def _reason_before_job(migration: Migration, catalog: Catalog) -> str:
    if driver_traits(migration.driver).attended:
        return f"a person: {console_instructions(migration, catalog)}"
    if migration.handle.waits:
        return f"a person: {migration.handle.waits}"
    return driver_traits(migration.driver).preparing


def console_instructions(migration: Migration, catalog: Catalog) -> str:
    """Instructions for a person who starts the job in the ECS console (ECS documentation, Operating system migration)."""
    hop = migration.current_hop
    return (
        f"In the ECS console choose {migration.instance_id}, then Operating system migration, from "
        f"{catalog.release_name(hop.source)} to {catalog.release_name(hop.destination)}. Many instances can be started at once. "
        "Start the migration, not a drill: a drill moves nothing. A drill and a cancelled job may put every disk back, and what "
        "was written meanwhile is lost. "
        "The pipeline notices the job and goes on by itself; its own snapshots of all disks are made already."
    )
