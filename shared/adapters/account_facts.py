"""Reads an account's facts from ECS, with two calls per region, and caches the facts for two minutes.

Two facts stay unknown, because no read-only call shows them: SMC's quotas, and whether SMC is authorised (docs/assumptions.md).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from shared.adapters.sdk import Clients
from shared.adapters.sdk_call import call_service
from shared.domain.errors import Permanent
from shared.domain.facts import AccountFacts
from shared.ports.clock import Clock

FACTS_CACHED_FOR = timedelta(minutes=2)
"""How long an account's facts are cached.

After a person tops up the account, the pipeline still uses the old facts for at most two minutes.
"""
REAL_NAME = "real-name-authentication"
_UNAVAILABLE = "InvalidAccountStatus.SnapshotServiceUnavailable"


class AccountFactsReader:
    """Reads the account's facts from ECS, and caches the facts of each region."""

    def __init__(self, clients: Clients, clock: Clock) -> None:
        self._clients, self._clock = clients, clock
        self._known: dict[str, tuple[datetime, AccountFacts]] = {}

    def account_facts(self, region_id: str) -> AccountFacts:
        """The facts about the account in a region. A fact stays unknown if the role lacks the permission to read it. Raises
        Transient.
        """
        now = self._clock.now()
        asked_at, found = self._known.get(region_id, (None, AccountFacts()))
        if asked_at is None or not timedelta(0) <= now - asked_at < FACTS_CACHED_FOR:
            found = self._fetch_account_facts(region_id)
            self._known[region_id] = (now, found)
        return found

    def _fetch_account_facts(self, region_id: str) -> AccountFacts:
        attributes, first = _call_and_catch_refusal(lambda: self._fetch_account_attributes(region_id))
        snapshots, second = _call_and_catch_refusal(lambda: self._has_snapshots(region_id))
        problems = [code for code in (first, second) if code.startswith("InvalidAccountStatus") and code != _UNAVAILABLE]
        if attributes and attributes.get(REAL_NAME) == ["no"]:
            problems.append("RealNameAuthenticationError")
        # an account without snapshots may have the service active or not
        active = False if second == _UNAVAILABLE else True if snapshots else None
        return AccountFacts(snapshot_service=active, problems=tuple(dict.fromkeys(problems)))

    def _fetch_account_attributes(self, region_id: str) -> dict[str, list[str]]:
        from alibabacloud_ecs20140526 import models

        request = models.DescribeAccountAttributesRequest(region_id=region_id, attribute_name=[REAL_NAME])
        client = self._clients.ecs_client(region_id)
        body = call_service(self._clients, lambda runtime: client.describe_account_attributes_with_options(request, runtime))
        items = body.account_attribute_items.account_attribute_item if body.account_attribute_items else None
        return {each.attribute_name: _attribute_values(each) for each in items or ()}

    def _has_snapshots(self, region_id: str) -> bool:
        from alibabacloud_ecs20140526 import models

        request = models.DescribeSnapshotsRequest(region_id=region_id, max_results=1)
        client = self._clients.ecs_client(region_id)
        body = call_service(self._clients, lambda runtime: client.describe_snapshots_with_options(request, runtime))
        return bool(body.snapshots and body.snapshots.snapshot)


def _attribute_values(item: Any) -> list[str]:
    values = item.attribute_values.value_item if item.attribute_values else None
    return [each.value for each in values or ()]


def _call_and_catch_refusal(ask: Callable[[], Any]) -> tuple[Any, str]:
    """Call ECS. Returns the answer and an empty error code.

    If ECS refuses the call, returns None and the error code of the refusal.
    """
    try:
        return ask(), ""
    except Permanent as error:
        return None, error.code
