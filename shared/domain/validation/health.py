"""Checks of the guest's present health: fstab, the metadata service, name resolution and time."""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.findings import Finding
from shared.domain.guest import GuestFacts, LinuxFacts, WindowsFacts
from shared.domain.validation.view import Comparison, failure_finding, joined_names, warning_finding


def _linux_facts(guest: GuestFacts) -> LinuxFacts:
    return guest.linux or LinuxFacts()


def linux_or_windows_facts(guest: GuestFacts) -> LinuxFacts | WindowsFacts:
    """The facts that only the guest's operating system has, Linux or Windows. If the guest reported no facts of its system, the
    result is an empty ``LinuxFacts``.
    """
    return guest.linux or guest.windows or LinuxFacts()


def check_fstab(view: Comparison) -> Iterator[Finding]:
    """Check that the guest's own check of fstab (``findmnt --verify`` or ``mount -fav``) reports no new errors."""
    before, after = _linux_facts(view.before).fstab_errors, _linux_facts(view.after).fstab_errors
    if not after:
        return
    new = set(after) - set(before or ())
    remedy = "Correct /etc/fstab before the next restart; findmnt --verify shows what is wrong."
    if before == () and new:
        yield failure_finding("FstabBroken", "An entry of fstab no longer mounts", joined_names(new), remedy)
    else:
        why = "The next restart may stop at this entry."
        yield warning_finding(
            "FstabErrors",
            "The check of fstab reports errors, as it did before or may have done before",
            joined_names(after),
            remedy,
            why,
        )


def check_metadata_service(view: Comparison) -> Iterator[Finding]:
    """Check that the metadata service of ECS answers, because roles and many agents need the service."""
    yield from _lost_answer_findings(
        linux_or_windows_facts(view.before).metadata_answers,
        linux_or_windows_facts(view.after).metadata_answers,
        "MetadataLost",
        "The metadata service does not answer",
        "curl http://100.100.100.200/latest/meta-data/; check the routes and the firewall.",
    )


def check_name_resolution(view: Comparison) -> Iterator[Finding]:
    """Check that names can be resolved, because configured name servers may not answer."""
    yield from _lost_answer_findings(
        linux_or_windows_facts(view.before).names_resolve,
        linux_or_windows_facts(view.after).names_resolve,
        "NamesLost",
        "Names do not resolve",
        "nslookup kms.cloud.aliyuncs.com; ipconfig /all."
        if view.is_windows
        else "getent hosts mirrors.cloud.aliyuncs.com; compare /etc/resolv.conf and /etc/nsswitch.conf with the snapshot's.",
    )


def _lost_answer_findings(before: bool | None, after: bool | None, code: str, title: str, remedy: str) -> Iterator[Finding]:
    if after is False and before:
        yield failure_finding(code, title, "it worked before, and does not work now", remedy)
    elif after is False and before is None:
        yield warning_finding(f"{code}Perhaps", title, "it does not work now; whether it worked before is not known", remedy)


def check_clock(view: Comparison) -> Iterator[Finding]:
    """Check that the clock is synchronised. Synchronisation takes a while after a start, so a failure is only a warning."""
    if linux_or_windows_facts(view.before).clock_in_step and linux_or_windows_facts(view.after).clock_in_step is False:
        command = "w32tm /query /status; w32tm /resync" if view.is_windows else "timedatectl; then systemctl status chronyd"
        remedy = f"Check again in a few minutes: {command}."
        yield warning_finding(
            "ClockNotInStep", "The clock is not synchronised", "it was synchronised before, and is not now", remedy
        )
