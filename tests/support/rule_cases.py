"""For every precheck rule: facts with which it passes, fails, and cannot tell. A test fails if a rule has no row."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from shared.domain.facts import Facts, Hop
from shared.domain.guest import FstabFacts, InterfaceFacts, MountFacts, PackageFacts, PackageSummary, ServiceFacts
from tests.support.facts import (
    LINUX,
    LINUX_GUEST,
    NOW,
    SYSTEM_DISK,
    TO_RHEL,
    WINDOWS,
    with_account,
    with_boot,
    with_disk,
    with_guest,
    with_instance,
    with_linux,
    with_space,
    with_windows,
)

Case = tuple[Facts, Facts, Facts | None]
"""Facts for pass, fail, and unknown (None if the rule can always tell)."""

EL8 = replace(LINUX, hop=Hop("centos-8", "alinux-3"))
MISSING = FstabFacts("UUID=gone", "/backup", "ext4", "defaults", False)
BLIND = FstabFacts("/dev/vdz1", "/backup", "ext4", "defaults", None)
MYSQL_8_4 = PackageSummary(400, chosen=(PackageFacts("mysql-community-server", "8.4.2-1.el7"),))
XFS = FstabFacts("UUID=uuid-data", "/data", "xfs", "noatime,nobarrier", True)
TWO = (InterfaceFacts("eth0", ("10.0.0.5/24",), "00:16:3e:00:00:01"), InterfaceFacts("eth1", ("10.0.1.5/24",), "00:16:3e:00:00:02"))
LINUX_MOUNTS = LINUX_GUEST.mounts or ()
NOEXEC = MountFacts("/var", "/dev/vdc1", 20000, 15000, "ext4", 1_000_000, options="rw,noexec,relatime")
UPGRADE = with_guest(
    replace(LINUX, hop=Hop("rhel-7", "rhel-8")), os_id="rhel", os_version="7.9", os_name="Red Hat Enterprise Linux"
)
"""A Red Hat instance whose destination is the next major version."""
FULL = tuple(replace(SYSTEM_DISK, disk_id=f"d-{n}", kind="data") for n in range(16))


def _packages(**changes: object) -> Facts:
    return with_guest(LINUX, packages=PackageSummary(400, **changes))  # type: ignore[arg-type]


CASES: dict[str, Case] = {
    "Account.SnapshotServiceInactive": (
        LINUX,
        with_account(LINUX, snapshot_service=False),
        with_account(LINUX, snapshot_service=None),
    ),
    "Account.ProblemReported": (LINUX, with_account(LINUX, problems=("NotEnoughBalance",)), replace(LINUX, account=None)),
    "Account.SnapshotQuotaReached": (LINUX, with_disk(LINUX, snapshot_count=255), with_disk(LINUX, snapshot_count=None)),
    "Route.NotSupported": (LINUX, replace(LINUX, hop=Hop("centos-7", "rhel-9")), None),
    "Route.AllowListed": (TO_RHEL, with_account(TO_RHEL, allow_listed=False), with_account(TO_RHEL, allow_listed=None)),
    "Route.DestinationEndOfLife": (LINUX, TO_RHEL, replace(LINUX, hop=Hop("centos-7", "anolis-8"))),
    "Instance.ReleaseMismatch": (
        LINUX,
        with_instance(LINUX, os_type="windows"),
        with_instance(LINUX, os_name="", os_name_en="CentOS 8.5 64 bit"),
    ),
    "Instance.RegionNotSupported": (WINDOWS, with_instance(WINDOWS, region_id="cn-nanjing"), with_instance(WINDOWS, region_id="")),
    "Instance.NotRunning": (LINUX, with_instance(LINUX, status="Stopped"), with_instance(LINUX, status="")),
    "Instance.AgentOffline": (
        with_instance(LINUX, agent_heartbeat_at=NOW - timedelta(hours=24)),
        with_instance(LINUX, agent_heartbeat_at=NOW - timedelta(hours=24, seconds=1)),
        with_instance(LINUX, agent_heartbeat_at=None),
    ),
    "Instance.SnapshotInProgress": (LINUX, with_instance(LINUX, snapshots_in_progress=("s-1",)), None),
    "Instance.Locked": (LINUX, with_instance(LINUX, locked=("financial",)), None),
    "Instance.MigrationActive": (
        LINUX,
        with_instance(LINUX, active_migration_id="m-1"),
        with_instance(LINUX, active_migration_id=None),
    ),
    "Instance.ExpiresSoon": (
        with_instance(LINUX, expires_at=NOW + timedelta(days=2)),
        with_instance(LINUX, auto_release_at=NOW + timedelta(hours=47)),
        None,
    ),
    "Instance.Spot": (LINUX, with_instance(LINUX, spot=True), None),
    "Instance.InScalingGroup": (LINUX, with_instance(LINUX, scaling_group_id="asg-1"), with_instance(LINUX, scaling_group_id=None)),
    "Instance.AutoSnapshotCollides": (
        with_instance(LINUX, auto_snapshot_at=NOW + timedelta(hours=4)),
        with_instance(LINUX, auto_snapshot_at=NOW + timedelta(hours=3, minutes=59)),
        None,
    ),
    "Instance.SmallMemory": (LINUX, with_instance(LINUX, memory_mib=2047), with_instance(LINUX, memory_mib=0)),
    "Instance.TooSmall": (WINDOWS, with_instance(WINDOWS, cpu=1), with_instance(WINDOWS, cpu=0)),
    "Instance.DiskNotInUse": (LINUX, with_disk(LINUX, status="Attaching"), with_instance(LINUX, disks=())),
    "Instance.DiskCannotBeSnapshotted": (LINUX, with_disk(LINUX, category="local_ssd_pro"), with_disk(LINUX, category="")),
    "Instance.MultiAttachDisk": (LINUX, with_disk(LINUX, multi_attach=True), None),
    "Instance.EncryptedDisk": (LINUX, with_disk(LINUX, encrypted=True), None),
    "Instance.NoSlotForTransitDisk": (
        WINDOWS,
        with_instance(WINDOWS, disks=(SYSTEM_DISK, *FULL)),
        with_instance(WINDOWS, data_disk_limit=None),
    ),
    "Guest.AlinuxTwoDestination": (LINUX, replace(LINUX, hop=Hop("centos-7", "alinux-2")), None),
    "Guest.EditionChanges": (
        WINDOWS,
        replace(WINDOWS, hop=Hop("windows-2012r2-standard", "windows-2019-datacenter")),
        None,
    ),
    "Guest.NotProbed": (LINUX, replace(LINUX, guest=None), with_guest(LINUX, cut=(("services", "60 of 90 lines"),))),
    "Guest.ReleaseMismatch": (
        LINUX,
        with_guest(LINUX, os_version="8.5.2111"),
        with_guest(LINUX, os_id=None, os_name=None),
    ),
    "Guest.ArchitectureMismatch": (LINUX, with_guest(LINUX, architecture="i686"), with_guest(LINUX, architecture=None)),
    "Guest.MemoryTooLow": (
        with_guest(LINUX, memory_available_mib=600),
        with_guest(LINUX, memory_available_mib=599),
        with_guest(LINUX, memory_available_mib=None),
    ),
    "Guest.DiskSpaceTooLow": (
        with_space(with_space(LINUX, "/", available_mib=4346), "/boot", available_mib=100),
        with_space(LINUX, "/", available_mib=4345),
        with_guest(LINUX, mounts=None),
    ),
    "Guest.I686Packages": (LINUX, _packages(i686=("glibc.i686",), i686_total=1), with_guest(LINUX, packages=None)),
    "Guest.MySqlDowngrade": (LINUX, with_guest(LINUX, packages=MYSQL_8_4), with_guest(LINUX, packages=None)),
    "Guest.EpelModular": (
        LINUX,
        with_linux(LINUX, repositories=(("epel-modular", "https://mirrors.aliyun.com/epel"),)),
        with_linux(LINUX, repositories=None),
    ),
    "Guest.ThirdPartyPackages": (LINUX, _packages(third_party=("nginx",), third_party_total=1), with_guest(LINUX, packages=None)),
    "Guest.NoRepository": (LINUX, with_linux(LINUX, repositories=()), with_linux(LINUX, repositories=None)),
    "Guest.RepositoryDead": (
        LINUX,
        with_linux(LINUX, repositories=(("old", "http://mirror.centos.org/centos/7/os"), ("base", "http://mirrors.aliyun.com/7"))),
        None,
    ),
    "Guest.ThirdPartyRepository": (
        LINUX,
        with_linux(LINUX, repositories=(("nginx", "http://nginx.org/packages"),)),
        with_linux(LINUX, repositories=None),
    ),
    "Guest.RepositoryNotMirror": (
        TO_RHEL,
        with_linux(TO_RHEL, repositories=(("base", "http://vault.centos.org/7.9.2009"),)),
        with_linux(TO_RHEL, repositories=None),
    ),
    "Guest.SecurityAgent": (TO_RHEL, with_linux(TO_RHEL, security_agent=True), with_linux(TO_RHEL, security_agent=None)),
    "Guest.UpdatesPending": (TO_RHEL, with_linux(TO_RHEL, updates_pending=True), with_linux(TO_RHEL, updates_pending=None)),
    "Guest.RebootPending": (TO_RHEL, with_linux(TO_RHEL, reboot_pending=True), with_linux(TO_RHEL, reboot_pending=None)),
    "Guest.MountPointReadOnly": (
        with_linux(TO_RHEL, read_only_mounts=()),
        with_linux(TO_RHEL, read_only_mounts=("/mnt",)),
        with_linux(TO_RHEL, read_only_mounts=None),
    ),
    "Guest.InodesTooFew": (
        LINUX,
        with_space(LINUX, "/", inodes_free=9_999),
        with_space(with_space(LINUX, "/", inodes_free=None), "/boot", inodes_free=None),
    ),
    "Guest.FileSystemReadOnly": (LINUX, with_space(LINUX, "/boot", read_only=True), with_guest(LINUX, mounts=None)),
    "Guest.KernelModulesOutOfTree": (
        TO_RHEL,
        with_linux(TO_RHEL, modules_out_of_tree=("acme_fs",)),
        with_linux(TO_RHEL, modules_out_of_tree=None),
    ),
    "Guest.GpuDriver": (LINUX, with_linux(LINUX, gpu=True), with_linux(LINUX, gpu=None)),
    "Guest.KernelSelfBuilt": (LINUX, with_boot(LINUX, kernel_packaged=False), with_boot(LINUX, kernel_packaged=None)),
    "Guest.BootNotReady": (LINUX, with_boot(LINUX, grub_config=False), with_linux(LINUX, boot=None)),
    "Guest.DefaultKernelDiffers": (LINUX, with_boot(LINUX, default_kernel="3.10.0-957.el7"), with_boot(LINUX, default_kernel=None)),
    "Guest.FstabWillNotMount": (
        with_linux(LINUX, fstab=(replace(MISSING, options="defaults,nofail"),)),
        with_linux(LINUX, fstab=(MISSING,)),
        with_linux(LINUX, fstab=(BLIND,)),
    ),
    "Guest.InterfacePinned": (LINUX, with_linux(LINUX, interface_pins=("ifcfg-eth1",)), with_linux(LINUX, interface_pins=None)),
    "Guest.CompiledPrograms": (
        LINUX,
        with_linux(LINUX, compiled_programs=("/usr/local/bin/app",)),
        with_linux(LINUX, compiled_programs=None),
    ),
    "Guest.Python2Users": (LINUX, with_linux(LINUX, python2_users=("/usr/local/bin/job",)), with_linux(LINUX, python2_users=None)),
    "Guest.FirewallActive": (LINUX, with_guest(LINUX, firewall="firewalld"), with_guest(LINUX, firewall=None)),
    "Guest.ProxySet": (LINUX, with_linux(LINUX, proxy="yum.conf"), with_linux(LINUX, proxy=None)),
    "Guest.SelinuxEnforcing": (
        with_linux(LINUX, selinux="permissive"),
        with_linux(LINUX, selinux="enforcing"),
        with_linux(LINUX, selinux=None),
    ),
    "Guest.ClockNotSynchronised": (
        LINUX,
        with_linux(LINUX, clock_synchronised=False),
        with_linux(LINUX, clock_synchronised=None),
    ),
    "Guest.PackageManagerBusy": (
        LINUX,
        with_linux(LINUX, package_manager_busy=True),
        with_linux(LINUX, package_manager_busy=None),
    ),
    "Guest.LeftoversOfEarlierAttempt": (
        LINUX,
        with_linux(LINUX, leftovers=("/boot/vmlinuz-upgrade.x86_64",)),
        with_linux(LINUX, leftovers=None),
    ),
    "Guest.ModuleStreams": (EL8, with_linux(EL8, dnf_modules=("php",)), with_linux(EL8, dnf_modules=None)),
    "Guest.DataNotReadable": (
        _packages(chosen=(PackageFacts("mariadb-server", "1:5.5.68-1.el7"),)),
        _packages(chosen=(PackageFacts("postgresql-server", "9.2.24-9.el7_9"),)),
        with_guest(LINUX, packages=None),
    ),
    "Guest.KernelNotDistributions": (
        TO_RHEL,
        with_guest(TO_RHEL, kernel="5.4.278-1.el7.elrepo.x86_64"),
        with_guest(TO_RHEL, kernel=None),
    ),
    "Guest.PackagesLocked": (
        LINUX,
        with_linux(LINUX, package_locks=("versionlock: 0:openssl-libs-1.0.2k-26.el7_9.*",)),
        with_linux(LINUX, package_locks=None),
    ),
    "Guest.PackagesDuplicated": (
        TO_RHEL,
        with_linux(TO_RHEL, duplicate_packages=("glibc 2.17-324.el7_9, 2.17-326.el7_9",)),
        with_linux(TO_RHEL, duplicate_packages=None),
    ),
    "Guest.RpmDatabaseDamaged": (
        LINUX,
        with_linux(LINUX, rpm_database="error: rpmdb: BDB0113 Thread/process failed"),
        with_linux(LINUX, rpm_database=None),
    ),
    "Guest.XfsOptionsRemoved": (
        with_linux(LINUX, fstab=(replace(XFS, options="noatime"),)),
        with_linux(LINUX, fstab=(XFS,)),
        with_linux(LINUX, fstab=None),
    ),
    "Guest.InterfaceNamesUnstable": (
        with_guest(LINUX, interfaces=TWO),
        with_linux(with_guest(LINUX, interfaces=TWO), kernel_arguments="ro crashkernel=auto"),
        with_linux(with_guest(LINUX, interfaces=TWO), kernel_arguments=None),
    ),
    "Guest.AbsoluteLinkInRoot": (LINUX, with_linux(LINUX, root_links=("/app -> /data/app",)), with_linux(LINUX, root_links=None)),
    "Guest.RepositoryDefinedTwice": (
        LINUX,
        with_linux(LINUX, duplicate_repositories=("base",)),
        with_linux(LINUX, duplicate_repositories=None),
    ),
    "Guest.VarNoExec": (LINUX, with_guest(LINUX, mounts=(*LINUX_MOUNTS, NOEXEC)), with_guest(LINUX, mounts=None)),
    "Guest.DriversRemoved": (UPGRADE, with_linux(UPGRADE, modules=("floppy", "virtio_net")), with_linux(UPGRADE, modules=None)),
    "Guest.FileSystemRemoved": (
        UPGRADE,
        with_space(UPGRADE, "/data", file_system="btrfs"),
        with_linux(with_guest(UPGRADE, mounts=None), fstab=None),
    ),
    "Guest.NetworkMounts": (UPGRADE, with_space(UPGRADE, "/data", file_system="nfs4"), with_linux(UPGRADE, fstab=None)),
    "Guest.EncryptedInside": (LINUX, with_linux(LINUX, encrypted_devices=("luks-1",)), with_linux(LINUX, encrypted_devices=None)),
    "Guest.PamModulesRemoved": (LINUX, with_linux(LINUX, pam_modules=("pam_tally2.so",)), with_linux(LINUX, pam_modules=None)),
    "Guest.RootLoginImplicit": (
        UPGRADE,
        with_linux(UPGRADE, permit_root_login=""),
        with_linux(UPGRADE, permit_root_login=None),
    ),
    "Guest.FipsEnabled": (LINUX, with_linux(LINUX, fips=True), with_linux(LINUX, fips=None)),
    "Guest.FstabOrder": (
        LINUX,
        with_linux(LINUX, fstab=(XFS, replace(XFS, mount_point="/data/logs"), XFS)),
        with_linux(LINUX, fstab=None),
    ),
    "Guest.ClusterNode": (
        LINUX,
        with_guest(LINUX, services=(ServiceFacts("pacemaker", True, True),)),
        with_guest(LINUX, services=None),
    ),
    "Guest.SystemDriveTooFull": (
        with_space(WINDOWS, "C:", available_mib=20480),
        with_space(WINDOWS, "C:", available_mib=20479),
        with_windows(WINDOWS, windows_dir_mib=None),
    ),
    "Guest.LanguageNotSupported": (WINDOWS, with_windows(WINDOWS, language="other"), with_windows(WINDOWS, language=None)),
    "Guest.WindowsRebootPending": (WINDOWS, with_windows(WINDOWS, pending_reboot=True), with_windows(WINDOWS, pending_reboot=None)),
    "Guest.DomainController": (
        WINDOWS,
        with_windows(WINDOWS, domain_controller=True),
        with_windows(WINDOWS, domain_controller=None),
    ),
    "Guest.ClusterMember": (WINDOWS, with_windows(WINDOWS, clustered=True), with_windows(WINDOWS, clustered=None)),
    "Guest.BitLocker": (WINDOWS, with_windows(WINDOWS, bitlocker=True), with_windows(WINDOWS, bitlocker=None)),
    "Guest.PageFileElsewhere": (
        WINDOWS,
        with_windows(WINDOWS, page_files=("D:\\pagefile.sys",)),
        with_windows(WINDOWS, page_files=None),
    ),
    "Guest.NotActivated": (WINDOWS, with_windows(WINDOWS, activated=False), with_windows(WINDOWS, activated=None)),
    "Guest.Antivirus": (WINDOWS, with_windows(WINDOWS, antivirus=("McAfee",)), with_windows(WINDOWS, antivirus=None)),
    "Guest.DiskFilterDrivers": (
        WINDOWS,
        with_windows(WINDOWS, filter_drivers=("acmecrypt",)),
        with_windows(WINDOWS, filter_drivers=None),
    ),
}
