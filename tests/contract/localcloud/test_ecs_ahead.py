"""Scripts that run ahead, as soon as their command is accepted: only the time they take may differ."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from alibabacloud_ecs20140526 import models as ecs

from localcloud.ecs import Ecs
from localcloud.ecs.guest import ahead
from tests.contract.localcloud.ecs_support import CENTOS, REGION, WINDOWS, Account, account


@pytest.fixture
def cloud() -> Iterator[Account]:
    with account() as made:
        made.load()
        yield made


def begun(cloud: Account) -> ahead.Ahead:
    """The runs that the account's ECS has started ahead."""
    service = cloud.cloud.services[0]
    assert isinstance(service, Ecs)
    return service.runs.ahead


def output(cloud: Account, invoke: str) -> str:
    return base64.b64decode(cloud.result(invoke).output).decode()


def test_it_begins_before_its_time_and_shows_nothing_yet(cloud: Account, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    os.mkfifo(mark)
    invoke = cloud.begin(CENTOS, f"echo ran >{mark}; hostname")
    assert mark.read_text() == "ran\n"
    assert (cloud.result(invoke).invocation_status, cloud.result(invoke).output) == ("Pending", "")
    cloud.pass_minutes(1)
    assert output(cloud, invoke) == "web1\n"


@pytest.mark.parametrize("machine", [CENTOS, WINDOWS])
def test_the_answer_is_that_of_a_run_in_time(monkeypatch: pytest.MonkeyPatch, machine: str) -> None:
    shown = []
    script = (
        'date; cat "$GUEST_ROOT/proc/uptime" "$GUEST_ROOT/proc/sys/kernel/random/boot_id"; sleep 3' if machine == CENTOS else "x"
    )
    for running in (4, 0):
        monkeypatch.setattr(ahead, "RUNNING", running)
        with account() as made:
            made.load()
            result, text = made.run(machine, script)
            shown.append((text, result.start_time, result.finished_time, made.digests(machine)))
    assert shown[0] == shown[1]


def test_a_disk_changed_meanwhile_is_read_as_it_is(cloud: Account) -> None:
    writes = [cloud.begin(CENTOS, 'echo one >"$GUEST_ROOT/etc/mark"') for _ in range(3)]
    read = [cloud.begin(CENTOS, 'cat "$GUEST_ROOT/etc/mark"') for _ in range(6)]
    cloud.pass_minutes(1)
    times = {each: cloud.result(each).start_time for each in read}
    written = min(cloud.result(each).start_time for each in writes)
    later = [each for each in read if times[each] > written]
    assert later, "of six commands one at least starts after the first write"
    assert {output(cloud, each) for each in later} == {"one\n"}


def test_a_restart_meanwhile_spoils_it(cloud: Account) -> None:
    invoke = cloud.begin(CENTOS, "true")
    cloud.ecs.stop_instance(ecs.StopInstanceRequest(instance_id=CENTOS))
    cloud.pass_minutes(1)
    assert cloud.result(invoke).error_code == "InstanceNotRunning"
    assert not begun(cloud).keys()


def test_what_is_stopped_ends(cloud: Account) -> None:
    invoke = cloud.begin(CENTOS, "sleep 50")
    (shell,) = (each.shell for each in begun(cloud).runs())
    cloud.ecs.stop_invocation(ecs.StopInvocationRequest(region_id=REGION, invoke_id=invoke))
    assert shell.collect()
    assert not begun(cloud).keys()


def test_only_so_many_run_at_a_time(cloud: Account) -> None:
    instances = [{"InstanceId": f"i-{n}", "HostName": f"h{n}"} for n in range(9)]
    cloud.load(instances)
    invokes = [cloud.begin(each["InstanceId"], "sleep 1; hostname") for each in instances]
    assert len(begun(cloud).runs()) == ahead.RUNNING
    assert len(begun(cloud).keys()) == len(instances)
    cloud.pass_minutes(1)
    assert [output(cloud, each) for each in invokes] == [f"h{n}\n" for n in range(9)]
    assert not begun(cloud).keys()


def test_a_script_that_never_stops_talking_is_ended(cloud: Account) -> None:
    result, text = cloud.run(CENTOS, "sleep 61; yes", timeout=60)
    assert (result.error_code, text) == ("ExecutionTimeout", "")
