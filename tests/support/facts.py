"""Facts of healthy instances. A test changes one thing at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from shared.domain.facts import AccountFacts, DiskFacts, Facts, GuestFacts, Hop, InstanceFacts
from shared.domain.guest import (
    BootFacts,
    FstabFacts,
    InterfaceFacts,
    LinuxFacts,
    ListenerFacts,
    MountFacts,
    PackageFacts,
    PackageSummary,
    ServiceFacts,
    WindowsFacts,
)

NOW = datetime(2026, 9, 1, 4, tzinfo=timezone.utc)
KERNEL = "3.10.0-1160.119.1.el7.x86_64"
SYSTEM_DISK = DiskFacts("d-system", "system", "/dev/xvda", "cloud_essd", 40, False, False, "In_use", snapshot_count=3)
DATA_DISK = DiskFacts("d-data", "data", "/dev/xvdb", "cloud_essd", 100, False, False, "In_use", snapshot_count=0)

ACCOUNT = AccountFacts(snapshot_service=True, allow_listed=True)

LINUX_INSTANCE = InstanceFacts(
    instance_id="i-linux",
    region_id="cn-hangzhou",
    name="web-1",
    os_name="CentOS  7.9 64位",
    os_name_en="CentOS  7.9 64 bit",
    os_type="linux",
    architecture="x86_64",
    status="Running",
    cpu=4,
    memory_mib=8192,
    image_id="centos_7_9",
    hostname="web-1",
    private_ips=("10.0.0.5",),
    public_ips=(),
    vpc_id="vpc-1",
    serial_number="serial-1",
    disks=(SYSTEM_DISK, DATA_DISK),
    agent_heartbeat_at=NOW - timedelta(minutes=1),
    data_disk_limit=16,
)

LINUX_GUEST = GuestFacts(
    os_id="centos",
    os_version="7.9.2009",
    os_name="CentOS Linux 7 (Core)",
    kernel=KERNEL,
    architecture="x86_64",
    hostname="web-1",
    memory_mib=7800,
    memory_available_mib=5000,
    mounts=(
        MountFacts("/", "/dev/vda1", 40000, 20000, "ext4", 2_000_000, serial="uuid-root"),
        MountFacts("/boot", "/dev/vda2", 1000, 600, "xfs", 500_000, serial="uuid-boot"),
        MountFacts("/data", "/dev/vdb1", 100_000, 50_000, "ext4", 6_000_000, serial="uuid-data"),
    ),
    packages=PackageSummary(
        420,
        chosen=(PackageFacts("nginx", "1.20.1-10.el7", "x86_64"), PackageFacts("mysql-community-server", "5.7.44-1.el7", "x86_64")),
    ),
    services=(ServiceFacts("chronyd", True, True), ServiceFacts("nginx", True, True), ServiceFacts("network", True, True)),
    listening=(ListenerFacts("tcp", "0.0.0.0", 22), ListenerFacts("tcp", "0.0.0.0", 80), ListenerFacts("udp", "127.0.0.1", 323)),
    users=("root:0", "nginx:997", "deploy:1000"),
    groups=("deploy:1000:", "wheel:10:deploy"),
    interfaces=(InterfaceFacts("eth0", ("10.0.0.5/24",), "00:16:3e:00:00:01"),),
    default_route="default via 10.0.0.253 dev eth0",
    dns=("100.100.2.136", "100.100.2.138"),
    firewall="",
    linux=LinuxFacts(
        modules_out_of_tree=(),
        gpu=False,
        boot=BootFacts(KERNEL, (KERNEL,), (), True, False, True),
        fstab=(FstabFacts("UUID=uuid-root", "/", "ext4", "defaults", True),),
        repositories=(("base", "http://mirrors.cloud.aliyuncs.com/centos/7"),),
        interface_pins=(),
        security_agent=False,
        updates_pending=False,
        reboot_pending=False,
        compiled_programs=(),
        python2_users=(),
        proxy="",
        selinux="disabled",
        clock_synchronised=True,
        cron=("deploy: 0 3 * * * /opt/backup.sh",),
        package_manager_busy=False,
        leftovers=(),
        dnf_modules=(),
        kernel_arguments=f"BOOT_IMAGE=/vmlinuz-{KERNEL} root=UUID=uuid-root ro net.ifnames=0",
        kernel_vendor="CentOS",
        modules=("virtio_blk", "virtio_net"),
        root_links=(),
        duplicate_repositories=(),
        duplicate_packages=(),
        package_locks=(),
        rpm_database="",
        encrypted_devices=(),
        pam_modules=("pam_unix.so",),
        permit_root_login="yes",
        fips=False,
        read_only_mounts=(),
    ),
)

WINDOWS_INSTANCE = replace(
    LINUX_INSTANCE,
    instance_id="i-windows",
    os_name="Windows Server  2012 R2 数据中心版 64位中文版",
    os_name_en="Windows Server  2012 R2 Data Center Edition 64 bit Chinese Edition",
    os_type="windows",
)

WINDOWS_GUEST = GuestFacts(
    os_id="windows",
    os_version="6.3.9600",
    os_name="Microsoft Windows Server 2012 R2 Datacenter",
    kernel="6.3.9600",
    architecture="x86_64",
    hostname="WEB-1",
    memory_mib=8191,
    mounts=(MountFacts("C:", "C:", 40000, 25000, serial="AAAA"), MountFacts("D:", "D:", 100_000, 50_000, serial="BBBB")),
    services=(ServiceFacts("W3SVC", True, True), ServiceFacts("MSSQLSERVER", True, True), ServiceFacts("DPS", True, True)),
    listening=(ListenerFacts("tcp", "0.0.0.0", 3389), ListenerFacts("tcp", "0.0.0.0", 80)),
    users=("Administrator", "deploy"),
    interfaces=(InterfaceFacts("Red Hat VirtIO Ethernet Adapter", ("10.0.0.5",), "00:16:3E:00:00:01"),),
    default_route="10.0.0.253",
    dns=("100.100.2.136",),
    windows=WindowsFacts(
        build="9600",
        language="zh",
        windows_dir_mib=14000,
        pending_reboot=False,
        domain_controller=False,
        clustered=False,
        bitlocker=False,
        page_files=("C:\\pagefile.sys",),
        activated=True,
        antivirus=(),
        filter_drivers=(),
        metadata_answers=True,
        names_resolve=True,
        clock_in_step=True,
    ),
)

LINUX = Facts(LINUX_INSTANCE, LINUX_GUEST, Hop("centos-7", "alinux-3"), NOW, ACCOUNT)
"""A CentOS 7.9 instance without problems."""
TO_RHEL = replace(LINUX, hop=Hop("centos-7", "rhel-7"), guest=replace(LINUX_GUEST, packages=PackageSummary(420)))
"""The same instance with Red Hat as its destination, without MySQL: the MySQL version of Red Hat 7 is not known."""
WINDOWS = Facts(WINDOWS_INSTANCE, WINDOWS_GUEST, Hop("windows-2012r2-datacenter", "windows-2019-datacenter"), NOW, ACCOUNT)
"""A Windows Server 2012 R2 instance without problems."""


def with_instance(facts: Facts, **changes: Any) -> Facts:
    """The facts with changed fields of the instance."""
    return replace(facts, instance=replace(facts.instance, **changes))


def with_account(facts: Facts, **changes: Any) -> Facts:
    """The facts with changed fields of the account."""
    return replace(facts, account=replace(facts.account or ACCOUNT, **changes))


def with_guest(facts: Facts, **changes: Any) -> Facts:
    """The facts with changed fields of the guest."""
    assert facts.guest is not None
    return replace(facts, guest=replace(facts.guest, **changes))


def with_linux(facts: Facts, **changes: Any) -> Facts:
    """The facts with changed fields that only Linux guests have."""
    assert facts.guest is not None
    assert facts.guest.linux is not None
    return with_guest(facts, linux=replace(facts.guest.linux, **changes))


def with_boot(facts: Facts, **changes: Any) -> Facts:
    """The facts with changed fields of the boot."""
    assert facts.guest is not None
    assert facts.guest.linux is not None
    assert facts.guest.linux.boot is not None
    return with_linux(facts, boot=replace(facts.guest.linux.boot, **changes))


def with_windows(facts: Facts, **changes: Any) -> Facts:
    """The facts with changed fields that only Windows guests have."""
    assert facts.guest is not None
    assert facts.guest.windows is not None
    return with_guest(facts, windows=replace(facts.guest.windows, **changes))


def with_disk(facts: Facts, **changes: Any) -> Facts:
    """The facts with a changed data disk."""
    return with_instance(facts, disks=(SYSTEM_DISK, replace(DATA_DISK, **changes)))


def with_space(facts: Facts, mount_point: str, **changes: Any) -> Facts:
    """The facts with one changed file system."""
    assert facts.guest is not None
    mounts = tuple(replace(m, **changes) if m.mount_point == mount_point else m for m in facts.guest.mounts or ())
    return with_guest(facts, mounts=mounts)
