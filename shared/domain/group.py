"""Redundancy groups. The instances with the same value of a tag are one group, and only one of them moves at a time. All functions
in this module are pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.domain.findings import Finding, Severity
from shared.domain.migration import BEFORE_A_START, Migration, State

OVER = frozenset({State.MIGRATED, State.CONFIRMED, State.COMPLETED, State.CANCELLED, State.PRECHECK_FAILED})
"""States in which a member of a group no longer needs the group's lock. Only the member that holds the lock may move. A member in
one of these states has passed its validation, or has never moved, or a person has accepted its outcome.
"""


def group_name(tags: Iterable[tuple[str, str]], tag: str) -> str:
    """The group of an instance with the given tags, as ``tag=value``; empty if the instance lacks the tag."""
    found = dict(tags)
    return f"{tag}={found[tag]}" if tag in found else ""


def last_attempt_done_with_group_lock(migration: Migration) -> int:
    """The last attempt that no longer needs the group's lock; 0 if the migration keeps the lock. A lock that this attempt or an
    earlier attempt took is to be released.

    A failed or rolled back migration keeps the group's lock until a person has decided, because the instance may not work. A
    migration that waits for its next hop or for a retry also keeps the lock. A migration that waits for a start, and has not begun
    its route, releases the lock that an earlier attempt took. If the pre command of the batch ran, the migration keeps the group's
    lock until the post command has ended.
    """
    if migration.commands.phase and migration.state is not State.COMPLETED:
        return 0
    if migration.state in OVER or (migration.state is State.ROLLED_BACK and migration.released_at is not None):
        return migration.attempt
    began = migration.hop > 0 or bool(migration.resumes) or migration.handle.started_at is not None
    return migration.attempt - 1 if migration.state in BEFORE_A_START and not began else 0


def why_member_waits(holder: Migration) -> str:
    """Why another member of the group must wait for the migration that holds the group's lock, in words."""
    where = f"{holder.migration_id} ({holder.instance_id}), which is {holder.state.value}"
    if holder.state in (State.FAILED, State.ROLLED_BACK):
        return f"its group {holder.group} waits for {where}: a person decides, see replank show {holder.migration_id}"
    return f"its group {holder.group} waits for {where}"


def missing_tag_finding(tag: str) -> Finding:
    """The warning for an instance without the tag, if its batch uses redundancy groups."""
    return Finding(
        "Group.NoTag",
        Severity.WARNING,
        "The instance belongs to no redundancy group",
        f"the instance has no tag {tag}",
        "The instance may move at the same time as other instances that provide the same service.",
        f"If other instances can replace this one, cancel the migration, set the tag {tag}, and submit the instance again.",
    )
