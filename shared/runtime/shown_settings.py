"""Shows the settings in force to people. Secrets are left out, and texts that look like secrets are hidden."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from shared.adapters.redact import hide_secrets
from shared.domain.catalog import CATALOG, Catalog
from shared.domain.choice import camel_case
from shared.domain.codec import encode
from shared.domain.policy import Policy
from shared.runtime.settings import Settings
from shared.stages.api.people_views import SettingList, SettingView

HIDDEN = "***"
VALUES: dict[str, Callable[[Settings], object]] = {
    "REPLANK_REGION": lambda found: found.region,
    "REPLANK_REGIONS": lambda found: found.regions,
    "REPLANK_MORE_REGIONS": lambda found: found.more_regions,
    "REPLANK_TABLESTORE_ENDPOINT": lambda found: found.tablestore_endpoint,
    "REPLANK_TABLESTORE_INSTANCE": lambda found: found.tablestore_instance,
    "REPLANK_EVENTBRIDGE_ENDPOINT": lambda found: found.eventbridge_endpoint,
    "REPLANK_ECS_ENDPOINT": lambda found: found.ecs_endpoint,
    "REPLANK_SMC_ENDPOINT": lambda found: found.smc_endpoint,
    "REPLANK_STS_ENDPOINT": lambda found: found.sts_endpoint,
    "REPLANK_BUS": lambda found: found.bus,
    "REPLANK_ACCOUNTS": lambda found: tuple(each.role_arn for each in found.accounts.values()),
    "REPLANK_EXTERNAL_ID": lambda found: HIDDEN if any(each.external_id for each in found.accounts.values()) else "",
    "REPLANK_MAX_MOVING": lambda found: found.max_moving,
    "REPLANK_COMMANDS": lambda found: "kept" if found.kept_commands else "run",
    "REPLANK_RUN_COMMAND_ROLE": lambda found: found.run_command_role,
    "REPLANK_PROTECT": lambda found: "on" if found.protect else "off",
    "REPLANK_NOTICE_SOURCES": lambda found: found.notice_sources,
    "REPLANK_NOTICE_POLICY": lambda found: _policy_document(found.notice_policy),
    "REPLANK_SMC_IMPORT_LINUX": lambda found: found.smc.import_linux,
    "REPLANK_SMC_IMPORT_WINDOWS": lambda found: found.smc.import_windows,
    "REPLANK_SMC_TARGET_PARAMETER": lambda found: found.smc.target_parameter,
    "REPLANK_SMC_TARGET_VALUES": lambda found: dict(found.smc.target_values),
    "REPLANK_CATALOG": lambda found: _operator_catalog_keys(found.catalog),
    "REPLANK_GUEST_PROVEN": lambda found: tuple(sorted(found.catalog.proven)),
    "REPLANK_WINDOWS_MEDIA": lambda found: {key: dict(each) for key, each in found.windows_media.items()},
    "REPLANK_CLOCK": lambda found: found.clock,
    "REPLANK_SNAPSHOT_PRICE": lambda found: found.snapshot_price or "",
    "REPLANK_CURRENCY": lambda found: found.currency,
    "REPLANK_OPERATOR_HEADER": lambda found: found.operator_header,
    "REPLANK_API_RATE": lambda found: found.api_rate,
    "REPLANK_OIDC_ISSUER": lambda found: found.oidc_issuer,
    "REPLANK_OIDC_AUDIENCE": lambda found: found.oidc_audiences,
    "REPLANK_OIDC_NAME_CLAIM": lambda found: found.oidc_name_claims,
    "REPLANK_ROLES": lambda found: [encode(each) for each in (found.access_rules.grants if found.access_rules else None) or ()],
    "REPLANK_ACT_TRUST": lambda found: encode(dict(found.access_rules.trust)) if found.access_rules else {},
    "REPLANK_RETRY_PAUSE_MS": lambda found: found.retry_pause_ms,
    "REPLANK_LOG_LEVEL": lambda found: found.log_level,
}
"""Maps the name of each setting to a function that returns the setting's value. The order is that of docs/reference.md."""


def setting_list(found: Settings) -> SettingList:
    """The settings in force. Each entry says whether the value is the default."""
    default = Settings(found.region, found.account_id, (found.region,))
    shown = ((name, _value_text(value(found)), _value_text(value(default))) for name, value in VALUES.items())
    return SettingList(tuple(SettingView(name, hide_secrets(text), text == usual) for name, text, usual in shown))


def _policy_document(policy: Policy) -> dict[str, Any]:
    """The policy's fields that differ from their defaults, under their names in the API."""
    return {camel_case(name): value for name, value in encode(policy).items() if value != {}}


def _operator_catalog_keys(catalog: Catalog) -> tuple[str, ...]:
    """The keys of the releases, paths and recipes that the operator's catalog adds or changes."""
    releases = [key for key, each in catalog.releases.items() if CATALOG.releases.get(key) != each]
    shipped = frozenset(CATALOG.paths)
    paths = [f"{each.source} -> {each.destination}" for each in catalog.paths if each not in shipped]
    return tuple(dict.fromkeys((*releases, *paths, *(each.key for each in catalog.own_recipes))))


def _value_text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return str(value)
