"""The ports with the real adapters and SDKs, against a local cloud in this process."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from localcloud.core.calls import CallRecord
from shared.domain.hop import Hop
from shared.domain.migration import Migration, State
from shared.ports.ports import Ports
from shared.runtime.composition import function_credentials, make_ports
from shared.runtime.settings import Settings, read_settings
from tests.support.world import World
from tools.deployed.product import URL

T0 = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)


@dataclass(frozen=True)
class CloudClock:
    """The clock port with the virtual time of a world's cloud. It is the same in every run and on every day."""

    world: World

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.world.cloud.clock.now_ms() / 1000, timezone.utc)


@dataclass
class Bench:
    """A world and the ports of one function in it. The function acts as the account's owner."""

    world: World
    ports: Ports

    @property
    def now(self) -> datetime:
        """The cloud's virtual time."""
        return CloudClock(self.world).now()

    def faults(self, *rules: dict[str, Any]) -> None:
        """Make the cloud misbehave; see ``localcloud.core.faults``."""
        self.world.cloud.faults.set(list(rules))

    def calls(self, act: Callable[[], Any]) -> list[str]:
        """The operations that ``act`` sent to the cloud."""
        log: list[str] = []
        add = self.world.cloud.calls.add

        def noted(record: CallRecord) -> None:
            log.append(record.operation)
            add(record)

        self.world.cloud.calls.add = noted  # type: ignore[method-assign]
        try:
            act()
        finally:
            self.world.cloud.calls.add = add  # type: ignore[method-assign]
        return log

    def until(self, ask: Callable[[], Any], *, minutes: int = 30) -> Any:
        """Ask every virtual minute until the answer is true."""
        for _ in range(minutes):
            answer = ask()
            if answer:
                return answer
            self.world.run(1)
        raise AssertionError(f"no answer within {minutes} minutes")


def settings(**more: str) -> Settings:
    """The settings of a function in the local cloud, without delays between attempts."""
    endpoints = {f"REPLANK_{name}_ENDPOINT": URL for name in ("TABLESTORE", "EVENTBRIDGE", "ECS", "SMC", "STS")}
    own = {
        "REPLANK_REGION": "cn-hangzhou",
        "REPLANK_RETRY_PAUSE_MS": "0",
        "REPLANK_SMC_IMPORT_LINUX": "/smc/go2aliyun_client import {token_id} {token_code}",
        "REPLANK_SMC_TARGET_VALUES": json.dumps({"alinux-3": "Alibaba Cloud Linux 3", "rhel-9": "Not a release"}),
    }
    return read_settings({**endpoints, **own, **more})


@contextmanager
def bench(function: str = "watch", **more: str) -> Iterator[Bench]:
    """The ports of a function against a new world. Nothing runs by itself, because the functions' timers are off."""
    world = World()
    without_timers(world)
    with world.connected():
        yield Bench(world, make_ports(function, settings(**more), function_credentials(os.environ, None), CloudClock(world)))


def without_timers(world: World) -> None:
    scheduler = world.cloud.scheduler
    with world.cloud.db.transaction():
        while scheduler.due(world.cloud.clock.now_ms() + 86_400_000 * 2, limit=1):
            scheduler.take(scheduler.due(world.cloud.clock.now_ms() + 86_400_000 * 2, limit=1)[0])


def migration(number: int = 1, **more: Any) -> Migration:
    """A migration of instance ``i-test000<number>``, by default accepted at T0."""
    made = Migration(
        migration_id=f"m{number:016x}",
        batch_id="b0000000000000001",
        instance_id=f"i-test{number:04d}",
        region_id="cn-hangzhou",
        state=State.ACCEPTED,
        version=1,
        entered_version=1,
        entered_at=T0,
        created_at=T0,
        hops=(Hop("centos-7", "alinux-3"),),
    )
    return replace(made, **more)
