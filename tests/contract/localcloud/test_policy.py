"""What the statements of a role allow."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.core.db import Db
from localcloud.core.policy import Policies

ALLOW = {"Effect": "Allow", "Action": "ecs:*", "Resource": "*"}
DENY = {"Effect": "Deny", "Action": "ecs:DeleteSnapshot", "Resource": "acs:ecs:*:*:snapshot/s-kept"}


def allowed(action: str, resource: str, *statements: dict[str, Any]) -> bool:
    policies = Policies(Db(None))
    policies.set_role("sweep", statements)
    return policies.allows("role:sweep", action, f"acs:ecs:cn-hangzhou:1:{resource}")


@pytest.mark.parametrize("statements", [(ALLOW, DENY), (DENY, ALLOW)], ids=("last", "first"))
def test_a_deny_wins_wherever_it_stands(statements: tuple[dict[str, Any], ...]) -> None:
    assert not allowed("ecs:DeleteSnapshot", "snapshot/s-kept", *statements)
    assert allowed("ecs:DeleteSnapshot", "snapshot/s-other", *statements)
    assert allowed("ecs:StopInstance", "instance/i-1", *statements)


def test_what_no_statement_allows_is_refused() -> None:
    assert not allowed("ecs:StopInstance", "instance/i-1")
    assert not allowed("ecs:StopInstance", "instance/i-1", DENY)
    assert not allowed("smc:StartReplicationJob", "job/j-1", ALLOW)
