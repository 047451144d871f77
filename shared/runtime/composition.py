"""The composition root: decides which adapter implements which port, and which SDK clients are made when a function starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from shared.adapters.admission import TablestoreAdmission
from shared.adapters.batches import TablestoreBatches
from shared.adapters.bus import EventBridgeBus
from shared.adapters.clock import clock_from_setting
from shared.adapters.ids import RandomIds
from shared.adapters.ledger import TablestoreLedger
from shared.adapters.migrations import TablestoreMigrations
from shared.adapters.sdk import Account, Clients, Credentials
from shared.adapters.store import Store
from shared.domain.drivers import AUTO, GUEST
from shared.domain.errors import Permanent
from shared.domain.retry import CLOUD_CALL
from shared.ports.ports import AccountPorts, DeploymentLimits, NoticeSettings, Ports
from shared.runtime.settings import Settings

if TYPE_CHECKING:
    from shared.adapters.guest import CommandPaths, KeptIds
    from shared.ports.audit import Audit
    from shared.ports.clock import Clock
    from shared.ports.compute import Compute
    from shared.ports.driver import Driver
    from shared.ports.guest import Guest
    from shared.ports.inventory import InventoryStore
    from shared.ports.media_disks import MediaDisks
    from shared.ports.ports import Accounts
    from shared.ports.protections import Protections
    from shared.ports.sign_in import TokenVerifier
    from shared.ports.ticks import TickTimeStore

FUNCTIONS = ("intake", "api", "precheck", "snapshot", "migrate", "watch", "validate", "rollback", "sweep")
USES_ECS = frozenset(FUNCTIONS) - {"api"}
USES_SMC = frozenset({"migrate", "watch", "validate", "rollback"})
"""The functions that call SMC. Only the packages of these functions contain SMC's SDK."""


def function_credentials(environment: Mapping[str, str], context: object) -> Credentials:
    """The credentials of the function's role, from the environment variables or from the invocation's context.

    Raises Permanent (Credentials.Missing) if there are no credentials.
    """
    key_id = environment.get("ALIBABA_CLOUD_ACCESS_KEY_ID", "")
    secret = environment.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "")
    token = environment.get("ALIBABA_CLOUD_SECURITY_TOKEN", "")
    if not (key_id and secret):
        given = getattr(context, "credentials", None)
        key_id, secret, token = (_attribute_text(given, name) for name in ("access_key_id", "access_key_secret", "security_token"))
    if not (key_id and secret):
        remedy = "Give the function its role (s.yaml, `role`) and deploy again."
        raise Permanent("Credentials.Missing", "Neither the environment nor the context has credentials.", remedy)
    return Credentials(key_id, secret, token)


def make_ports(function: str, settings: Settings, credentials: Credentials, clock: Clock | None = None) -> Ports:
    """Make all ports of a function. Also make the SDK clients, so that the first message does not wait for the clients.

    If ``clock`` is given, the ports use this clock instead of the clock in the settings.
    """
    clients = Clients(_account_settings(settings, credentials), retry=replace(CLOUD_CALL, pause_s=settings.retry_pause_ms / 1000))
    clock, store = clock or clock_from_setting(settings.clock), Store(clients)
    kept_ids: KeptIds | None = {} if settings.kept_commands else None
    paths = (kept_ids, _make_run_command_clients(settings, clients, clock) if settings.run_command_role else None)
    media = cast("MediaDisks", DeferredAdapter(lambda: _make_media_disks_port(store, clock, settings)))
    accounts = _make_member_accounts_port(function, settings, clients, clock, kept_ids, media) if settings.accounts else None
    _make_sdk_clients(function, settings, clients)
    unready = DriverSettingErrors(lambda: _make_drivers(clients, settings, clock, paths, media))
    return Ports(
        clock=clock,
        ids=RandomIds(),
        bus=EventBridgeBus(clients, settings.bus, clock),
        migrations=TablestoreMigrations(store),
        batches=TablestoreBatches(store),
        admission=TablestoreAdmission(store, settings.accounts),
        ledger=TablestoreLedger(store),
        audit=DeferredAdapter(lambda: _make_audit_port(store)),
        inventory=DeferredAdapter(lambda: _make_inventory_port(store)),
        protections=DeferredAdapter(lambda: _make_protections_port(store)),
        ticks=DeferredAdapter(lambda: _make_ticks_port(store)),
        compute=DeferredAdapter(lambda: _make_compute_port(clients, clock)),
        guest=DeferredAdapter(lambda: _make_guest_port(clients, paths)),
        media_disks=media,
        drivers=_make_drivers(clients, settings, clock, paths, media) if function in USES_SMC else {},
        unready=unready,
        unready_on_path=unready.setting_error_for_path,
        limits=DeploymentLimits(max_moving=settings.max_moving, protect=settings.protect),
        catalog=settings.catalog,
        regions=settings.regions,
        more_regions=settings.more_regions,
        notices=NoticeSettings(settings.notice_sources, settings.notice_policy),
        sign_in=DeferredAdapter(lambda: _make_token_verifier(settings, clock)) if settings.oidc_issuer else None,
        account_id=settings.account_id,
        accounts=accounts,
    )


class DeferredAdapter:
    """A placeholder for an adapter. The adapter is imported and made when it is first used, because not every function uses every
    port.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        made = self._make()
        self.__dict__.update({each: getattr(made, each) for each in dir(type(made)) if not each.startswith("_")})
        return getattr(made, name)


class DriverSettingErrors(Mapping[str, Permanent]):
    """Maps the name of each driver that lacks a setting to an error. The error names the missing setting. The drivers are checked
    when the mapping is first read.
    """

    def __init__(self, drivers: Callable[[], dict[str, Driver]]) -> None:
        self._make_drivers = drivers

    @cached_property
    def _drivers(self) -> dict[str, Driver]:
        return self._make_drivers()

    def setting_error_for_path(self, name: str, os_type: str, releases: Sequence[str], region_id: str) -> Permanent | None:
        """The error for a setting that the driver needs for these destinations but lacks; None if no setting is missing.

        The result is also None for a driver that this version does not know, because ``Ports.driver_with_name`` refuses such a
        driver.
        """
        if name not in self._drivers:
            return None
        try:
            self._drivers[name].check_settings_for_destinations(os_type, releases, region_id)
        except Permanent as error:
            return error
        return None

    @cached_property
    def _setting_errors_by_driver(self) -> dict[str, Permanent]:
        found: dict[str, Permanent] = {}
        for name, driver in self._drivers.items():
            try:
                driver.check_settings()
            except Permanent as error:
                found[name] = error
        return found

    def __getitem__(self, name: str) -> Permanent:
        return self._setting_errors_by_driver[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._setting_errors_by_driver)

    def __len__(self) -> int:
        return len(self._setting_errors_by_driver)


def _make_compute_port(clients: Clients, clock: Clock) -> Compute:
    from shared.adapters.compute import EcsCompute

    return EcsCompute(clients, clock)


def _make_run_command_clients(settings: Settings, clients: Clients, clock: Clock) -> Clients:
    """Clients with the role that is kept apart for RunCommand."""
    from shared.adapters.assumed_roles import AssumedRole
    from shared.domain.accounts import MemberAccount

    own = MemberAccount(settings.run_command_role.split(":")[3], settings.run_command_role)
    return Clients(clients.account, retry=clients.retry, assumed=AssumedRole(own, "replank-run-command", clients, clock, {}))


def _make_guest_port(clients: Clients, paths: CommandPaths) -> Guest:
    from shared.adapters.guest import CloudAssistant

    return CloudAssistant(clients, *paths)


def _make_drivers(clients: Clients, settings: Settings, clock: Clock, paths: CommandPaths, media: MediaDisks) -> dict[str, Driver]:
    from shared.adapters.drivers.console import ConsoleDriver
    from shared.adapters.drivers.smc import SmcDriver

    made = (SmcDriver(clients, _make_guest_port(clients, paths), settings.smc, clock), ConsoleDriver(clients, settings.catalog))
    in_guest = DeferredAdapter(lambda: _make_guest_driver(clients, settings, clock, paths, media))
    unchosen = DeferredAdapter(_make_auto_driver_placeholder)
    return {
        **{driver.traits.name: driver for driver in made},
        GUEST.name: cast("Driver", in_guest),
        AUTO.name: cast("Driver", unchosen),
    }


def _make_auto_driver_placeholder() -> Driver:
    from shared.adapters.drivers.unchosen import UnchosenDriver

    return UnchosenDriver()


def _make_guest_driver(clients: Clients, settings: Settings, clock: Clock, paths: CommandPaths, media: MediaDisks) -> Driver:
    from shared.adapters.drivers.in_guest import GuestDriver
    from shared.adapters.drivers.media import MediaOfMigrations

    compute = cast("Compute", DeferredAdapter(lambda: _make_compute_port(clients, clock)))
    media_of = MediaOfMigrations(media, compute, settings.windows_media)
    return GuestDriver(_make_guest_port(clients, paths), clock, settings.catalog, media_of)


def _make_media_disks_port(store: Store, clock: Clock, settings: Settings) -> MediaDisks:
    from shared.adapters.media_disks import TablestoreMediaDisks

    return TablestoreMediaDisks(store, clock, writes_rows=bool(settings.windows_media))


def _make_member_accounts_port(
    function: str, settings: Settings, clients: Clients, clock: Clock, kept_ids: KeptIds | None, media: MediaDisks
) -> Accounts:
    """Make the port through which a function reaches the member accounts. The api function only reads the names of the member
    accounts, and never assumes a role.
    """
    from shared.adapters.assumed_roles import AssumedRole, MemberAccounts

    def make_account_ports(assumed: Clients) -> AccountPorts:
        role = assumed.assumed.for_run_command() if isinstance(assumed.assumed, AssumedRole) else None
        paths = (kept_ids, Clients(assumed.account, retry=assumed.retry, assumed=role) if role else None)
        drivers = _make_drivers(assumed, settings, clock, paths, media) if function in USES_SMC else {}
        return AccountPorts(
            cast("Compute", DeferredAdapter(lambda: _make_compute_port(assumed, clock))),
            cast("Guest", DeferredAdapter(lambda: _make_guest_port(assumed, paths))),
            drivers,
        )

    return MemberAccounts(settings.accounts, clients, clock, make_account_ports)


def _make_audit_port(store: Store) -> Audit:
    from shared.adapters.audit import TablestoreAudit

    return TablestoreAudit(store)


def _make_inventory_port(store: Store) -> InventoryStore:
    from shared.adapters.inventory import TablestoreInventory

    return TablestoreInventory(store)


def _make_protections_port(store: Store) -> Protections:
    from shared.adapters.protections import TablestoreProtections

    return TablestoreProtections(store)


def _make_ticks_port(store: Store) -> TickTimeStore:
    from shared.adapters.ticks import TablestoreTicks

    return TablestoreTicks(store)


def _make_token_verifier(settings: Settings, clock: Clock) -> TokenVerifier:
    from shared.adapters.sign_in import NAME_CLAIMS, OidcProvider, OidcTokenVerifier

    provider = OidcProvider(settings.oidc_issuer, settings.oidc_audiences, settings.oidc_name_claims or NAME_CLAIMS)
    return OidcTokenVerifier(provider, clock)


def _make_sdk_clients(function: str, settings: Settings, clients: Clients) -> None:
    clients.tablestore_client()
    if function != "api":  # most requests only read: the first one that publishes makes this client
        clients.eventbridge_client()
    if function in USES_ECS:
        clients.ecs_client(settings.region)
    if function in USES_SMC:
        clients.smc_client()


def _account_settings(settings: Settings, credentials: Credentials) -> Account:
    return Account(
        region=settings.region,
        account_id=settings.account_id,
        credentials=credentials,
        tablestore_instance=settings.tablestore_instance,
        tablestore_endpoint=settings.tablestore_endpoint,
        eventbridge_endpoint=settings.eventbridge_endpoint,
        ecs_endpoint=settings.ecs_endpoint,
        smc_endpoint=settings.smc_endpoint,
        sts_endpoint=settings.sts_endpoint,
    )


def _attribute_text(given: object, name: str) -> str:
    return str(getattr(given, name, "") or "")
