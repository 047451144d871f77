"""The set of all ports that a stage receives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Protocol

from shared.domain.catalog import CATALOG, Catalog
from shared.domain.errors import Permanent
from shared.domain.policy import Policy
from shared.domain.record import dataclass

if TYPE_CHECKING:  # only for type hints, so that a starting function need not load all these modules
    from shared.domain.accounts import MemberAccount
    from shared.domain.migration import Migration
    from shared.ports.admission import Admission
    from shared.ports.audit import Audit
    from shared.ports.batches import Batches
    from shared.ports.bus import Bus
    from shared.ports.clock import Clock
    from shared.ports.compute import Compute
    from shared.ports.driver import Driver
    from shared.ports.guest import Guest
    from shared.ports.ids import IdMaker
    from shared.ports.inventory import InventoryStore
    from shared.ports.ledger import Ledger
    from shared.ports.media_disks import MediaDisks
    from shared.ports.migrations import Migrations
    from shared.ports.protections import Protections
    from shared.ports.sign_in import TokenVerifier
    from shared.ports.ticks import TickTimeStore


@dataclass(frozen=True)
class DeploymentLimits:
    """The limits that the deployment's settings define. The page docs/operations.md explains each limit."""

    max_moving: int = 20
    """Maximum number of instances that move at the same time in each account. SMC does not publish its own maximum, which was 20 in
    2021.
    """
    sweep_page: int = 100
    tick_page: int = 1000
    """Maximum number of rows that one tick reads. The maximum is larger than the number of moving instances, so that no row waits
    long.
    """
    protect: bool = True
    """Whether the deletion protection of every moving instance is switched on."""


@dataclass(frozen=True)
class NoticeSettings:
    """The deployment's settings for end-of-life notices."""

    sources: tuple[str, ...] = ()
    """The event sources that may send notices. Notices that Replank itself sends are always accepted."""
    policy: Policy = field(default_factory=Policy)
    """The policy of every batch that is made from a notice. A notice cannot change this policy."""


@dataclass(frozen=True)
class AccountPorts:
    """The ports that call the services of one account."""

    compute: Compute
    guest: Guest
    drivers: Mapping[str, Driver] = field(default_factory=dict)


class Accounts(Protocol):
    """The member accounts, which the deployment serves in addition to its own account."""

    @property
    def members(self) -> Mapping[str, MemberAccount]:
        """Maps the id of each member account to the account, as the settings define it."""

    def account_ports(self, account_id: str, session: str) -> AccountPorts:
        """The ports of a member account. The argument ``session`` is the name of the session in which the account's role is
        assumed. Raises AccountUnusable (Account.NotConfigured) if the settings do not name the account.

        Each call through these ports raises AccountUnusable if the role cannot be assumed, or lacks the permission for the call.
        """


@dataclass(frozen=True)
class Ports:
    """All ports and settings that a stage may use. The api function has no drivers, because it never calls the cloud."""

    clock: Clock
    ids: IdMaker
    bus: Bus
    migrations: Migrations
    batches: Batches
    admission: Admission
    ledger: Ledger
    audit: Audit
    inventory: InventoryStore
    protections: Protections
    ticks: TickTimeStore
    compute: Compute
    guest: Guest
    media_disks: MediaDisks
    drivers: Mapping[str, Driver] = field(default_factory=dict)
    unready: Mapping[str, Permanent] = field(default_factory=dict)
    """Maps driver names to errors, for all drivers that would refuse to start a job.

    Every function checks this mapping, so that no migration uses one of these drivers.
    """
    unready_on_path: Callable[[str, str, Sequence[str], str], Permanent | None] = lambda name, os_type, releases, region_id: None
    """A function that takes the name of a driver, an OS type, the release keys of destinations, and a region id.

    The function returns the error of a missing setting, or None if the driver has all settings.
    """
    limits: DeploymentLimits = field(default_factory=DeploymentLimits)
    catalog: Catalog = CATALOG
    """The catalog that ships with Replank, extended by the operator's own rows."""
    regions: tuple[str, ...] = ()
    """The regions that the inventory searches for instances. A notice that names no regions applies to all of these regions."""
    more_regions: tuple[str, ...] = ()
    """Regions that the operator allows, although this version of Replank does not know them."""
    notices: NoticeSettings = field(default_factory=NoticeSettings)
    sign_in: TokenVerifier | None = None
    """The provider that verifies callers' names; None if the settings name no provider."""
    account_id: str = ""
    """The id of the deployment's own account; empty if the platform does not provide the id."""
    accounts: Accounts | None = None
    """The member accounts; None if the settings name no member account."""
    home: Ports | None = None
    """The ports for the deployment's own account. The field ``home`` is None unless the ports are for a member account."""

    @property
    def member_accounts(self) -> Mapping[str, MemberAccount]:
        """Maps the id of each member account to the account. The mapping is empty if the settings name no member account."""
        return self.accounts.members if self.accounts else {}

    def account_as_stored(self, named: str) -> str | None:
        """Return the account that an event of ECS names, as the rows store it; None if this deployment does not serve the account.

        An event without an account is about the deployment's own account. Only the event bus of the deployment's own account
        publishes events without an account.
        """
        if not named or named in self.member_accounts:
            return named
        if not self.account_id:  # the platform does not say which account is the deployment's own
            return None if self.member_accounts else ""
        return "" if named == self.account_id else None

    def ports_for_migration(self, migration: Migration) -> Ports:
        """The ports for the migration's account. The role's session is named after the migration. Raises AccountUnusable."""
        if not migration.account_id:
            return self.home or self
        from shared.domain.accounts import session_name

        return self.ports_for_account(migration.account_id, session_name(migration.migration_id))

    def ports_for_account(self, account_id: str, session: str = "replank-watch") -> Ports:
        """The ports for the account with this id. An empty id means the deployment's own account. Raises AccountUnusable."""
        if not account_id:
            return self.home or self
        if self.accounts is None:
            from shared.domain.accounts import account_not_configured_error

            raise account_not_configured_error(account_id)
        cloud = self.accounts.account_ports(account_id, session)
        home = self.home or self
        return replace(home, compute=cloud.compute, guest=cloud.guest, drivers=cloud.drivers, home=home)

    def driver_with_name(self, name: str) -> Driver:
        """The driver with this name. Raises Permanent (Driver.Unknown) if only a newer version of Replank has this driver."""
        if name not in self.drivers:
            remedy = "Deploy the version that submitted the batch, or cancel the migration."
            raise Permanent("Driver.Unknown", f"This version has no driver {name[:50]}.", remedy)
        return self.drivers[name]
