"""Root directories of Linux guests for the probe: the files that the distributions ship, and commands with the distributions'
output.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from shared.probes import probe_script

CENTOS_7 = """NAME="CentOS Linux"
VERSION="7 (Core)"
ID="centos"
ID_LIKE="rhel fedora"
VERSION_ID="7"
PRETTY_NAME="CentOS Linux 7 (Core)"
ANSI_COLOR="0;31"
HOME_URL="https://www.centos.org/"
"""
CENTOS_8 = """NAME="CentOS Linux"
VERSION="8"
ID="centos"
ID_LIKE="rhel fedora"
VERSION_ID="8"
PLATFORM_ID="platform:el8"
PRETTY_NAME="CentOS Linux 8"
"""
STREAM_8 = 'NAME="CentOS Stream"\nVERSION="8"\nID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="8"\nPRETTY_NAME="CentOS Stream 8"\n'
RHEL_7 = """NAME="Red Hat Enterprise Linux Server"
VERSION="7.9 (Maipo)"
ID="rhel"
ID_LIKE="fedora"
VERSION_ID="7.9"
PRETTY_NAME="Red Hat Enterprise Linux Server 7.9 (Maipo)"
"""
RHEL_8 = (
    'NAME="Red Hat Enterprise Linux"\n'
    'VERSION="8.10 (Ootpa)"\n'
    'ID="rhel"\n'
    'VERSION_ID="8.10"\n'
    'PRETTY_NAME="Red Hat Enterprise Linux 8.10 (Ootpa)"\n'
)
ALINUX_2 = """NAME="Alibaba Cloud Linux (Aliyun Linux)"
VERSION="2.1903 LTS (Hunting Beagle)"
ID="alinux"
ID_LIKE="rhel fedora centos anolis"
VERSION_ID="2.1903"
PRETTY_NAME="Alibaba Cloud Linux (Aliyun Linux) 2.1903 LTS (Hunting Beagle)"
"""
ALINUX_3 = (
    'NAME="Alibaba Cloud Linux"\n'
    'VERSION="3 (OpenAnolis Edition)"\n'
    'ID="alinux"\n'
    'VERSION_ID="3"\n'
    'PRETTY_NAME="Alibaba Cloud Linux 3 (OpenAnolis Edition)"\n'
)
ANOLIS_8 = (
    'NAME="Anolis OS"\nVERSION="8.9"\nID="anolis"\nID_LIKE="rhel fedora centos"\nVERSION_ID="8.9"\nPRETTY_NAME="Anolis OS 8.9"\n'
)

RELEASES = {
    "centos-7": (CENTOS_7, "CentOS Linux release 7.9.2009 (Core)", "3.10.0-1160.119.1.el7.x86_64"),
    "centos-8": (CENTOS_8, "CentOS Linux release 8.5.2111", "4.18.0-348.7.1.el8_5.x86_64"),
    "centos-stream-8": (STREAM_8, "CentOS Stream release 8", "4.18.0-553.6.1.el8.x86_64"),
    "rhel-7": (RHEL_7, "Red Hat Enterprise Linux Server release 7.9 (Maipo)", "3.10.0-1160.el7.x86_64"),
    "rhel-8": (RHEL_8, "Red Hat Enterprise Linux release 8.10 (Ootpa)", "4.18.0-553.el8_10.x86_64"),
    "alinux-2": (ALINUX_2, "Alibaba Cloud Linux (Aliyun Linux) release 2.1903 LTS (Hunting Beagle)", "4.19.91-28.1.al7.x86_64"),
    "alinux-3": (ALINUX_3, "Alibaba Cloud Linux release 3 (OpenAnolis Edition)", "5.10.134-16.3.al8.x86_64"),
    "anolis-8": (ANOLIS_8, "Anolis OS release 8.9", "5.10.134-16.2.an8.x86_64"),
}
"""os-release, redhat-release and the running kernel of some releases of the matrix."""

DF = """Filesystem     1024-blocks     Used Available Capacity Mounted on
devtmpfs           3995440        0   3995440       0% /dev
tmpfs              4006316        0   4006316       0% /dev/shm
/dev/vda1         41152812 12000000  27243168      31% /
/dev/vda2           999320   300000    630508      33% /boot
/dev/vdb1        103080888 50000000  47800000      52% /data of ours
nas.example:/x  1073741824 50000000 1000000000      5% /nas
"""
DFI = """Filesystem      Inodes  IUsed   IFree IUse% Mounted on
devtmpfs        998860    330  998530    1% /dev
/dev/vda1      2621440 131072 2490368    5% /
/dev/vda2        65536    100   65436    1% /boot
/dev/vdb1            0      0       0     - /data of ours
"""
PROC_MOUNTS = (
    "rootfs / rootfs rw 0 0\n"
    "/dev/vda1 / ext4 rw,relatime 0 0\n"
    "/dev/vda2 /boot xfs ro,relatime 0 0\n"
    "nas.example:/x /nas nfs rw 0 0\n"
)
UNIT_FILES = """aegis.service                                 disabled
chronyd.service                               enabled
getty@.service                                enabled
nginx.service                                 enabled  disabled
sshd.service                                  enabled
systemd-journald.service                      static
"""
UNITS = """chronyd.service  loaded active running NTP client/server
nginx.service    loaded active running The nginx HTTP server
sshd.service     loaded active running OpenSSH server daemon
systemd-journald.service loaded active running Journal Service
"""
SS = """udp   UNCONN 0      0          127.0.0.1:323        0.0.0.0:*
tcp   LISTEN 0      128          0.0.0.0:22         0.0.0.0:*
tcp   LISTEN 0      511                *:80               *:*
tcp   LISTEN 0      128             [::]:22            [::]:*
"""
IP_ADDR = (
    "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n"
    "2: eth0    inet 10.0.0.5/24 brd 10.0.0.255 scope global dynamic eth0\\       valid_lft 3\n"
)
MEMINFO = (
    "MemTotal:        8009732 kB\n"
    "MemFree:         4000000 kB\n"
    "MemAvailable:    6144000 kB\n"
    "Buffers:           1000 kB\n"
    "Cached:          900000 kB\n"
)
FSTAB = """#
# /etc/fstab
# Created by anaconda
#
UUID=1111-2222 / ext4 defaults 1 1
/dev/vda2 /boot xfs defaults 0 0
LABEL=nowhere /backup ext4 defaults,nofail 0 0
UUID=gone /old ext4 defaults 0 0
nas.example:/x /nas nfs defaults,_netdev 0 0
"""
RPM = (
    "kernel {kernel} x86_64 CentOS\n"
    "bash 4.2.46-35.el7_9 x86_64 CentOS\n"
    "nginx 1.20.1-10.el7 x86_64 Fedora Project\n"
    "glibc 2.17-326.el7_9 i686 CentOS\n"
)


@dataclass
class Root:
    """A root directory, the folder of its commands, and a method that runs the probe in it."""

    path: Path
    commands: Path
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str | bytes, mode: int = 0o644) -> Path:
        """Write a file of the guest."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())
        target.chmod(mode)
        return target

    def command(self, name: str, *cases: tuple[str, str], status: int = 0) -> None:
        """Create a command. Its output depends on a pattern of its arguments."""
        self.commands.mkdir(parents=True, exist_ok=True)
        branches = ""
        for number, (pattern, text) in enumerate(cases):
            data = self.commands / f".{name}.{number}"
            data.write_text(text)
            branches += f'{pattern}) cat "{data}" ;;\n'
        target = self.commands / name
        target.write_text(f'#!/bin/sh\ncase "$*" in\n{branches}esac\nexit {status}\n')
        target.chmod(0o755)

    def missing(self, name: str) -> None:
        """Remove a command."""
        (self.commands / name).unlink()

    def probe(self, shell: tuple[str, ...] = ("sh",), **settings: object) -> subprocess.CompletedProcess[bytes]:
        """Run the probe as Cloud Assistant would, with this directory as its root."""
        text = probe_script("linux", **settings)  # type: ignore[arg-type]
        environment = {"PATH": f"{self.commands}:{os.environ['PATH']}", "GUEST_ROOT": str(self.path), **self.environment}
        return subprocess.run(shell, input=text.encode(), env=environment, capture_output=True, timeout=30, check=False)


def make_root(folder: Path, release: str = "centos-7") -> Root:
    """A healthy guest of one release, except for deliberate oddities in its files (fstab, /boot read-only, one i686 package)."""
    os_release, redhat_release, kernel = RELEASES[release]
    root = Root(folder / "root", folder / "bin")
    root.write("etc/os-release", os_release)
    root.write("etc/redhat-release", redhat_release + "\n")
    root.write("etc/fstab", FSTAB)
    root.write(
        "etc/passwd", "root:x:0:0:root:/root:/bin/bash\nnginx:x:997:995::/:/sbin/nologin\ndeploy:x:1000:1000::/srv:/bin/bash\n"
    )
    root.write("etc/group", "root:x:0:\nwheel:x:10:deploy\nnginx:x:995:\ndeploy:x:1000:\n")
    root.write(
        "etc/resolv.conf", "# made by NetworkManager\noptions timeout:2\nnameserver 100.100.2.136\nnameserver 100.100.2.138\n"
    )
    root.write("etc/crontab", "SHELL=/bin/bash\n# a comment\n@daily root /opt/backup.sh\n")
    root.write("var/spool/cron/deploy", "0 3 * * * /usr/bin/python /srv/report.py\n")
    root.write("etc/yum.repos.d/base.repo", "[base]\nname=CentOS\nbaseurl=http://mirrors.cloud.aliyuncs.com/centos/7\nenabled=1\n")
    root.write(
        "etc/yum.repos.d/epel.repo", "[epel]\nmetalink = https://mirrors.example/epel\nenabled=1\n\n[epel-debug]\nenabled=0\n"
    )
    root.write("etc/selinux/config", "# comment\nSELINUX=disabled\nSELINUXTYPE=targeted\n")
    root.write("etc/sysconfig/network-scripts/ifcfg-eth0", "DEVICE=eth0\nHWADDR=00:16:3e:00:00:01\nBOOTPROTO=dhcp\n")
    root.write("etc/yum.conf", "[main]\nproxy=http://proxy.example:3128\n")
    root.write("proc/meminfo", MEMINFO)
    root.write("proc/mounts", PROC_MOUNTS)
    root.write("proc/modules", "virtio_net 28096 0 - Live 0x0000000000000000\nacme_fs 90112 1 - Live 0x0000000000000000 (OE)\n")
    root.write("sys/class/net/eth0/address", "00:16:3e:00:00:01\n")
    root.write("sys/class/net/lo/address", "00:00:00:00:00:00\n")
    root.write("dev/disk/by-uuid/1111-2222", "")
    root.write("dev/vda2", "")
    root.write("dev/disk/by-label/other", "")
    root.write(f"boot/vmlinuz-{kernel}", "kernel")
    root.write(f"boot/initramfs-{kernel}.img", "initramfs")
    root.write("boot/vmlinuz-0-rescue-abc", "kernel")
    root.write("boot/grub2/grub.cfg", "menuentry 'Linux' {}\n")
    root.write("boot/grub2/grubenv", f"# GRUB Environment Block\nsaved_entry=Linux ({kernel}) 7 (Core)\n######\n")
    root.write("usr/local/bin/app", b"\x7fELF\x02\x01\x01\x00binary\x00\n", 0o755)
    root.write("usr/local/bin/old", "#!/usr/bin/python\nprint 1\n", 0o755)
    root.write("usr/local/bin/new", "#!/usr/bin/env python3\nprint(1)\n", 0o755)
    root.write("opt/tool/bin/tool", b"\x7fELF\x02", 0o755)
    _commands(root, kernel)
    return root


def _commands(root: Root, kernel: str) -> None:
    root.command("uname", ("-r", kernel + "\n"), ("-m", "x86_64\n"))
    root.command("hostname", ("''", "web-1\n"))
    root.command("df", ("*-Pi*", DFI), ("*", DF))
    root.command("rpm", ("*", RPM.format(kernel=kernel.removesuffix(".x86_64"))))
    root.command("systemctl", ("*unit-files*", UNIT_FILES), ("*", UNITS))
    root.command("ss", ("*", SS))
    root.command("ip", ("*addr*", IP_ADDR), ("*", "default via 10.0.0.253 dev eth0 proto dhcp metric 100\n"))


SHELLS = [(name, *more) for name, *more in (("dash",), ("bash", "--posix"), ("busybox", "sh")) if shutil.which(name)]
"""The shells of this machine. The probe must give the same output in all of them."""
