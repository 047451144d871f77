"""Probes the guest: sends the probe script, fetches its output, and reads the facts from the output."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from shared.domain.batch import BatchSummary
from shared.domain.errors import Refused
from shared.domain.events import guest_command_name
from shared.domain.guest import GuestFacts
from shared.domain.kept_commands import KeptCall
from shared.domain.migration import Migration
from shared.domain.policy import Policy
from shared.domain.timing import PROBE_TIMEOUT_S
from shared.ports.guest import CommandResult
from shared.ports.ports import Ports
from shared.probes import ProbeUnreadable, parse_probe_answer, probe_script

_SCRIPTS_FORBIDDEN = re.compile(rb"about_Execution_Policies|FullyQualifiedErrorId:UnauthorizedAccess(?!Exception)")
"""What PowerShell writes in every language if its execution policy forbids a script, without the white space that wraps lines."""


def is_batch_check_allowed(summary: BatchSummary) -> bool:
    """Whether the batch's own check may run in the guest, and whether the probe may read the batch's files there.

    The check and the files are allowed once a person has acknowledged the batch.
    """
    return summary.acknowledgement is not None and not summary.dry_run


def has_batch_check(summary: BatchSummary) -> bool:
    """Whether the batch's policy names a check or files that the probe must include."""
    policy = summary.policy
    return bool(policy.files or policy.check) or any(each.files or each.check for each in policy.commands)


def send_probe(
    migration: Migration, ports: Ports, purpose: str, summary: BatchSummary, tags: Mapping[str, str] | None = None
) -> str:
    """Start the probe in the guest, and return the invocation's id.

    Repeated calls with the same ``purpose`` and the same ``probe_count`` of the migration start only one invocation. The batch's
    files and check are included only after the acknowledgement, because foreign code needs a person's consent. Pass the instance's
    ``tags`` if the instance's facts are not stored yet.
    """
    own = _policy_for_instance(migration, summary, ports, tags) if is_batch_check_allowed(summary) else Policy()
    goal = ports.catalog.releases.get(migration.current_hop.destination)
    updates = purpose == "precheck" and goal is not None and goal.family == "rhel"
    return ports.guest.launch_script(
        migration.region_id,
        migration.instance_id,
        os_type=migration.os_type,
        script=probe_script(
            migration.os_type,
            files=own.files,
            check=own.check,
            updates=updates,
        ),
        # The token's word differs from that of older versions, because the command's name has changed since. ECS refuses a known
        # token with changed parameters.
        token=migration.client_token(migration.hop, migration.attempt, f"probe-{purpose}", migration.probe_count),
        timeout_s=PROBE_TIMEOUT_S,
        name=guest_command_name(purpose, migration.migration_id),
        # The operator's check is a command, so no kept script can contain it.
        kept=None if own.check else lambda: _kept_probe(migration.os_type, purpose, own.files, updates=updates),
    )


def _kept_probe(os_type: str, purpose: str, files: Sequence[str], *, updates: bool) -> KeptCall:
    from shared.probes.kept import kept_probe  # only a deployment that keeps commands needs it

    return kept_probe(os_type, purpose, files=files, updates=updates)


def _policy_for_instance(migration: Migration, summary: BatchSummary, ports: Ports, tags: Mapping[str, str] | None) -> Policy:
    """Return the policy with the files and the check that apply to the migration's instance."""
    policy = summary.policy
    if not policy.commands:
        return policy
    from shared.stages.commands import command_rule  # only batches with rules for single guests need it

    rule = command_rule(migration, summary, ports, tags)
    files = policy.files if rule.files is None else rule.files
    return replace(policy, files=files, check=policy.check if rule.check is None else rule.check)


def fetch_probe_answer(migration: Migration, ports: Ports) -> GuestFacts | ProbeUnreadable | None:
    """Return the guest's facts, or the reason why its answer cannot be used; None while the probe runs."""
    try:
        result = ports.guest.command_result(migration.region_id, migration.instance_id, migration.probe_invocation_id)
    except Refused as error:
        return ProbeUnreadable("Probe.NoAnswer", error.message)
    if result is None:
        return None
    return facts_from_output(migration.os_type, result)


def facts_from_output(os_type: str, result: CommandResult) -> GuestFacts | ProbeUnreadable:
    """Return the facts in a finished command's output, or the reason why the output cannot be used."""
    if result.status not in ("Success", "Finished") or result.exit_code != 0:
        if os_type == "windows" and _SCRIPTS_FORBIDDEN.search(re.sub(rb"\s", b"", result.output)):
            return ProbeUnreadable("Probe.ScriptsForbidden", "PowerShell's execution policy lets no unsigned script run")
        return ProbeUnreadable("Probe.Failed", f"{result.status}, exit code {result.exit_code}: {result.problem}".strip(" :"))
    try:
        return parse_probe_answer(os_type, result.output, truncated=result.dropped > 0)
    except ProbeUnreadable as unreadable:
        return unreadable
