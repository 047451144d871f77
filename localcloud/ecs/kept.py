"""CreateCommand, DescribeCommands and DeleteCommand: commands that the account keeps, and that InvokeCommand runs.

Names need not be unique: no page names an error for a second command of the same name. Source of the limits and of the error codes:
the pages of CreateCommand, InvokeCommand and DeleteCommand, and the request models of the SDK.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from localcloud.core.errors import ApiError
from localcloud.ecs.commands import (
    MOST_KEPT,
    MOST_NAME,
    MOST_PARAMETERS,
    TYPES,
    checked_command,
    is_in_region,
    kept_command,
    parameter_names,
)
from localcloud.ecs.paging import Params, page_of, tag_links
from localcloud.ecs.store import Doc
from localcloud.ecs.tags import check_tags, ecs_tags
from localcloud.ecs.world import EcsWorld, refuse_unless, shown

MOST_COMMANDS = 500
"""The quota of kept commands that an account begins with. The pages say 500 to 50,000 in a region."""
_BRACES = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"(?:ACS::)?[\w-]+", re.ASCII)


class KeptCommands:
    """The operations on the account's kept commands."""

    def __init__(self, world: EcsWorld) -> None:
        self.world = world

    def create(self, params: Params) -> dict[str, Any]:
        """CreateCommand. It takes no ClientToken: a repeated call creates a second command."""
        name, description = params["Name"], params.get("Description", "")
        refuse_unless(params["Type"] in TYPES, "InvalidCmdType.NotFound", "The specified command type does not exist.")
        refuse_unless(len(name) <= 128, "CmdName.ExceedLimit", "The length of the command name exceeds the upper limit.")
        refuse_unless(
            len(description) <= 512, "CmdDesc.ExceedLimit", "The length of the command description exceeds the upper limit."
        )
        check_tags(params)
        _, timeout_s, script = checked_command(params, MOST_KEPT, base64_by_default=True)
        with_parameters = params.get("EnableParameter", False)
        if with_parameters:
            _check_parameter_names(script)
        most = self.world.setting("kept_commands", MOST_COMMANDS)
        full = len(self._in_region(params["RegionId"])) >= most
        refuse_unless(not full, "CmdCount.ExceedQuota", "The total number of commands in the current region exceeds the quota.")
        id, digest = self.world.cloud.new_id("c-hz0"), hashlib.sha256(script.encode()).hexdigest()
        self.world.cloud.db.put_blob(digest, script.encode())
        doc = {
            "CommandId": id,
            "Name": name,
            "Description": description,
            "Type": params["Type"],
            "Timeout": timeout_s,
            "WorkingDir": params.get("WorkingDir", ""),
            "EnableParameter": with_parameters,
            "ParameterNames": {"ParameterName": parameter_names(script) if with_parameters else []},
            "CreationTime": self.world.now_iso,
            "InvokeTimes": 0,
            "Provider": "User",
            "Category": "",
            "Version": 1,
            "Latest": True,
            "Tags": {"Tag": ecs_tags(params)},
            "sim": {"content": digest, "region": params["RegionId"]},
        }
        self.world.store.put("command", id, doc)
        return {"CommandId": id}

    def describe(self, params: Params) -> dict[str, Any]:
        """DescribeCommands: the account's own commands, newest first. A name that ends with * is a prefix."""
        if "Provider" in params:
            raise ApiError("InvalidParameter.Provider", "The common commands of Alibaba Cloud are not emulated.", 400)
        wanted = [doc for doc in self._in_region(params["RegionId"], tag_links(params)) if _is_wanted(doc, params)]
        # Ids are made in order, so they decide between commands of one second.
        newest_first = sorted(wanted, key=lambda doc: (doc["CreationTime"], doc["CommandId"]), reverse=True)
        page, fields = page_of(newest_first, params)
        return {**fields, "Commands": {"Command": [self._row(doc, params) for doc in page]}}

    def delete(self, params: Params) -> dict[str, Any]:
        """DeleteCommand. Invocations that have begun continue, because they have their own copy of the script."""
        kept_command(self.world, params)
        self.world.store.delete("command", params["CommandId"])
        return {}

    def _in_region(self, region_id: str, links: dict[str, str] | None = None) -> list[Doc]:
        found = self.world.store.find("command", links or {})
        return [doc for doc in found if is_in_region(self.world, doc, region_id)]

    def _row(self, doc: Doc, params: Params) -> Doc:
        content = self.world.cloud.db.blob(doc["sim"]["content"])
        plain = params.get("ContentEncoding", "Base64").lower() == "plaintext"
        return {**shown(doc), "CommandContent": content.decode() if plain else base64.b64encode(content).decode()}


def _is_wanted(doc: Doc, params: Params) -> bool:
    same = all(doc[name] == params[name] for name in ("CommandId", "Type") if name in params)
    return same and all(_fits(doc[name], params[name]) for name in ("Name", "Description") if name in params)


def _fits(text: str, asked: str) -> bool:
    return text.startswith(asked[:-1]) if asked.endswith("*") else text == asked


def _check_parameter_names(script: str) -> None:
    for found in _BRACES.findall(script):
        name = found.strip()
        if not name:
            raise ApiError("CmdParam.EmptyKey", "You must specify the parameter names.", 400)
        if not _NAME.fullmatch(name):
            message = "Invalid parameter name. The name can contain only letters, numbers, hyphens (-), and underscores (_)."
            raise ApiError("CmdParam.InvalidParamName", message, 400)
        fits = len(name.encode()) <= MOST_NAME
        refuse_unless(fits, "CmdParamName.ExceedLimit", "The maximum length of a parameter name is exceeded.")
    many = len(parameter_names(script)) > MOST_PARAMETERS
    refuse_unless(not many, "CmdParamCount.ExceedLimit", "The maximum number of parameters is exceeded.")
