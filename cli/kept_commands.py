"""Creates and finds the commands that an account keeps for Replank (CreateCommand, DescribeCommands)."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cli.problem import Problem
from cli.rows import catalog_from_file, catalog_with_rows
from cli.sdk_account import OperatorAccount, call_rpc
from shared.domain.events import COMMAND_PREFIX
from shared.domain.recipes.choose import all_recipes
from shared.probes.kept import LONGEST_KEPT, KeptScript, kept_scripts
from shared.probes.kept_digest import has_script_of_name

VERSION = "2014-05-26"
MOST_PAGES, PAGE = 200, 50
TIMEOUT_S = 600
"""The time limit of a kept command, in seconds. Each invocation names its own limit."""


@dataclass(frozen=True)
class KeptCommand:
    """One command in a region: whether it was created now, and whether somebody has changed it before."""

    region: str
    name: str
    created: bool
    changed: bool = False
    """Whether the region has the command's name, but only with other scripts."""


def regions_from_environment(account: OperatorAccount) -> tuple[str, ...]:
    """The regions whose instances move: REPLANK_REGIONS, else the account's region."""
    named = (each.strip() for each in os.environ.get("REPLANK_REGIONS", "").split(","))
    return tuple(dict.fromkeys(filter(None, named))) or (account.region,)


def create_missing_commands(account: OperatorAccount) -> list[KeptCommand]:
    """Create the commands that a region lacks. Older commands stay, because a migration under way may need them.

    A command whose script was changed counts as lacking. It stays too, but no function invokes it.
    """
    made = []
    for region in regions_from_environment(account):
        known = _kept_names(account, region)
        for script in _scripts():
            lacks = not known.get(script.name)
            if lacks:
                _create_command(account, region, script)
            made.append(KeptCommand(region, script.name, lacks, lacks and script.name in known))
    return made


def missing_commands(account: OperatorAccount) -> list[KeptCommand]:
    """The commands that the regions lack, or have only with a changed script."""
    lacking = []
    for region in regions_from_environment(account):
        known = _kept_names(account, region)
        absent = [script.name for script in _scripts() if not known.get(script.name)]
        lacking += [KeptCommand(region, name, created=False, changed=name in known) for name in absent]
    return lacking


def _scripts() -> tuple[KeptScript, ...]:
    """The scripts of this version and of the operator's recipes.

    Raises Problem if REPLANK_CATALOG is not JSON, or if a recipe makes a script that is too long for a kept command.
    """
    given = os.environ.get("REPLANK_CATALOG", "")
    try:
        own = catalog_with_rows(json.loads(given)) if given.startswith("{") else catalog_from_file(Path(given) if given else None)
    except ValueError as error:
        remedy = "Correct REPLANK_CATALOG. docs/operations.md shows an example."
        raise Problem("File.Unreadable", f"REPLANK_CATALOG is not JSON: {error}.", remedy) from None
    found = kept_scripts(all_recipes(own))
    for each in found:
        size = len(base64.b64encode(each.content.encode()))
        if size > LONGEST_KEPT:
            what = f"The script {each.key} has {size} bytes in base64; a kept command has at most {LONGEST_KEPT}."
            raise Problem("Command.TooLong", what, "Shorten the commands of this recipe, or leave REPLANK_COMMANDS at run.")
    return found


def _kept_names(account: OperatorAccount, region: str) -> dict[str, bool]:
    """The names of the commands in the region: whether one of them has the script that its name says."""
    client, token = replace(account, region=region).openapi_client("ECS"), ""
    names: dict[str, bool] = {}
    for _ in range(MOST_PAGES):
        query: dict[str, Any] = {"RegionId": region, "Name": f"{COMMAND_PREFIX}*", "MaxResults": PAGE, "ContentEncoding": "Base64"}
        body = call_rpc(client, "DescribeCommands", VERSION, {**query, "NextToken": token} if token else query)
        for each in body["Commands"]["Command"]:
            is_as_named = has_script_of_name(each["Name"], each["Type"], each["CommandContent"], each.get("Launcher") or "")
            names[each["Name"]] = names.get(each["Name"], False) or is_as_named
        token = body.get("NextToken") or ""
        if not token:
            return names
    what = f"The account keeps too many commands named {COMMAND_PREFIX}* in {region} to list them all."
    raise Problem("Command.TooMany", what, "Delete commands of older versions that no migration needs (docs/operations.md).")


def _create_command(account: OperatorAccount, region: str, script: KeptScript) -> None:
    query = {
        "RegionId": region,
        "Name": script.name,
        "Type": script.command_type,
        "Description": "Replank: `replank bootstrap --commands` made it. docs/operations.md says when it may be deleted.",
        "CommandContent": base64.b64encode(script.content.encode()).decode(),
        "ContentEncoding": "Base64",
        "EnableParameter": "true",
        "Timeout": TIMEOUT_S,
    }
    call_rpc(replace(account, region=region).openapi_client("ECS"), "CreateCommand", VERSION, query)
