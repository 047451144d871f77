"""The files on the system disk of a simulated Linux guest. A script reads some of them directly. The commands in shims/linux read
the others.

An upgrade replaces only the files of ``release_tree``. Users, services, mounts and a script's own files stay.
"""

from __future__ import annotations

import json
from typing import Any

from localcloud.ecs.guest.blob import Tree, files, links
from localcloud.ecs.guest.facts import Facts
from localcloud.ecs.guest.releases import VENDORS

_KIB = 1024


def system_tree(facts: Facts) -> Tree:
    """The whole system disk."""
    disk = facts["disks"][0]
    extra = {**files(disk["files"]), **links(disk["links"])}
    return {**files(_host(facts)), **files(_tables(facts)), **release_tree(facts), **extra}


def data_tree(disk: dict[str, Any]) -> Tree:
    """A data disk: the given files, and a mark that makes each disk different."""
    return {**files({"lost+found/.keep": "", **disk["files"]}), **links(disk["links"])}


def release_tree(facts: Facts) -> Tree:
    """The files of the release: its names, its kernel and its packages."""
    os, arch = facts["os"], facts["arch"]
    kernel = f"{os['kernel']}.{arch}"
    cpe = f'ID="{os["id"]}"\nVERSION_ID="{os["version"]}"\n'
    like = "" if os["id"] in ("ubuntu", "debian") else 'ID_LIKE="rhel fedora"\n'
    name = os["pretty"].split(" (")[0].rstrip("0123456789. ").removesuffix(" LTS").rstrip("0123456789. ")
    text = f'NAME="{name}"\nVERSION="{os["version"]}"\n{cpe}{like}PRETTY_NAME="{os["pretty"]}"\n'
    texts = {
        "etc/os-release": text,
        "usr/lib/os-release": text,
        "proc/version": f"Linux version {kernel} (mockbuild@build) (gcc) #1 SMP\n",
        "proc/cmdline": f"BOOT_IMAGE=(hd0,msdos1)/boot/vmlinuz-{kernel} root=/dev/vda1 ro\n",
        f"boot/vmlinuz-{kernel}": f"kernel {kernel}\n",
        f"boot/initramfs-{kernel}.img": f"initramfs {kernel}\n",
        f"boot/config-{kernel}": "CONFIG_SMP=y\n",
        "boot/grub2/grubenv": f"saved_entry={os['pretty']} ({kernel})\n",
        "boot/grub2/grub.cfg": f"menuentry '{os['pretty']}' {{ linux /boot/vmlinuz-{kernel} }}\n",
        ".guest/uname": f"sysname=Linux\nrelease={kernel}\nversion='#1 SMP'\nmachine={arch}\n",
        ".guest/rpm": _packages(facts),
        ".guest/os.json": json.dumps({**os, "arch": arch, "language": facts["language"]}, sort_keys=True) + "\n",
    }
    if os["mark"]:
        texts |= {"etc/system-release": os["release"] + "\n", "etc/redhat-release": os["release"] + "\n"}
    if os["release_file"]:
        texts[f"etc/{os['release_file']}"] = os["release"] + "\n"
    return files(texts)


def _packages(facts: Facts) -> str:
    """Lines ``name version release arch vendor``. A package in the facts is NAME-VERSION-RELEASE.ARCH or a name, with an optional
    vendor.
    """
    vendor = VENDORS.get(facts["os"]["id"], facts["os"]["id"])
    mark, arch = facts["os"]["mark"] or "1", facts["arch"]
    kernel, _, release = facts["os"]["kernel"].partition("-")
    lines = [f"kernel {kernel} {release} {arch}", f"bash 4.4.20 4.{mark} {arch}", f"glibc 2.17 325.{mark} {arch}"]
    lines += [f"openssh-server 8.0p1 19.{mark} {arch}", f"systemd 239 78.{mark} {arch}"]
    rows = [f"{line} {vendor}" for line in lines]
    for entry in facts["packages"]:
        package, _, other = entry.partition(" ")
        rest, _, own_arch = package.rpartition(".")
        parts = rest.rsplit("-", 2) if rest else []
        row = f"{parts[0]} {parts[1]} {parts[2]} {own_arch}" if len(parts) == 3 else f"{package} 1.0 1.{mark} {arch}"
        rows.append(f"{row} {other or vendor}")
    return "\n".join(sorted(rows)) + "\n"


def _host(facts: Facts) -> dict[str, str]:
    """The files of this machine that an upgrade keeps."""
    name, ip = facts["hostname"], facts["ip"]
    memory, free = facts["memory_mib"] * _KIB, _free_memory(facts) * _KIB
    mounts = [disk for disk in facts["disks"] if disk["mount"]]
    users = [user for user in facts["users"] if user != "root"]
    passwd = "root:x:0:0:root:/root:/bin/bash\n" + "".join(
        f"{u}:x:{1000 + n}:{1000 + n}::/home/{u}:/bin/bash\n" for n, u in enumerate(users)
    )
    fstab = "".join(f"{_device(disk)} {disk['mount']} ext4 defaults 1 1\n" for disk in mounts)
    return {
        "etc/hostname": f"{name}\n",
        "etc/hosts": f"127.0.0.1 localhost\n{ip} {name}\n",
        "etc/fstab": fstab,
        "etc/passwd": passwd,
        "etc/group": "root:x:0:\n" + "".join(f"{user}:x:{1000 + n}:\n" for n, user in enumerate(users)),
        "etc/resolv.conf": "nameserver 100.100.2.136\nnameserver 100.100.2.138\n",
        "etc/ssh/sshd_config": "PermitRootLogin yes\n",
        **{_device(disk).lstrip("/"): "" for disk in mounts},
        "etc/selinux/config": "SELINUX=disabled\nSELINUXTYPE=targeted\n",
        "etc/yum.repos.d/base.repo": "[base]\nname=base\nbaseurl=http://mirrors.cloud.aliyuncs.com/$releasever\n",
        "proc/meminfo": f"MemTotal: {memory} kB\nMemFree: {free} kB\nMemAvailable: {free} kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
        "proc/cpuinfo": "".join(f"processor\t: {n}\n" for n in range(facts["cpu"])),
        "proc/mounts": fstab.replace(" defaults 1 1", " rw,relatime 0 0"),
        "proc/modules": "".join(
            f"{module} 16384 0 - Live 0x0000000000000000\n" for module in facts.get("modules", ["virtio_net", "virtio_blk", "ext4"])
        ),
        "sys/class/net/eth0/address": mac(ip) + "\n",
        "proc/swaps": "Filename Type Size Used Priority\n",
    }


def mac(ip: str) -> str:
    """A hardware address derived from the private address, as ECS does for its network interfaces."""
    parts = [int(part) for part in ip.split(".") if part.isdigit()] or [0]
    return ":".join(["00", "16", *(f"{part:02x}" for part in [*parts, 0, 0, 0][:4])])


def _free_memory(facts: Facts) -> int:
    free: int = facts.get("free_memory_mib", round(facts["memory_mib"] * 0.6))
    return free


def _device(disk: dict[str, Any]) -> str:
    device: str = disk["device"]
    return device.replace("/dev/xvd", "/dev/vd") + "1"


def _tables(facts: Facts) -> dict[str, str]:
    """The data files that the commands print: df, systemctl, ss, ip, and those that show the guest's health."""
    return {
        ".guest/df": "".join(_df_lines(facts)),
        ".guest/services": "".join(f"{each['name']} {each['state']} {each['enabled']}\n" for each in facts["services"]),
        ".guest/listening": "".join(f"{each.replace(':', ' ', 1)}\n" for each in facts["listening"]),
        ".guest/ip": f"eth0 {facts['ip']}\n",
        ".guest/mysql": facts.get("mysql", "") + "\n",
        ".guest/health": "".join(f"{name} {'yes' if works else 'no'}\n" for name, works in sorted(facts.get("health", {}).items())),
    }


def _df_lines(facts: Facts) -> list[str]:
    """Lines ``device size used available mount inodes inodes-used`` (KiB). A mount in free_mib that has no disk is a partition."""
    free, rows = facts["free_mib"], []
    for disk in facts["disks"]:
        if disk["mount"]:
            size = disk["size_gib"] * _KIB
            left = free.get(disk["mount"], size - round(disk["used_gib"] * _KIB))
            rows.append((_device(disk), size, left, disk["mount"]))
    mounted = {row[3] for row in rows}
    sizes = {"/boot": 1024}
    for number, (mount, left) in enumerate(free.items(), start=2):
        if mount not in mounted:
            rows.append((f"/dev/vda{number}", max(sizes.get(mount, 10240), left * 2), left, mount))
    return [
        f"{d} {size * _KIB} {max(0, size - left) * _KIB} {left * _KIB} {mount} 2621440 131072\n" for d, size, left, mount in rows
    ]
