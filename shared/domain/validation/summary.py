"""Compares the guest before and after its migration in a short report, with one row for each aspect."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from shared.domain.codec import Json, encode
from shared.domain.facts import InstanceFacts
from shared.domain.findings import ORDER, Assessment, Severity
from shared.domain.guest import GuestFacts
from shared.domain.record import dataclass
from shared.domain.validation.health import linux_or_windows_facts
from shared.domain.validation.view import joined_names

STANDING = {Severity.ERROR: "failure", Severity.OVERRIDABLE: "failure", Severity.WARNING: "warning", Severity.INFO: "expected"}
WORST_FIRST = ("failure", "warning", "expected", "same")
Side = Callable[[InstanceFacts, GuestFacts], str]


@dataclass(frozen=True)
class ComparisonRow:
    """One row of the comparison of a guest before and after its migration.

    The field ``standing`` is ``same``, ``expected``, ``warning`` or ``failure``.
    """

    what: str
    before: str
    after: str
    standing: str

    def to_json(self) -> Json:
        """The row as JSON for the report and the API."""
        return encode(self)  # type: ignore[no-any-return]


def _list_in_words(value: Iterable[object] | None) -> str:
    return "not known" if value is None else joined_names(map(str, value)) or "none"


def _services_in_words(guest: GuestFacts) -> str:
    if guest.services is None:
        return "not known"
    enabled = sum(service.enabled for service in guest.services)
    return f"{enabled} enabled, {sum(service.active for service in guest.services)} running"


def _packages_in_words(guest: GuestFacts) -> str:
    if guest.packages is None:
        return "not known"
    return f"{guest.packages.total}; " + (joined_names(f"{p.name} {p.version}" for p in guest.packages.chosen) or "none of note")


def _yes_or_no(value: bool | None) -> str:
    return "not known" if value is None else "yes" if value else "no"


def _number_in_words(value: tuple[object, ...] | None) -> str:
    return "not known" if value is None else str(len(value))


ASPECTS: tuple[tuple[str, tuple[str, ...], Side], ...] = (
    (
        "Release",
        ("Release", "Language", "Architecture"),
        lambda i, g: " ".join(filter(None, (g.os_name, g.os_version))) or "not known",
    ),
    ("Kernel", ("OldKernel", "Kernel", "RebootPending", "PackageManager"), lambda i, g: g.kernel or "not known"),
    ("Instance", ("InstanceId", "ImageId", "Vpc", "MachineCode", "NotRunning"), lambda i, g: f"{i.instance_id}, {i.status}"),
    (
        "Addresses",
        ("PrivateAddress", "PublicAddress", "Address", "OtherAddress", "Interface"),
        lambda i, g: joined_names((*i.private_ips, *i.public_ips)),
    ),
    ("Hostname", ("Hostname",), lambda i, g: g.hostname or "not known"),
    ("Disks", ("Disk", "TransitDisk"), lambda i, g: joined_names(f"{d.disk_id} {d.size_gib} GiB" for d in i.disks)),
    (
        "File systems",
        ("Mount",),
        lambda i, g: _list_in_words(None if g.mounts is None else [f"{m.mount_point} {m.size_mib} MiB" for m in g.mounts]),
    ),
    ("Services", ("Service", "SystemService", "UnmanagedService"), lambda i, g: _services_in_words(g)),
    (
        "Ports",
        ("Port", "UdpPort"),
        lambda i, g: _list_in_words(None if g.listening is None else [f"{p.protocol} {p.port}" for p in g.listening]),
    ),
    ("Default route", ("Route",), lambda i, g: "not known" if g.default_route is None else g.default_route or "none"),
    ("Name servers", ("Dns",), lambda i, g: _list_in_words(g.dns)),
    ("Firewall", ("Firewall",), lambda i, g: "not known" if g.firewall is None else g.firewall or "none"),
    ("Users", ("User", "SystemUser", "Group", "SystemGroup"), lambda i, g: _number_in_words(g.users)),
    ("Cron entries", ("Cron", "SystemCron"), lambda i, g: _number_in_words(g.linux.cron if g.linux else None)),
    ("Packages", ("Package",), lambda i, g: _packages_in_words(g)),
    ("Check of fstab", ("Fstab",), lambda i, g: _list_in_words(g.linux.fstab_errors if g.linux else None)),
    ("Metadata service", ("Metadata",), lambda i, g: _yes_or_no(linux_or_windows_facts(g).metadata_answers)),
    ("Names resolve", ("Names",), lambda i, g: _yes_or_no(linux_or_windows_facts(g).names_resolve)),
    ("Clock synchronised", ("Clock",), lambda i, g: _yes_or_no(linux_or_windows_facts(g).clock_in_step)),
    (
        "Your files",
        ("File",),
        lambda i, g: joined_names(f"{c.path} {c.sha256[:12] or 'missing'}" for c in g.checksums) or "none named",
    ),
    ("Your check", ("Check",), lambda i, g: f"exit status {g.check.exit_status}" if g.check else "none"),
)
"""The aspects that the comparison shows. Each aspect has a name, the prefixes of its finding codes without ``Validation.``, and a
function that describes the aspect of one guest.
"""


def comparison_rows(
    instance_before: InstanceFacts, before: GuestFacts, instance_after: InstanceFacts, after: GuestFacts, result: Assessment
) -> tuple[ComparisonRow, ...]:
    """The rows of the comparison, worst first. The argument ``result`` is the assessment of the compared facts."""
    rows = []
    for what, beginnings, side in ASPECTS:
        severities = [f.severity for f in result.findings if _belongs_to_aspect(f.code.removeprefix("Validation."), beginnings)]
        worst = min(severities, key=ORDER.__getitem__, default=None)
        old, new = side(instance_before, before), side(instance_after, after)
        unjudged = "same" if old == new else "expected"  # the values differ, but no check has a finding about the difference
        rows.append(ComparisonRow(what, old, new, STANDING[worst] if worst else unjudged))
    return tuple(sorted(rows, key=lambda row: WORST_FIRST.index(row.standing)))


def _belongs_to_aspect(code: str, beginnings: tuple[str, ...]) -> bool:
    """Whether the finding's code belongs to the aspect. If prefixes of several aspects match, the code belongs to the aspect with
    the longest prefix.

    For example, PackageManagerBusy belongs to the aspect Kernel, and PackageLost to the aspect Packages.
    """
    every = [beginning for _, more, _ in ASPECTS for beginning in more if code.startswith(beginning)]
    return max(every, key=len, default="") in beginnings
