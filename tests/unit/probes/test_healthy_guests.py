"""The real probe in healthy guests of eight paths: no rule about the guest blocks any of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shared.domain.facts import Hop
from shared.domain.prechecks import assess
from shared.probes import parse_probe_answer
from tests.support.facts import LINUX, with_account
from tests.support.roots import RELEASES, Root
from tests.unit.probes.test_field_guests import root_of

PATHS = [
    ("centos-7", "alinux-3"),
    ("centos-7", "anolis-8"),
    ("centos-7", "rhel-7"),
    ("centos-8", "alinux-3"),
    ("centos-8", "anolis-8"),
    ("centos-8", "rhel-8"),
    ("alinux-2", "alinux-3"),
    ("rhel-7", "rhel-8"),
]
VENDORS = {"alinux": "Alibaba", "rhel": "Red Hat, Inc.", "centos": "CentOS"}


def healthy(folder: Path, release: str) -> Root:
    kernel = RELEASES[release][2]
    vendor = VENDORS[release.split("-")[0]]
    packages = f"kernel {kernel.removesuffix('.x86_64')} x86_64 {vendor}\nbash 4.4 x86_64 {vendor}\nglibc 2.28 x86_64 {vendor}\n"
    change = {
        "remove": ["etc/yum.repos.d/epel.repo", "usr/local/bin/app", "usr/local/bin/old", "opt/tool/bin/tool"],
        "files": {
            "etc/fstab": "UUID=1111-2222 / ext4 defaults 1 1\n/dev/vda2 /boot xfs defaults\nnas.example:/x /nas nfs _netdev\n",
            "etc/yum.repos.d/base.repo": "[base]\nbaseurl=http://mirrors.cloud.aliyuncs.com/os\nenabled=True\n",
            "etc/yum.conf": "[main]\ngpgcheck=1\n",
            "etc/sysconfig/network-scripts/ifcfg-eth0": "DEVICE=eth0\nBOOTPROTO=dhcp\n",
            "proc/mounts": "/dev/vda1 / ext4 rw 0 0\n/dev/vda2 /boot xfs rw 0 0\nnas.example:/x /nas nfs rw 0 0\n",
            "proc/modules": "virtio_net 28096 0 - Live 0x0\n",
            "proc/cmdline": f"BOOT_IMAGE=/boot/vmlinuz-{kernel} root=UUID=1111-2222 ro net.ifnames=0 console=ttyS0\n",
            "etc/ssh/sshd_config": "PermitRootLogin yes\n",
            "var/lib/leapp/leapp.db": "of an upgrade long done",
        },
        "commands": {"rpm": [["*", packages]], "yum": [["*", ""]]},
    }
    return root_of({"release": release, **change}, folder)


@pytest.mark.parametrize(("source", "destination"), PATHS, ids=str)
def test_nothing_blocks_a_healthy_guest(source: str, destination: str, tmp_path: Path) -> None:
    run = healthy(tmp_path, source).probe(updates=True)
    guest = parse_probe_answer("linux", run.stdout)
    name = guest.os_name or ""
    named = replace(LINUX.instance, os_name=name, os_name_en=name)
    facts = replace(LINUX, guest=guest, instance=named, hop=Hop(source, destination))
    found = assess(with_account(facts, allow_listed=True))
    assert [(f.code, f.seen) for f in found.blocking_findings if f.code.startswith("Guest.")] == []
    assert guest.cut == ()
