"""A rollback goes on although the account lacks the command that asks the guest about its tool."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from shared.adapters.drivers.in_guest import GuestDriver
from shared.domain.catalog import CATALOG
from shared.domain.errors import Transient
from shared.domain.migration import DriverData
from shared.ports.guest import Agent
from tests.support.fakes import NOON, FakeClock
from tests.support.ports import migration

RUNNING = replace(migration(1), handle=DriverData(job_id="rp-m1-0-1", started_at=NOON))


class GuestWithoutCommand:
    """A guest whose agent is alive, and an account that refuses to launch anything."""

    def __init__(self, code: str) -> None:
        self.code = code

    def agents_by_instance_id(self, region_id: str, instance_ids: Any) -> dict[str, Agent]:
        return {each: Agent(True, NOON) for each in instance_ids}

    def command_results(self, *place: Any) -> list[Any]:
        return []

    def launch_script(self, *place: Any, **more: Any) -> str:
        raise Transient(self.code, "no", "wait")


def jobs(code: str) -> Any:
    return GuestDriver(cast(Any, GuestWithoutCommand(code)), FakeClock(NOON), CATALOG, cast(Any, None)).unfinished_jobs(RUNNING, ())


def test_a_missing_command_leaves_the_tool_unknown() -> None:
    assert [each.job_id for each in jobs("Command.NotKept")] == ["rp-m1-0-1"]


def test_any_other_failure_is_repeated() -> None:
    with pytest.raises(Transient):
        jobs("Cloud.NoAnswer")
