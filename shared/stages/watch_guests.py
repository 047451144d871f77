"""Watches guests after a finished job. Validation begins once the guest's agent answers and the guest has had time to settle."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from shared.domain import events
from shared.domain.errors import Permanent, ReplankError, Stale, Transient
from shared.domain.migration import Migration, State, step_to_state
from shared.domain.timing import LOST, RETURN_LIMIT, SETTLE, duration_in_words
from shared.ports.guest import Agent
from shared.ports.ports import Ports
from shared.stages.advance import advance_migration, fail_migration, record_error_if_account_refusal

_LOG = logging.getLogger("replank")
AGENTS_PER_CALL = 50


def watch_guests(migrations: Sequence[Migration], ports: Ports) -> int:
    """Check the Cloud Assistant agents of all restarting instances. Return how many migrations changed their state."""
    moved = 0
    ordered = sorted(migrations, key=_account_and_region)
    for _, group in groupby(ordered, key=_account_and_region):
        mine = list(group)
        for start in range(0, len(mine), AGENTS_PER_CALL):
            some = mine[start : start + AGENTS_PER_CALL]
            agents = _agents_by_instance(some, ports)
            moved += sum(_begin_validation_or_fail_if_overdue(each, agents.get(each.instance_id), ports) for each in some)
    return moved


def _account_and_region(migration: Migration) -> tuple[str, str]:
    return migration.account_id, migration.region_id


def _agents_by_instance(migrations: Sequence[Migration], ports: Ports) -> dict[str, Agent]:
    """For each instance, return its Cloud Assistant agent; empty if the service does not answer.

    An error is only logged, because the caller must still check the time limits.
    """
    account_id, region_id = _account_and_region(migrations[0])
    try:
        return ports.ports_for_account(account_id).guest.agents_by_instance_id(region_id, [each.instance_id for each in migrations])
    except ReplankError as error:
        record_error_if_account_refusal(error, ports)
        level = logging.WARNING if isinstance(error, Transient) else logging.ERROR
        _LOG.log(level, "the agents cannot be read, and the next tick tries again: %s", error)
        return {}


def _begin_validation_or_fail_if_overdue(migration: Migration, agent: Agent | None, ports: Ports) -> bool:
    now = ports.clock.now()
    waited = now - migration.entered_at
    try:
        if agent is not None and agent.alive and waited >= SETTLE:
            return _begin_validation(migration, ports)
        if waited <= RETURN_LIMIT:
            return False
        seen = agent.heartbeat_at if agent else None
        silent = f"has not answered since {seen:%Y-%m-%d %H:%M} UTC" if seen else "has never answered"
        fail_migration(
            ports,
            migration,
            "validate",
            events.MIGRATION_FAILED,
            Permanent(
                "Guest.NotBack",
                f"The guest's agent {silent}. The job finished {duration_in_words(waited)} ago.",
                "Look at the instance through VNC in the ECS console; then retry, or roll back.",
            ),
        )
    except (Stale, Transient) as error:
        _LOG.info("left for the next tick: %s", error, extra={"migrationId": migration.migration_id})
        return False
    return True


def _begin_validation(migration: Migration, ports: Ports) -> bool:
    now = ports.clock.now()
    taken = step_to_state(
        migration,
        State.VALIDATING,
        now=now,
        by="watch",
        reason="the agent is back",
        probe_invocation_id="",
        due_at=now + LOST,
    )
    advance_migration(
        ports, replace(taken, events=(events.migration_event(taken.after, events.INSTANCE_RESTARTED, stage="validate"),))
    )
    return True
