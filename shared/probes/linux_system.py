"""Reads the facts that only Linux guests have, for example about the boot loader, fstab, package sources and programs."""

from __future__ import annotations

import re
from dataclasses import replace

from shared.domain.fstab import ReportedDevices, parse_fstab_line
from shared.domain.guest import BootFacts, FstabFacts, GuestFacts, LinuxFacts
from shared.probes.answer import LinuxAnswer
from shared.probes.frame import AnswerSection

TIME_SERVICES = {"chronyd", "ntpd", "systemd-timesyncd"}
PANELS = {
    "/www/server/panel": "BT panel",
    "/www/wdlinux": "wdCP",
    "/usr/bin/lnmp": "LNMP",
    "/bin/lnmp": "LNMP",
    "/xp/panel": "phpStudy panel",
    "/usr/local/cpanel": "cPanel",
    "/usr/local/psa": "Plesk",
    "/usr/local/directadmin": "DirectAdmin",
    "/usr/local/vesta": "VestaCP",
    "/usr/local/hestia": "HestiaCP",
    "/usr/local/CyberCP": "CyberPanel",
    "/usr/local/lsws": "LiteSpeed",
    "/opt/1panel": "1Panel",
    "/usr/libexec/webmin": "Webmin",
    "/alidata/server": "Alibaba Cloud's one-click environment",
    "/opt/lampp": "XAMPP",
    "/usr/local/ispconfig": "ISPConfig",
    "/vhs/kangle": "Kangle",
    "/opt/appnode": "AppNode",
    "/usr/local/phpstudy": "phpStudy",
}
"""Maps the installation folder of each hosting panel or software bundle to the name of the product.

The programs of a hosting panel belong to no package of the distribution.
"""
OTHER_KERNELS = re.compile(r"elrepo|uek|plus|debug$")
"""Matches the versions of kernels that do not come from the distribution."""


def parse_linux_facts(answer: LinuxAnswer, facts: GuestFacts) -> LinuxFacts:
    """The facts that only Linux guests have. The argument ``facts`` holds the facts that every guest has."""
    state = answer.read_section("state", lambda s: s)
    programs = answer.read_section("programs", lambda s: s)
    cron = answer.read_section("cron", lambda s: tuple(s.lines))
    boot = answer.read_section("boot", lambda s: _boot_facts(s, answer.sections.get("packages")))
    modules = answer.read_section("modules", lambda s: s)
    updates = answer.sections.get("updates")
    active = None if facts.services is None else {s.name for s in facts.services if s.active}
    linux = LinuxFacts(
        modules_out_of_tree=_values_of_key(modules, "out-of-tree"),
        gpu=(modules.first_value_for_key("gpu") or (state.first_value_for_key("gpu") if state else None)) == "yes"
        if modules
        else None,
        boot=boot,
        fstab=_fstab_entries(answer),
        repositories=answer.read_section("repositories", lambda s: tuple(_repository_name_and_url(line) for line in s.lines)),
        interface_pins=_values_of_key(state, "pin"),
        security_agent=_has_security_agent(state, modules),
        updates_pending={0: False, 100: True}.get(updates.status) if updates else None,
        reboot_pending=_is_reboot_pending(boot, facts),
        compiled_programs=_names_of_unpackaged_programs(programs),
        python2_users=_programs_that_use_python2(programs, cron),
        proxy=" ".join(state.values_for_key("proxy")) if state else None,
        selinux=_selinux_mode(state) if state else None,
        clock_synchronised=None if active is None else bool(active & TIME_SERVICES),
        cron=cron,
        package_manager_busy=_is_word_yes(state.first_value_for_key("package-manager-busy")) if state else None,
        leftovers=_values_of_key(state, "leftover"),
        dnf_modules=_values_of_key(state, "module"),
        lock_holders=tuple(map(_package_lock_holder, state.values_for_key("lock")))
        if state and "more" in answer.sections
        else None,
    )
    return _facts_including_health_section(_facts_including_newer_sections(linux, answer, modules), answer)


def _facts_including_newer_sections(linux: LinuxFacts, answer: LinuxAnswer, modules: AnswerSection | None) -> LinuxFacts:
    """The facts in ``linux``, extended by the facts that only newer probes report.

    The answers of older probes lack the section with these facts.
    """
    if "more" not in answer.sections:
        return linux
    more = answer.read_section("more", lambda s: s)
    packages = answer.sections.get("packages")
    return replace(
        linux,
        kernel_arguments=more.first_value_for_key("arguments") if more else None,
        kernel_vendor=packages.first_value_for_key("kernel-vendor") if packages else None,
        modules=_words_of_key(modules, "loaded"),
        root_links=_values_of_key(more, "link"),
        duplicate_repositories=_values_of_key(more, "repeated"),
        duplicate_packages=_values_of_key(packages if packages and not packages.status else None, "twice"),
        package_locks=_values_of_key(more, "lock"),
        rpm_database=packages.first_value_for_key("complaint") if packages else None,
        encrypted_devices=_values_of_key(more, "crypt"),
        pam_modules=_words_of_key(more, "pam"),
        permit_root_login=_root_login_setting(more) if more else None,
        fips=more.first_value_for_key("fips") == "1" if more else None,
        read_only_mounts=_values_of_key(more, "read-only"),
    )


def _root_login_setting(more: AnswerSection) -> str | None:
    """The setting PermitRootLogin in sshd's configuration file; empty if the file lacks the setting, and None if the file does not
    exist.

    Older probes do not report whether the file exists.
    """
    return None if more.first_value_for_key("sshd") == "no" else more.first_value_for_key("root-login") or ""


def _facts_including_health_section(linux: LinuxFacts, answer: LinuxAnswer) -> LinuxFacts:
    """The facts in ``linux``, extended by facts about fstab, the metadata service, name resolution and the clock.

    A value is None if no tool in the guest could report it.
    """
    if "health" not in answer.sections:
        return linux
    health = answer.read_section("health", lambda s: s)
    if health is None:
        return linux
    return replace(
        linux,
        fstab_errors=_values_of_key(health, "error") if health.first_value_for_key("checked") else None,
        metadata_answers=_is_word_yes(health.first_value_for_key("metadata")),
        names_resolve=_is_word_yes(health.first_value_for_key("names")),
        clock_in_step=_is_word_yes(health.first_value_for_key("clock")),
    )


def _values_of_key(section: AnswerSection | None, key: str) -> tuple[str, ...] | None:
    return tuple(section.values_for_key(key)) if section else None


def _words_of_key(section: AnswerSection | None, key: str) -> tuple[str, ...] | None:
    return tuple(word for line in section.values_for_key(key) for word in line.split()) if section else None


def _is_word_yes(word: str | None) -> bool | None:
    return None if word is None else word == "yes"


def _repository_name_and_url(line: str) -> tuple[str, str]:
    name, _, url = line.partition(" ")
    return name, "" if url == "-" else url


def _package_lock_holder(line: str) -> str:
    """The process that holds a package manager's lock, in words. The argument ``line`` is, for example, ``/run/yum.pid 4321
    (yum)``.
    """
    path, pid, name = [*line.split(" ", 2), "", ""][:3]
    return f"{path} of process {pid} {name}".rstrip()


def _has_security_agent(state: AnswerSection | None, modules: AnswerSection | None) -> bool | None:
    """Whether the security agent runs or its kernel module is loaded.

    The security agent's folder proves nothing, because uninstalling the agent does not remove the folder.
    """
    if modules and modules.values_for_key("security-agent"):
        return True
    return _is_word_yes(state.first_value_for_key("security-agent")) if state else None


def _selinux_mode(state: AnswerSection) -> str | None:
    """The SELinux mode (``enforcing``, ``permissive`` or ``disabled``).

    The mode of the running kernel is used if known, otherwise the configured mode.
    """
    enforce = state.first_value_for_key("enforce")
    if enforce is not None:
        return "enforcing" if enforce == "1" else "permissive"
    return state.first_value_for_key("selinux") or "disabled"


def _fstab_entries(answer: LinuxAnswer) -> tuple[FstabFacts, ...] | None:
    """The entries of fstab. Newer probes report whole lines of fstab. Older probes report only five words for each line."""
    section = answer.read_section("fstab", lambda s: s)
    if section is None or not any(line.startswith(("line ", "looked ")) for line in section.lines):
        return answer.read_section("fstab", _fstab_entries_of_older_probe) if section else None
    seen = ReportedDevices(
        frozenset(section.values_for_key("link")),
        frozenset(section.values_for_key("here")),
        section.values_for_key("looked"),
        not section.total,
    )
    entries = (parse_fstab_line(line, seen) for line in section.values_for_key("line"))
    return tuple(entry for entry in entries if entry)


def _fstab_entries_of_older_probe(section: AnswerSection) -> tuple[FstabFacts, ...]:
    rows = [line.split(" ") for line in section.lines]
    return tuple(
        FstabFacts(spec, point, kind, options, _is_word_yes(None if here == "?" else here))
        for spec, point, kind, options, here in rows
    )


def _boot_facts(section: AnswerSection, packages: AnswerSection | None) -> BootFacts:
    images = [line.rsplit(" ", 1) for line in section.values_for_key("image")]
    versions = tuple(version for version, _ in images)
    return BootFacts(
        default_kernel=_default_kernel(section, versions),
        images=versions,
        missing_initramfs=tuple(version for version, here in images if here == "no"),
        grub_config=_is_word_yes(section.first_value_for_key("grub")),
        efi=_is_word_yes(section.first_value_for_key("efi")),
        kernel_packaged=_is_word_yes(packages.first_value_for_key("kernel-packaged")) if packages else None,
    )


def _default_kernel(section: AnswerSection, versions: tuple[str, ...]) -> str | None:
    """The kernel that GRUB starts next: GRUB's saved entry, or the first entry if GRUB has no saved entry.

    The saved entry is a kernel version or the number of an entry.
    """
    saved = (section.first_value_for_key("saved") or "").strip()
    named = [version for version in versions if version in saved]
    if named:
        return max(named, key=len)
    entries = section.values_for_key("entry")
    number = int(saved) if saved.isdigit() and len(saved) < 4 else 0 if not saved else None
    return entries[number] if number is not None and number < len(entries) else None


def _version_sort_key(version: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"[.\-_]", version)]


def _is_reboot_pending(boot: BootFacts | None, facts: GuestFacts) -> bool | None:
    """Whether the distribution's newest installed kernel is newer than the running kernel.

    Kernels from other vendors are ignored, even if they are installed.
    """
    images = [image for image in (boot.images if boot else ()) if not OTHER_KERNELS.search(image)]
    if not images or facts.kernel is None:
        return None
    chosen = facts.packages.chosen if facts.packages else ()
    packaged = {f"{p.version}.{p.architecture}" for p in chosen if p.name in ("kernel", "kernel-core")}
    newest = max([image for image in images if image in packaged] or images, key=_version_sort_key)
    return newest != facts.kernel and _version_sort_key(newest) > _version_sort_key(facts.kernel)


def _names_of_unpackaged_programs(programs: AnswerSection | None) -> tuple[str, ...] | None:
    """The names of the hosting panels in the guest, and of the compiled programs that belong to no package."""
    if programs is None:
        return None
    panels = [f"{PANELS.get(path, 'panel')} ({path})" for path in programs.values_for_key("panel")]
    return (*panels, *programs.values_for_key("elf"))


def _programs_that_use_python2(programs: AnswerSection | None, cron: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if programs is None or cron is None:
        return None
    jobs = [line for line in cron if re.search(r"\bpython(?!3)", line)]
    return tuple(programs.values_for_key("python")) + tuple(jobs)
