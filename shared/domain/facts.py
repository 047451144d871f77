"""All facts about an instance that the precheck rules read. The facts come from the cloud, the account and the guest.

If a fact has a unit, its name contains the unit. The value ``None`` means "not known", unless the description of the fact says
otherwise. A probe lists the facts that it could not read, and the rules tell the operator which facts are missing. The methods
``to_json`` and ``from_json`` convert facts to and from stored documents.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from shared.domain.codec import DocumentInvalid, Json, decode, encode, json_schema
from shared.domain.guest import GuestFacts
from shared.domain.hop import Hop
from shared.domain.record import dataclass

__all__ = ["AccountFacts", "DiskFacts", "DocumentInvalid", "Facts", "GuestFacts", "Hop", "InstanceFacts", "facts_schema"]

RETIRED = frozenset(("smc_role", "smc_jobs", "smc_jobs_quota", "smc_sources", "smc_sources_quota", "snapshots_per_disk_quota"))
"""Names of account facts that only old documents contain. No call can read the retired facts any more, so ``from_json`` ignores
them.
"""


@dataclass(frozen=True)
class DiskFacts:
    """One disk with the attributes that DescribeDisks shows. The field ``used_by_smc_transit`` is true for the disk with Windows
    installation media that SMC attaches. The disk that SMC attaches does not belong to the user.
    """

    disk_id: str
    kind: Literal["system", "data"]
    device: str
    category: str
    size_gib: int
    encrypted: bool
    multi_attach: bool
    status: str
    used_by_smc_transit: bool = False
    snapshot_count: int | None = None


def user_disks(disks: Iterable[DiskFacts]) -> list[DiskFacts]:
    """The disks that belong to the user: all except SMC's transit disk, which exists only during a job."""
    return [disk for disk in disks if not disk.used_by_smc_transit]


@dataclass(frozen=True)
class InstanceFacts:
    """One instance with the attributes that DescribeInstances, DescribeCloudAssistantStatus and DescribeSnapshots show.

    The field ``agent_heartbeat_at`` is the time of the last heartbeat of the Cloud Assistant agent; None if the agent never sent a
    heartbeat. The field ``expires_at`` is None for a pay-as-you-go instance. The field ``locked`` lists the reasons why ECS locked
    the instance. ``active_migration_id`` is empty if no migration is active, and ``scaling_group_id`` is empty without a scaling
    group.
    """

    instance_id: str
    region_id: str
    name: str
    os_name: str
    os_name_en: str
    os_type: Literal["linux", "windows"]
    architecture: Literal["x86_64", "arm64"]
    status: str
    cpu: int
    memory_mib: int
    image_id: str
    hostname: str
    private_ips: tuple[str, ...]
    public_ips: tuple[str, ...]
    vpc_id: str
    serial_number: str
    disks: tuple[DiskFacts, ...]
    tags: tuple[tuple[str, str], ...] = ()
    locked: tuple[str, ...] = ()
    spot: bool = False
    expires_at: datetime | None = None
    auto_release_at: datetime | None = None
    agent_heartbeat_at: datetime | None = None
    snapshots_in_progress: tuple[str, ...] = ()
    active_migration_id: str | None = ""
    scaling_group_id: str | None = ""
    auto_snapshot_at: datetime | None = None
    data_disk_limit: int | None = None

    @property
    def user_disks(self) -> list[DiskFacts]:
        """All disks of the instance except SMC's transit disk."""
        return user_disks(self.disks)

    def to_json(self) -> Json:
        """The instance's facts as the JSON document that is stored with the migration."""
        return encode(self)  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, document: object, *, strict: bool = False) -> InstanceFacts:
        """The facts in a document that ``to_json`` returned. Raises DocumentInvalid with the name of the invalid field."""
        return decode(cls, document, "instance", strict=strict)


@dataclass(frozen=True)
class AccountFacts:
    """Facts about the account: whether the snapshot service is active, whether the account is on the allow list, and its problems.
    The field ``problems`` lists error codes of the API, for example about the balance, the real-name registration or permissions.
    """

    snapshot_service: bool | None = None
    allow_listed: bool | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """All facts that the rules may read about one instance and one hop. The field ``now`` is the time, in UTC, at which the rules
    judge the facts.
    """

    instance: InstanceFacts
    guest: GuestFacts | None
    hop: Hop
    now: datetime
    account: AccountFacts | None = None

    def to_json(self) -> Json:
        """The facts as the JSON document that ``replank assess --facts`` reads."""
        return encode(self)  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, document: object, *, strict: bool = False) -> Facts:
        """The facts in a document that ``to_json`` returned. Raises DocumentInvalid with the name of the invalid field."""
        account = document.get("account") if isinstance(document, dict) else None
        if isinstance(document, dict) and isinstance(account, dict):
            document = {**document, "account": {name: value for name, value in account.items() if name not in RETIRED}}
        return decode(cls, document, "facts", strict=strict)


def facts_schema() -> Json:
    """The JSON Schema of the document that :meth:`Facts.from_json` reads."""
    return {"title": "Replank facts of one instance", **json_schema(Facts)}
