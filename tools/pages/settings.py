"""The table of settings: what each one decides, its default in s.yaml, and what shared/runtime/settings.py reads."""

from __future__ import annotations

import ast
import re

import yaml

from tools.pages.common import ROOT, table

_NAME = re.compile(r"REPLANK_[A-Z_]+")
_DEFAULT = re.compile(r"\$\{env\('(\w+)', '(.*)'\)\}")
WORDS = {
    "REPLANK_REGION": "Region of the functions, the bus and Tablestore.",
    "REPLANK_REGIONS": "Regions, separated by commas, that the inventory and notices without regions cover; empty: REPLANK_REGION.",
    "REPLANK_MORE_REGIONS": "Regions, separated by commas, that have opened since this version was made; a batch may name them.",
    "REPLANK_TABLESTORE_ENDPOINT": "Address of Tablestore; empty: its public one. In a VPC, set its address there.",
    "REPLANK_TABLESTORE_INSTANCE": "Name of the Tablestore instance, as the parameter TablestoreInstance of template.yml.",
    "REPLANK_EVENTBRIDGE_ENDPOINT": "Address of EventBridge's data plane; empty: {account}.eventbridge.{region}.aliyuncs.com.",
    "REPLANK_ECS_ENDPOINT": "Address of ECS; empty: ecs.{region}.aliyuncs.com of the instance's region.",
    "REPLANK_SMC_ENDPOINT": "Address of SMC; empty: smc.aliyuncs.com.",
    "REPLANK_STS_ENDPOINT": "Address of STS, where roles of member accounts are assumed; empty: sts.{region}.aliyuncs.com.",
    "REPLANK_ACCOUNTS": "Member accounts: ARNs of their roles, separated by commas, or JSON (docs/accounts.md); empty: none.",
    "REPLANK_EXTERNAL_ID": "External id that member roles ask for, unless REPLANK_ACCOUNTS gives an account its own; empty: none.",
    "REPLANK_BUS": "Name of the pipeline's bus. The rules of template.yml name it too.",
    "REPLANK_MAX_MOVING": "Instances moving at once in each account, over all batches.",
    "REPLANK_COMMANDS": "run or kept: whether RunCommand runs Replank's own scripts, or InvokeCommand runs kept commands.",
    "REPLANK_RUN_COMMAND_ROLE": "ARN of the role that functions assume for RunCommand; empty: the function's own role.",
    "REPLANK_PROTECT": "on or off: whether the deletion protection of instances is switched on while they move.",
    "REPLANK_NOTICE_SOURCES": "Sources, separated by commas, whose end-of-life notices are read; empty: only the inventory's own.",
    "REPLANK_NOTICE_POLICY": "Driver, limits and window of batches made of notices, as the policy of POST /v1/batches (JSON).",
    "REPLANK_SMC_IMPORT_LINUX": "Command, with {token_id} and {token_code}, that imports a Linux instance into SMC (driver smc).",
    "REPLANK_SMC_IMPORT_WINDOWS": "The same for Windows (PowerShell).",
    "REPLANK_SMC_TARGET_PARAMETER": "Parameter of CreateReplicationJob with the destination: Name, or ReplicationParameters.Name.",
    "REPLANK_SMC_TARGET_VALUES": 'The values of that parameter by release key, as JSON: {"alinux-3": "..."}.',
    "REPLANK_CATALOG": "Catalog rows of your own, as JSON, or the name of a file in the package with them (shared/catalog.json).",
    "REPLANK_GUEST_PROVEN": "Keys of recipes, separated by commas, that you call proven (driver guest); empty: none.",
    "REPLANK_WINDOWS_MEDIA": "Snapshots with installation media of Windows (driver guest), by release key and region, as JSON.",
    "REPLANK_CLOCK": "Where the time comes from: system, or env:VARIABLE (the local cloud's virtual time).",
    "REPLANK_SNAPSHOT_PRICE": "Price of a snapshot per GiB and month, for the cost shown by the API; empty: no cost is shown.",
    "REPLANK_CURRENCY": "Currency of that price; empty: CNY.",
    "REPLANK_OPERATOR_HEADER": "HTTP header with the name of the person who acts, as claimed; recorded with each act.",
    "REPLANK_API_RATE": "Requests a minute of one caller (person, gateway app or address) to one instance of api; 0: no limit.",
    "REPLANK_OIDC_ISSUER": "Provider (OpenID Connect) whose tokens verify names, e.g. https://oauth.aliyun.com; empty: none.",
    "REPLANK_OIDC_AUDIENCE": "Ids of the clients, separated by commas, whose tokens are meant for Replank.",
    "REPLANK_OIDC_NAME_CLAIM": "Claims with the name, the first that is there; empty: preferred_username, upn, login_name ...",
    "REPLANK_ROLES": "Who may do what: grants as JSON (docs/operations.md); empty: everybody who may call the API is an admin.",
    "REPLANK_ACT_TRUST": "Least trust by act as JSON: claimed or verified; empty: verified if there is a provider.",
    "REPLANK_RETRY_PAUSE_MS": "Pause before the second attempt of a call; doubled before each further one.",
    "REPLANK_LOG_LEVEL": "DEBUG, INFO, WARNING or ERROR.",
    "REPLANK_LAZY_AIOHTTP": "0: load everything the SDKs import at once, twice the start-up time (shared/runtime/lazy.py).",
    "REPLANK_BUNDLE": "0: import each module from its own file, and not from the package's bundle (shared/runtime/bundle.py).",
}
"""What each setting decides."""


def read_by_code() -> set[str]:
    """The variables that settings.py, lazy.py and bundle.py read."""
    trees = [ast.parse((ROOT / f"shared/runtime/{name}.py").read_text(encoding="utf-8")) for name in ("settings", "lazy", "bundle")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    words = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {word for word in words if _NAME.fullmatch(word)}


def declared() -> dict[str, dict[str, str]]:
    """The variables of each function of the pipeline in s.yaml, with their defaults. Those of the console are in
    docs/console.md.
    """
    functions = yaml.safe_load((ROOT / "s.yaml").read_text(encoding="utf-8"))["resources"]
    return {name: _defaults(each["props"]["environmentVariables"]) for name, each in functions.items() if name != "console"}


def render() -> str:
    """The table."""
    defaults = next(iter(declared().values()))
    return table(
        ("variable", "default", "decides"), ((f"`{name}`", _shown(defaults[name]), WORDS.get(name, "-")) for name in defaults)
    )


def _defaults(variables: dict[str, str]) -> dict[str, str]:
    found = {}
    for name, value in variables.items():
        match = _DEFAULT.fullmatch(value)
        if match is None or match[1] != name:
            raise SystemExit(f"s.yaml: {name} must be written ${{env('{name}', 'default')}}")
        found[name] = match[2]
    return found


def _shown(default: str) -> str:
    return f"`{default}`" if default else "-"
