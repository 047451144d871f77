"""Reads facts from the sections of a Linux probe's answer. If a section is missing or unreadable, or if its command failed, its
facts stay unknown.
"""

from __future__ import annotations

import re
from dataclasses import replace

from shared.domain.guest import (
    ChecksumFacts,
    GuestFacts,
    InterfaceFacts,
    ListenerFacts,
    MountFacts,
    PackageFacts,
    PackageSummary,
    ServiceFacts,
    UserCheck,
)
from shared.probes.answer import LinuxAnswer, parse_whole_number
from shared.probes.frame import AnswerSection, sections_of_answer
from shared.probes.linux_system import parse_linux_facts

ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
FIREWALLS = ("firewalld", "iptables", "nftables")


def parse_linux_answer(text: str) -> GuestFacts:
    """The facts in an answer of linux.sh. Raises ProbeUnreadable if the answer's frame is incomplete."""
    answer = LinuxAnswer(sections_of_answer(text))
    system = answer.read_section("os", lambda s: s)
    services = answer.read_section("services", _service_facts)
    facts = GuestFacts(
        os_id=system.first_value_for_key("id") if system else None,
        os_version=system_version(system) if system else None,
        os_name=(system.first_value_for_key("pretty_name") or system.first_value_for_key("name")) if system else None,
        kernel=answer.read_section("kernel", lambda s: s.lines[0]),
        architecture=answer.read_section("machine", lambda s: ARCHITECTURES.get(s.lines[0], s.lines[0])),
        hostname=answer.read_section("hostname", lambda s: s.lines[0]),
        mounts=_mounts_with_options(answer),
        packages=answer.read_section("packages", _package_summary),
        services=services,
        listening=answer.read_section("listening", _listener_facts),
        users=answer.read_section("users", lambda s: tuple(s.values_for_key("user"))),
        groups=answer.read_section("users", lambda s: tuple(s.values_for_key("group"))),
        interfaces=_interface_facts(answer),
        default_route=answer.read_section("route", lambda s: s.lines[0] if s.lines else ""),
        dns=answer.read_section("dns", lambda s: tuple(s.lines)),
        firewall=_active_firewalls(services),
        checksums=(answer.read_section("checksums", _checksum_facts) or ()) if "checksums" in answer.sections else (),
        check=_user_check_result(answer.sections.get("check")),
    )
    total, available = answer.read_section("memory", _memory_mib) or (None, None)
    facts = replace(facts, memory_mib=total, memory_available_mib=available, linux=parse_linux_facts(answer, facts))
    return replace(facts, unknown=tuple(sorted(answer.unknown.items())), cut=answer.truncated_sections())


def system_version(section: AnswerSection) -> str | None:
    """The version in VERSION_ID, or the more precise version in redhat-release.

    For example, redhat-release on CentOS 7.9 contains 7.9.2009.
    """
    short = section.first_value_for_key("version_id")
    full = re.search(r"release (\d[\d.]*)", section.first_value_for_key("release") or "")
    if full and (short is None or full[1] == short or full[1].startswith(short + ".")):
        return full[1]
    return short


def _memory_mib(section: AnswerSection) -> tuple[int | None, int | None]:
    """The total and the available memory in MiB, from /proc/meminfo (in kB) or from ``free -m``."""
    mem = section.first_value_for_key("Mem:")
    if mem is not None:
        columns = [parse_whole_number(word) for word in mem.split()]
        return columns[0], columns[5] if len(columns) > 5 else columns[2]
    kib = {line.split(":")[0]: parse_whole_number(line.split()[1]) for line in section.lines}
    available = kib.get("MemAvailable")
    if available is None and "MemFree" in kib:
        available = kib["MemFree"] + kib.get("Buffers", 0) + kib.get("Cached", 0)
    total = kib.get("MemTotal")
    return (total // 1024 if total is not None else None), (available // 1024 if available is not None else None)


def _mounts_with_options(answer: LinuxAnswer) -> tuple[MountFacts, ...] | None:
    section = answer.sections.get("options")
    pairs = [line.split(" ", 1) for line in section.lines] if section else []
    options = {pair[1]: pair[0] for pair in pairs if len(pair) == 2}
    mounts = answer.read_section("mounts", lambda s: tuple(_mount_facts(line.split(" ", 7)) for line in s.lines))
    return None if mounts is None else tuple(replace(m, options=options.get(m.mount_point, "")) for m in mounts)


def _mount_facts(words: list[str]) -> MountFacts:
    device, kind, size, free, inodes, mode, uuid, point = words
    return MountFacts(
        point,
        device.replace("\\040", " "),
        parse_whole_number(size) // 1024,
        parse_whole_number(free) // 1024,
        "" if kind == "-" else kind,
        None if inodes == "-" else parse_whole_number(inodes),
        mode == "ro",
        "" if uuid == "-" else uuid,
    )


def _package_summary(section: AnswerSection) -> PackageSummary:
    total = parse_whole_number(section.first_value_for_key("total") or "")
    if total == 0:
        raise ValueError("no package at all")
    return PackageSummary(
        total,
        tuple(section.values_for_key("i686")),
        parse_whole_number(section.first_value_for_key("i686-total") or "0"),
        tuple(section.values_for_key("third")),
        parse_whole_number(section.first_value_for_key("third-total") or "0"),
        tuple(PackageFacts(*line.split(" ")[:3]) for line in section.values_for_key("chosen")),
    )


def _service_facts(section: AnswerSection) -> tuple[ServiceFacts, ...]:
    rows = [line.split(" ") for line in section.lines]
    return tuple(ServiceFacts(name, enabled == "1", active == "1") for name, enabled, active in rows)


def _listener_facts(section: AnswerSection) -> tuple[ListenerFacts, ...]:
    rows = [line.split(" ") for line in section.lines]
    return tuple(ListenerFacts(protocol, address, parse_whole_number(port)) for protocol, address, port in rows)


def _interface_facts(answer: LinuxAnswer) -> tuple[InterfaceFacts, ...] | None:
    addresses = answer.read_section("addresses", lambda s: [line.split(" ") for line in s.lines])
    links = answer.read_section("links", lambda s: [line.split(" ") for line in s.lines])
    if addresses is None:
        return None
    macs = {words[0]: words[-1] for words in links or []}
    names = sorted({words[0] for words in addresses} | set(macs))
    return tuple(InterfaceFacts(n, tuple(w[-1] for w in addresses if w[0] == n), macs.get(n, "")) for n in names)


def _active_firewalls(services: tuple[ServiceFacts, ...] | None) -> str | None:
    if services is None:
        return None
    return " ".join(name for name in FIREWALLS if any(s.name == name and s.active for s in services))


def _checksum_facts(section: AnswerSection) -> tuple[ChecksumFacts, ...]:
    pairs = [line.split(" ", 1) for line in section.lines]
    return tuple(ChecksumFacts(path, "" if digest == "-" else digest) for digest, path in pairs)


def _user_check_result(section: AnswerSection | None) -> UserCheck | None:
    return UserCheck(section.status, " ".join(section.lines)[:200]) if section else None
