"""A fleet in which every precheck rule finds something: through the API, the functions, the local cloud and the real probe.

``python -m tests.support.rule_fleet`` writes the codes that were found, and on which path, into tests/field/fired.json.
docs/rules.md shows them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from localcloud.account import service
from localcloud.core.clock import iso
from shared.domain.prechecks import RULES
from tests.support.fleets import CENTOS_7, fleet, instance
from tests.support.world import World

Json = dict[str, Any]
RECORD = Path(__file__).resolve().parents[1] / "field/fired.json"
ELSEWHERE = {
    "Route.NotSupported": "The planner refuses such a route with the same code before a rule looks at it.",
    "Route.AllowListed": "The planner refuses such a route unless the policy says that the account is listed.",
}
"""Rules that only `replank assess` can fire, with the reason. A test checks that the reason is true."""
BLIND = "Guest.NotProbed"
"""A rule whose finding is that the probe got no answer. Without an answer the pipeline does not reach the rules."""
CENTOS_8 = ("CentOS  8.5 64位", "CentOS  8.5 64 bit", "linux")
RHEL_7 = ("Red Hat Enterprise Linux  7.9 64位", "Red Hat Enterprise Linux  7.9 64 bit", "linux")
WINDOWS = (
    "Windows Server  2012 R2 标准版 64位中文版",
    "Windows Server  2012 R2 Standard Edition 64 bit Chinese Edition",
    "windows",
)
ALLOWED = {"allowEndOfLife": True, "allowListed": True}
POLICY = {"TimePoints": str([str(hour) for hour in range(24)]).replace("'", '"'), "RepeatWeekdays": '["1","2","3","4","5","6","7"]'}


@dataclass(frozen=True)
class Case:
    """One instance with its defect, and the requested destination."""

    names: tuple[str, str, str] = CENTOS_7
    to: str = "alinux-3"
    guest: Json = field(default_factory=dict)
    record: Json = field(default_factory=dict)
    policy: Json = field(default_factory=dict)


def disk(*, files: Json | None = None, **more: Any) -> Json:
    """A disk of a guest."""
    return {"size_gib": 40, "mount": "/", "used_gib": 8.0, "files": files or {}, **more}


PYTHON_JOB = "#!/usr/bin/python\nprint 1\n"
PACKAGES = {
    "etc/yum.repos.d/base.repo": "[base]\nbaseurl=http://mirror.centos.org/os\n[epel-modular]\nbaseurl=http://mirrors.aliyun.com/e\n",
    "etc/yum.repos.d/own.repo": "[own]\nbaseurl=http://repo.example/own\n[base]\nbaseurl=http://mirrors.aliyun.com/os\n",
    "etc/yum.conf": "[main]\nproxy=http://proxy.example:3128\nexclude=kernel*\n",
    "run/yum.pid": "77",
    "proc/77/stat": "77 (yum) S 1\n",
}
SYSTEM = {
    "proc/mounts": "/dev/vda1 / ext4 ro,relatime 0 0\n",
    "proc/modules": "nvidia 1 0 - Live 0x0 (POE)\nfloppy 1 0 - Live 0x0\n",
    "proc/sys/crypto/fips_enabled": "1\n",
    "sys/class/net/eth1/address": "00:16:3e:00:00:02\n",
    "sys/fs/selinux/enforce": "1",
    "dev/disk/by-uuid/here": "",
    "etc/fstab": "UUID=here / ext4 defaults 1 1\nUUID=gone /srv xfs nobarrier 0 0\n/dev/x /var btrfs noexec,nofail 0 0\n"
    "nas.example:/x /nas nfs _netdev 0 0\nUUID=here /srv ext4 nofail 0 0\n",
    "etc/crypttab": "secret /dev/vdb1 none\n",
    "etc/pam.d/login": "auth required pam_tally2.so\n",
    "etc/ssh/sshd_config": "Port 22\n",
    "etc/sysconfig/network-scripts/ifcfg-eth0": "HWADDR=00:16:3e:00:00:01\n",
    "boot/vmlinuz-upgrade.x86_64": "kernel",
    "usr/local/bin/job": PYTHON_JOB,
    "www/server/panel/BT": "",
    ".guest/df": "/dev/vda1 41943040 41000000 943040 / 2621440 2621439\n",
}
NO_TIME = [{"name": "chronyd", "state": "dead", "enabled": "disabled"}, "firewalld", "pacemaker"]
OTHER_KERNEL = {
    "boot/grub2/grubenv": "saved_entry=Linux (3.10.0-1160.el7.x86_64)\n",
    "boot/vmlinuz-3.10.0-1160.el7.x86_64": "kernel",
    "boot/grub2/grub.cfg": "",
    ".guest/bin/rpm": "#!/bin/sh\necho 'error: rpmdb: BDB0113 Thread/process failed'\necho 'bash 4.4-1 x86_64 CentOS'\n",
    "etc/yum.repos.d/base.repo": "[base]\nmirrorlist=http://mirrorlist.centos.org/?release=7\n",
}
TO_RED_HAT = {
    "boot/vmlinuz-3.10.0-1160.200.1.el7.x86_64": "kernel",
    "etc/yum.repos.d/base.repo": "[base]\nbaseurl=http://vault.centos.org/7.9.2009/os\n",
    "proc/900/stat": "900 (AliYunDun) S 1\n",
    "proc/mounts": "/dev/vda1 / ext4 rw 0 0\n/dev/sr0 /mnt iso9660 ro,relatime 0 0\n",
}
WRONG = {
    "os": {"caption": WINDOWS[1], "version": "6.3.9600", "build": "9600", "language": "other", "architecture": "64-bit"},
    "pending_reboot": True,
    "domain_controller": True,
    "clustered": True,
    "bitlocker": True,
    "page_files": ["D:\\pagefile.sys"],
    "activated": False,
    "antivirus": ["McShield"],
    "filter_drivers": ["acmecrypt"],
}


def cases(now: datetime) -> dict[str, Case]:
    """The cases by name. A defect on the cloud's side ends the precheck early, so it is in another instance than defects
    inside the guest.
    """
    guest: Json = {"disks": [disk(files={**PACKAGES, **SYSTEM}, links={"app": "/data/app"})], "services": NO_TIME}
    guest |= {"free_memory_mib": 100, "packages": ["glibc-2.17-326.el7.i686", "glibc-2.17-300.el7.x86_64", "agent-1-1.x86_64 Acme"]}
    guest["packages"] += ["mysql-community-server-8.4.3-1.el7.x86_64", "mongodb-org-server-4.4.29-1.el7.x86_64"]
    tag = {"Tag": [{"TagKey": "acs:autoscaling:scalingGroupId", "TagValue": "asg-1"}]}
    disturbed = {"AutoReleaseTime": iso(round((now + timedelta(hours=9)).timestamp() * 1000)), "SpotStrategy": "SpotAsPriceGo"}
    odd = [disk(auto_snapshot_policy="sp-1", encrypted=True), disk(mount="/a", multi_attach="Enabled", category="local_ssd_pro")]
    return {
        "a disturbed instance": Case(guest={"disks": odd}, record={**disturbed, "Tags": tag, "Memory": 1024}),
        "a stopped instance": Case(record={"Status": "Stopped"}),
        "a locked instance": Case(record={"OperationLocks": {"LockReason": [{"LockReason": "financial"}]}}),
        "an agent that is offline": Case(guest={"heartbeat_age_s": 90_000}),
        "a snapshot in creation": Case(guest={"snapshot_in_progress": True}),
        "a disk that is being attached": Case(guest={"disks": [disk(), disk(mount="/data", status="Attaching")]}),
        "a disk full of snapshots": Case(),
        "a name of another system": Case(record={"OSType": "windows"}),
        "a small Windows in Nanjing": Case(
            WINDOWS, "windows-2019-datacenter", {"disks": [disk()] * 17}, {"RegionId": "cn-nanjing", "Cpu": 1}
        ),
        "a broken Windows": Case(WINDOWS, "windows-2019-datacenter", {"report": WRONG, "free_mib": {"C:": 100}}),
        "a broken guest": Case(guest=guest),
        "a broken Red Hat": Case(RHEL_7, "rhel-8", guest),
        "another kernel": Case(guest={"kernel": "5.4.278-1.el7.elrepo", "disks": [disk(files=OTHER_KERNEL)]}),
        "a short stop": Case(to="alinux-2", policy=ALLOWED),
        "the way to Red Hat": Case(
            to="rhel-7",
            guest={
                "disks": [disk(files=TO_RED_HAT)],
                "health": {"updates": True},
                "packages": ["kernel-3.10.0-1160.200.1.el7.x86_64"],
            },
            policy=ALLOWED,
        ),
        "module streams": Case(CENTOS_8, guest={"disks": [disk(files={"etc/dnf/modules.d/php.module": "[php]\nstate=enabled\n"})]}),
        "a name that is not true": Case(
            guest={"os_release": {"id": "centos", "version": "8"}, "arch": "x86_64"}, record={"InstanceType": "ecs.g8y.large"}
        ),
        "a guest that is silent": Case(guest={"disks": [disk(files={".guest/bin/systemctl": "#!/bin/sh\nexit 1\n"})]}),
    }


def fired() -> dict[str, str]:
    """The codes of the rules that found something in the run, each with the path on which it did."""
    with World(env={"REPLANK_REGIONS": "cn-hangzhou,cn-nanjing"}).connected() as world:
        found = _asked(world)
    return {rule.code: found[rule.code] for rule in RULES if rule.code in found}


def _asked(world: World) -> dict[str, str]:
    now = datetime.fromtimestamp(world.cloud.clock.now_ms() / 1000, timezone.utc)
    found: dict[str, str] = {}
    for number, (name, case) in enumerate(cases(now).items()):
        record = instance(number, case.names, **case.record)
        guests = {record["InstanceId"]: case.guest} if case.guest else {}
        world.load_fleet(fleet(record, guests=guests, faults={"auto_snapshot_policies": {"sp-1": POLICY}}))
        if name == "a disk full of snapshots":
            _fill_with_snapshots(world, record["InstanceId"])
        found = {**_look(world, record["InstanceId"], case), **found}
    found = {**_twice(world), **found}
    for code in ("SnapshotServiceUnavailable", "NotEnoughBalance"):
        found = {**_refused(world, f"InvalidAccountStatus.{code}"), **found}
    return found


def _refused(world: World, code: str) -> dict[str, str]:
    """A precheck while ECS refuses to list snapshots, as it would if the account's state forbids that."""
    world.load_fleet(fleet(instance(99)))
    world.run(5)  # facts about an account are cached for two minutes
    rule = {
        "service": "ecs",
        "operation": "DescribeSnapshots",
        "kind": "error",
        "code": code,
        "status": 403,
        "match": "MaxResults=1 ",
    }
    world.cloud.faults.set([{**rule, "times": -1}])
    found = _look(world, "i-test0099", Case())
    world.cloud.faults.set([])
    return found


def _look(world: World, instance_id: str, case: Case, *, dry_run: bool = True) -> dict[str, str]:
    """The codes that a batch of one instance finds, with the path of the first hop."""
    body = {"instanceIds": [instance_id], "regionIds": ["cn-hangzhou", "cn-nanjing"], "dryRun": dry_run, "destination": case.to}
    batch_id = world.api.post("/batches", {**body, "policy": case.policy})["batchId"]

    def ended() -> list[Json]:
        return [each for each in world.migrations(batchId=batch_id) if each["state"] not in ("accepted", "prechecking")]

    world.run_until(lambda: bool(ended()), minutes=30)
    shown = world.api.get(f"/migrations/{ended()[0]['migrationId']}")
    hops = shown["route"]
    path = f"{hops[0]['source']} to {hops[0]['destination']}" if hops else case.to
    return {finding["code"]: path for finding in shown["findings"] if finding.get("known", True) or finding["code"] == BLIND}


def _twice(world: World) -> dict[str, str]:
    """A dry run while another migration holds the instance."""
    world.load_fleet(fleet(instance(98)))
    _look(world, "i-test0098", Case(), dry_run=False)
    return _look(world, "i-test0098", Case())


def _fill_with_snapshots(world: World, instance_id: str) -> None:
    """Create as many snapshots as a disk may have, minus one: there is not room for both ours and SMC's."""
    ecs = service(world.cloud, "ecs")
    with world.cloud.lock, world.cloud.db.transaction():
        (system,) = ecs.world.disks(instance_id)
        for number in range(255):
            ecs.life.create(system, f"manual-{number}", SnapshotType="user")
    world.run(30)


if __name__ == "__main__":
    RECORD.write_text(json.dumps(fired(), indent=2) + "\n", encoding="utf-8")
