"""Checks of the disks' content: users and groups, cron entries, packages, named files, and the user's own check."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shared.domain.findings import Finding
from shared.domain.guest import GuestFacts
from shared.domain.validation.view import (
    Comparison,
    expected_finding,
    failure_finding,
    joined_names,
    not_compared_finding,
    warning_finding,
)

LOWEST_PERSON_ID = 1000
"""The lowest id of users and groups that people create; lower ids belong to the system."""
SYSTEM_CRON = re.compile(r"^(crontab|0hourly|raid-check|sysstat|dailyjobs|unbound-anchor|e2scrub_all): ")
"""Cron files into which the distribution's own packages write their entries."""
REPLACED = re.compile(r"^(kernel.*|glibc|gcc|python.*|openssl|perl|ruby|epel-release|cloud-init|mariadb)$")
"""Packages whose names and versions differ between distributions."""


def check_users_and_groups(view: Comparison) -> Iterator[Finding]:
    """Check that all users and groups still exist with the same ids."""
    for kind, before, after in (("User", view.before.users, view.after.users), ("Group", view.before.groups, view.after.groups)):
        if view.is_windows and kind == "Group":
            continue
        if before is None or after is None:
            yield not_compared_finding(f"{kind}sUnknown", f"{kind.lower()}s")
        else:
            yield from _lost_user_and_group_findings(kind, before, after, view)


def _lost_user_and_group_findings(
    kind: str, before: tuple[str, ...], after: tuple[str, ...], view: Comparison
) -> Iterator[Finding]:
    now = {entry.split(":")[0]: entry for entry in after}
    lost: list[str] = []
    system: list[str] = []
    changed: list[str] = []
    for entry in before:
        name, number, members = (entry + "::").split(":")[:3]
        person = not number.isdigit() or int(number) >= LOWEST_PERSON_ID or view.is_after_rollback
        found = now.get(name)
        if found is None:
            (lost if person else system).append(name)
        elif (found + "::").split(":")[1] != number or set(members.split(",")) - {""} - set(
            (found + "::").split(":")[2].split(",")
        ):
            changed.append(f"{entry} before, {found} now")
    word = kind.lower()
    if lost:
        yield failure_finding(
            f"{kind}Lost", f"A {word} no longer exists", joined_names(lost), f"Add the {word} again with its old id."
        )
    if changed:
        yield warning_finding(
            f"{kind}Changed",
            f"A {word} has another id or lost members",
            joined_names(changed),
            "Files belong to ids: set the old id again, or change the files' owner.",
        )
    if system:
        yield expected_finding(f"System{kind}Lost", f"A {word} of the old system no longer exists", joined_names(system))


def _cron_entries(guest: GuestFacts) -> tuple[str, ...] | None:
    return guest.linux.cron if guest.linux else None


def check_cron(view: Comparison) -> Iterator[Finding]:
    """Check that cron entries made by people still exist."""
    if view.is_windows:
        return
    before, after = _cron_entries(view.before), _cron_entries(view.after)
    if before is None or after is None:
        yield not_compared_finding("CronUnknown", "cron entries")
        return
    lost = set(before) - set(after)
    own = {line for line in lost if view.is_after_rollback or not SYSTEM_CRON.match(line)}
    if own:
        yield failure_finding(
            "CronLost",
            "A cron entry no longer exists",
            joined_names(own),
            "Restore the entry; crontab -l shows the present entries.",
        )
    if lost - own:
        yield expected_finding("SystemCronLost", "A cron entry of the old system no longer exists", joined_names(lost - own))


def check_packages(view: Comparison) -> Iterator[Finding]:
    """Check that web servers, databases and runtimes are still installed, and are not older than before."""
    if view.is_windows:
        return
    if view.before.packages is None or view.after.packages is None:
        yield not_compared_finding("PackagesUnknown", "packages")
        return
    before = {p.name: p.version for p in view.before.packages.chosen}
    after = {p.name: p.version for p in view.after.packages.chosen}
    lost = [name for name in before if name not in after]
    own = [f"{name} {before[name]}" for name in lost if view.is_after_rollback or not REPLACED.match(name)]
    if own:
        yield failure_finding(
            "PackageLost",
            "A package is no longer installed",
            joined_names(own),
            "Install the package for the new system, and restore its configuration.",
        )
    both = [name for name in before if name in after and not REPLACED.match(name)]
    older = [f"{n}: {before[n]} before, {after[n]} now" for n in both if version_sort_key(after[n]) < version_sort_key(before[n])]
    newer = [f"{n}: {before[n]} before, {after[n]} now" for n in both if version_sort_key(after[n]) > version_sort_key(before[n])]
    if older:
        yield warning_finding(
            "PackageOlder",
            "A package is older than before",
            joined_names(older),
            "Check that the older version can read the package's data.",
        )
    if newer and view.is_after_rollback:
        yield failure_finding(
            "PackageNotRestored",
            "A package has another version than before",
            joined_names(newer),
            "Reset the system disk from its snapshot.",
        )
    elif newer:
        yield expected_finding("PackageNewer", "Packages are newer", joined_names(newer))


def version_sort_key(version: str) -> list[tuple[int, str]]:
    """The sort key of an upstream version; the part after the dash belongs to the distribution and is ignored."""
    words = re.findall(r"\d+|[a-zA-Z]+", version.split("-")[0].split(":")[-1])
    return [(int(word), "") if word.isdigit() else (-1, word) for word in words]


def check_files(view: Comparison) -> Iterator[Finding]:
    """Check that the files named by the user have the same content."""
    after = {c.path: c.sha256 for c in view.after.checksums}
    before = [c for c in view.before.checksums if c.sha256]
    gone = [c.path for c in before if not after.get(c.path)]
    changed = [c.path for c in before if after.get(c.path) and after[c.path] != c.sha256]
    if gone:
        yield failure_finding(
            "FileLost",
            "A file that you named is missing or was not reported",
            joined_names(gone),
            "Restore the file from the snapshot.",
        )
    if changed:
        yield failure_finding(
            "FileChanged",
            "The content of a file that you named has changed",
            joined_names(changed),
            "Compare the file with its copy in the snapshot.",
        )
    if set(after) - {c.path for c in view.before.checksums}:
        yield not_compared_finding("FilesUnknown", "the files that you named")


def check_user_command(view: Comparison) -> Iterator[Finding]:
    """Check that the user's own command succeeds."""
    before, after = view.before.check, view.after.check
    if after is None and before is None:
        return
    if after is None:
        yield failure_finding("CheckNotRun", "Your check did not run", "no result", "Run the check by hand.")
    elif after.exit_status and before is None and view.is_after_rollback:
        yield not_compared_finding("CheckUnknown", f"your check, which now fails with exit status {after.exit_status}")
    elif after.exit_status and (before is None or before.exit_status == 0):
        yield failure_finding(
            "CheckFailed",
            "Your check failed",
            f"exit status {after.exit_status}: {after.output[:200]}",
            "Read the output of the check.",
        )
    elif after.exit_status:
        yield warning_finding(
            "CheckFailedBefore", "Your check failed, as it did before", f"exit status {after.exit_status}", "Correct the check."
        )
