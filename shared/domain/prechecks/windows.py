"""Rules on Windows guests."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import outcome_of_flag, outcome_of_list, windows_fact, windows_flag_check, windows_list_check
from shared.domain.prechecks.rule import PASSED, PRACTICE, FactUnknown, NeededFacts, Outcome, Rule, RuleFailed, is_windows

OWN_FILTERS = frozenset(
    ("partmgr", "ehstorclass", "crcdisk", "fvevol", "iorate", "rdyboost", "volsnap", "storqosflt", "msdsm", "mpio")
)
"""Disk and volume filters that come with Windows, such as BitLocker, shadow copies and multipath."""


def _check_system_drive(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if C: has less free space than the limit. The rule also fails if the Windows folder is as large as the free space, or
    larger.
    """
    guest = facts.guest
    drive = next((m for m in (guest.mounts if guest else None) or () if m.mount_point.upper().startswith("C:")), None)
    if drive is None:
        return FactUnknown("the guest did not report the free space on C:")
    free, least = drive.available_mib, catalog.minima["windows.disk.C:"].value
    size = guest.windows.windows_dir_mib if guest and guest.windows else None
    if free < least:
        return RuleFailed(f"C: has {free} MiB free, {least} MiB needed")
    if size is None:
        return FactUnknown("the guest did not report the size of C:\\Windows")
    return PASSED if free > size else RuleFailed(f"C: has {free} MiB free, but must have more than the {size} MiB of C:\\Windows")


def _check_language(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the system language is not supported."""
    language = windows_fact(facts, lambda guest: guest.language)
    if not language:
        return FactUnknown("the guest did not report its language")
    return PASSED if language in ("zh", "en") else RuleFailed(f"language {language}")


def _check_page_files(facts: Facts, catalog: Catalog) -> Outcome:
    """Reports page files that are not on the system drive."""
    files = windows_fact(facts, lambda guest: guest.page_files)
    return outcome_of_list(
        None if files is None else [name for name in files if not name.upper().startswith("C:")],
        "the guest did not list its page files",
    )


def _check_activation(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if Windows is not activated."""
    activated = windows_fact(facts, lambda guest: guest.activated)
    return outcome_of_flag(
        None if activated is None else not activated, "no product of Windows is licensed", "the guest did not report this fact"
    )


def _check_disk_filters(facts: Facts, catalog: Catalog) -> Outcome:
    """Reports disk filter drivers that do not come with Windows."""
    filters = windows_fact(facts, lambda guest: guest.filter_drivers)
    foreign = None if filters is None else [name for name in filters if name.lower() not in OWN_FILTERS]
    return outcome_of_list(foreign, "the guest did not list its disk filters")


RULES = (
    Rule(
        code="Guest.SystemDriveTooFull",
        severity=Severity.ERROR,
        unknown=Severity.OVERRIDABLE,
        needs=NeededFacts.GUEST,
        title="Too little free space on C:",
        asks="enough space is free on C:",
        why="Windows Setup keeps a copy of the old C:\\Windows until the end of the setup.",
        remedy="Clean up C:, or extend the system disk and its partition.",
        source="Windows limits: C: 20 GiB and more than C:\\Windows",
        check=_check_system_drive,
        applies=is_windows,
        command="cleanmgr /sagerun:1",
    ),
    Rule(
        code="Guest.LanguageNotSupported",
        severity=Severity.ERROR,
        unknown=Severity.OVERRIDABLE,
        needs=NeededFacts.GUEST,
        title="The language of Windows is not supported",
        asks="the language of Windows is supported",
        why="Installation media exist only in Chinese and English, and the migration cannot change the language.",
        remedy="Build a new instance in one of the two languages.",
        source="Windows matrix: language",
        check=_check_language,
        applies=is_windows,
    ),
    Rule(
        code="Guest.WindowsRebootPending",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="Windows waits for a restart",
        asks="Windows waits for a restart",
        why="Windows Setup refuses to start, or finishes the old update in the middle of the migration.",
        remedy="Restart, then run the precheck again.",
        source=PRACTICE,
        check=windows_flag_check(lambda guest: guest.pending_reboot, "a restart is pending", "the guest did not report this fact"),
        applies=is_windows,
        command="shutdown /r /t 0",
    ),
    Rule(
        code="Guest.DomainController",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="The instance is a domain controller",
        asks="the instance is a domain controller",
        why="An in-place upgrade changes the schema, and a rollback by snapshot can split the domain.",
        remedy="Add a new domain controller, move the roles to it, and demote this domain controller.",
        source=PRACTICE,
        check=windows_flag_check(
            lambda guest: guest.domain_controller,
            "its role in the domain is that of a domain controller",
            "the guest did not report this fact",
        ),
        applies=is_windows,
        command="netdom query fsmo",
    ),
    Rule(
        code="Guest.ClusterMember",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="The instance is a member of a failover cluster",
        asks="the instance is a member of a failover cluster",
        why="Clusters are upgraded node by node with their own procedure.",
        remedy="Remove the node from the cluster first.",
        source=PRACTICE,
        check=windows_flag_check(lambda guest: guest.clustered, "the Cluster service runs", "the guest did not report this fact"),
        applies=is_windows,
        command="cluster.exe node",
    ),
    Rule(
        code="Guest.BitLocker",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="BitLocker is on",
        asks="BitLocker is on",
        why="The restarts of the migration would wait for the recovery key.",
        remedy="Suspend the protection during the migration.",
        source=PRACTICE,
        check=windows_flag_check(
            lambda guest: guest.bitlocker, "BitLocker protects a volume", "the guest did not report this fact"
        ),
        applies=is_windows,
        command="manage-bde -protectors -disable C:",
    ),
    Rule(
        code="Guest.PageFileElsewhere",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="A page file is on another disk",
        asks="a page file is on another disk",
        why="Drive letters can change while Setup runs. The page file then blocks the disk or is missing.",
        remedy="Move the page file to C: during the migration.",
        source=PRACTICE,
        check=_check_page_files,
        applies=is_windows,
        command="wmic pagefile list",
    ),
    Rule(
        code="Guest.NotActivated",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="Windows is not activated",
        asks="Windows is activated",
        why="Usually the guest cannot reach the KMS server, which the new system needs too.",
        remedy="Activate Windows with the KMS of Alibaba Cloud.",
        source=PRACTICE,
        check=_check_activation,
        applies=is_windows,
        command="slmgr /skms kms.cloud.aliyuncs.com & slmgr /ato",
    ),
    Rule(
        code="Guest.Antivirus",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="Third-party antivirus is installed",
        asks="third-party antivirus is installed",
        why="The drivers of the antivirus stop Windows Setup, or prevent the new system from starting.",
        remedy="Uninstall the antivirus, and install a current version afterwards.",
        source=PRACTICE,
        check=windows_list_check(lambda guest: guest.antivirus, "the guest did not list its services"),
        applies=is_windows,
    ),
    Rule(
        code="Guest.DiskFilterDrivers",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="Disk filter drivers are installed",
        asks="disk filter drivers are installed",
        why="Drivers below the file system, such as encryption or backup drivers, may not work in the new system, which "
        "then does not start.",
        remedy="Uninstall the software to which the drivers belong.",
        source=PRACTICE,
        check=_check_disk_filters,
        applies=is_windows,
        command="fltmc filters",
    ),
)
