"""Rolls back a migration that failed its validation, if the acknowledgement of its batch allows automatic rollbacks."""

from __future__ import annotations

import logging

from shared.domain import acts, approvals
from shared.domain.batch import Batch
from shared.domain.chosen import may_roll_back_automatically
from shared.domain.effects import RollBackUnasked
from shared.domain.errors import Refused, Transient
from shared.domain.migration import Migration, State
from shared.ports.ports import Ports
from shared.stages.advance import advance_migration
from shared.stages.rollback_approvals import rollback_approval_status

_LOG = logging.getLogger("replank")


def roll_back_automatically(effect: RollBackUnasked, migration: Migration, ports: Ports) -> None:
    """Begin the rollback of a migration that failed its validation. Do nothing if a person has already acted on the migration.

    Raises Transient while the deployment's hold is set, or while an approval is missing.
    """
    row = ports.migrations.load(migration.migration_id)
    if row.state is not State.FAILED or row.entered_version != effect.version:
        return
    batch = ports.batches.load(row.batch_id)
    given = batch.acknowledgement
    if given is None or not may_roll_back_automatically(batch):
        _LOG.warning("no automatic rollback: nobody has acknowledged it for this policy", extra={"migrationId": row.migration_id})
        return
    held = why_automatic_rollback_waits(row, batch, ports)
    if held:
        raise Transient("Rollback.Held", f"{row.migration_id} is not rolled back yet: {held}.")
    try:
        advance_migration(ports, acts.begin_automatic_rollback(row, given, ports.clock.now()))
    except Refused as error:  # the migration then waits for a person
        _LOG.warning("no automatic rollback: %s", error, extra={"migrationId": row.migration_id})


def why_automatic_rollback_waits(migration: Migration, batch: Batch, ports: Ports) -> str:
    """Return, in words, what delays an automatic rollback; empty if nothing delays the rollback."""
    hold = ports.admission.current_hold()
    if hold.is_held:
        return hold.reason
    return approvals.missing_approvals_in_words(
        rollback_approval_status(batch, migration, ports.clock.now(), ports), batch.batch_id
    )
