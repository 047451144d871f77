"""Runs scripts inside instances through Cloud Assistant."""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from shared.adapters.clock import parse_time_or_none
from shared.adapters.sdk import Clients
from shared.adapters.sdk_call import call_service, error_code_matcher
from shared.adapters.sdk_errors import CloudError
from shared.domain.errors import AccountUnusable, Permanent, Transient
from shared.domain.events import COMMAND_PREFIX, PLAIN_COMMAND
from shared.domain.kept_commands import KeptCall
from shared.ports.guest import Agent, CommandResult, UnusableCommands

_LOG = logging.getLogger("replank")
RUNNING = frozenset({"Pending", "Scheduled", "Running", "Stopping"})
"""The values of InvocationStatus in ECS for a command that has not ended, as DescribeInvocationResults returns them."""
PAGE, MAX_PAGES = 50, 20
"""Maximum number of items per page, and maximum number of pages per listing. Cloud Assistant keeps the results of commands for a
few weeks.
"""
MAX_COMMAND_PAGES = 200
"""Maximum number of pages of kept commands. If there are more, a listing that ended early would call kept commands missing."""
COMMAND_GONE = "InvalidCmdId.NotFound"
"""The code with which InvokeCommand refuses the id of a command that was deleted."""
_DIGEST_IN_TOKEN = 8
_TOKEN_ROOM = 64 - 1 - _DIGEST_IN_TOKEN
KeptIds = dict[tuple[str, str], dict[str, str]]
"""The ids of kept commands by name, for each account and region. All adapters of a process share one, so that a process lists the
commands once.
"""
CommandPaths = tuple[KeptIds | None, Clients | None]
"""The last two arguments of CloudAssistant."""


class CloudAssistant:
    """Implements the port ``Guest`` with Cloud Assistant."""

    def __init__(self, clients: Clients, kept_ids: KeptIds | None = None, run_clients: Clients | None = None) -> None:
        """``kept_ids`` is None if the deployment runs every script with RunCommand.

        ``run_clients`` have the role for RunCommand. They are None if the function's own role may call it.
        """
        self._clients, self._kept_ids, self._run_clients = clients, kept_ids, run_clients

    def launch_script(  # noqa: PLR0913 - the signature of the port
        self,
        region_id: str,
        instance_id: str,
        *,
        os_type: str,
        script: str,
        token: str,
        timeout_s: int,
        name: str = PLAIN_COMMAND,
        kept: Callable[[], KeptCall] | None = None,
    ) -> str:
        from alibabacloud_ecs20140526 import models

        if kept is not None and self._kept_ids is not None:
            return self._invoke_kept_command(region_id, instance_id, kept(), token, timeout_s)
        request = models.RunCommandRequest(
            region_id=region_id,
            instance_id=[instance_id],
            name=name,
            type="RunPowerShellScript" if os_type == "windows" else "RunShellScript",
            content_encoding="Base64",
            command_content=base64.b64encode(script.encode()).decode(),
            timeout=timeout_s,
            client_token=token,
        )
        clients = self._run_clients or self._clients
        client = clients.ecs_client(region_id)
        try:
            return str(call_service(clients, lambda runtime: client.run_command_with_options(request, runtime)).invoke_id)
        except AccountUnusable as error:
            if self._run_clients is None:
                raise
            raise _run_command_role_error(error) from error

    def check_run_command_role(self) -> bool:
        if self._run_clients is None or self._run_clients.assumed is None:
            return False
        try:
            self._run_clients.assumed.assume_again()
        except AccountUnusable as error:
            raise _run_command_role_error(error) from error
        return True

    def _invoke_kept_command(self, region_id: str, instance_id: str, call: KeptCall, token: str, timeout_s: int) -> str:
        name = self._name_to_invoke(region_id, call)
        invocation_id = self._invocation_or_none(region_id, instance_id, name, call, token, timeout_s)
        if invocation_id is None and name != call.name:
            # The older command is deleted. This version's command takes its place; bootstrap could not make the older one again.
            self._kept_ids_in(region_id)[name] = ""
            name = call.name
            invocation_id = self._invocation_or_none(region_id, instance_id, name, call, token, timeout_s)
        if invocation_id is None:
            raise self._missing_command_error(region_id, name)
        return invocation_id

    def _invocation_or_none(
        self, region_id: str, instance_id: str, name: str, call: KeptCall, token: str, timeout_s: int
    ) -> str | None:
        """The id of a new invocation; None if the command was deleted after this process had listed the commands."""
        from alibabacloud_ecs20140526 import models

        request = models.InvokeCommandRequest(
            region_id=region_id,
            command_id=self._kept_command_id(region_id, name),
            instance_id=[instance_id],
            parameters=dict(call.parameters),
            timeout=timeout_s,
            # ECS refuses a known token with another command. So a call that is repeated after an upgrade has another token.
            client_token=f"{token[:_TOKEN_ROOM]}-{name[-_DIGEST_IN_TOKEN:]}",
        )
        client = self._clients.ecs_client(region_id)
        try:
            body = call_service(
                self._clients,
                lambda runtime: client.invoke_command_with_options(request, runtime),
                expected=error_code_matcher(COMMAND_GONE),
            )
        except CloudError:
            self._kept_ids_in(region_id).pop(name, None)  # the next call lists the commands again
            return None
        return str(body.invoke_id)

    @property
    def keeps_commands(self) -> bool:
        return self._kept_ids is not None

    def unusable_commands(self, region_id: str, names: Sequence[str]) -> UnusableCommands:
        changed = self._list_kept_ids(region_id)
        lacking = [each for each in names if not self._kept_ids_in(region_id).get(each)]
        return UnusableCommands(
            tuple(each for each in lacking if each not in changed), tuple(each for each in lacking if each in changed)
        )

    def commands_not_kept(self, region_id: str, names: Callable[[], Sequence[str]]) -> tuple[str, ...]:
        if self._kept_ids is None:
            return ()
        wanted = names()
        if not all(map(self._kept_ids_in(region_id).get, wanted)):
            self._list_kept_ids(region_id)
        return tuple(each for each in wanted if not self._kept_ids_in(region_id).get(each))

    def _name_to_invoke(self, region_id: str, call: KeptCall) -> str:
        """The command of the version that began the work, if the account still keeps it; else that of this version."""
        if not call.began_with or call.began_with == call.name:
            return call.name
        if call.began_with not in self._kept_ids_in(region_id):
            self._list_kept_ids(region_id)
            self._kept_ids_in(region_id).setdefault(call.began_with, "")  # so that a deleted command is looked for once
        return call.began_with if self._kept_ids_in(region_id)[call.began_with] else call.name

    def _kept_ids_in(self, region_id: str) -> dict[str, str]:
        """The ids of the kept commands that this process knows in the region, by name."""
        return (self._kept_ids or {}).get((self._clients.role_or_account, region_id), {})

    def _kept_command_id(self, region_id: str, name: str) -> str:
        """The id of a kept command. The account's commands are listed once per process; again only if one is missing."""
        if not self._kept_ids_in(region_id).get(name):
            self._list_kept_ids(region_id)
        if not self._kept_ids_in(region_id).get(name):
            raise self._missing_command_error(region_id, name)
        return self._kept_ids_in(region_id)[name]

    def _missing_command_error(self, region_id: str, name: str) -> Transient:
        # rarely needed: this import would slow down every start of the function
        from shared.domain.missing_command import missing_command_error

        return missing_command_error(self._clients.account_id, region_id, name)

    def _list_kept_ids(self, region_id: str) -> frozenset[str]:
        """List the account's kept commands in the region. Of several commands with one name, the oldest counts.

        Only a command with the script that its name says counts: somebody may have changed one, or made one with a known name.
        Returns the names of such commands. A change after the listing is not seen while the process lives. The functions' roles
        cannot make one: they have no permission to create, change or delete a command.

        No page says in which order DescribeCommands lists commands, so their creation times decide.
        """
        found = sorted(self._list_kept_commands(region_id), reverse=True)
        changed = [(name, id) for _, name, id, is_as_named in found if not is_as_named]
        for name, id in changed:
            _LOG.warning("the command %s (%s) in %s has another script than its name says, and is not used", name, id, region_id)
        if self._kept_ids is not None:
            ids = {name: id for _, name, id, is_as_named in found if is_as_named}
            self._kept_ids[self._clients.role_or_account, region_id] = ids
        return frozenset(name for name, _ in changed)

    def _list_kept_commands(self, region_id: str) -> Iterator[tuple[str, str, str, bool]]:
        """Creation time, name and id of each kept command, and whether it has the script that its name says.

        Raises Transient (Command.NotKept) if there are too many to list.
        """
        from shared.probes.kept_digest import has_script_of_name  # only a deployment that keeps commands needs it

        token: str | None = None
        for _ in range(MAX_COMMAND_PAGES):
            body = self._fetch_kept_commands_page(region_id, token)
            for each in (body.commands.command if body.commands else None) or []:
                name, content = str(each.name), str(each.command_content or "")
                is_as_named = has_script_of_name(name, str(each.type), content, str(each.launcher or ""))
                yield str(each.creation_time or ""), name, str(each.command_id), is_as_named
            token = body.next_token
            if not token:
                return
        from shared.domain.missing_command import too_many_commands_error  # as above

        raise too_many_commands_error(self._clients.account_id, region_id)

    def _fetch_kept_commands_page(self, region_id: str, token: str | None) -> Any:
        from alibabacloud_ecs20140526 import models

        request = models.DescribeCommandsRequest(
            region_id=region_id, name=f"{COMMAND_PREFIX}*", max_results=PAGE, next_token=token, content_encoding="Base64"
        )
        client = self._clients.ecs_client(region_id)
        return call_service(self._clients, lambda runtime: client.describe_commands_with_options(request, runtime))

    def command_result(self, region_id: str, instance_id: str, invocation_id: str) -> CommandResult | None:
        from alibabacloud_ecs20140526 import models

        request = models.DescribeInvocationResultsRequest(
            region_id=region_id, instance_id=instance_id, invoke_id=invocation_id, content_encoding="Base64"
        )
        client = self._clients.ecs_client(region_id)
        body = call_service(self._clients, lambda runtime: client.describe_invocation_results_with_options(request, runtime))
        results = body.invocation.invocation_results.invocation_result if body.invocation else []
        if not results or results[0].invocation_status in RUNNING:
            return None
        return _parsed_command_result(results[0])

    def command_results(self, region_id: str, instance_id: str, since: datetime) -> list[CommandResult]:
        found = [(parse_time_or_none(each.start_time), each) for each in self._list_command_results(region_id, instance_id)]
        begun = [(at, each) for at, each in found if at is not None and at >= since]
        return [_parsed_command_result(each) for _, each in sorted(begun, key=lambda pair: pair[0])]

    def _list_command_results(self, region_id: str, instance_id: str) -> Iterator[Any]:
        token: str | None = None
        for _ in range(MAX_PAGES):
            found = self._fetch_results_page(region_id, instance_id, token)
            yield from (found.invocation_results.invocation_result or []) if found and found.invocation_results else []
            token = found.next_token if found else None
            if not token:
                return

    def _fetch_results_page(self, region_id: str, instance_id: str, token: str | None) -> Any:
        from alibabacloud_ecs20140526 import models

        request = models.DescribeInvocationResultsRequest(
            region_id=region_id, instance_id=instance_id, content_encoding="Base64", max_results=PAGE, next_token=token
        )
        client = self._clients.ecs_client(region_id)
        return call_service(
            self._clients, lambda runtime: client.describe_invocation_results_with_options(request, runtime)
        ).invocation

    def agents_by_instance_id(self, region_id: str, instance_ids: Sequence[str]) -> dict[str, Agent]:
        from alibabacloud_ecs20140526 import models

        if not instance_ids:
            return {}
        request = models.DescribeCloudAssistantStatusRequest(region_id=region_id, instance_id=list(instance_ids))
        client = self._clients.ecs_client(region_id)
        body = call_service(self._clients, lambda runtime: client.describe_cloud_assistant_status_with_options(request, runtime))
        status = body.instance_cloud_assistant_status_set
        return {
            each.instance_id: Agent(
                str(each.cloud_assistant_status).lower() == "true", parse_time_or_none(each.last_heartbeat_time)
            )
            for each in (status.instance_cloud_assistant_status if status else None) or []
        }


def _run_command_role_error(error: AccountUnusable) -> Permanent:
    return Permanent(
        "Command.RoleRefused",
        f"The role for RunCommand cannot be used: {error.message}",
        "Update the stack of template.yml (MemberRoles names the roles in member accounts), and that of member.yml. Or take the "
        "role out of the setting (REPLANK_RUN_COMMAND_ROLE, or runCommandRole in REPLANK_ACCOUNTS) and deploy. Then retry.",
    )


def _parsed_command_result(found: Any) -> CommandResult:
    try:
        output = base64.b64decode(found.output or "")
    except (binascii.Error, ValueError):
        output = str(found.output).encode()
    problem = ": ".join(part for part in (found.error_code, found.error_info) if part)
    exit_code = int(found.exit_code) if found.exit_code is not None else -1
    status = str(found.invocation_status)
    begun_at = parse_time_or_none(found.start_time)
    return CommandResult(status, exit_code, output, int(found.dropped or 0), problem, status not in RUNNING, begun_at)
