"""Deployments that keep commands: versions with scripts of their own, and the persons who create and delete the commands."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from cli.kept_commands import VERSION, create_missing_commands
from cli.sdk_account import OperatorAccount, call_rpc
from shared.probes import kept
from tests.simulation.chaos import Chaos
from tests.simulation.invoker import SimInvoker
from tests.simulation.keeps import DELETED

MINUTE = 60_000
AFTER_DEPLOYMENT = (0, 0, 0, 10, 60, 150)
"""How many minutes after a deployment a person creates the commands of the deployed version."""
AFTER_DELETION = (2, 20, 75, 150)
"""The same after a deletion."""
_CHANGED = ("_tool", "_tool_beginning", "_marker")
"""The functions of the product whose scripts differ in the newer version."""


@contextmanager
def scripts_of_versions(invoker: SimInvoker) -> Iterator[None]:
    """Within the block, some scripts of the newer version differ. Outside of functions, the scripts are those of the deployed
    version, as for an operator who has that version's ``replank``.
    """

    def is_newer() -> bool:
        return invoker.frames[-1].newer if invoker.frames else invoker.newer

    with ExitStack() as stack:
        for name in _CHANGED:
            stack.enter_context(mock.patch.object(kept, name, _by_version(getattr(kept, name), is_newer)))
        yield


def _by_version(made: Callable[[Any], kept.KeptScript], is_newer: Callable[[], bool]) -> Callable[[Any], kept.KeptScript]:
    def of_version(of: Any) -> kept.KeptScript:
        script = made(of)
        if not is_newer():
            return script
        return replace(script, content=f"{script.content}# newer\n", source=f"{script.source}# newer\n")

    return of_version


class CommandsByHand:
    """The persons who create the commands after a deployment, soon or late, and who sometimes delete commands by mistake."""

    def __init__(self, chaos: Chaos, invoker: SimInvoker) -> None:
        self.chaos, self.invoker = chaos, invoker
        self.rng = random.Random(f"keeper:{chaos.seed}")
        self._due_ms: int | None = None

    def deployed(self) -> None:
        """Plan when a person creates the commands of the version that has just been deployed."""
        self._plan(AFTER_DEPLOYMENT)

    def minute(self) -> None:
        """One minute of the storm. While a slow function runs, the environment is that of the function, so nobody acts."""
        if self.invoker.frames:
            return
        if self.chaos.hits(DELETED):
            with self.invoker.outside():
                found = self._delete()
            self._plan(AFTER_DELETION)
            self.chaos.say(f"FAULT {DELETED} {found}")
        if self._due_ms is not None and self.chaos.cloud.clock.now_ms() >= self._due_ms:
            self.create()

    def create(self) -> None:
        """Run ``replank bootstrap --commands`` of the deployed version."""
        self._due_ms = None
        with self.invoker.outside():
            made = [each.name for each in create_missing_commands(OperatorAccount.from_environment()) if each.created]
        self.chaos.say(f"PERSON creates {len(made)} commands")

    def _plan(self, minutes: tuple[int, ...]) -> None:
        due = self.chaos.cloud.clock.now_ms() + self.rng.choice(minutes) * MINUTE
        self._due_ms = due if self._due_ms is None else max(self._due_ms, due)

    def _delete(self) -> str:
        """Delete every command, or a single one."""
        account = OperatorAccount.from_environment()
        client = account.openapi_client("ECS")
        query = {"RegionId": account.region, "MaxResults": 50}
        found = call_rpc(client, "DescribeCommands", VERSION, query)["Commands"]["Command"]
        chosen = found if self.rng.random() < 0.6 else [self.rng.choice(found)] if found else []
        for each in chosen:
            call_rpc(client, "DeleteCommand", VERSION, {"RegionId": account.region, "CommandId": each["CommandId"]})
        return f"{len(chosen)} of {len(found)}"
