"""All ports together, in the form that a stage receives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from shared.domain.catalog import CATALOG, Catalog
from shared.domain.errors import Permanent
from shared.domain.policy import Policy

if TYPE_CHECKING:  # the types of what is handed in: who starts need not load them all
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
    from shared.ports.ids import Ids
    from shared.ports.ledger import Ledger
    from shared.ports.migrations import Migrations
    from shared.ports.sign_in import SignIn


@dataclass(frozen=True)
class Limits:
    """The account's own limits, from the settings; docs/operations.md explains each."""

    max_moving: int = 20
    """Instances moving at once in each account (SMC's own concurrency is not published; 20 was its limit in 2021)."""
    sweep_page: int = 100
    tick_page: int = 1000
    """Maximum rows that one tick looks at; more than ever move at once, so that none waits long."""


@dataclass(frozen=True)
class Notices:
    """The deployment's settings for end-of-life notices."""

    sources: tuple[str, ...] = ()
    """The sources that may send notices, besides the inventory."""
    policy: Policy = field(default_factory=Policy)
    """The policy of batches that notices make. The notice itself decides nothing."""


@dataclass(frozen=True)
class AccountPorts:
    """The ports that act in one account."""

    compute: Compute
    guest: Guest
    drivers: Mapping[str, Driver] = field(default_factory=dict)


class Accounts(Protocol):
    """The member accounts: those that the deployment serves besides its own."""

    @property
    def members(self) -> Mapping[str, MemberAccount]:
        """The member accounts by id, from the settings."""

    def cloud(self, account_id: str, session: str) -> AccountPorts:
        """The ports of a member account, under this session name. Raises AccountUnusable (Account.NotConfigured).

        Each of their calls raises AccountUnusable if the role cannot be assumed or may not make it.
        """


@dataclass(frozen=True)
class Ports:
    """What a stage may use. The api function has no drivers: it never waits for the cloud."""

    clock: Clock
    ids: Ids
    bus: Bus
    migrations: Migrations
    batches: Batches
    admission: Admission
    ledger: Ledger
    audit: Audit
    compute: Compute
    guest: Guest
    drivers: Mapping[str, Driver] = field(default_factory=dict)
    unready: Mapping[str, Permanent] = field(default_factory=dict)
    """Drivers that would refuse to start, and why; every function knows them, so that nothing begins in vain."""
    limits: Limits = field(default_factory=Limits)
    catalog: Catalog = CATALOG
    """The rows that ship with Replank, overlaid with the operator's own."""
    regions: tuple[str, ...] = ()
    """Regions that an inventory or a notice without regions covers."""
    more_regions: tuple[str, ...] = ()
    """Regions that have opened since this version was made."""
    notices: Notices = field(default_factory=Notices)
    sign_in: SignIn | None = None
    """The provider of verified names; None if the settings name none."""
    account_id: str = ""
    """The id of the deployment's own account; empty if the platform does not provide it."""
    accounts: Accounts | None = None
    """The member accounts; None if the settings name none."""
    home: Ports | None = None
    """The same ports in the deployment's own account, if these act in another."""

    @property
    def members(self) -> Mapping[str, MemberAccount]:
        """The member accounts by id."""
        return self.accounts.members if self.accounts else {}

    def of(self, migration: Migration) -> Ports:
        """The ports for the migration's account, in a session named after the migration. Raises AccountUnusable."""
        if not migration.account_id:
            return self.home or self
        from shared.domain.accounts import session_of

        return self.in_account(migration.account_id, session_of(migration.migration_id))

    def in_account(self, account_id: str, session: str = "replank-watch") -> Ports:
        """The ports for an account; the deployment's own if the id is empty. Raises AccountUnusable."""
        if not account_id:
            return self.home or self
        if self.accounts is None:
            from shared.domain.accounts import not_configured

            raise not_configured(account_id)
        cloud = self.accounts.cloud(account_id, session)
        home = self.home or self
        return replace(home, compute=cloud.compute, guest=cloud.guest, drivers=cloud.drivers, home=home)

    def driver(self, name: str) -> Driver:
        """The driver with this name; raises Permanent (Driver.Unknown) if only a later version has it."""
        if name not in self.drivers:
            remedy = "Deploy the version that submitted the batch, or cancel the migration."
            raise Permanent("Driver.Unknown", f"This version has no driver {name[:50]}.", remedy)
        return self.drivers[name]
