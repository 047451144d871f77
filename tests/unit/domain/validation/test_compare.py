"""Every difference that a validation can find, each with its class; and rollbacks, after which nothing may differ."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.facts import DiskFacts, GuestFacts, Hop, InstanceFacts
from shared.domain.findings import Assessment, Severity
from shared.domain.fstab import ReportedDevices, parse_fstab_line
from shared.domain.guest import (
    ChecksumFacts,
    InterfaceFacts,
    LinuxFacts,
    ListenerFacts,
    MountFacts,
    PackageFacts,
    PackageSummary,
    ServiceFacts,
    UserCheck,
)
from shared.domain.validation import compare_after_hop, compare_after_rollback, why_not_comparable_yet
from shared.domain.validation.content import version_sort_key
from shared.domain.validation.summary import comparison_rows
from tests.support.facts import DATA_DISK, KERNEL, LINUX_GUEST, LINUX_INSTANCE, SYSTEM_DISK, WINDOWS_GUEST, WINDOWS_INSTANCE

HOP = Hop("centos-7", "alinux-3")
WINDOWS_HOP = Hop("windows-2012r2-datacenter", "windows-2019-datacenter")
NEW_KERNEL = "5.10.134-16.3.al8.x86_64"
BEFORE = replace(
    LINUX_GUEST,
    checksums=(ChecksumFacts("/etc/app.conf", "a" * 64), ChecksumFacts("/etc/none", "")),
    check=UserCheck(0),
    firewall="firewalld",
    packages=PackageSummary(
        420,
        chosen=(PackageFacts("nginx", "1.20.1-10.el7"), PackageFacts("python", "2.7.5-94.el7"), PackageFacts("redis", "6.2.7-1")),
    ),
    services=(*(LINUX_GUEST.services or ()), ServiceFacts("handmade", False, True), ServiceFacts("ntpd", True, True)),
    users=("root:0", "nginx:997", "ntp:38", "deploy:1000"),
)
AFTER = replace(
    BEFORE,
    os_id="alinux",
    os_version="3",
    os_name="Alibaba Cloud Linux 3 (OpenAnolis Edition)",
    kernel=NEW_KERNEL,
)
W_AFTER = replace(WINDOWS_GUEST, os_version="10.0.17763", kernel="10.0.17763", os_name="Microsoft Windows Server 2019 Datacenter")
E, W, N = Severity.ERROR, Severity.WARNING, Severity.INFO


def mount(point: str, **changes: Any) -> GuestFacts:
    return replace(AFTER, mounts=tuple(replace(m, **changes) if m.mount_point == point else m for m in AFTER.mounts or ()))


def service(name: str, **changes: Any) -> GuestFacts:
    return replace(AFTER, services=tuple(replace(s, **changes) if s.name == name else s for s in AFTER.services or ()))


def without(field: str, name: str) -> GuestFacts:
    kept: dict[str, Any] = {field: tuple(each for each in getattr(AFTER, field) if name not in str(each))}
    return replace(AFTER, **kept)


def linux(**changes: Any) -> GuestFacts:
    return replace(AFTER, linux=replace(AFTER.linux or LinuxFacts(), **changes))


def package(name: str, version: str) -> GuestFacts:
    chosen = tuple(replace(p, version=version) if p.name == name else p for p in (AFTER.packages or PackageSummary(0)).chosen)
    return replace(AFTER, packages=PackageSummary(420, chosen=chosen))


def instance(**changes: Any) -> InstanceFacts:
    return replace(LINUX_INSTANCE, **changes)


INSTANCE_CASES: list[tuple[str, Severity, InstanceFacts]] = [
    ("InstanceIdChanged", E, instance(instance_id="i-other")),
    ("ImageIdChanged", E, instance(image_id="m-other")),
    ("VpcChanged", E, instance(vpc_id="vpc-2")),
    ("MachineCodeChanged", E, instance(serial_number="serial-2")),
    ("PrivateAddressChanged", E, instance(private_ips=("10.0.0.6",))),
    ("PublicAddressChanged", E, instance(public_ips=("47.0.0.1",))),
    ("NotRunning", E, instance(status="Stopped")),
    ("DiskLost", E, instance(disks=(SYSTEM_DISK,))),
    ("DiskAdded", W, instance(disks=(SYSTEM_DISK, DATA_DISK, replace(DATA_DISK, disk_id="d-new")))),
    ("TransitDiskLeft", N, instance(disks=(SYSTEM_DISK, DATA_DISK, replace(DATA_DISK, disk_id="d-smc", used_by_smc_transit=True)))),
    ("DiskResized", E, instance(disks=(SYSTEM_DISK, replace(DATA_DISK, size_gib=50)))),
]

RHEL_7: dict[str, Any] = {"os_id": "rhel", "os_version": "7.9", "os_name": "Red Hat Enterprise Linux Server 7.9 (Maipo)"}


def test_a_conversion_may_keep_the_version_of_its_kernel_and_no_other_path_may() -> None:
    conversion = compare_after_hop(LINUX_INSTANCE, BEFORE, LINUX_INSTANCE, replace(BEFORE, **RHEL_7), Hop("centos-7", "rhel-7"))
    found = {each.code.partition(".")[2]: each.severity for each in conversion.findings if "Kernel" in each.code}
    assert found == {"KernelVersionKept": W}
    rhel_8 = replace(BEFORE, os_id="rhel", os_version="8.10", os_name="Red Hat Enterprise Linux 8.10 (Ootpa)")
    upgrade = compare_after_hop(LINUX_INSTANCE, BEFORE, LINUX_INSTANCE, rhel_8, Hop("centos-7", "rhel-8"))
    assert {"Validation.OldKernelBooted"} == {each.code for each in upgrade.findings if "Kernel" in each.code}


GUEST_CASES: list[tuple[str, Severity, GuestFacts]] = [
    ("ReleaseNotReached", E, replace(AFTER, os_id="centos", os_version="7.9.2009", os_name="CentOS Linux 7 (Core)")),
    ("ReleaseNotReached", E, replace(AFTER, os_id=None, os_version=None, os_name=None)),
    ("OldKernelBooted", E, replace(AFTER, kernel=KERNEL)),
    ("KernelUnknown", W, replace(AFTER, kernel=None)),
    ("ArchitectureChanged", E, replace(AFTER, architecture="arm64")),
    ("PackageManagerBusy", E, linux(package_manager_busy=True)),
    ("HostnameChanged", E, replace(AFTER, hostname="localhost")),
    ("MountsUnknown", W, replace(AFTER, mounts=None)),
    ("MountLost", E, without("mounts", "/data")),
    ("MountAdded", N, replace(AFTER, mounts=(*(AFTER.mounts or ()), MountFacts("/boot/efi", "/dev/vda3", 100, 90)))),
    ("MountSwapped", E, mount("/data", serial="uuid-other")),
    ("MountShrunk", E, mount("/data", size_mib=94_000)),
    ("MountReadOnly", E, mount("/data", read_only=True)),
    ("MountConverted", W, mount("/data", file_system="xfs")),
    ("ServicesUnknown", W, replace(AFTER, services=None)),
    ("ServiceDisabled", E, service("nginx", enabled=False)),
    ("ServiceDisabled", E, without("services", "nginx")),
    ("SystemServiceDisabled", N, without("services", "ntpd")),
    ("ServiceStopped", E, service("nginx", active=False)),
    ("SystemServiceStopped", N, service("ntpd", active=False)),
    ("UnmanagedServiceStopped", W, service("handmade", active=False)),
    ("ServiceAdded", N, replace(AFTER, services=(*(AFTER.services or ()), ServiceFacts("cloudmonitor", True, True)))),
    ("PortsUnknown", W, replace(AFTER, listening=None)),
    ("PortClosed", E, without("listening", "port=80")),
    ("UdpPortClosed", W, without("listening", "port=514")),
    ("PortOpened", W, replace(AFTER, listening=(*(AFTER.listening or ()), ListenerFacts("tcp", "*", 9090)))),
    ("InterfacesUnknown", W, replace(AFTER, interfaces=None)),
    ("InterfaceRenamed", E, replace(AFTER, interfaces=(InterfaceFacts("ens5", ("10.0.0.5/24",)),))),
    ("AddressLost", E, replace(AFTER, interfaces=(InterfaceFacts("eth0", ()),))),
    ("RouteUnknown", W, replace(AFTER, default_route=None)),
    ("RouteLost", E, replace(AFTER, default_route="")),
    ("RouteChanged", W, replace(AFTER, default_route="default via 10.0.0.1 dev eth0")),
    ("DnsUnknown", W, replace(AFTER, dns=None)),
    ("DnsLost", E, replace(AFTER, dns=())),
    ("DnsChanged", W, replace(AFTER, dns=("8.8.8.8",))),
    ("FirewallOff", E, replace(AFTER, firewall="")),
    ("FirewallReplaced", N, replace(AFTER, firewall="nftables")),
    ("UsersUnknown", W, replace(AFTER, users=None)),
    ("UserLost", E, without("users", "deploy")),
    ("SystemUserLost", N, without("users", "ntp")),
    ("UserChanged", W, replace(AFTER, users=("root:0", "nginx:996", "ntp:38", "deploy:1000"))),
    ("GroupsUnknown", W, replace(AFTER, groups=None)),
    ("GroupLost", E, replace(AFTER, groups=("wheel:10:deploy",))),
    ("GroupChanged", W, replace(AFTER, groups=("deploy:1000:", "wheel:10:"))),
    ("SystemGroupLost", N, replace(AFTER, groups=("deploy:1000:",))),
    ("CronUnknown", W, linux(cron=None)),
    ("CronLost", E, linux(cron=("0hourly: 01 * * * * root run-parts /etc/cron.hourly",))),
    ("SystemCronLost", N, linux(cron=("deploy: 0 3 * * * /opt/backup.sh",))),
    ("PackagesUnknown", W, replace(AFTER, packages=None)),
    ("PackageLost", E, replace(AFTER, packages=PackageSummary(1, chosen=(PackageFacts("redis", "6.2.7-1"),)))),
    ("PackageOlder", W, package("redis", "5.0.3-1")),
    ("PackageNewer", N, package("nginx", "1.24.0-1")),
    ("FileLost", E, replace(AFTER, checksums=())),
    ("FileChanged", E, replace(AFTER, checksums=(ChecksumFacts("/etc/app.conf", "b" * 64),))),
    ("CheckFailed", E, replace(AFTER, check=UserCheck(1, "no answer"))),
    ("CheckNotRun", E, replace(AFTER, check=None)),
]


def before_of(code: str) -> GuestFacts:
    if code == "UdpPortClosed":
        return replace(BEFORE, listening=(*(BEFORE.listening or ()), ListenerFacts("udp", "*", 514)))
    if code == "SystemCronLost":
        cron = ("deploy: 0 3 * * * /opt/backup.sh", "0hourly: 01 * * * * root run-parts /etc/cron.hourly")
        return replace(BEFORE, linux=replace(BEFORE.linux or LinuxFacts(), cron=cron))
    return BEFORE


def classes(result: Assessment) -> dict[str, Severity]:
    return {finding.code.removeprefix("Validation."): finding.severity for finding in result.findings}


OWN = replace(LINUX_INSTANCE, private_ips=("10.0.0.5",))
HEALTHY = replace(
    LINUX_GUEST,
    interfaces=(InterfaceFacts("eth0", ("10.0.0.5/24", "10.0.0.100/32")), InterfaceFacts("wg0", ("172.30.0.1/24",))),
    linux=replace(
        LINUX_GUEST.linux or LinuxFacts(), fstab_errors=(), metadata_answers=True, names_resolve=True, clock_in_step=True
    ),
)
HEALTH_CASES: list[tuple[str, Severity, dict[str, Any], dict[str, Any]]] = [
    ("FstabBroken", Severity.ERROR, {}, {"fstab_errors": ("/data: unreachable",)}),
    ("FstabErrors", Severity.WARNING, {"fstab_errors": ("/old: gone",)}, {"fstab_errors": ("/data: unreachable",)}),
    ("FstabErrors", Severity.WARNING, {"fstab_errors": None}, {"fstab_errors": ("/data: unreachable",)}),
    ("MetadataLost", Severity.ERROR, {}, {"metadata_answers": False}),
    ("MetadataLostPerhaps", Severity.WARNING, {"metadata_answers": None}, {"metadata_answers": False}),
    ("NamesLost", Severity.ERROR, {}, {"names_resolve": False}),
    ("NamesLostPerhaps", Severity.WARNING, {"names_resolve": None}, {"names_resolve": False}),
    ("ClockNotInStep", Severity.WARNING, {}, {"clock_in_step": False}),
]


def healthy(**changes: Any) -> GuestFacts:
    return replace(HEALTHY, linux=replace(HEALTHY.linux or LinuxFacts(), **changes))


@pytest.mark.parametrize(("code", "severity", "before", "after"), HEALTH_CASES)
def test_what_must_still_work(code: str, severity: Severity, before: dict[str, Any], after: dict[str, Any]) -> None:
    found = compare_after_rollback(OWN, healthy(**before), OWN, healthy(**after))
    assert [(f.code, f.severity) for f in found.findings] == [(f"Validation.{code}", severity)]
    assert compare_after_rollback(OWN, healthy(**{**after, **before}), OWN, healthy(**before)).is_blocked is False


def test_what_did_not_work_before_is_no_loss() -> None:
    broken = {"metadata_answers": False, "names_resolve": False, "clock_in_step": False}
    assert compare_after_rollback(OWN, healthy(**broken), OWN, healthy(**broken)).findings == ()


def test_a_file_system_that_was_read_only_before_is_no_finding() -> None:
    kept = replace(HEALTHY, mounts=(MountFacts("/iso", "/dev/sr0", 1000, 0, "iso9660", read_only=True),))
    assert compare_after_rollback(OWN, kept, OWN, kept).findings == ()


def test_only_what_ecs_knows_is_the_instances_own() -> None:
    bare = replace(HEALTHY, interfaces=(InterfaceFacts("eth0", ("10.0.0.5/24",)),))
    found = compare_after_rollback(OWN, HEALTHY, OWN, bare)
    assert [(f.code.removeprefix("Validation."), f.severity, f.seen) for f in found.findings] == [
        ("OtherAddressLost", Severity.WARNING, "10.0.0.100, 172.30.0.1")
    ]
    unknown = replace(OWN, private_ips=())
    assert compare_after_rollback(unknown, HEALTHY, unknown, bare).is_blocked


def test_a_file_system_whose_size_is_not_known_has_not_shrunk() -> None:
    before = replace(HEALTHY, mounts=(MountFacts("/mnt", "nas:/x", 1000, 500, "nfs"),))
    after = replace(HEALTHY, mounts=(MountFacts("/mnt", "nas:/x", 0, 0, "nfs"),))
    assert compare_after_rollback(OWN, before, OWN, after).findings == ()


def test_a_file_system_of_the_same_type_is_no_finding_although_the_texts_are_two_objects() -> None:
    kept = replace(HEALTHY, mounts=(MountFacts("/d", "/dev/vdb1", 1000, 0, "".join(["x", "fs"])),))
    now = replace(HEALTHY, mounts=(MountFacts("/d", "/dev/vdb1", 1000, 0, "".join(["xf", "s"])),))
    assert compare_after_rollback(OWN, kept, OWN, now).findings == ()


@pytest.mark.parametrize(
    ("fact", "code", "severity"),
    [
        ("metadata_answers", "MetadataLost", Severity.ERROR),
        ("names_resolve", "NamesLost", Severity.ERROR),
        ("clock_in_step", "ClockNotInStep", Severity.WARNING),
    ],
)
def test_windows_tells_how_it_is_as_linux_does(fact: str, code: str, severity: Severity) -> None:
    ill = replace(W_AFTER, windows=replace(W_AFTER.windows, **{fact: False}))  # type: ignore[type-var]
    result = compare_after_hop(WINDOWS_INSTANCE, WINDOWS_GUEST, WINDOWS_INSTANCE, ill, WINDOWS_HOP)
    assert classes(result) == {code: severity}
    rows = comparison_rows(WINDOWS_INSTANCE, WINDOWS_GUEST, WINDOWS_INSTANCE, ill, result)
    (row,) = [row for row in rows if (row.before, row.after) == ("yes", "no")]
    assert row.standing == ("failure" if severity is E else "warning")


def mounted(line: str, *, here: bool | None) -> tuple[GuestFacts, GuestFacts]:
    """A guest with an additional file system that this fstab line names, and the same guest afterwards without that file system."""
    entry = parse_fstab_line(line, ReportedDevices())
    assert entry is not None
    entries = (replace(entry, present=True),)
    extra = MountFacts(entry.mount_point, "/dev/sdb1", 1000, 900)
    before = replace(BEFORE, mounts=(*(BEFORE.mounts or ()), extra), linux=replace(BEFORE.linux or LinuxFacts(), fstab=entries))
    return before, linux(fstab=(replace(entry, present=here),))


@pytest.mark.parametrize(
    ("line", "here", "code", "severity"),
    [
        ("/dev/vdb2 /backup ext4 noauto", True, "MountOnDemand", N),
        ("/dev/vdb2 /backup ext4 x-systemd.automount", True, "MountOnDemand", N),
        ("UUID=1 /iscsi xfs _netdev", False, "MountOptional", W),
        ("/dev/sdb1 /iscsi xfs _netdev", None, "MountOptional", W),
        ("UUID=1 /extra ext4 nofail", False, "MountOptional", W),
        ("UUID=1 /extra ext4 nofail", True, "MountLost", E),
        ("UUID=1 /extra ext4 defaults", False, "MountLost", E),
        ("nas.example:/x /nas nfs _netdev", None, "MountLost", E),
    ],
)
def test_what_need_not_be_mounted_is_no_loss(line: str, here: bool | None, code: str, severity: Severity) -> None:
    before, after = mounted(line, here=here)
    result = compare_after_hop(LINUX_INSTANCE, before, LINUX_INSTANCE, after, HOP)
    assert classes(result) == {code: severity}
    assert result.is_blocked == (severity is E)


def test_a_clean_migration_has_nothing_to_tell() -> None:
    assert compare_after_hop(LINUX_INSTANCE, BEFORE, LINUX_INSTANCE, AFTER, HOP) == Assessment()
    assert compare_after_hop(WINDOWS_INSTANCE, WINDOWS_GUEST, WINDOWS_INSTANCE, W_AFTER, WINDOWS_HOP) == Assessment()


@pytest.mark.parametrize(("code", "severity", "after"), INSTANCE_CASES, ids=[c[0] for c in INSTANCE_CASES])
def test_differences_of_the_instance(code: str, severity: Severity, after: InstanceFacts) -> None:
    result = compare_after_hop(LINUX_INSTANCE, BEFORE, after, AFTER, HOP)
    assert classes(result) == {code: severity}
    assert result.is_blocked == (severity is E)


@pytest.mark.parametrize(("code", "severity", "after"), GUEST_CASES, ids=[c[0] for c in GUEST_CASES])
def test_differences_of_the_guest(code: str, severity: Severity, after: GuestFacts) -> None:
    result = compare_after_hop(LINUX_INSTANCE, before_of(code), LINUX_INSTANCE, after, HOP)
    assert classes(result).get(code) is severity
    if severity is not E:
        assert not result.is_blocked
    for finding in result.findings:
        assert finding.seen
        assert finding.remedy


def test_a_failing_check_that_failed_before_is_a_warning() -> None:
    failing = UserCheck(2, "x")
    result = compare_after_hop(LINUX_INSTANCE, replace(BEFORE, check=failing), LINUX_INSTANCE, replace(AFTER, check=failing), HOP)
    assert classes(result) == {"CheckFailedBefore": W}


def test_a_windows_guest_is_compared_by_services_language_and_restart() -> None:
    changed = replace(
        W_AFTER,
        services=(ServiceFacts("W3SVC", True, False),),
        windows=replace(WINDOWS_GUEST.windows, language="en", pending_reboot=True),  # type: ignore[type-var]
        mounts=(WINDOWS_GUEST.mounts or ())[:1],
        interfaces=(InterfaceFacts("vmxnet", ("10.0.0.5",)),),
    )
    result = compare_after_hop(WINDOWS_INSTANCE, WINDOWS_GUEST, WINDOWS_INSTANCE, changed, WINDOWS_HOP)
    assert classes(result) == {
        "LanguageChanged": E,
        "MountLost": E,
        "ServiceDisabled": E,
        "ServiceStopped": E,
        "RebootPending": W,
        "SystemServiceDisabled": N,
    }


def test_ports_the_system_picks_itself_do_not_count() -> None:
    before = replace(BEFORE, listening=(*(BEFORE.listening or ()), ListenerFacts("tcp", "*", 49152)))
    after = replace(AFTER, listening=(*(AFTER.listening or ()), ListenerFacts("tcp", "*", 50001)))
    assert compare_after_hop(LINUX_INSTANCE, before, LINUX_INSTANCE, after, HOP) == Assessment()


def test_a_guest_that_is_not_settled_says_why() -> None:
    assert why_not_comparable_yet(BEFORE, HOP, "linux") == "the guest still reports CentOS Linux 7 (Core)"
    assert why_not_comparable_yet(linux(package_manager_busy=True), HOP, "linux") == "the package manager is still busy"
    assert why_not_comparable_yet(AFTER, HOP, "linux") == ""
    assert why_not_comparable_yet(W_AFTER, WINDOWS_HOP, "windows") == ""


def test_a_rollback_brings_everything_back() -> None:
    assert compare_after_rollback(LINUX_INSTANCE, BEFORE, LINUX_INSTANCE, BEFORE) == Assessment()
    assert compare_after_rollback(WINDOWS_INSTANCE, WINDOWS_GUEST, WINDOWS_INSTANCE, WINDOWS_GUEST) == Assessment()


@pytest.mark.parametrize(
    ("code", "after"),
    [
        ("ReleaseNotRestored", AFTER),
        ("ReleaseNotRestored", replace(BEFORE, os_version="7.6.1810")),
        ("KernelNotRestored", replace(BEFORE, kernel=NEW_KERNEL)),
        ("HostnameChanged", replace(BEFORE, hostname="localhost")),
        ("ServiceDisabled", replace(BEFORE, services=tuple(s for s in BEFORE.services or () if s.name != "ntpd"))),
        ("UserLost", replace(BEFORE, users=("root:0", "nginx:997", "deploy:1000"))),
        (
            "PackageNotRestored",
            replace(BEFORE, packages=PackageSummary(420, chosen=(PackageFacts("redis", "7.0"), PackageFacts("nginx", "1.20.1")))),
        ),
        ("PackageLost", replace(BEFORE, packages=PackageSummary(420))),
        ("FileChanged", replace(BEFORE, checksums=(ChecksumFacts("/etc/app.conf", "b" * 64),))),
    ],
)
def test_what_a_rollback_may_leave_behind(code: str, after: GuestFacts) -> None:
    result = compare_after_rollback(LINUX_INSTANCE, BEFORE, LINUX_INSTANCE, after)
    assert classes(result)[code] is E
    assert result.is_blocked


def test_a_rollback_that_lost_a_disk() -> None:
    other: DiskFacts = replace(DATA_DISK, disk_id="d-other")
    assert compare_after_rollback(LINUX_INSTANCE, BEFORE, replace(LINUX_INSTANCE, disks=(SYSTEM_DISK, other)), BEFORE).is_blocked


def test_every_code_has_a_test() -> None:
    folder = Path(__file__).parents[4] / "shared/domain/validation"
    source = "".join(path.read_text() for path in folder.glob("*.py") if path.name != "view.py")
    words = set(re.findall(r'(?:failure|warning|expected|not_compared)\(\s*"(\w+)"', source)) | set(
        re.findall(r'"(\w+(?:Changed|Unknown))"', source)
    )
    here = Path(__file__).read_text()
    assert [word for word in words if f'"{word}"' not in here] == []


EDITS = [case[2] for case in GUEST_CASES]


@given(
    st.sampled_from([BEFORE, *EDITS, WINDOWS_GUEST, GuestFacts()]),
    st.sampled_from([AFTER, *EDITS, W_AFTER, GuestFacts()]),
    st.booleans(),
)
@settings(max_examples=200)
def test_no_pair_of_answers_crashes_the_comparison(before: GuestFacts, after: GuestFacts, windows: bool) -> None:
    machine = WINDOWS_INSTANCE if windows else LINUX_INSTANCE
    assert compare_after_hop(machine, before, machine, after, HOP) is not None
    assert compare_after_rollback(machine, before, machine, after) is not None


def test_versions_are_ordered_as_people_read_them() -> None:
    ordered = ["1.9", "1.10", "1.10.2", "2.0", "10.0"]
    assert sorted(["10.0", "1.10", "2.0", "1.10.2", "1.9"], key=version_sort_key) == ordered
    assert version_sort_key("8.0.36-1.el7") == version_sort_key("8.0.36-2.al8")


def test_files_without_a_baseline_are_a_warning() -> None:
    result = compare_after_hop(LINUX_INSTANCE, replace(BEFORE, checksums=()), LINUX_INSTANCE, AFTER, HOP)
    assert classes(result)["FilesUnknown"] is W
    assert not result.is_blocked


def test_a_check_that_fails_without_a_baseline_fails_a_validation_and_warns_of_a_rollback() -> None:
    """A row of an older version, or a precheck made before the acknowledgement, has no result of the check."""
    before, after = replace(BEFORE, check=None), replace(AFTER, check=UserCheck(3, "no answer"))
    assert classes(compare_after_hop(LINUX_INSTANCE, before, LINUX_INSTANCE, after, HOP))["CheckFailed"] is E
    same = replace(before, check=UserCheck(3, "no answer"))
    assert classes(compare_after_rollback(LINUX_INSTANCE, before, LINUX_INSTANCE, same)) == {"CheckUnknown": W}
    assert classes(compare_after_rollback(LINUX_INSTANCE, before, LINUX_INSTANCE, replace(before, check=UserCheck(0)))) == {}


@pytest.mark.parametrize(
    ("name", "after_hop", "after_rollback"),
    [("python3", set(), {"Validation.PackageLost"}), ("nginx", {"Validation.PackageLost"}, {"Validation.PackageLost"})],
)
def test_a_package_that_distributions_name_differently_may_go_in_a_move_but_not_in_a_rollback(
    name: str, after_hop: set[str], after_rollback: set[str]
) -> None:
    before = replace(HEALTHY, packages=PackageSummary(2, chosen=(PackageFacts(name, "3.6"),)))
    after = replace(HEALTHY, packages=PackageSummary(1))
    rolled_back = compare_after_rollback(OWN, before, OWN, after)
    assert {each.code for each in rolled_back.findings if each.code.endswith("PackageLost")} == after_rollback
    moved = compare_after_hop(OWN, before, OWN, after, HOP)
    assert {each.code for each in moved.findings if each.code.endswith("PackageLost")} == after_hop
