"""Loading fleets: plain records are enough, facts are used, and an invalid document is reported and loads nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from alibabacloud_ecs20140526 import models as ecs
from jsonschema import Draft202012Validator

from localcloud.core.hooks import offered
from localcloud.ecs.fleet_check import SCHEMA, FleetInvalid, check
from tests.contract.localcloud.ecs_support import REGION, Account, account

BARE = {"InstanceId": "i-1"}


@pytest.fixture
def cloud() -> Iterator[Account]:
    with account() as made:
        yield made


def document(*records: Any, **more: Any) -> dict[str, Any]:
    return {"pages": [{"Instances": {"Instance": list(records)}}], **more}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "fleet: [] is not of type 'object'"),
        ({}, "fleet: 'pages' is a required property"),
        ({"pages": [{}]}, "pages[0]: 'Instances' is a required property"),
        ({"pages": [], "guest": {}}, "fleet: Additional properties are not allowed ('guest' was unexpected)"),
        (document({"InstanceId": 7}), "pages[0].Instances.Instance[0].InstanceId: 7 is not of type 'string'"),
        (document({}), "pages[0].Instances.Instance[0]: 'InstanceId' is a required property"),
        (document(BARE, BARE), "pages[0].Instances.Instance[1].InstanceId: i-1 occurs twice"),
        (document({**BARE, "RegionId": "mars"}), "pages[0].Instances.Instance[0].RegionId: 'mars' is no region known here"),
        (document({**BARE, "Cpu": "two"}), "pages[0].Instances.Instance[0].Cpu: 'two' is not of type 'integer'"),
        (document({**BARE, "Status": "Gone"}), "pages[0].Instances.Instance[0].Status: 'Gone' is not one of ['Running', 'Stopped'"),
        (document(BARE, guests={"i-2": {}}), "guests.i-2: no instance of that id is in pages"),
        (document(BARE, guests={"i-1": {"kernal": "x"}}), "guests.i-1: Additional properties are not allowed ('kernal'"),
        (document(BARE, guests={"i-1": {"services": None}}), "guests.i-1.services: None is not of type 'array'"),
        (
            document(BARE, guests={"i-1": {"disks": [{"size_gib": "1"}]}}),
            "guests.i-1.disks[0].size_gib: '1' is not of type 'integer'",
        ),
        (
            document(BARE, guests={"i-1": {"disks": [{"files": {"/../x": ""}}]}}),
            "guests.i-1.disks[0].files: '/../x' does not match",
        ),
        (document(BARE, guests={"i-1": {"smc": {"fails": 1}}}), "guests.i-1.smc: Additional properties are not allowed ('fails'"),
        (document(BARE, faults={"event_form": 1}), "faults.event_form: 1 is not"),
        (document(BARE, faults={"weather": "bad"}), "faults: Additional properties are not allowed ('weather'"),
    ],
)
def test_what_is_wrong_is_named_and_loads_nothing(cloud: Account, wrong: Any, message: str) -> None:
    with pytest.raises(FleetInvalid) as caught:
        offered(cloud.cloud.hooks.load_fleet)(wrong)
    assert str(caught.value).startswith(message)
    assert cloud.ecs.describe_instances(ecs.DescribeInstancesRequest(region_id=REGION)).body.total_count == 0


def test_everything_that_is_wrong_is_told_at_once() -> None:
    wrong = document({**BARE, "Cpu": 0}, {"InstanceId": "x"}, guests={"i-1": {"users": [1], "arch": "sparc"}})
    with pytest.raises(FleetInvalid) as caught:
        check(wrong)
    told = str(caught.value).splitlines()
    assert {line.partition(":")[0] for line in told} == {
        "pages[0].Instances.Instance[0].Cpu",
        "pages[0].Instances.Instance[1].InstanceId",
        "guests.i-1.users[0]",
        "guests.i-1.arch",
    }


def test_the_schema_is_sound_and_describes_every_fact() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    for name in ("guest", "disk", "smc", "faults"):
        for field, shape in SCHEMA["$defs"][name]["properties"].items():
            assert shape.get("description") or "$ref" in shape, f"{name}.{field}"


@pytest.mark.parametrize(
    ("os_name", "os_type", "expected"),
    [
        ("CentOS  7.6 64 位", "linux", "centos 7 CentOS Linux release 7.6.2009 (Core)"),
        ("CentOS  8.2 64 bit", "linux", "centos 8 CentOS Linux release 8.2.2111"),
        ("Red Hat Enterprise Linux 7.9 64 bit", "linux", "rhel 7.9 Red Hat Enterprise Linux Server release 7.9 (Maipo)"),
        (
            "Alibaba Cloud Linux  2.1903 LTS 64 bit",
            "linux",
            "alinux 2.1903 Alibaba Cloud Linux release 2.1903 LTS (Hunting Beagle)",
        ),
        ("Ubuntu  20.04 64 bit", "linux", "ubuntu 20.04"),
        ("Windows Server  2012 R2 数据中心版 64位中文版", "windows", '"Microsoft Windows Server 2012 R2 Datacenter"'),
    ],
)
def test_a_bare_record_has_the_system_its_name_says(cloud: Account, os_name: str, os_type: str, expected: str) -> None:
    cloud.load([{**BARE, "OSName": os_name, "OSType": os_type}])
    script = 'cd "$GUEST_ROOT/etc"; . ./os-release; echo "$ID $VERSION_ID" $(cat redhat-release 2>/dev/null)'
    kind: dict[str, Any] = {"type": "RunPowerShellScript"} if os_type == "windows" else {}
    assert expected in cloud.run("i-1", script, **kind)[1]


def test_facts_are_what_the_guest_shows(cloud: Account) -> None:
    facts = {
        "os_release": {"id": "centos", "version": "7", "pretty_name": "CentOS Linux 7 (Core)"},
        "kernel": "3.10.0-957.el7",
        "arch": "aarch64",
        "free_mib": {"/": 500, "/boot": 90},
        "memory_mib": 1000,
        "free_memory_mib": 321,
        "services": ["nginx", {"name": "old", "state": "failed", "enabled": "disabled"}],
        "users": ["root", "deploy"],
        "packages": ["mysql-community-server-5.7.40-1.el7.x86_64 Oracle", "zlib-1.2.7-18.el7.i686"],
        "listening": ["tcp:22", "udp:53"],
        "mysql": "5.7.40",
        "disks": [{"size_gib": 50}, {"size_gib": 500, "mount": "/srv", "files": {"app/a.txt": "A"}}],
    }
    cloud.load([BARE], {"i-1": facts})
    script = """uname -r; df -Pm / /boot /srv/app | awk 'NR>1{print $4,$6}'; free -m | awk '/Mem/{print $2,$7}'
    systemctl is-active nginx; rpm -qa --qf '%{NAME} %{VENDOR} %{ARCH}\\n' | grep -e mysql -e zlib; rpm -q nothing
    ss -Hltun | awk '{print $1,$5}'; mysqld --version; cd "$GUEST_ROOT"; cat srv/app/a.txt; cut -d: -f1 etc/passwd"""
    output = cloud.run("i-1", script)[1].splitlines()
    assert output[:6] == ["3.10.0-957.el7.aarch64", "500 /", "90 /boot", "358400 /srv", "1000 321", "active"]
    assert "mysql-community-server Oracle x86_64" in output
    assert "zlib CentOS i686" in output
    assert "package nothing is not installed" in output
    assert {"tcp 0.0.0.0:22", "udp 0.0.0.0:53"} <= set(output)
    assert any("5.7.40" in line for line in output)
    assert output[-2:] == ["Aroot", "deploy"]


def test_a_fleet_loads_fast_and_is_found_again(cloud: Account) -> None:
    cloud.load([{"InstanceId": f"i-{number:04d}"} for number in range(300)])
    request = ecs.DescribeInstancesRequest(region_id=REGION, page_size=1)
    assert cloud.ecs.describe_instances(request).body.total_count == 300


def test_a_snapshot_can_be_in_progress_from_the_start(cloud: Account) -> None:
    cloud.load([BARE], {"i-1": {"snapshot_in_progress": True}})
    assert [each.status for each in cloud.snapshots(instance_id="i-1")] == ["progressing"]
