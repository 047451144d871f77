"""Reads the stored observations that earlier stages made in an instance."""

from __future__ import annotations

from shared.domain.migration import Migration
from shared.domain.observation import Observation, baseline_document_name, validation_document_name
from shared.ports.ports import Ports


def baseline_observation(migration: Migration, ports: Ports, *, hop: int | None = None) -> Observation:
    """Return what the precheck of a hop saw in the instance. Without ``hop``, the current hop's precheck is used."""
    name = baseline_document_name(migration.hop if hop is None else hop)
    return Observation.from_json(ports.migrations.stored_document(migration.migration_id, name))


def validation_observation(migration: Migration, ports: Ports) -> Observation:
    """Return what the validation of the current hop saw in the instance."""
    return Observation.from_json(ports.migrations.stored_document(migration.migration_id, validation_document_name(migration.hop)))
