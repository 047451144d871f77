"""Runs a batch's own commands in a guest: the pre command before the snapshots, and the post command, which undoes the pre
command.

Before each command is sent, a step is committed, and the client token of the request is derived from this step. A repeated
request has the same token, so a command runs only once per attempt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.domain.batch import BatchSummary
from shared.domain.commands import (
    DRAINED,
    DRAINING,
    RESTORING,
    CommandProgress,
    CommandRule,
    needs_instance_tags,
    rule_for_instance,
)
from shared.domain.effects import effects_to_run_post_command_after_failure
from shared.domain.errors import Permanent, Refused, Transient
from shared.domain.migration import MOVING, Migration, State, step_to_state
from shared.domain.observation import instance_document_name
from shared.domain.record import dataclass
from shared.domain.timing import LOOK_AGAIN, PROBE_LIMIT, duration_in_words
from shared.ports.guest import CommandResult
from shared.ports.ports import Ports
from shared.probes.command import command_script, parse_command_answer
from shared.stages.advance import advance_migration

WORDS = {DRAINING: "the pre command", RESTORING: "the post command"}
AT_REST = frozenset({State.READY, State.FAILED, State.PRECHECK_FAILED, State.CANCELLED, State.ROLLED_BACK, State.CONFIRMED})
"""The states in which no stage is working on the instance."""


@dataclass(frozen=True)
class CommandOutcome:
    """How a command ended: whether the command succeeded, and an explanation in words."""

    good: bool
    words: str


def command_rule(migration: Migration, summary: BatchSummary, ports: Ports, tags: Mapping[str, str] | None = None) -> CommandRule:
    """Return the rule that gives the policy's pre and post commands for the migration's instance. Pass ``tags`` if the instance's
    facts are not stored yet.
    """
    rules = summary.policy.commands
    if tags is None:
        tags = _stored_instance_tags(migration, ports) if needs_instance_tags(rules) else {}
    return rule_for_instance(rules, migration.instance_id, tags)


def _stored_instance_tags(migration: Migration, ports: Ports) -> Mapping[str, str]:
    document = ports.migrations.stored_document(migration.migration_id, instance_document_name(migration.hop)) or {}
    return dict(document.get("tags", ()))


# The pre command ------------------------------------------------------------------------------------------------------


def changes_to_begin_pre_command(migration: Migration, summary: BatchSummary, ports: Ports) -> dict[str, Any]:
    """Return the fields that the admission step must change to begin the pre command; empty if the policy has no pre command."""
    if migration.hop or migration.commands.phase or not summary.policy.commands or not command_rule(migration, summary, ports).pre:
        return {}
    return {"commands": migration.commands.progress_before_command(DRAINING, ports.clock.now())}


def run_pre_command(migration: Migration, ports: Ports) -> Migration | None:
    """Send the pre command, or check whether it has ended. Return None while the command runs. Return the migration once the
    command has succeeded.

    Raises Permanent (Command.PreFailed) if the command fails.
    """
    if migration.commands.phase == RESTORING:
        migration = run_post_command(migration, "snapshot", ports)
        if migration.commands.phase:
            return None
        begun = migration.commands.progress_before_command(DRAINING, ports.clock.now())
        migration = _record_command_progress(migration, "snapshot", "the pre command begins again", ports, begun)
    if migration.commands.phase != DRAINING:
        return migration
    rule = command_rule(migration, ports.batches.load_summary(migration.batch_id), ports)
    migration, end = _send_or_check_command(migration, "snapshot", rule.pre, rule.pre_timeout_sec, ports)
    if end is None:
        return None
    told = f"the pre command {'ended' if end.good else 'failed'}: {end.words}"
    migration = _record_command_progress(
        migration, "snapshot", told, ports, migration.commands.progress_after_command(DRAINED, told)
    )
    if end.good:
        return migration
    raise Permanent(
        "Command.PreFailed",
        f"The pre command failed: {end.words}. Nothing was snapshotted or moved.",
        "Correct the cause in the guest, or the command in the policy; then retry.",
    )


# The post command -----------------------------------------------------------------------------------------------------


def run_post_command(migration: Migration, by: str, ports: Ports, *, left: str = "") -> Migration:
    """Send the post command, or check whether it has ended. Return the changed migration.

    The field ``commands.phase`` of the migration is empty once the command has succeeded, and ``left`` once the command has failed.
    """
    rule = command_rule(migration, ports.batches.load_summary(migration.batch_id), ports)
    if not rule.post:
        return _record_command_progress(migration, by, "there is no post command", ports, replace(migration.commands, phase=""))
    if migration.commands.phase != RESTORING:
        begun = migration.commands.progress_before_command(RESTORING, ports.clock.now())
        migration = _record_command_progress(migration, by, "the post command begins", ports, begun)
    migration, end = _send_or_check_command(migration, by, rule.post, rule.post_timeout_sec, ports)
    if end is None:
        return migration
    told = f"the post command {'ended' if end.good else 'failed'}: {end.words}"
    return _record_command_progress(
        migration, by, told, ports, migration.commands.progress_after_command("" if end.good else left, told)
    )


def run_post_command_after_validation(migration: Migration, ports: Ports) -> Migration | None:
    """Send the post command after the validation, or check whether it has ended. Return None while the command runs.

    Raises Permanent (Command.PostFailed) if the command fails.
    """
    if not migration.commands.phase:
        return migration
    migration = run_post_command(migration, "validate", ports, left=DRAINED)
    if migration.commands.phase != DRAINED:
        return None if migration.commands.phase else migration
    raise Permanent(
        "Command.PostFailed",
        f"The guest was validated, but {migration.commands.last}",
        "Put the instance back into service by hand and confirm it; or correct the command, then retry to run it again.",
    )


def run_pending_post_command(migration: Migration, ports: Ports) -> None:
    """Run the post command after a rollback, or after a migration that ended before its instance was moved.

    Raises Transient until the command has ended.
    """
    migration = ports.migrations.load(migration.migration_id)
    failure = migration.failure if migration.state is State.FAILED else None
    half_moved = failure is not None and not effects_to_run_post_command_after_failure(migration, failure.stage)
    if not migration.commands.phase or migration.state in MOVING | {State.WAITING, State.COMPLETED} or half_moved:
        return  # the migration moves, or will move, again and still needs what the pre command did
    if migration.state not in AT_REST:
        raise Transient("Command.Waits", f"The post command waits: the migration is {migration.state.value}.")
    if run_post_command(migration, "watch", ports).commands.phase:
        raise Transient("Command.Running", "The post command runs.")


# Both commands --------------------------------------------------------------------------------------------------------


def _send_or_check_command(
    migration: Migration, by: str, command: str, timeout_s: int, ports: Ports
) -> tuple[Migration, CommandOutcome | None]:
    """Send the command, or check whether it has ended.

    Return the migration, and how the command ended; None while the command runs.
    """
    where, state = (migration.region_id, migration.instance_id), migration.commands
    try:
        if not state.invocation_id:
            script = command_script(migration.os_type, command)
            token = migration.client_token(migration.hop, migration.attempt, state.phase, state.runs)
            sent = ports.guest.launch_script(*where, os_type=migration.os_type, script=script, token=token, timeout_s=timeout_s)
            reason = f"{WORDS[state.phase]} runs as {sent}"
            return _record_command_progress(migration, by, reason, ports, replace(state, invocation_id=sent)), None
        result = ports.guest.command_result(*where, state.invocation_id)
    except (Refused, Permanent) as error:
        return migration, CommandOutcome(False, error.message)
    if result is not None:
        return migration, _command_outcome(result, timeout_s)
    late = state.begun_at is not None and ports.clock.now() - state.begun_at > timedelta(seconds=timeout_s) + PROBE_LIMIT
    return migration, CommandOutcome(
        False, f"no answer within {duration_in_words(timedelta(seconds=timeout_s) + PROBE_LIMIT)}"
    ) if late else None


def _command_outcome(result: CommandResult, timeout_s: int) -> CommandOutcome:
    answer = parse_command_answer(result.output)
    if answer is None:
        why = f"it took longer than {timeout_s} seconds" if result.status == "Timeout" else f"{result.status}: {result.problem}"
        return CommandOutcome(False, why.strip(" :"))
    said = f": {answer.output}" if answer.output else ""
    return CommandOutcome(answer.status == 0, f"exit code {answer.status}{said}")


def _record_command_progress(migration: Migration, by: str, reason: str, ports: Ports, commands: CommandProgress) -> Migration:
    """Record the progress of the commands in the row and in the journal. The state of the migration itself does not change."""
    now = ports.clock.now()
    due_at = now + LOOK_AGAIN if migration.state in MOVING else migration.due_at
    return advance_migration(
        ports, step_to_state(migration, migration.state, now=now, by=by, reason=reason[:500], commands=commands, due_at=due_at)
    )
