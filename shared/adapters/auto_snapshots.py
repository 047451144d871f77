"""Computes when the next automatic snapshot of an instance's disks is due. ECS stores the policies' days and hours in UTC+8."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

from shared.adapters.sdk import Clients
from shared.adapters.sdk_call import call_service
from shared.domain.errors import Permanent

ZONE = timezone(timedelta(hours=8))
"""The time zone of TimePoints and RepeatWeekdays in every region, as ECS documents for DescribeAutoSnapshotPolicyEx."""


def snapshot_policy_ids(disks: Iterable[Any]) -> list[str]:
    """The ids of the automatic snapshot policies that DescribeDisks shows for the disks."""
    return sorted({disk.auto_snapshot_policy_id for disk in disks if disk.auto_snapshot_policy_id})


def next_snapshot_time(clients: Clients, region_id: str, policy_ids: Iterable[str], now: datetime) -> datetime | None:
    """The time of the next automatic snapshot; None if no policy applies, or if the role lacks the permission to read the policies.

    Makes one call per policy.
    """
    runs = [next_policy_run_time(*_fetch_policy_schedule(clients, region_id, each), now) for each in policy_ids]
    return min((each for each in runs if each is not None), default=None)


def next_policy_run_time(time_points: str, weekdays: str, now: datetime) -> datetime | None:
    """The next time after ``now`` at which a policy runs; None if the policy never runs.

    The arguments ``time_points`` and ``weekdays`` are JSON lists. For example, the lists ``["0", "12"]`` and ``["1", "7"]`` mean
    0:00 and 12:00 on Monday and Sunday.
    """
    hours, days = _parsed_numbers(time_points), _parsed_numbers(weekdays)
    today = now.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    due = (
        today + timedelta(days=ahead, hours=hour)
        for ahead in range(8)
        if (today + timedelta(days=ahead)).isoweekday() in days
        for hour in hours
    )
    return next((each.astimezone(timezone.utc) for each in due if each > now), None)


def _parsed_numbers(text: str) -> list[int]:
    """The numbers in a JSON list of strings, for example ``["0", "12"]``; empty if the list cannot be parsed."""
    try:
        return sorted(int(each) for each in json.loads(text))
    except (ValueError, TypeError):
        return []


def _fetch_policy_schedule(clients: Clients, region_id: str, policy_id: str) -> tuple[str, str]:
    from alibabacloud_ecs20140526 import models

    request = models.DescribeAutoSnapshotPolicyExRequest(region_id=region_id, auto_snapshot_policy_id=policy_id)
    client = clients.ecs_client(region_id)
    try:
        body = call_service(clients, lambda runtime: client.describe_auto_snapshot_policy_ex_with_options(request, runtime))
    except Permanent:
        return "", ""
    policies = body.auto_snapshot_policies.auto_snapshot_policy if body.auto_snapshot_policies else None
    return next(((each.time_points or "", each.repeat_weekdays or "") for each in policies or ()), ("", ""))
