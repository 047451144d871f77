"""From the sections of a Linux answer to facts. A section that is missing, failed or unreadable leaves its facts unknown."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from shared.domain.guest import (
    BootFacts,
    ChecksumFacts,
    FstabFacts,
    GuestFacts,
    InterfaceFacts,
    LinuxFacts,
    ListenerFacts,
    MountFacts,
    PackageFacts,
    PackageSummary,
    ServiceFacts,
    UserCheck,
)
from shared.probes.frame import Section, read_frame

T = TypeVar("T")
ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
TIME_SERVICES = {"chronyd", "ntpd", "systemd-timesyncd"}
FIREWALLS = ("firewalld", "iptables", "nftables")
USABLE_DESPITE_STATUS = {"mounts", "check", "updates", "fstab"}
"""Sections worth reading although their command complained: df does when a single mount cannot be read."""
STATUS = {127: "no such command", 124: "took longer than 15 s", 126: "not permitted"}


class Answer:
    """The sections of one answer, and what of it stays unknown."""

    def __init__(self, sections: dict[str, Section]) -> None:
        self.sections = sections
        self.unknown: dict[str, str] = {}

    def read(self, name: str, reader: Callable[[Section], T]) -> T | None:
        """What ``reader`` makes of a section, or None with the reason noted."""
        section = self.sections.get(name)
        if section is None:
            self.unknown[name] = "not told"
        elif section.status and not (section.lines and name in USABLE_DESPITE_STATUS):
            self.unknown[name] = STATUS.get(section.status, f"status {section.status}")
        else:
            try:
                return reader(section)
            except (ValueError, IndexError):
                self.unknown[name] = "unreadable"
        return None

    def cuts(self) -> tuple[tuple[str, str], ...]:
        """Sections that did not fit, with how much of them did."""
        return tuple((s.name, f"{s.kept} of {s.total} lines") for s in self.sections.values() if s.total)


def whole(text: str) -> int:
    """A number of at most 15 digits; raises ValueError."""
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise ValueError(text)
    return int(text)


def parse_linux(text: str) -> GuestFacts:
    """The facts in an answer of linux.sh; raises ProbeUnreadable when the frame is not whole."""
    answer = Answer(read_frame(text))
    system = answer.read("os", lambda s: s)
    services = answer.read("services", _services)
    facts = GuestFacts(
        os_id=system.value("id") if system else None,
        os_version=_version(system) if system else None,
        os_name=(system.value("pretty_name") or system.value("name")) if system else None,
        kernel=answer.read("kernel", lambda s: s.lines[0]),
        architecture=answer.read("machine", lambda s: ARCHITECTURES.get(s.lines[0], s.lines[0])),
        hostname=answer.read("hostname", lambda s: s.lines[0]),
        mounts=answer.read("mounts", _mounts),
        packages=answer.read("packages", _packages),
        services=services,
        listening=answer.read("listening", _listening),
        users=answer.read("users", lambda s: tuple(s.values("user"))),
        groups=answer.read("users", lambda s: tuple(s.values("group"))),
        interfaces=_interfaces(answer),
        default_route=answer.read("route", lambda s: s.lines[0] if s.lines else ""),
        dns=answer.read("dns", lambda s: tuple(s.lines)),
        firewall=_firewall(services),
        checksums=(answer.read("checksums", _checksums) or ()) if "checksums" in answer.sections else (),
        check=_check(answer.sections.get("check")),
    )
    total, available = answer.read("memory", _memory) or (None, None)
    facts = replace(facts, memory_mib=total, memory_available_mib=available, linux=_linux(answer, facts))
    return replace(facts, unknown=tuple(sorted(answer.unknown.items())), cut=answer.cuts())


def _version(section: Section) -> str | None:
    """VERSION_ID, or the fuller version of redhat-release: CentOS writes 7 in the one and 7.9.2009 in the other."""
    short = section.value("version_id")
    full = re.search(r"release (\d[\d.]*)", section.value("release") or "")
    if full and (short is None or full[1] == short or full[1].startswith(short + ".")):
        return full[1]
    return short


def _memory(section: Section) -> tuple[int | None, int | None]:
    """Total and available in MiB, from /proc/meminfo (kB) or from ``free -m``."""
    mem = section.value("Mem:")
    if mem is not None:
        columns = [whole(word) for word in mem.split()]
        return columns[0], columns[5] if len(columns) > 5 else columns[2]
    kib = {line.split(":")[0]: whole(line.split()[1]) for line in section.lines}
    available = kib.get("MemAvailable")
    if available is None and "MemFree" in kib:
        available = kib["MemFree"] + kib.get("Buffers", 0) + kib.get("Cached", 0)
    total = kib.get("MemTotal")
    return (total // 1024 if total is not None else None), (available // 1024 if available is not None else None)


def _mounts(section: Section) -> tuple[MountFacts, ...]:
    return tuple(_mount(line.split(" ", 7)) for line in section.lines)


def _mount(words: list[str]) -> MountFacts:
    device, kind, size, free, inodes, mode, uuid, point = words
    return MountFacts(
        point,
        device,
        whole(size) // 1024,
        whole(free) // 1024,
        "" if kind == "-" else kind,
        None if inodes == "-" else whole(inodes),
        mode == "ro",
        "" if uuid == "-" else uuid,
    )


def _packages(section: Section) -> PackageSummary:
    total = whole(section.value("total") or "")
    if total == 0:
        raise ValueError("no package at all")
    return PackageSummary(
        total,
        tuple(section.values("i686")),
        whole(section.value("i686-total") or "0"),
        tuple(section.values("third")),
        whole(section.value("third-total") or "0"),
        tuple(PackageFacts(*line.split(" ")[:3]) for line in section.values("chosen")),
    )


def _services(section: Section) -> tuple[ServiceFacts, ...]:
    rows = [line.split(" ") for line in section.lines]
    return tuple(ServiceFacts(name, enabled == "1", active == "1") for name, enabled, active in rows)


def _listening(section: Section) -> tuple[ListenerFacts, ...]:
    rows = [line.split(" ") for line in section.lines]
    return tuple(ListenerFacts(protocol, address, whole(port)) for protocol, address, port in rows)


def _interfaces(answer: Answer) -> tuple[InterfaceFacts, ...] | None:
    addresses = answer.read("addresses", lambda s: [line.split(" ") for line in s.lines])
    links = answer.read("links", lambda s: [line.split(" ") for line in s.lines])
    if addresses is None:
        return None
    macs = {words[0]: words[-1] for words in links or []}
    names = sorted({words[0] for words in addresses} | set(macs))
    return tuple(InterfaceFacts(n, tuple(w[-1] for w in addresses if w[0] == n), macs.get(n, "")) for n in names)


def _firewall(services: tuple[ServiceFacts, ...] | None) -> str | None:
    if services is None:
        return None
    return " ".join(name for name in FIREWALLS if any(s.name == name and s.active for s in services))


def _checksums(section: Section) -> tuple[ChecksumFacts, ...]:
    pairs = [line.split(" ", 1) for line in section.lines]
    return tuple(ChecksumFacts(path, "" if digest == "-" else digest) for digest, path in pairs)


def _check(section: Section | None) -> UserCheck | None:
    return UserCheck(section.status, " ".join(section.lines)[:200]) if section else None


def _linux(answer: Answer, facts: GuestFacts) -> LinuxFacts:
    state = answer.read("state", lambda s: s) or Section("state")
    known = "state" in answer.sections
    programs = answer.read("programs", lambda s: s)
    cron = answer.read("cron", lambda s: tuple(s.lines))
    boot = answer.read("boot", lambda s: _boot(s, answer.sections.get("packages")))
    modules = answer.read("modules", lambda s: s)
    updates = answer.sections.get("updates")
    return LinuxFacts(
        modules_out_of_tree=tuple(modules.values("out-of-tree")) if modules else None,
        gpu=(modules.value("gpu") or state.value("gpu")) == "yes" if modules else None,
        boot=boot,
        fstab=answer.read("fstab", _fstab),
        repositories=answer.read("repositories", lambda s: tuple(_pair(line) for line in s.lines)),
        interface_pins=tuple(state.values("pin")) if known else None,
        security_agent=_yes(state.value("security-agent")),
        updates_pending={0: False, 100: True}.get(updates.status) if updates else None,
        reboot_pending=_reboot_pending(boot, facts.kernel),
        compiled_programs=tuple(programs.values("elf")) if programs else None,
        python2_users=_python_users(programs, cron),
        proxy=" ".join(state.values("proxy")) if known else None,
        selinux=_selinux(state) if known else None,
        clock_synchronised=any(s.active for s in facts.services if s.name in TIME_SERVICES) if facts.services is not None else None,
        cron=cron,
        package_manager_busy=_yes(state.value("package-manager-busy")),
        leftovers=tuple(state.values("leftover")) if known else None,
        dnf_modules=tuple(state.values("module")) if known else None,
    )


def _yes(word: str | None) -> bool | None:
    return None if word is None else word == "yes"


def _pair(line: str) -> tuple[str, str]:
    name, _, url = line.partition(" ")
    return name, "" if url == "-" else url


def _selinux(state: Section) -> str | None:
    """enforcing, permissive or disabled: the kernel's word, else the configuration's."""
    enforce = state.value("enforce")
    if enforce is not None:
        return "enforcing" if enforce == "1" else "permissive"
    return state.value("selinux") or "disabled"


def _fstab(section: Section) -> tuple[FstabFacts, ...]:
    rows = [line.split(" ") for line in section.lines]
    return tuple(
        FstabFacts(spec, point, kind, options, _yes(None if here == "?" else here)) for spec, point, kind, options, here in rows
    )


def _boot(section: Section, packages: Section | None) -> BootFacts:
    images = [line.rsplit(" ", 1) for line in section.values("image")]
    saved = section.value("saved") or ""
    named = [version for version, _ in images if version in saved]
    return BootFacts(
        default_kernel=max(named, key=len, default=None),
        images=tuple(version for version, _ in images),
        missing_initramfs=tuple(version for version, here in images if here == "no"),
        grub_config=_yes(section.value("grub")),
        efi=_yes(section.value("efi")),
        kernel_packaged=_yes(packages.value("kernel-packaged")) if packages else None,
    )


def _version_key(version: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"[.\-_]", version)]


def _reboot_pending(boot: BootFacts | None, kernel: str | None) -> bool | None:
    """Whether a newer kernel is installed than the one that runs."""
    images = [image for image in (boot.images if boot else ()) if not image.endswith("debug")]
    if not images or kernel is None:
        return None
    return max(images, key=_version_key) != kernel and _version_key(max(images, key=_version_key)) > _version_key(kernel)


def _python_users(programs: Section | None, cron: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if programs is None or cron is None:
        return None
    jobs = [line for line in cron if re.search(r"\bpython(?!3)", line)]
    return tuple(programs.values("python")) + tuple(jobs)
