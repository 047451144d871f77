"""The batch's commands in single guests: which command applies to an instance, and what a policy may contain."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from shared.domain import acts
from shared.domain.codec import decode, encode
from shared.domain.commands import DRAINED, CommandProgress, CommandRule, needs_instance_tags, rule_for_instance
from shared.domain.effects import (
    ReleaseSlot,
    RunPostCommand,
    effects_to_run_post_command,
    effects_to_run_post_command_after_failure,
)
from shared.domain.errors import Refused
from shared.domain.group import last_attempt_done_with_group_lock
from shared.domain.limits import requeue_migration
from shared.domain.migration import DriverData, Failure, Migration, State
from shared.domain.policy import Policy, parse_policy
from shared.domain.text import text_without_secrets
from tests.support.ports import T0, migration

DRAINED_ONCE = CommandProgress(phase=DRAINED, runs=1, ran=True, last="the pre command ended: exit code 0")


def rules(*given: dict[str, Any]) -> tuple[CommandRule, ...]:
    return parse_policy({"commands": list(given)}).commands


@pytest.mark.parametrize(
    ("instance_id", "tags", "pre"),
    [
        ("i-a", {}, "named"),
        ("i-b", {"role": "db"}, "database"),
        ("i-b", {"role": "web"}, "others"),
        ("i-a", {"role": "db"}, "named"),
        ("i-c", {}, "others"),
    ],
)
def test_the_first_rule_that_fits_is_the_instances_own(instance_id: str, tags: dict[str, str], pre: str) -> None:
    found = rules({"instances": ["i-a"], "pre": "named"}, {"tag": "role=db", "pre": "database"}, {"pre": "others"})
    assert rule_for_instance(found, instance_id, tags).pre == pre
    assert needs_instance_tags(found)


def test_without_a_rule_nothing_runs() -> None:
    assert rule_for_instance((), "i-a", {}) == CommandRule()
    assert not needs_instance_tags(rules({"instances": ["i-a"], "pre": "x"}))


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({}, "commands[0].pre is empty"),
        ({"post": "x"}, "commands[0].post undoes"),
        ({"pre": "a\nb"}, "commands[0].pre must be one line"),
        ({"pre": "x" * 2001}, "commands[0].pre must be one line"),
        ({"pre": "x", "tag": "role"}, "commands[0].tag 'role' is not a tag"),
        ({"pre": "x", "before": "y"}, "commands[0].before is not a known field"),
        ({"check": "a\nb"}, "policy.check must be one line"),
        ({"files": ["etc/app"]}, "not an absolute path"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule: dict[str, Any], told: str) -> None:
    with pytest.raises(Refused) as caught:
        rules(rule)
    assert caught.value.code == "Policy.Invalid"
    assert told in caught.value.message


def test_too_many_rules_are_refused() -> None:
    with pytest.raises(Refused, match="more than 50"):
        rules(*[{"pre": "x"}] * 51)


def test_rows_of_before_know_no_commands() -> None:
    stored = encode(migration(1))
    assert "commands" not in stored, "what nobody uses changes no stored row"
    assert decode(Migration, stored, "row").commands == CommandProgress()
    assert "commands" not in encode(Policy())
    kept = replace(migration(1), commands=DRAINED_ONCE)
    assert decode(Migration, encode(kept), "row") == kept


def drained(state: State, **more: Any) -> Migration:
    return migration(1, state=state, commands=DRAINED_ONCE, snapshots_made=1, **more)


def test_an_end_without_a_move_undoes_the_pre_command() -> None:
    assert RunPostCommand() in acts.cancel_migration(drained(State.SNAPSHOTTED), "ann", T0).effects
    stood = requeue_migration(drained(State.SNAPSHOTTED), "the window is closed", by="migrate", now=T0)
    assert stood.effects == (ReleaseSlot(), RunPostCommand())


def test_what_may_be_half_moved_is_not_put_back_into_service() -> None:
    started = DriverData(job_id="j-1", started_at=datetime(2026, 11, 23, tzinfo=timezone.utc))
    assert not effects_to_run_post_command(drained(State.MIGRATING, handle=started), unmoved=True)
    assert not effects_to_run_post_command(drained(State.READY, hop=1), unmoved=True)
    assert effects_to_run_post_command(drained(State.SNAPSHOTTING), unmoved=True)


def test_a_failure_beside_a_job_that_a_person_may_have_started_waits_for_a_person() -> None:
    """A retry continues with that job, so the guest must stay as the pre command left it (seed 92220845)."""
    asked = drained(State.SNAPSHOTTED, driver="console")
    assert not effects_to_run_post_command_after_failure(asked, "migrate")
    failed = replace(asked, state=State.FAILED, failure=Failure("migrate", "Driver.PrepareTimedOut", "x", "y"))
    assert acts.retry_migration(failed, "ann", T0).after.state is State.WAITING
    assert RunPostCommand() in acts.confirm_migration(failed, "ann", T0, retention_days=1).effects
    assert effects_to_run_post_command_after_failure(asked, "snapshot"), "its retry begins again with the precheck"
    assert effects_to_run_post_command_after_failure(drained(State.SNAPSHOTTED), "migrate"), "no job of SMC has started"


def test_whoever_confirms_a_failed_migration_gets_it_back_into_service() -> None:
    failed = drained(State.FAILED, failure=Failure("validate", "Services.NotRunning", "x", "y"))
    assert RunPostCommand() in acts.confirm_migration(failed, "ann", T0, retention_days=1).effects
    by_hand = replace(failed, failure=Failure("validate", "Command.PostFailed", "x", "y"))
    confirmed = acts.confirm_migration(by_hand, "ann", T0, retention_days=1)
    assert RunPostCommand() not in confirmed.effects
    assert last_attempt_done_with_group_lock(confirmed.after) == by_hand.attempt  # nothing waits for a command that will never run


def test_a_migration_without_commands_owes_none() -> None:
    assert RunPostCommand() not in acts.cancel_migration(migration(1, state=State.SNAPSHOTTED), "ann", T0).effects


def test_after_a_rollback_the_post_command_runs_once_more() -> None:
    assert CommandProgress(ran=True).progress_after_rollback().phase == DRAINED
    assert CommandProgress().progress_after_rollback() == CommandProgress()


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("password=hunter2 failed", "password=*** failed"),
        ('{"token": "abc", "pool": "web"}', '{"token": "***", "pool": "web"}'),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("mysql://root:hunter2@db/app", "mysql://root:***@db/app"),
        ("curl --password hunter2 x", "curl --password *** x"),
        ("key LTAI5tAbCdEfGh1234", "key ***"),
        ("no secrets here: 3 of 5 are down", "no secrets here: 3 of 5 are down"),
    ],
)
def test_secrets_in_an_output_are_hidden(said: str, kept: str) -> None:
    assert text_without_secrets(said) == kept
