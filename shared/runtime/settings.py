"""Reads the settings from environment variables when a function starts. One error names all variables that are missing or wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from shared.adapters.clock import clock_from_setting
from shared.adapters.drivers.smc_settings import SmcSettings
from shared.domain.catalog import CATALOG, Catalog
from shared.domain.errors import Permanent, Refused, ReplankError
from shared.domain.notice import parse_notice_policy
from shared.domain.policy import Policy
from shared.domain.record import dataclass

if TYPE_CHECKING:
    from shared.domain.accounts import MemberAccount
    from shared.domain.roles import AccessRules

T = TypeVar("T")
PACKAGE = Path(__file__).resolve().parents[2]
"""The folder with a function's unpacked package. On a developer's machine, the folder is the repository."""


@dataclass(frozen=True)
class Settings:
    """The settings of a deployment.

    An empty endpoint means Alibaba Cloud's default endpoint. ``snapshot_price`` is the price of snapshots per GiB and month.
    """

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
    """Maps each account id to the member account."""
    max_moving: int = 20
    protect: bool = True
    """Whether Replank switches on the deletion protection of an instance during its migration."""
    kept_commands: bool = False
    """Whether Replank's own scripts are invoked as commands that the account keeps. Otherwise RunCommand runs them."""
    run_command_role: str = ""
    """The ARN of the role with which RunCommand is called in the deployment's own account; empty: the function's own role."""
    notice_sources: tuple[str, ...] = ()
    notice_policy: Policy = field(default_factory=Policy)
    smc: SmcSettings = field(default_factory=SmcSettings)
    catalog: Catalog = CATALOG
    windows_media: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Maps each Windows destination to the ids of the snapshots with its installation media, by region."""
    clock: str = "system"
    snapshot_price: float = 0.0
    currency: str = "CNY"
    operator_header: str = "x-replank-operator"
    api_rate: int = 600
    oidc_issuer: str = ""
    oidc_audiences: tuple[str, ...] = ()
    oidc_name_claims: tuple[str, ...] = ()
    access_rules: AccessRules | None = None
    """The rules that say who may do which act; None if no rules are set."""
    retry_pause_ms: int = 200
    log_level: str = "INFO"


class _VariableReader:
    """Reads environment variables. For each missing or wrong variable, a description is added to ``problems``."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def variable_text(self, name: str, default: str = "", *, required: str = "") -> str:
        """The variable's text, or the default if the variable is unset or empty.

        If ``required`` is given, the variable must be set; ``required`` describes the variable in the error.
        """
        value = self._environment.get(name, "").strip()
        if not value and required:
            self.problems.append(f"{name} is not set: {required}")
        return value or default

    def parsed_value(self, name: str, default: T, parse: Callable[[str], T], what: str) -> T:
        """The variable's value, converted by ``parse``, or the default if the variable is unset or wrong. ``what`` describes a
        valid value.
        """
        value = self.variable_text(name)
        if not value:
            return default
        try:
            return parse(value)
        except (ValueError, TypeError, ReplankError):
            self.problems.append(f"{name} is {value[:80]!r}: it must be {what}")
            return default


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings in the environment.

    Raises Permanent (Settings.Invalid) with the names of all variables that are missing or wrong.
    """
    reader = _VariableReader(environment)
    text, parsed = reader.variable_text, reader.parsed_value
    region = text("REPLANK_REGION") or text("FC_REGION")
    if not region:
        reader.problems.append("REPLANK_REGION is not set: the region of the functions, e.g. cn-hangzhou")
    clock = parsed("REPLANK_CLOCK", "system", _parse_clock, "`system` or `env:VARIABLE`")
    settings = Settings(
        region=region,
        account_id=text("FC_ACCOUNT_ID"),
        regions=parsed("REPLANK_REGIONS", (region,), _parse_list, "region ids separated by commas"),
        more_regions=parsed("REPLANK_MORE_REGIONS", (), _parse_list, "region ids separated by commas"),
        bus=text("REPLANK_BUS", "replank"),
        tablestore_instance=text("REPLANK_TABLESTORE_INSTANCE", "replank"),
        tablestore_endpoint=text("REPLANK_TABLESTORE_ENDPOINT"),
        eventbridge_endpoint=text("REPLANK_EVENTBRIDGE_ENDPOINT"),
        ecs_endpoint=text("REPLANK_ECS_ENDPOINT"),
        smc_endpoint=text("REPLANK_SMC_ENDPOINT"),
        sts_endpoint=text("REPLANK_STS_ENDPOINT"),
        accounts=_member_accounts(reader),
        max_moving=parsed("REPLANK_MAX_MOVING", 20, _parse_count, "a whole number of at least 1"),
        protect=parsed("REPLANK_PROTECT", True, _parse_switch, "`on` or `off`"),
        kept_commands=parsed("REPLANK_COMMANDS", False, _parse_commands, "`run` or `kept`"),
        run_command_role=parsed("REPLANK_RUN_COMMAND_ROLE", "", _parse_role, "the ARN of a role (acs:ram::...:role/...)"),
        notice_sources=parsed("REPLANK_NOTICE_SOURCES", (), _parse_list, "sources of events separated by commas"),
        notice_policy=_notice_policy(reader),
        smc=_smc_settings(reader),
        catalog=_catalog_with_proven_recipes(reader, _extended_catalog(reader, clock)),
        windows_media=_json_setting(reader, "REPLANK_WINDOWS_MEDIA", _parse_windows_media) or {},
        clock=clock,
        snapshot_price=parsed("REPLANK_SNAPSHOT_PRICE", 0.0, _parse_price, "a price per GiB and month, e.g. 0.12"),
        currency=text("REPLANK_CURRENCY", "CNY"),
        operator_header=text("REPLANK_OPERATOR_HEADER", "x-replank-operator").lower(),
        api_rate=parsed("REPLANK_API_RATE", 600, _parse_rate, "requests a minute, 0 to 100000 (0: no limit)"),
        oidc_issuer=parsed("REPLANK_OIDC_ISSUER", "", _parse_issuer, "an https address, e.g. https://oauth.aliyun.com"),
        oidc_audiences=parsed("REPLANK_OIDC_AUDIENCE", (), _parse_list, "ids of clients separated by commas"),
        oidc_name_claims=parsed("REPLANK_OIDC_NAME_CLAIM", (), _parse_list, "names of claims separated by commas"),
        access_rules=_access_rules(reader),
        retry_pause_ms=parsed("REPLANK_RETRY_PAUSE_MS", 200, _parse_milliseconds, "milliseconds, 0 to 5000"),
        log_level=parsed("REPLANK_LOG_LEVEL", "INFO", _parse_log_level, "DEBUG, INFO, WARNING or ERROR"),
    )
    if not settings.account_id and not settings.eventbridge_endpoint:
        reader.problems.append(
            "neither FC_ACCOUNT_ID nor REPLANK_EVENTBRIDGE_ENDPOINT is set: one of them is needed to find the event bus"
        )
    if settings.oidc_issuer and not settings.oidc_audiences:
        reader.problems.append("REPLANK_OIDC_AUDIENCE is not set: the client id for which the provider issues tokens to Replank")
    if reader.problems:
        remedy = "Correct the function's environment variables in s.yaml and deploy again."
        raise Permanent("Settings.Invalid", "; ".join(reader.problems), remedy)
    return settings


def _smc_settings(reader: _VariableReader) -> SmcSettings:
    default = "ReplicationParameters.TargetOsType"
    parameter = "`Name` or `ReplicationParameters.Name`"
    return SmcSettings(
        import_linux=reader.parsed_value(
            "REPLANK_SMC_IMPORT_LINUX", "", _parse_import_command, "a command with {token_id} and {token_code}"
        ),
        import_windows=reader.parsed_value(
            "REPLANK_SMC_IMPORT_WINDOWS", "", _parse_import_command, "a command with {token_id} and {token_code}"
        ),
        target_parameter=reader.parsed_value("REPLANK_SMC_TARGET_PARAMETER", default, _parse_target_parameter, parameter),
        target_values=reader.parsed_value(
            "REPLANK_SMC_TARGET_VALUES", {}, _parse_target_values, 'JSON such as {"alinux-3": "..."}'
        ),
    )


def _notice_policy(reader: _VariableReader) -> Policy:
    """The policy of batches that are made from notices. The variable REPLANK_NOTICE_POLICY holds JSON with the same field names as
    POST /batches.
    """
    return _json_setting(reader, "REPLANK_NOTICE_POLICY", parse_notice_policy) or Policy()


def _member_accounts(reader: _VariableReader) -> Mapping[str, MemberAccount]:
    """Maps each account id to the member account. It is an error if REPLANK_ACCOUNTS names the deployment's own account."""
    given, external_id = reader.variable_text("REPLANK_ACCOUNTS"), reader.variable_text("REPLANK_EXTERNAL_ID")
    if not given:
        return {}
    from shared.domain.accounts import parse_member_accounts

    try:
        members = parse_member_accounts(given, external_id)
    except ReplankError as error:
        reader.problems.append(f"REPLANK_ACCOUNTS: {error.message} {error.remedy}")
        return {}
    own = reader.variable_text("FC_ACCOUNT_ID")
    if own in members:
        reader.problems.append(f"REPLANK_ACCOUNTS: Entry {own!r} is the deployment's own account, which needs no entry. Remove it.")
    return members


def _access_rules(reader: _VariableReader) -> AccessRules | None:
    """The rules that say who may do which act: the grants of each role, and how reliably the caller's name must be verified."""
    if not any(map(reader.variable_text, ("REPLANK_OIDC_ISSUER", "REPLANK_ROLES", "REPLANK_ACT_TRUST"))):
        return None
    from shared.domain.roles import AccessRules, parse_grants, parse_minimum_trust

    grants = _json_setting(reader, "REPLANK_ROLES", parse_grants)
    trust = _json_setting(reader, "REPLANK_ACT_TRUST", parse_minimum_trust)
    return AccessRules(bool(reader.variable_text("REPLANK_OIDC_ISSUER")), grants, trust or {})


def _json_setting(reader: _VariableReader, name: str, read: Callable[[Any], T]) -> T | None:
    """The value of a JSON setting, converted by ``read``; None if the variable is unset or wrong."""
    given = reader.variable_text(name)
    try:
        return read(json.loads(given)) if given else None
    except ReplankError as error:
        reader.problems.append(f"{name}: {error.message} {error.remedy}")
    except ValueError as error:
        reader.problems.append(f"{name} is not JSON: {error}")
    return None


def _extended_catalog(reader: _VariableReader, clock: str) -> Catalog:
    """Replank's catalog, extended by the operator's rows. The variable REPLANK_CATALOG holds JSON, or the name of a JSON file in
    the package.

    The operator's rows are dated with the current day of ``clock``.
    """
    given = reader.variable_text("REPLANK_CATALOG")
    if not given:
        return CATALOG
    from shared.domain.catalog.extend import extended_catalog  # few operators add rows

    try:
        text = given if given.startswith("{") else (PACKAGE / given).read_text(encoding="utf-8")
        return extended_catalog(json.loads(text), CATALOG, on=clock_from_setting(clock).now().date())
    except ReplankError as error:
        reader.problems.append(f"REPLANK_CATALOG: {error.message}")
    except (OSError, ValueError) as error:
        reader.problems.append(f"REPLANK_CATALOG is neither JSON nor the name of a JSON file in the package: {error}")
    return CATALOG


def _catalog_with_proven_recipes(reader: _VariableReader, catalog: Catalog) -> Catalog:
    """The catalog, in which each recipe that the operator has tested on an instance is marked as proven."""
    nothing: tuple[str, ...] = ()
    keys = reader.parsed_value("REPLANK_GUEST_PROVEN", nothing, _parse_list, "keys of recipes separated by commas")
    if not keys:
        return catalog
    from shared.domain.recipes.choose import all_recipes

    there = [each.key for each in all_recipes(catalog)]
    for key in keys:
        if key not in there:
            reader.problems.append(
                f"REPLANK_GUEST_PROVEN names {key[:60]!r}, which is not a recipe. The recipes are {', '.join(there)}"
            )
    return replace(catalog, proven=frozenset(keys))


def _parse_windows_media(document: Any) -> Mapping[str, Mapping[str, str]]:
    """The snapshots with installation media, by release key and region. Raises ValueError if the value has another form."""
    wanted = 'It must be like {"windows-2019-datacenter": {"cn-hangzhou": "s-..."}}.'
    for release, by_region in document.items() if isinstance(document, dict) else (("", None),):
        given = by_region if isinstance(by_region, dict) and by_region else {"": ""}
        good = all(region and isinstance(snapshot, str) and snapshot.startswith("s-") for region, snapshot in given.items())
        if not release.startswith("windows-") or not good:
            raise Refused("Settings.Invalid", wanted, "")
    return {release: dict(by_region) for release, by_region in document.items()}


def _parse_list(value: str) -> tuple[str, ...]:
    items = tuple(dict.fromkeys(item.strip() for item in value.split(",") if item.strip()))
    return _require_valid(bool(items), items)


def _parse_issuer(value: str) -> str:
    from shared.adapters.sign_in import is_safe_url

    return _require_valid(is_safe_url(value), value)


def _parse_count(value: str) -> int:
    return _require_valid(int(value) >= 1, int(value))


def _parse_switch(value: str) -> bool:
    return _require_valid(value in ("on", "off"), value == "on")


def _parse_role(value: str) -> str:
    kind, _, name = value.rpartition(":role/")
    return _require_valid(kind.startswith("acs:ram::") and kind[9:].isdigit() and name != "", value)


def _parse_commands(value: str) -> bool:
    return _require_valid(value in ("run", "kept"), value == "kept")


def _parse_milliseconds(value: str) -> int:
    return _require_valid(0 <= int(value) <= 5000, int(value))


def _parse_rate(value: str) -> int:
    return _require_valid(0 <= int(value) <= 100_000, int(value))


def _parse_price(value: str) -> float:
    return _require_valid(0 <= float(value) < 1e6, float(value))


def _parse_log_level(value: str) -> str:
    return _require_valid(value.upper() in ("DEBUG", "INFO", "WARNING", "ERROR"), value.upper())


def _parse_clock(value: str) -> str:
    clock_from_setting(value)
    return value


def _parse_import_command(value: str) -> str:
    return _require_valid("{token_id}" in value and "{token_code}" in value, value)


def _parse_target_parameter(value: str) -> str:
    inside, _, name = value.rpartition(".")
    return _require_valid(inside in ("", "ReplicationParameters") and name.isalnum(), value)


def _parse_target_values(value: str) -> Mapping[str, str]:
    document: Any = json.loads(value)
    good = isinstance(document, dict) and all(isinstance(item, str) and item for item in document.values())
    return _require_valid(good, document)


def _require_valid(good: bool, value: T) -> T:
    """Return the value if ``good`` is true, else raise ValueError."""
    if not good:
        raise ValueError
    return value
