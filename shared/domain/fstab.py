"""Reads a line of fstab in the same way as mount(8) and systemd. The rules come from fstab(5), libmount and
systemd-fstab-generator.

A wrong line in fstab can make the next boot end in an emergency shell. The module finds the device that a line of fstab names, and
whether the boot waits for the device. All functions in this module are pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from shared.domain.guest import FstabFacts
from shared.domain.record import dataclass

TAGS = {"UUID": "uuid", "LABEL": "label", "PARTUUID": "partuuid", "PARTLABEL": "partlabel", "ID": "id"}
"""For each tag with which fstab can name a device, the name that the tag has in udev's folders. For example, ``UUID`` has the name
``uuid``, because udev's folder is ``/dev/disk/by-uuid``.
"""
NETWORK = frozenset(
    {"9p", "afs", "alinas", "beegfs", "ceph", "cifs", "coda", "cpfs", "davfs", "davfs2", "gfs", "gfs2", "glusterfs", "lustre"}
    | {"ncp", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "pvfs2", "smb3", "smbfs", "sshfs", "virtiofs"}
)
"""File system types that are mounted once the network is up (remote-fs.target). The boot does not wait for network file systems."""
DEVICELESS = frozenset(
    {"none", "tmpfs", "ramfs", "proc", "sysfs", "devpts", "devtmpfs", "cgroup", "cgroup2", "debugfs", "hugetlbfs", "mqueue"}
    | {"securityfs", "configfs", "fusectl", "bpf", "tracefs", "efivarfs", "binfmt_misc", "selinuxfs", "overlay", "aufs", "zfs"}
    | {"autofs"}
)
"""File system types whose first field in fstab names no device."""
_OCTAL = re.compile(r"\\([0-7]{3})")
_LINK_PLAIN = re.compile(r"[A-Za-z0-9#+\-.:=@_]")


@dataclass(frozen=True)
class ReportedDevices:
    """The devices that the guest reports: links in /dev/disk, such as ``uuid/1234``; the paths in fstab that exist; and the folders
    that the probe read.
    """

    links: Collection[str] = ()
    paths: Collection[str] = ()
    places: Collection[str] = ()
    whole: bool = True
    """Whether the report contains all links of the guest."""


def parse_fstab_line(line: str, seen: ReportedDevices) -> FstabFacts | None:
    """The entry of one fstab line; None for a comment, an empty line, or a line without a mount point."""
    words = line.split()
    if len(words) < 2 or words[0].startswith("#"):
        return None
    source, point = decode_escapes(words[0]), decode_escapes(words[1])
    kind = decode_escapes(words[2]) if len(words) > 2 else "auto"
    options = decode_escapes(words[3]) if len(words) > 3 else "defaults"
    entry = FstabFacts(_strip_quotes(source), point, kind, options)
    return FstabFacts(entry.spec, point, kind, options, is_device_present(entry, seen, words[0]))


def decode_escapes(text: str) -> str:
    r"""The text after decoding fstab's octal escapes, such as ``\040`` for a space."""
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), text)


def _strip_quotes(source: str) -> str:
    """The first field of an fstab line, without the quotes of a tag such as ``UUID="1234"``."""
    tag, equals, value = source.partition("=")
    if equals and tag in TAGS and len(value) > 1 and value[0] in "\"'" and value[-1] == value[0]:
        return f"{tag}={value[1:-1]}"
    return source


def is_device_present(entry: FstabFacts, seen: ReportedDevices, written: str = "") -> bool | None:
    """Whether the entry's device exists. The result is None if the entry names no device, or if the guest's report is not
    sufficient.
    """
    tag, equals, value = entry.spec.partition("=")
    if equals and tag in TAGS:
        if "/dev/disk" not in seen.places:
            return None
        here = f"{TAGS[tag]}/{udev_link_name(value)}" in seen.links
        return here if here or seen.whole else None
    if not refers_to_path(entry):
        return None
    if entry.spec.startswith("/dev/") and "/dev" not in seen.places:
        return None
    return (written or entry.spec) in seen.paths


def udev_link_name(value: str) -> str:
    r"""The name of udev's link for a tag's value. ASCII characters other than letters, digits and ``#+-.:=@_`` are escaped, such as
    ``\x2f`` for a slash.
    """
    return "".join(c if not c.isascii() or _LINK_PLAIN.match(c) else f"\\x{ord(c):02x}" for c in value)


def refers_to_device(entry: FstabFacts) -> bool:
    """Whether the entry names its device by a tag or a path. Only such an entry shows whether the device is missing."""
    return entry.spec.partition("=")[0] in TAGS or refers_to_path(entry)


def refers_to_path(entry: FstabFacts) -> bool:
    """Whether the first field is the path of a device or file, not a network share, a bucket or the folder of a bind mount."""
    options = _mount_options(entry)
    if not entry.spec.startswith("/") or entry.spec.startswith("//") or is_network_mount(entry):
        return False
    return entry.file_system not in DEVICELESS and not options & {"bind", "rbind"} and not _is_fuse_mount(entry)


def _is_fuse_mount(entry: FstabFacts) -> bool:
    """Whether a program mounts the entry (FUSE). The first field of a FUSE entry may be any text. For the type fuseblk, however,
    the first field names a device.
    """
    return entry.file_system == "fuse" or entry.file_system.startswith("fuse.")


def is_network_mount(entry: FstabFacts) -> bool:
    """Whether the entry is mounted only after the network is up."""
    kind = entry.file_system.removeprefix("fuse.")
    return kind in NETWORK or "_netdev" in _mount_options(entry)


def is_required_at_boot(entry: FstabFacts) -> bool:
    """Whether the boot fails if the entry is not mounted, because local-fs.target requires the entry."""
    if entry.file_system == "swap" or entry.mount_point in ("none", "swap") or is_network_mount(entry):
        return False
    if any(option.startswith(("x-systemd.wanted-by=", "x-systemd.required-by=")) for option in _mount_options(entry)):
        return False
    return not (_is_option_in_effect(entry, "nofail", "fail") or is_mounted_on_demand(entry))


def is_mounted_on_demand(entry: FstabFacts) -> bool:
    """Whether the entry is mounted by a person or on first use, and not at boot."""
    return bool(_mount_options(entry) & {"x-systemd.automount", "comment=systemd.automount"}) or _is_option_in_effect(
        entry, "noauto", "auto"
    )


def may_device_be_missing(entry: FstabFacts) -> bool:
    """Whether the system boots without the device: the entry has ``nofail``, or the device is on the network (iSCSI)."""
    return _is_option_in_effect(entry, "nofail", "fail") or (
        is_network_mount(entry) and entry.spec.startswith(("/dev/", *(f"{tag}=" for tag in TAGS)))
    )


def _mount_options(entry: FstabFacts) -> set[str]:
    return set(entry.options.split(","))


def _is_option_in_effect(entry: FstabFacts, off: str, on: str) -> bool:
    """Whether the mount option that the argument ``off`` names is in effect. The argument ``on`` names the opposite option. If the
    entry has both options, the later option counts.
    """
    said = [option for option in entry.options.split(",") if option in (off, on)]
    return bool(said) and said[-1] == off


def hidden_mount_points(entries: Collection[FstabFacts]) -> tuple[str, ...]:
    """Mount points that a later line hides, because the later line mounts the same folder or one of its parents. Lines for swap
    are ignored, because they have no mount point.
    """
    points = [each.mount_point.rstrip("/") or "/" for each in entries if each.mount_point.startswith("/")]
    return tuple(
        point
        for at, point in enumerate(points)
        if any(later == point or point.startswith(later.rstrip("/") + "/") for later in points[at + 1 :])
    )
