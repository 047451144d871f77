"""Reads what an earlier stage stored about an instance."""

from __future__ import annotations

from shared.domain.migration import Migration
from shared.domain.observation import Observation, after_name, baseline_name
from shared.ports.ports import Ports


def baseline_observation(migration: Migration, ports: Ports, *, hop: int | None = None) -> Observation:
    """What the precheck of a hop saw; the current hop if none is named."""
    name = baseline_name(migration.hop if hop is None else hop)
    return Observation.from_json(ports.migrations.document(migration.migration_id, name))


def validation_observation(migration: Migration, ports: Ports) -> Observation:
    """What the validation of the current hop saw."""
    return Observation.from_json(ports.migrations.document(migration.migration_id, after_name(migration.hop)))
