"""ECS and Cloud Assistant through their ports."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from localcloud.account import service
from localcloud.ecs import account_attributes as cloud_account
from shared.domain.errors import Permanent, Refused, Transient
from shared.domain.facts import AccountFacts
from shared.ports.compute import Snapshot
from tests.support.fleets import CENTOS_7, WINDOWS_2008, fleet, instance
from tests.support.ports import Bench, bench

REGION = "cn-hangzhou"


@pytest.fixture(scope="module")
def one() -> Iterator[Bench]:
    with bench() as made:
        machines = [instance(number) for number in range(1, 104)]
        machines.append(instance(200, WINDOWS_2008))
        machines.append(instance(201, CENTOS_7, InstanceType="ecs.g8y.large", InstanceTypeFamily="ecs.g8y"))
        made.world.load_fleet(fleet(*machines))
        yield made


@pytest.fixture(autouse=True)
def no_faults(one: Bench) -> Iterator[None]:
    one.faults()
    yield
    one.faults()


def test_the_fleet_is_found_page_by_page(one: Bench) -> None:
    first = one.ports.compute.instance_page(REGION)
    rest = one.ports.compute.instance_page(REGION, token=first.next_token)
    ids = [each.instance_id for each in (*first.instances, *rest.instances)]
    assert (len(first.instances), len(set(ids)), rest.next_token) == (100, 105, "")
    some = one.ports.compute.instance_page(REGION, instance_ids=["i-test0001", "i-none"])
    assert [(each.instance_id, each.name, each.os_type, each.status) for each in some.instances] == [
        ("i-test0001", "web-1", "linux", "Running")
    ]
    assert some.instances[0].os_name_en.startswith("CentOS")


def test_deletion_protection_is_switched_where_ecs_offers_it() -> None:
    paid: dict[str, Any] = {"InstanceChargeType": "PrePaid", "ExpiredTime": "2027-11-23T00:00Z"}
    with bench() as made:
        made.world.load_fleet(fleet(instance(1), instance(2, SpotStrategy="SpotAsPriceGo"), instance(3, **paid)))

        def shown() -> list[bool | None]:
            return [each.deletion_protection for each in made.ports.compute.instance_page(REGION).instances]

        assert shown() == [False, None, None]
        for on in (True, False):
            made.ports.compute.change_deletion_protection(REGION, "i-test0001", on)
            assert shown() == [on, None, None]
        with pytest.raises(Permanent, match="ChargeTypeViolation"):
            made.ports.compute.change_deletion_protection(REGION, "i-test0002", True)
        with pytest.raises(Refused, match="NotFound"):
            made.ports.compute.change_deletion_protection(REGION, "i-none", True)


def test_the_hosts_at_an_address_are_found_page_by_page() -> None:
    """Every VPC may use the same addresses."""
    with bench() as made:
        twins = [
            instance(number, VpcAttributes={"VpcId": f"vpc-{number}", "PrivateIpAddress": {"IpAddress": ["10.0.0.5"]}})
            for number in range(1, 103)
        ]
        made.world.load_fleet(fleet(*twins, instance(500)))
        found = made.ports.compute.hostnames_at_addresses(REGION, ["10.0.0.5"])
        assert found == {f"i-test{number:04d}": f"web-{number}" for number in range(1, 103)}
        assert made.calls(lambda: made.ports.compute.hostnames_at_addresses(REGION, [])) == []


def test_an_instance_is_described_as_facts(one: Bench) -> None:
    facts = one.ports.compute.instance_facts(REGION, "i-test0001")
    assert (facts.cpu, facts.memory_mib, facts.os_type, facts.architecture) == (4, 8192, "linux", "x86_64")
    assert facts.private_ips
    assert facts.agent_heartbeat_at is not None
    assert [disk.kind for disk in facts.disks][:1] == ["system"]
    assert (facts.snapshots_in_progress, facts.locked, facts.spot) == ((), (), False)
    assert one.ports.compute.instance_facts(REGION, "i-test0200").os_type == "windows"
    assert one.ports.compute.instance_facts(REGION, "i-test0201").architecture == "arm64"
    with pytest.raises(Refused) as caught:
        one.ports.compute.instance_facts(REGION, "i-none")
    assert caught.value.code == "Instance.NotFound"


def make(one: Bench, instance_id: str, token: str) -> tuple[str, str]:
    disk = one.ports.compute.disks_of_instance(REGION, instance_id)[0].disk_id
    made = one.ports.compute.create_snapshot(REGION, disk, name=f"replank-m1-0-1-{disk}", token=token, migration_id="m1")
    return disk, made


def snapshot(one: Bench, snapshot_id: str) -> Snapshot | None:
    return one.ports.compute.snapshots_by_id(REGION, [snapshot_id]).get(snapshot_id)


def finished(one: Bench, snapshot_id: str) -> bool:
    found = snapshot(one, snapshot_id)
    return found is not None and found.status == "accomplished"


def test_a_snapshot_is_made_once_per_token_finishes_and_goes(one: Bench) -> None:
    compute = one.ports.compute
    one.faults({"service": "ecs", "operation": "CreateSnapshot", "kind": "drop_after", "times": 1})
    disk, made = make(one, "i-test0002", "rp-m1-a")
    assert make(one, "i-test0002", "rp-m1-a") == (disk, made)
    found = snapshot(one, made)
    assert found is not None
    assert (found.disk_id, found.status, found.name) == (disk, "progressing", f"replank-m1-0-1-{disk}")
    assert one.ports.compute.instance_facts(REGION, "i-test0002").snapshots_in_progress == (made,)
    with pytest.raises(Transient):
        make(one, "i-test0002", "rp-m1-b")
    one.until(lambda: finished(one, made), minutes=120)
    assert [each.snapshot_id for each in compute.snapshots_of_instance(REGION, "i-test0002")] == [made]
    assert compute.instance_facts(REGION, "i-test0002").disks[0].snapshot_count == 1
    assert compute.delete_snapshot(REGION, made)
    assert compute.delete_snapshot(REGION, made)
    assert compute.snapshots_by_id(REGION, [made, "s-none"]) == {}
    assert compute.snapshots_by_id(REGION, []) == {}


def test_whether_a_disk_can_be_reset_is_asked_without_resetting_it(one: Bench) -> None:
    compute = one.ports.compute
    disk, made = make(one, "i-test0003", "rp-m1-d")
    one.until(lambda: finished(one, made), minutes=120)
    with pytest.raises(Transient):
        compute.check_disk_reset(REGION, disk, made)  # the instance is running
    compute.stop_instance(REGION, "i-test0003")
    one.until(lambda: compute.instance_statuses(REGION, ["i-test0003"]) == {"i-test0003": "Stopped"})
    # A stop without charges may lose the public address, and the capacity to start again.
    assert service(one.world.cloud, "ecs").world.instance("i-test0003")["StoppedMode"] == "KeepCharging"
    compute.check_disk_reset(REGION, disk, made)
    assert {each.status for each in compute.disks_of_instance(REGION, "i-test0003")} == {"In_use"}
    with pytest.raises(Refused) as caught:
        compute.check_disk_reset(REGION, disk, "s-none")
    assert caught.value.code == "Snapshot.NotFound"
    compute.start_instance(REGION, "i-test0003")
    one.until(lambda: compute.instance_statuses(REGION, ["i-test0003"]) == {"i-test0003": "Running"})


def test_stop_reset_and_start_may_each_be_asked_again(one: Bench) -> None:
    compute = one.ports.compute
    disk, made = make(one, "i-test0003", "rp-m1-c")
    one.until(lambda: finished(one, made), minutes=120)
    with pytest.raises(Transient):
        compute.reset_disk(REGION, disk, made)  # the instance is running
    for _ in range(2):
        compute.stop_instance(REGION, "i-test0003")
    one.until(lambda: compute.instance_statuses(REGION, ["i-test0003"]) == {"i-test0003": "Stopped"})
    compute.stop_instance(REGION, "i-test0003")
    compute.reset_disk(REGION, disk, made)
    with pytest.raises(Transient):
        compute.reset_disk(REGION, disk, made)  # ECS does not say whose reset is in progress, or from which snapshot
    one.world.run(30)
    compute.reset_disk(REGION, disk, made)
    one.world.run(30)
    for _ in range(2):
        compute.start_instance(REGION, "i-test0003")
    one.until(lambda: compute.instance_statuses(REGION, ["i-test0003", "i-none"]) == {"i-test0003": "Running"})
    compute.start_instance(REGION, "i-test0003")


def test_throttling_is_waited_out_and_a_denial_names_the_permission(one: Bench) -> None:
    one.faults({"service": "ecs", "operation": "DescribeInstances", "kind": "throttle", "times": 2})
    assert one.calls(lambda: one.ports.compute.instance_statuses(REGION, ["i-test0001"])) == ["DescribeInstances"] * 3
    one.faults({"service": "ecs", "operation": "DescribeInstances", "kind": "throttle", "times": -1})
    with pytest.raises(Transient) as throttled:
        one.ports.compute.instance_statuses(REGION, ["i-test0001"])
    assert throttled.value.code == "Throttling.User"
    one.faults({"service": "ecs", "operation": "DescribeInstances", "code": "Forbidden.RAM", "status": 403, "times": 1})
    with pytest.raises(Permanent) as denied:
        one.ports.compute.instance_statuses(REGION, ["i-test0001"])
    assert "permission" in denied.value.remedy


def test_a_script_runs_once_per_token_and_its_output_comes_back_as_bytes(one: Bench) -> None:
    guest = one.ports.guest

    def run(script: str, token: str) -> str:
        return guest.launch_script(REGION, "i-test0004", os_type="linux", script=script, token=token, timeout_s=60)

    invocation = run("printf 'grüß\\000'; exit 3", "rp-m1-run")
    assert run("printf 'grüß\\000'; exit 3", "rp-m1-run") == invocation
    assert guest.command_result(REGION, "i-test0004", invocation) is None
    result = one.until(lambda: guest.command_result(REGION, "i-test0004", invocation))
    assert (result.exit_code, result.output, result.dropped) == (3, "grüß\0".encode(), 0)
    assert result.status == "Failed"
    assert guest.command_result(REGION, "i-test0004", "t-none") is None


def test_agents_tell_their_last_heartbeat(one: Bench) -> None:
    agents = one.ports.guest.agents_by_instance_id(REGION, ["i-test0005", "i-none"])
    assert list(agents) == ["i-test0005"]
    assert agents["i-test0005"].alive
    assert agents["i-test0005"].heartbeat_at is not None
    assert one.ports.guest.agents_by_instance_id(REGION, []) == {}


def test_the_account_is_asked_once_for_two_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    with bench("precheck") as one:
        one.world.load_fleet(fleet(instance(1)))
        calls = one.calls(lambda: [one.ports.compute.account_facts(REGION) for _ in range(3)])
        assert calls == ["DescribeAccountAttributes", "DescribeSnapshots"]
        assert one.ports.compute.account_facts(REGION) == AccountFacts(), "no snapshot yet: nothing is known of the service"
        make(one, "i-test0001", "rp-m1-a")
        assert one.ports.compute.account_facts(REGION).snapshot_service is None
        monkeypatch.setattr("shared.adapters.account_facts.FACTS_CACHED_FOR", timedelta(0))
        assert one.ports.compute.account_facts(REGION).snapshot_service is True


@pytest.mark.parametrize(
    ("operation", "code", "known"),
    [
        ("DescribeSnapshots", "InvalidAccountStatus.SnapshotServiceUnavailable", AccountFacts(snapshot_service=False)),
        ("DescribeSnapshots", "Forbidden.RAM", AccountFacts()),
        ("DescribeAccountAttributes", "InvalidAccountStatus.Locked", AccountFacts(problems=("InvalidAccountStatus.Locked",))),
    ],
)
def test_what_the_account_is_refused_is_a_fact_or_unknown(operation: str, code: str, known: AccountFacts) -> None:
    with bench("precheck") as one:
        one.faults({"service": "ecs", "operation": operation, "kind": "error", "code": code, "status": 403, "times": 9})
        assert one.ports.compute.account_facts(REGION) == known


def test_an_account_without_a_real_name_has_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cloud_account._ATTRIBUTES, "real-name-authentication", ["no"])
    with bench("precheck") as one:
        assert one.ports.compute.account_facts(REGION).problems == ("RealNameAuthenticationError",)


def test_the_limit_of_data_disks_is_asked_once_per_type_and_for_windows_alone() -> None:
    with bench("precheck") as one:
        one.world.load_fleet(fleet(instance(1, WINDOWS_2008), instance(2, WINDOWS_2008), instance(3)))
        found: list[int | None] = []
        calls = one.calls(lambda: found.extend(limit_of(one, number) for number in (1, 2, 3)))
        assert calls.count("DescribeInstanceTypes") == 1
        assert found == [16, 16, None], "17 cloud disks, the system disk among them"


def test_a_role_that_may_not_ask_for_types_leaves_the_limit_unknown() -> None:
    with bench("precheck") as one:
        one.world.load_fleet(fleet(instance(1, WINDOWS_2008)))
        denied = {"service": "ecs", "operation": "DescribeInstanceTypes", "kind": "error", "code": "Forbidden.RAM", "status": 403}
        one.faults({**denied, "times": 1})
        assert limit_of(one, 1) is None
        assert limit_of(one, 1) == 16, "a refusal is not kept"


def limit_of(one: Bench, number: int) -> int | None:
    return one.ports.compute.instance_facts(REGION, f"i-test{number:04d}", schedule=True).data_disk_limit
