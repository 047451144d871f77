"""When automatic snapshots are due, computed from ECS's description of their policies."""

from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from shared.adapters.auto_snapshots import next_policy_run_time, next_snapshot_time, snapshot_policy_ids
from shared.adapters.sdk import Account, Clients, Credentials
from shared.domain.retry import RetryPolicy

MONDAY = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
"""20:00 in UTC+8."""


@pytest.mark.parametrize(
    ("hours", "days", "due"),
    [
        ('["22"]', '["1"]', datetime(2026, 11, 23, 14, tzinfo=timezone.utc)),
        ('["0", "20"]', '["1", "2"]', datetime(2026, 11, 23, 16, tzinfo=timezone.utc)),
        ('["3"]', '["1"]', datetime(2026, 11, 29, 19, tzinfo=timezone.utc)),
        ("[]", '["1"]', None),
        ('["1"]', "", None),
        ("x", "{}", None),
        ("7", "7", None),
    ],
)
def test_the_next_run_is_found(hours: str, days: str, due: datetime | None) -> None:
    assert next_policy_run_time(hours, days, MONDAY) == due


class EcsOfPolicies:
    """Answers like ECS's client for one policy. All other calls are refused."""

    def describe_auto_snapshot_policy_ex_with_options(self, request: Any, runtime: Any) -> Any:
        if request.auto_snapshot_policy_id != "sp-1":
            from Tea.exceptions import TeaException

            raise TeaException({"code": "Forbidden.RAM", "message": "no", "data": {"statusCode": 403}})
        policy = SimpleNamespace(time_points='["22"]', repeat_weekdays='["1"]')
        body = SimpleNamespace(auto_snapshot_policies=SimpleNamespace(auto_snapshot_policy=[policy]))
        return SimpleNamespace(body=body)


def test_the_policies_of_the_disks_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    clients = Clients(Account("cn-hangzhou", "1", Credentials("id", "secret"), "replank"), retry=RetryPolicy(calls=4))
    monkeypatch.setattr(clients, "ecs_client", lambda region_id: EcsOfPolicies())
    disks = [SimpleNamespace(auto_snapshot_policy_id=each) for each in ("sp-1", None, "sp-1", "sp-2")]
    assert snapshot_policy_ids(disks) == ["sp-1", "sp-2"]
    assert next_snapshot_time(clients, "cn-hangzhou", snapshot_policy_ids(disks), MONDAY) == datetime(
        2026, 11, 23, 14, tzinfo=timezone.utc
    )
    assert next_snapshot_time(clients, "cn-hangzhou", ["sp-2"], MONDAY) is None
    assert next_snapshot_time(clients, "cn-hangzhou", [], MONDAY) is None
