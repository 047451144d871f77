"""Every call that leaves the pipeline goes through one of the real SDKs: watched at the socket and at the transport."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

from localcloud.core.http import Request, Response
from tests.e2e.test_pipeline import migrate, only
from tests.support.fleets import fleet, instance
from tests.support.world import World

SDKS = ("tablestore", "alibabacloud_eventbridge", "alibabacloud_ecs20140526", "alibabacloud_smc20190601", "fc2")
"""The five packages; each call must have one of them on its stack."""
BASE = "alibabacloud_tea_openapi"
"""What the ECS and SMC packages are made of: the one call with an unpublished parameter uses the SMC client's own base class."""


class Spy:
    """Stands between the SDKs and the cloud, and notes for each call of a function which SDK made it."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()
        self.strangers: list[str] = []

    def around(self, handle: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def watch(request: Request) -> Response:
            packages = _packages(sys._getframe())
            if "shared" in packages and "/http/" not in request.target:
                used = [sdk for sdk in (*SDKS, BASE) if sdk in packages]
                if used:
                    self.seen.add((used[0], request.target.partition("?")[0]))
                else:
                    self.strangers.append(request.target)
            return handle(request)

        return watch


def _packages(frame: FrameType | None) -> set[str]:
    """The top-level packages of the modules on the stack."""
    found = set()
    while frame is not None:
        found.add(str(frame.f_globals.get("__name__", "")).partition(".")[0])
        frame = frame.f_back
    return found


def test_every_call_of_every_stage_has_a_real_sdk_on_its_stack_and_none_opens_a_socket() -> None:
    connections: list[object] = []
    watching = True

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event == "socket.connect":
            connections.append(arguments[1])

    sys.addaudithook(audit)  # cannot be removed, so it is switched off below
    spy = Spy()
    try:
        with World(around=spy.around).connected() as world:
            world.load_fleet(fleet(instance(1)))
            migrate(world, "i-test0001")
            world.run_until(lambda: only(world)["state"] == "migrated", minutes=8 * 60)
            world.api.post(f"/migrations/{only(world)['migrationId']}/rollback", {})
            world.run_until(lambda: only(world)["state"] == "rolled_back", minutes=3 * 60)
    finally:
        watching = False
    assert spy.strangers == []
    assert connections == [], "everything went through urllib3's pool, which the SDKs end in"
    assert {sdk for sdk, _ in spy.seen} - {BASE} == set(SDKS) - {"fc2"}, "fc2 is the operator's: `replank invoke`"
