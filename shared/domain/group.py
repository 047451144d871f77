"""Redundancy groups: of all instances with one value of a tag, one at a time is between its snapshots and its validation. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from shared.domain.findings import Finding, Severity
from shared.domain.migration import BEFORE_A_START, Migration, State

OVER = frozenset({State.MIGRATED, State.CONFIRMED, State.COMPLETED, State.CANCELLED, State.PRECHECK_FAILED})
"""In these a member needs its group's place no more: it is validated, or it never moved, or a person has decided."""


def group_name(tags: Iterable[tuple[str, str]], tag: str) -> str:
    """The group of an instance with these tags, as ``tag=value``; empty if it has no such tag."""
    found = dict(tags)
    return f"{tag}={found[tag]}" if tag in found else ""


def last_attempt_to_release(migration: Migration) -> int:
    """The last attempt whose place is to be given back; 0 if the migration keeps its place.

    One that failed or was rolled back keeps it until a person has decided: the instance may not serve as it should. A next hop or a
    retry that waits keeps it too. A first try that waits has touched nothing; what an earlier attempt has taken goes. Whoever was
    drained keeps it until its post command has ended.
    """
    if migration.commands.phase and migration.state is not State.COMPLETED:
        return 0
    if migration.state in OVER or (migration.state is State.ROLLED_BACK and migration.released_at is not None):
        return migration.attempt
    began = migration.hop > 0 or bool(migration.resumes) or migration.handle.started_at is not None
    return migration.attempt - 1 if migration.state in BEFORE_A_START and not began else 0


def why_waiting(holder: Migration) -> str:
    """Why another member of its group has to wait."""
    where = f"{holder.migration_id} ({holder.instance_id}), which is {holder.state.value}"
    if holder.state in (State.FAILED, State.ROLLED_BACK):
        return f"its group {holder.group} waits for {where}: a person decides, see replank show {holder.migration_id}"
    return f"its group {holder.group} waits for {where}"


def no_tag_finding(tag: str) -> Finding:
    """What an instance is told that has no group though its batch asks for one."""
    return Finding(
        "Group.NoTag",
        Severity.WARNING,
        "The instance belongs to no redundancy group",
        f"it has no tag {tag}",
        "It may move at the same time as the instances that stand in for it.",
        f"If others stand in for it, cancel it, give it the tag {tag}, and submit it again.",
    )
