"""One line of fstab as mount(8) and systemd read it: fstab(5), libmount and systemd-fstab-generator are the judges. Pure.

A wrong line can stop the next start in an emergency shell. So it matters which device a line names and whether the start waits
for it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from shared.domain.guest import FstabFacts

TAGS = {"UUID": "uuid", "LABEL": "label", "PARTUUID": "partuuid", "PARTLABEL": "partlabel", "ID": "id"}
"""Ways to name a device by its content or its hardware, each with the folder of udev's links: /dev/disk/by-..."""
NETWORK = frozenset(
    {"9p", "afs", "alinas", "beegfs", "ceph", "cifs", "coda", "cpfs", "davfs", "davfs2", "gfs", "gfs2", "glusterfs", "lustre"}
    | {"ncp", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "pvfs2", "smb3", "smbfs", "sshfs", "virtiofs"}
)
"""Types mounted once the network is up (remote-fs.target); the start of the system does not wait for them."""
DEVICELESS = frozenset(
    {"none", "tmpfs", "ramfs", "proc", "sysfs", "devpts", "devtmpfs", "cgroup", "cgroup2", "debugfs", "hugetlbfs", "mqueue"}
    | {"securityfs", "configfs", "fusectl", "bpf", "tracefs", "efivarfs", "binfmt_misc", "selinuxfs", "overlay", "aufs", "zfs"}
    | {"autofs"}
)
"""Types whose first field names no device."""
_OCTAL = re.compile(r"\\([0-7]{3})")
_LINK_PLAIN = re.compile(r"[A-Za-z0-9#+\-.:=@_]")


@dataclass(frozen=True)
class SeenDevices:
    """What the guest reported: links below /dev/disk as ``uuid/1234``, paths of fstab that exist, and folders that it looked in."""

    links: Collection[str] = ()
    paths: Collection[str] = ()
    places: Collection[str] = ()
    whole: bool = True
    """False if the guest did not report all links."""


def read_line(line: str, seen: SeenDevices) -> FstabFacts | None:
    """The entry of one line; None for a comment, an empty line, and a line that names no mount point."""
    words = line.split()
    if len(words) < 2 or words[0].startswith("#"):
        return None
    source, point = decode_escapes(words[0]), decode_escapes(words[1])
    kind = decode_escapes(words[2]) if len(words) > 2 else "auto"
    options = decode_escapes(words[3]) if len(words) > 3 else "defaults"
    entry = FstabFacts(_without_quotes(source), point, kind, options)
    return FstabFacts(entry.spec, point, kind, options, is_present(entry, seen, words[0]))


def decode_escapes(text: str) -> str:
    r"""Decodes blanks, tabs and the like, which fstab writes as octal digits: ``\040``."""
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), text)


def _without_quotes(source: str) -> str:
    """``UUID="1234"`` without its quotes; any other text unchanged."""
    tag, equals, value = source.partition("=")
    if equals and tag in TAGS and len(value) > 1 and value[0] in "\"'" and value[-1] == value[0]:
        return f"{tag}={value[1:-1]}"
    return source


def is_present(entry: FstabFacts, seen: SeenDevices, written: str = "") -> bool | None:
    """Whether the device exists; None if the line names no device, or if it is not known."""
    tag, equals, value = entry.spec.partition("=")
    if equals and tag in TAGS:
        if "/dev/disk" not in seen.places:
            return None
        here = f"{TAGS[tag]}/{udev_link_name(value)}" in seen.links
        return here if here or seen.whole else None
    if not names_a_path(entry):
        return None
    if entry.spec.startswith("/dev/") and "/dev" not in seen.places:
        return None
    return (written or entry.spec) in seen.paths


def udev_link_name(value: str) -> str:
    r"""The name that udev gives a link; any other character than letters, digits and ``#+-.:=@_`` is escaped as ``\x2f``."""
    return "".join(c if not c.isascii() or _LINK_PLAIN.match(c) else f"\\x{ord(c):02x}" for c in value)


def names_a_device(entry: FstabFacts) -> bool:
    """Whether a missing device of this line can be recognised."""
    return entry.spec.partition("=")[0] in TAGS or names_a_path(entry)


def names_a_path(entry: FstabFacts) -> bool:
    """Whether the first field is a device or a file, not a network share, a bucket or a folder to bind."""
    options = _option_set(entry)
    if not entry.spec.startswith("/") or entry.spec.startswith("//") or is_network(entry):
        return False
    return entry.file_system not in DEVICELESS and not options & {"bind", "rbind"} and not _is_fuse(entry)


def _is_fuse(entry: FstabFacts) -> bool:
    """Whether a program mounts it (FUSE), so that the first field may be anything. fuseblk names a device."""
    return entry.file_system == "fuse" or entry.file_system.startswith("fuse.")


def is_network(entry: FstabFacts) -> bool:
    """Whether it is mounted once the network is up."""
    kind = entry.file_system.removeprefix("fuse.")
    return kind in NETWORK or "_netdev" in _option_set(entry)


def is_required_at_boot(entry: FstabFacts) -> bool:
    """Whether the start of the system fails without it, because local-fs.target needs it."""
    if entry.file_system == "swap" or entry.mount_point in ("none", "swap") or is_network(entry):
        return False
    if any(option.startswith(("x-systemd.wanted-by=", "x-systemd.required-by=")) for option in _option_set(entry)):
        return False
    return not (_is_last_option(entry, "nofail", "fail") or is_on_demand(entry))


def is_on_demand(entry: FstabFacts) -> bool:
    """Whether it is mounted later, by a person or on its first use, and not at the start."""
    return bool(_option_set(entry) & {"x-systemd.automount", "comment=systemd.automount"}) or _is_last_option(
        entry, "noauto", "auto"
    )


def may_be_missing(entry: FstabFacts) -> bool:
    """Whether the system starts without the device: ``nofail``, or a device on the network (iSCSI)."""
    return _is_last_option(entry, "nofail", "fail") or (
        is_network(entry) and entry.spec.startswith(("/dev/", *(f"{tag}=" for tag in TAGS)))
    )


def _option_set(entry: FstabFacts) -> set[str]:
    return set(entry.options.split(","))


def _is_last_option(entry: FstabFacts, off: str, on: str) -> bool:
    """Whether ``off`` holds: if an option and its opposite are both given, the last one counts."""
    said = [option for option in entry.options.split(",") if option in (off, on)]
    return bool(said) and said[-1] == off


def hidden_mount_points(entries: Collection[FstabFacts]) -> tuple[str, ...]:
    """Mount points hidden by a later line that names the same folder or one above it. Swap has no mount point."""
    points = [each.mount_point.rstrip("/") or "/" for each in entries if each.mount_point.startswith("/")]
    return tuple(
        point
        for at, point in enumerate(points)
        if any(later == point or point.startswith(later.rstrip("/") + "/") for later in points[at + 1 :])
    )
