"""The facts of a guest, parsed from the probe's answer.

A validation compares the facts before and after a move. The value ``None`` means "not known".
"""

from __future__ import annotations

from shared.domain.codec import Json, decode, encode
from shared.domain.record import dataclass


@dataclass(frozen=True)
class MountFacts:
    """One mounted file system in the output of ``df``. The field ``available_mib`` is the free space for programs without root
    rights.
    """

    mount_point: str
    device: str
    size_mib: int
    available_mib: int
    file_system: str = ""
    inodes_free: int | None = None
    read_only: bool = False
    serial: str = ""
    options: str = ""


@dataclass(frozen=True)
class PackageFacts:
    """One installed package, with the version in rpm's form (version-release)."""

    name: str
    version: str
    architecture: str = ""
    vendor: str = ""


@dataclass(frozen=True)
class PackageSummary:
    """A summary of the package database: the number of packages, the packages that the rules need, and packages of
    other vendors.
    """

    total: int
    i686: tuple[str, ...] = ()
    i686_total: int = 0
    third_party: tuple[str, ...] = ()
    third_party_total: int = 0
    chosen: tuple[PackageFacts, ...] = ()


@dataclass(frozen=True)
class ServiceFacts:
    """One service. The field ``enabled`` is true if the service starts at boot. The field ``active`` is true if the service runs
    now.
    """

    name: str
    enabled: bool
    active: bool


@dataclass(frozen=True)
class ListenerFacts:
    """One listening socket."""

    protocol: str
    address: str
    port: int


@dataclass(frozen=True)
class InterfaceFacts:
    """One network interface with its IPv4 addresses (with prefix length) and hardware address."""

    name: str
    addresses: tuple[str, ...] = ()
    mac: str = ""


@dataclass(frozen=True)
class FstabFacts:
    """One line of fstab. The field ``present`` says whether the device, label or UUID in the line exists, or is None if the guest
    did not report the device.
    """

    spec: str
    mount_point: str
    file_system: str
    options: str
    present: bool | None = None


@dataclass(frozen=True)
class ChecksumFacts:
    """SHA-256 of a file that the user named; empty if the file is missing."""

    path: str
    sha256: str


@dataclass(frozen=True)
class UserCheck:
    """The user's own check command: its exit status and the beginning of its output."""

    exit_status: int
    output: str = ""


@dataclass(frozen=True)
class BootFacts:
    """How a Linux guest boots: the kernel version that GRUB starts, the kernels in /boot, and the kernels without an initramfs."""

    default_kernel: str | None = None
    images: tuple[str, ...] = ()
    missing_initramfs: tuple[str, ...] = ()
    grub_config: bool | None = None
    efi: bool | None = None
    kernel_packaged: bool | None = None


@dataclass(frozen=True)
class LinuxFacts:
    """Facts that only Linux guests have. A field is None if the fact is not known, or if an older probe answered.

    ``modules``: the loaded kernel modules. ``root_links``: the links in the root folder that lead to absolute paths, for example
    ``/app -> /data/app``. ``package_locks``: settings that hide updates (versionlock, exclude), each with the file that contains
    the setting. ``rpm_database``: rpm's error message, empty without an error. ``kernel_vendor``: the vendor of the running
    kernel's package. ``permit_root_login``: the value of PermitRootLogin in sshd_config, empty if the file has no such setting.
    ``lock_holders``: the processes that hold locks of the package manager, each with its lock. ``fstab_errors``: errors that the
    system's own check of fstab reports. ``metadata_answers``, ``names_resolve`` and ``clock_in_step``: whether the metadata service
    answers, whether Alibaba Cloud's host names can be resolved, and whether the clock is synchronised. ``read_only_mounts``: which
    of the folders /mnt and /sys are mounted read-only.
    """

    modules_out_of_tree: tuple[str, ...] | None = None
    gpu: bool | None = None
    boot: BootFacts | None = None
    fstab: tuple[FstabFacts, ...] | None = None
    repositories: tuple[tuple[str, str], ...] | None = None
    interface_pins: tuple[str, ...] | None = None
    security_agent: bool | None = None
    updates_pending: bool | None = None
    reboot_pending: bool | None = None
    compiled_programs: tuple[str, ...] | None = None
    python2_users: tuple[str, ...] | None = None
    proxy: str | None = None
    selinux: str | None = None
    clock_synchronised: bool | None = None
    cron: tuple[str, ...] | None = None
    package_manager_busy: bool | None = None
    leftovers: tuple[str, ...] | None = None
    dnf_modules: tuple[str, ...] | None = None
    kernel_arguments: str | None = None
    kernel_vendor: str | None = None
    modules: tuple[str, ...] | None = None
    root_links: tuple[str, ...] | None = None
    duplicate_repositories: tuple[str, ...] | None = None
    duplicate_packages: tuple[str, ...] | None = None
    package_locks: tuple[str, ...] | None = None
    rpm_database: str | None = None
    encrypted_devices: tuple[str, ...] | None = None
    pam_modules: tuple[str, ...] | None = None
    permit_root_login: str | None = None
    fips: bool | None = None
    lock_holders: tuple[str, ...] | None = None
    fstab_errors: tuple[str, ...] | None = None
    metadata_answers: bool | None = None
    names_resolve: bool | None = None
    clock_in_step: bool | None = None
    read_only_mounts: tuple[str, ...] | None = None


@dataclass(frozen=True)
class WindowsFacts:
    """Facts that only Windows guests have. The field ``language`` is zh or en; sizes are in MiB.

    The fields ``metadata_answers``, ``names_resolve`` and ``clock_in_step`` have the same meaning as in ``LinuxFacts``.
    """

    build: str | None = None
    language: str | None = None
    windows_dir_mib: int | None = None
    pending_reboot: bool | None = None
    domain_controller: bool | None = None
    clustered: bool | None = None
    bitlocker: bool | None = None
    page_files: tuple[str, ...] | None = None
    activated: bool | None = None
    antivirus: tuple[str, ...] | None = None
    filter_drivers: tuple[str, ...] | None = None
    metadata_answers: bool | None = None
    names_resolve: bool | None = None
    clock_in_step: bool | None = None


@dataclass(frozen=True)
class GuestFacts:
    """The facts in one answer of the probe.

    The field ``unknown`` lists the facts that the probe could not read, each with the reason. The field ``cut`` lists the facts
    that were too long to report completely.
    """

    os_id: str | None = None
    os_version: str | None = None
    os_name: str | None = None
    kernel: str | None = None
    architecture: str | None = None
    hostname: str | None = None
    cpu: int | None = None
    memory_mib: int | None = None
    memory_available_mib: int | None = None
    mounts: tuple[MountFacts, ...] | None = None
    packages: PackageSummary | None = None
    services: tuple[ServiceFacts, ...] | None = None
    listening: tuple[ListenerFacts, ...] | None = None
    users: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    interfaces: tuple[InterfaceFacts, ...] | None = None
    default_route: str | None = None
    dns: tuple[str, ...] | None = None
    firewall: str | None = None
    checksums: tuple[ChecksumFacts, ...] = ()
    check: UserCheck | None = None
    linux: LinuxFacts | None = None
    windows: WindowsFacts | None = None
    unknown: tuple[tuple[str, str], ...] = ()
    cut: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> Json:
        """The guest's facts as the JSON document that is stored with the baseline."""
        return encode(self)  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, document: object, *, strict: bool = False) -> GuestFacts:
        """The facts in a document that ``to_json`` returned. Raises DocumentInvalid with the name of the invalid field."""
        return decode(cls, document, "guest", strict=strict)

    def mount_of_path(self, path: str) -> MountFacts | None:
        """The mounted file system that contains ``path``; None if no known file system contains ``path``."""
        holding = [m for m in self.mounts or () if path == m.mount_point or path.startswith(m.mount_point.rstrip("/") + "/")]
        return max(holding, key=lambda m: len(m.mount_point), default=None)
