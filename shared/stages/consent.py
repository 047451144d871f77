"""Checks, before any change to an instance, that a person's acknowledgement covers the migration."""

from __future__ import annotations

from shared.domain.batch import Batch
from shared.domain.chosen import why_not_acknowledged
from shared.domain.errors import Permanent
from shared.domain.migration import Migration
from shared.ports.ports import Ports


def require_acknowledgement(batch: Batch, migration: Migration, ports: Ports) -> None:
    """Raise Permanent (Batch.NotSelected) unless the acknowledgement covers this migration."""
    why = why_not_acknowledged(batch, migration, ports.catalog)
    if why:
        what = f"The acknowledgement of batch {batch.batch_id} does not cover {migration.instance_id}: {why}."
        raise Permanent("Batch.NotSelected", what, "Cancel the migration. To move the instance, submit a batch that names it.")
