"""Redundancy groups: which instances belong to one, and how long a member keeps the lock."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from shared.adapters import tables
from shared.domain.codec import encode
from shared.domain.commands import DRAINED, DRAINING, RESTORING, CommandProgress
from shared.domain.errors import Refused
from shared.domain.group import group_name, last_attempt_done_with_group_lock, why_member_waits
from shared.domain.migration import DriverData, Migration, State
from shared.domain.policy import GroupTag, parse_policy

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)
RAN = DriverData(job_id="j", started_at=NOW)
TAGS = (("app", "shop"), ("empty", ""))


def member(state: State, **changes: Any) -> Migration:
    made = Migration("m1", "b1", "i-1", "cn-hangzhou", state, 7, 7, NOW, NOW, attempt=3, group="app=shop")
    return replace(made, **changes)


@pytest.mark.parametrize(("tag", "group"), [("app", "app=shop"), ("empty", "empty="), ("App", ""), ("other", "")])
def test_the_group_is_the_tag_with_its_value(tag: str, group: str) -> None:
    assert group_name(TAGS, tag) == group


@pytest.mark.parametrize(
    ("found", "last"),
    [
        (member(State.ACCEPTED), 2),
        (member(State.READY), 2),
        (member(State.READY, hop=1), 0),
        (member(State.ACCEPTED, hop=1), 0),
        (member(State.WAITING, resumes="migrate"), 0),
        (member(State.WAITING, handle=RAN), 0),
        (member(State.SNAPSHOTTING), 0),
        (member(State.MIGRATING, handle=RAN), 0),
        (member(State.VALIDATING, handle=RAN), 0),
        (member(State.FAILED), 0),
        (member(State.ROLLING_BACK), 0),
        (member(State.ROLLED_BACK), 0),
        (member(State.ROLLED_BACK, released_at=NOW), 3),
        (member(State.MIGRATED), 3),
        (member(State.CONFIRMED), 3),
        (member(State.CANCELLED), 3),
        (member(State.PRECHECK_FAILED), 3),
    ],
)
def test_a_member_keeps_the_place_until_it_is_validated_or_a_person_has_decided(found: Migration, last: int) -> None:
    assert last_attempt_done_with_group_lock(found) == last


@pytest.mark.parametrize("phase", [DRAINING, DRAINED, RESTORING])
@pytest.mark.parametrize("state", [State.READY, State.CANCELLED, State.CONFIRMED])
def test_a_member_that_was_drained_keeps_the_place_until_its_post_command_has_ended(state: State, phase: str) -> None:
    drained = member(state, commands=CommandProgress(phase=phase, ran=True))
    assert last_attempt_done_with_group_lock(drained) == 0
    assert (
        last_attempt_done_with_group_lock(
            replace(drained, commands=drained.commands.progress_after_command("", "the post command ended"))
        )
        > 0
    )


def test_a_completed_member_leaves_though_its_post_command_never_ran() -> None:
    assert last_attempt_done_with_group_lock(member(State.COMPLETED, commands=CommandProgress(phase=DRAINED, ran=True))) == 3


def test_every_state_is_decided() -> None:
    """A state that is added later keeps the lock, because that is the safe default."""
    assert {state for state in State if last_attempt_done_with_group_lock(member(state)) == 0} == {
        State.SNAPSHOTTING,
        State.SNAPSHOTTED,
        State.MIGRATING,
        State.RESTARTING,
        State.VALIDATING,
        State.FAILED,
        State.ROLLING_BACK,
        State.ROLLED_BACK,
    }


def test_whoever_waits_is_told_for_whom_and_when_a_person_must_decide() -> None:
    assert why_member_waits(member(State.MIGRATING)) == "its group app=shop waits for m1 (i-1), which is migrating"
    assert why_member_waits(member(State.FAILED)).endswith("a person decides, see replank show m1")


def test_the_policy_names_the_tag() -> None:
    policy = parse_policy({"group": {"tag": "app"}})
    assert policy.group == GroupTag("app")
    assert encode(policy)["group"] == {"tag": "app"}


@pytest.mark.parametrize("group", [{}, {"tag": ""}, {"tag": "a" * 129}, {"tag": "a\nb"}, {"key": "app"}, "app"])
def test_a_group_without_a_proper_tag_is_refused(group: Any) -> None:
    with pytest.raises(Refused):
        parse_policy({"group": group})


def test_an_older_version_that_writes_the_row_does_not_lose_the_group() -> None:
    """The older version writes the document without the field, but leaves the separate column alone."""
    row = tables.migration_columns(member(State.READY))
    older = {**row, **tables.migration_columns(member(State.READY, group=""))}
    assert '"group"' not in older["doc"]
    assert tables.migration_from_row(older).group == "app=shop"


def test_a_row_of_before_has_no_group() -> None:
    row = tables.migration_columns(member(State.READY, group=""))
    assert "group" not in row
    assert tables.migration_from_row(row).group == ""
