"""Settings, read once from the environment when a function starts; a single error names every fault."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from shared.adapters.clock import clock_from_setting
from shared.adapters.drivers.smc_settings import SmcSettings
from shared.domain.catalog import CATALOG, Catalog
from shared.domain.catalog.extend import extend_catalog
from shared.domain.errors import Permanent, ReplankError
from shared.domain.notice import read_notice_policy
from shared.domain.policy import Policy

if TYPE_CHECKING:
    from shared.domain.accounts import MemberAccount
    from shared.domain.roles import Access

T = TypeVar("T")
PACKAGE = Path(__file__).resolve().parents[2]
"""The folder into which a function's package is unpacked; on a developer's machine, the repository."""


@dataclass(frozen=True)
class Settings:
    """The settings of a deployment. An empty endpoint means Alibaba Cloud's own; ``snapshot_price`` is per GiB and month."""

    region: str
    account_id: str = ""
    regions: tuple[str, ...] = ()
    more_regions: tuple[str, ...] = ()
    bus: str = "replank"
    tablestore_instance: str = "replank"
    tablestore_endpoint: str = ""
    eventbridge_endpoint: str = ""
    ecs_endpoint: str = ""
    smc_endpoint: str = ""
    sts_endpoint: str = ""
    accounts: Mapping[str, MemberAccount] = field(default_factory=dict)
    """The member accounts, by id."""
    max_moving: int = 20
    notice_sources: tuple[str, ...] = ()
    notice_policy: Policy = field(default_factory=Policy)
    smc: SmcSettings = field(default_factory=SmcSettings)
    catalog: Catalog = CATALOG
    clock: str = "system"
    snapshot_price: float = 0.0
    currency: str = "CNY"
    operator_header: str = "x-replank-operator"
    api_rate: int = 600
    oidc_issuer: str = ""
    oidc_audiences: tuple[str, ...] = ()
    oidc_name_claims: tuple[str, ...] = ()
    access: Access | None = None
    """Who may do what; None if nothing is set, so that functions other than api do not load the code for it."""
    retry_pause_ms: int = 200
    log_level: str = "INFO"


class _Reader:
    """Reads variables and collects their faults."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def text(self, name: str, default: str = "", *, required: str = "") -> str:
        """The variable, or its default if it is unset or empty; ``required`` says what it should be."""
        value = self._environment.get(name, "").strip()
        if not value and required:
            self.problems.append(f"{name} is not set: {required}")
        return value or default

    def parsed(self, name: str, default: T, parse: Callable[[str], T], what: str) -> T:
        """The variable as ``parse`` reads it; ``what`` says what it must be."""
        value = self.text(name)
        if not value:
            return default
        try:
            return parse(value)
        except (ValueError, TypeError, ReplankError):
            self.problems.append(f"{name} is {value[:80]!r}: it must be {what}")
            return default


def read(environment: Mapping[str, str]) -> Settings:
    """The settings; raises Permanent (Settings.Invalid) that names everything missing or wrong."""
    reader = _Reader(environment)
    text, parsed = reader.text, reader.parsed
    region = text("REPLANK_REGION") or text("FC_REGION")
    if not region:
        reader.problems.append("REPLANK_REGION is not set: the region of the functions, e.g. cn-hangzhou")
    clock = parsed("REPLANK_CLOCK", "system", _clock, "`system` or `env:VARIABLE`")
    settings = Settings(
        region=region,
        account_id=text("FC_ACCOUNT_ID"),
        regions=parsed("REPLANK_REGIONS", (region,), _split_list, "region ids separated by commas"),
        more_regions=parsed("REPLANK_MORE_REGIONS", (), _split_list, "region ids separated by commas"),
        bus=text("REPLANK_BUS", "replank"),
        tablestore_instance=text("REPLANK_TABLESTORE_INSTANCE", "replank"),
        tablestore_endpoint=text("REPLANK_TABLESTORE_ENDPOINT"),
        eventbridge_endpoint=text("REPLANK_EVENTBRIDGE_ENDPOINT"),
        ecs_endpoint=text("REPLANK_ECS_ENDPOINT"),
        smc_endpoint=text("REPLANK_SMC_ENDPOINT"),
        sts_endpoint=text("REPLANK_STS_ENDPOINT"),
        accounts=_accounts(reader),
        max_moving=parsed("REPLANK_MAX_MOVING", 20, _parse_count, "a whole number of at least 1"),
        notice_sources=parsed("REPLANK_NOTICE_SOURCES", (), _split_list, "sources of events separated by commas"),
        notice_policy=_notice_policy(reader),
        smc=_smc(reader),
        catalog=_with_proven(reader, _catalog(reader, clock)),
        clock=clock,
        snapshot_price=parsed("REPLANK_SNAPSHOT_PRICE", 0.0, _price, "a price per GiB and month, e.g. 0.12"),
        currency=text("REPLANK_CURRENCY", "CNY"),
        operator_header=text("REPLANK_OPERATOR_HEADER", "x-replank-operator").lower(),
        api_rate=parsed("REPLANK_API_RATE", 600, _rate, "requests a minute, 0 to 100000 (0: no limit)"),
        oidc_issuer=parsed("REPLANK_OIDC_ISSUER", "", _issuer, "an https address, e.g. https://oauth.aliyun.com"),
        oidc_audiences=parsed("REPLANK_OIDC_AUDIENCE", (), _split_list, "ids of clients separated by commas"),
        oidc_name_claims=parsed("REPLANK_OIDC_NAME_CLAIM", (), _split_list, "names of claims separated by commas"),
        access=_access(reader),
        retry_pause_ms=parsed("REPLANK_RETRY_PAUSE_MS", 200, _milliseconds, "milliseconds, 0 to 5000"),
        log_level=parsed("REPLANK_LOG_LEVEL", "INFO", _level, "DEBUG, INFO, WARNING or ERROR"),
    )
    if not settings.account_id and not settings.eventbridge_endpoint:
        reader.problems.append("neither FC_ACCOUNT_ID nor REPLANK_EVENTBRIDGE_ENDPOINT is set: one of them tells where the bus is")
    if settings.oidc_issuer and not settings.oidc_audiences:
        reader.problems.append("REPLANK_OIDC_AUDIENCE is not set: the id of the client whose tokens are meant for Replank")
    if reader.problems:
        remedy = "Correct the function's environment variables in s.yaml and deploy again."
        raise Permanent("Settings.Invalid", "; ".join(reader.problems), remedy)
    return settings


def _smc(reader: _Reader) -> SmcSettings:
    default = "ReplicationParameters.TargetOsType"
    parameter = "`Name` or `ReplicationParameters.Name`"
    return SmcSettings(
        import_linux=reader.parsed("REPLANK_SMC_IMPORT_LINUX", "", _command, "a command with {token_id} and {token_code}"),
        import_windows=reader.parsed("REPLANK_SMC_IMPORT_WINDOWS", "", _command, "a command with {token_id} and {token_code}"),
        target_parameter=reader.parsed("REPLANK_SMC_TARGET_PARAMETER", default, _parameter, parameter),
        target_values=reader.parsed("REPLANK_SMC_TARGET_VALUES", {}, _values, 'JSON such as {"alinux-3": "..."}'),
    )


def _notice_policy(reader: _Reader) -> Policy:
    """The policy of batches made from notices: JSON, spelled as in POST /batches."""
    return _document(reader, "REPLANK_NOTICE_POLICY", read_notice_policy) or Policy()


def _accounts(reader: _Reader) -> Mapping[str, MemberAccount]:
    """The member accounts. Refuses the deployment's own account."""
    given, external_id = reader.text("REPLANK_ACCOUNTS"), reader.text("REPLANK_EXTERNAL_ID")
    if not given:
        return {}
    from shared.domain.accounts import read_members

    try:
        members = read_members(given, external_id)
    except ReplankError as error:
        reader.problems.append(f"REPLANK_ACCOUNTS: {error.message} {error.remedy}")
        return {}
    own = reader.text("FC_ACCOUNT_ID")
    if own in members:
        reader.problems.append(f"REPLANK_ACCOUNTS: Entry {own!r} is the deployment's own account, which needs none. Remove it.")
    return members


def _access(reader: _Reader) -> Access | None:
    """Who may do what: the provider, the roles and the trust that acts need."""
    if not any(map(reader.text, ("REPLANK_OIDC_ISSUER", "REPLANK_ROLES", "REPLANK_ACT_TRUST"))):
        return None
    from shared.domain.roles import Access, read_grants, read_trust

    grants = _document(reader, "REPLANK_ROLES", read_grants)
    trust = _document(reader, "REPLANK_ACT_TRUST", read_trust)
    return Access(bool(reader.text("REPLANK_OIDC_ISSUER")), grants, trust or {})


def _document(reader: _Reader, name: str, read: Callable[[Any], T]) -> T | None:
    """A setting in JSON, as ``read`` understands it; None if it is not set."""
    given = reader.text(name)
    try:
        return read(json.loads(given)) if given else None
    except ReplankError as error:
        reader.problems.append(f"{name}: {error.message} {error.remedy}")
    except ValueError as error:
        reader.problems.append(f"{name} is no JSON: {error}")
    return None


def _catalog(reader: _Reader, clock: str) -> Catalog:
    """Our rows overlaid with the operator's: JSON, or the name of a file in the package. ``clock`` dates the operator's rows."""
    given = reader.text("REPLANK_CATALOG")
    if not given:
        return CATALOG
    try:
        text = given if given.startswith("{") else (PACKAGE / given).read_text(encoding="utf-8")
        return extend_catalog(json.loads(text), CATALOG, on=clock_from_setting(clock).now().date())
    except ReplankError as error:
        reader.problems.append(f"REPLANK_CATALOG: {error.message}")
    except (OSError, ValueError) as error:
        reader.problems.append(f"REPLANK_CATALOG is no JSON and no file of the package that holds any: {error}")
    return CATALOG


def _with_proven(reader: _Reader, catalog: Catalog) -> Catalog:
    """The catalog with the recipes that the operator has tried and calls proven."""
    nothing: tuple[str, ...] = ()
    keys = reader.parsed("REPLANK_GUEST_PROVEN", nothing, _split_list, "keys of recipes separated by commas")
    if not keys:
        return catalog
    from shared.domain.recipes.choose import known

    there = [each.key for each in known(catalog)]
    for key in keys:
        if key not in there:
            reader.problems.append(f"REPLANK_GUEST_PROVEN names {key[:60]!r}: there are {', '.join(there)}")
    return replace(catalog, proven=frozenset(keys))


def _split_list(value: str) -> tuple[str, ...]:
    items = tuple(dict.fromkeys(item.strip() for item in value.split(",") if item.strip()))
    return _require(bool(items), items)


def _issuer(value: str) -> str:
    from shared.adapters.sign_in import is_safe_url

    return _require(is_safe_url(value), value)


def _parse_count(value: str) -> int:
    return _require(int(value) >= 1, int(value))


def _milliseconds(value: str) -> int:
    return _require(0 <= int(value) <= 5000, int(value))


def _rate(value: str) -> int:
    return _require(0 <= int(value) <= 100_000, int(value))


def _price(value: str) -> float:
    return _require(0 <= float(value) < 1e6, float(value))


def _level(value: str) -> str:
    return _require(value.upper() in ("DEBUG", "INFO", "WARNING", "ERROR"), value.upper())


def _clock(value: str) -> str:
    clock_from_setting(value)
    return value


def _command(value: str) -> str:
    return _require("{token_id}" in value and "{token_code}" in value, value)


def _parameter(value: str) -> str:
    inside, _, name = value.rpartition(".")
    return _require(inside in ("", "ReplicationParameters") and name.isalnum(), value)


def _values(value: str) -> Mapping[str, str]:
    document: Any = json.loads(value)
    good = isinstance(document, dict) and all(isinstance(item, str) and item for item in document.values())
    return _require(good, document)


def _require(good: bool, value: T) -> T:
    """The value if it is good; raises ValueError."""
    if not good:
        raise ValueError
    return value
