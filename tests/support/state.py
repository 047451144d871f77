"""A digest of everything that an account stores. Two equal digests mean that nothing was written or done in between."""

from __future__ import annotations

import hashlib

from localcloud.core.app import Cloud

_HELD = (
    "SELECT table_id, pk, row FROM ots_rows WHERE instr(row, 'ticked_at') = 0 ORDER BY table_id, pk",
    "SELECT kind, id, doc FROM ecs_items ORDER BY kind, id",
    "SELECT kind, id, doc FROM docs WHERE kind LIKE 'smc.%' OR kind LIKE 'ecs.%' ORDER BY kind, id",
)
"""Every row of every table and index, and everything of ECS and SMC, but not the cloud's own notes about calls and deliveries.

The row with the time of the last tick is left out too: the tick writes it whatever else happens.
"""


def digest(cloud: Cloud) -> str:
    """The digest in hexadecimal."""
    found = hashlib.sha256()
    with cloud.lock:
        for query in _HELD:
            for row in cloud.db.sql.execute(query):
                found.update(repr(row).encode())
    return found.hexdigest()
