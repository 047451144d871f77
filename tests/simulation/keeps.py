"""Which seeds keep Replank's scripts as commands of the account, and how often persons delete such commands."""

from __future__ import annotations

import random
from typing import Any

SHARE, OF_TOOLS, WITH_ROLE = 0.08, 0.3, 0.5
"""The share of seeds that keep commands, the same share of the seeds with the guest driver, and the share of seeds with kept
commands in which text of persons has a role of its own.
"""
DELETED = "commands_deleted"
RATE = 0.005
"""How often a person deletes kept commands, per minute."""


def drawn(seed: int, by_tools: bool) -> dict[str, Any]:
    """The fields of the scenario that say whether the deployment keeps commands, and the rate of the fault."""
    rng = random.Random(f"keeps:{seed}")
    if rng.random() >= (OF_TOOLS if by_tools else SHARE):
        return {"keeps_commands": False, "run_role": False, "rates": {}}
    return {"keeps_commands": True, "run_role": rng.random() < WITH_ROLE, "rates": {DELETED: RATE * rng.choice((0, 1, 2))}}
