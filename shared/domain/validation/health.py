"""Checks of the guest's present health: fstab, the metadata service, name resolution and time."""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.findings import Finding
from shared.domain.guest import GuestFacts, LinuxFacts, WindowsFacts
from shared.domain.validation.view import View, failure, names, warning


def _linux(guest: GuestFacts) -> LinuxFacts:
    return guest.linux or LinuxFacts()


def _system(guest: GuestFacts) -> LinuxFacts | WindowsFacts:
    return guest.linux or guest.windows or LinuxFacts()


def check_fstab(view: View) -> Iterator[Finding]:
    """Check that the system's own check of fstab (findmnt --verify, else mount -fav) finds nothing new."""
    before, after = _linux(view.before).fstab_errors, _linux(view.after).fstab_errors
    if not after:
        return
    new = set(after) - set(before or ())
    remedy = "Correct /etc/fstab before the next restart; findmnt --verify shows what is wrong."
    if before == () and new:
        yield failure("FstabBroken", "An entry of fstab does not mount any more", names(new), remedy)
    else:
        why = "The next restart may stop at it."
        yield warning("FstabErrors", "The check of fstab complains, and did before or was not known", names(after), remedy, why)


def check_metadata(view: View) -> Iterator[Finding]:
    """Check that the metadata service of ECS answers, because roles and many agents need it."""
    yield from _check_answers(
        _system(view.before).metadata_answers,
        _system(view.after).metadata_answers,
        "MetadataLost",
        "The metadata service does not answer",
        "curl http://100.100.100.200/latest/meta-data/; look at routes and at the firewall.",
    )


def check_names(view: View) -> Iterator[Finding]:
    """Check that names resolve, because configured name servers do not prove it."""
    yield from _check_answers(
        _system(view.before).names_resolve,
        _system(view.after).names_resolve,
        "NamesLost",
        "Names do not resolve",
        "nslookup kms.cloud.aliyuncs.com; ipconfig /all."
        if view.windows
        else "getent hosts mirrors.cloud.aliyuncs.com; compare /etc/resolv.conf and /etc/nsswitch.conf with the snapshot's.",
    )


def _check_answers(before: bool | None, after: bool | None, code: str, title: str, remedy: str) -> Iterator[Finding]:
    if after is False and before:
        yield failure(code, title, "it did before, it does not now", remedy)
    elif after is False and before is None:
        yield warning(f"{code}Perhaps", title, "it does not now; before is not known", remedy)


def check_clock(view: View) -> Iterator[Finding]:
    """Check that the clock is synchronised. It takes a while after a start, so this is a warning."""
    if _system(view.before).clock_in_step and _system(view.after).clock_in_step is False:
        command = "w32tm /query /status; w32tm /resync" if view.windows else "timedatectl; then systemctl status chronyd"
        remedy = f"Look again in a few minutes: {command}."
        yield warning("ClockNotInStep", "The clock is not synchronised", "it was before, it is not now", remedy)
