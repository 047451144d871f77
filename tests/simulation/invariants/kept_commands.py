"""What a deployment promises that keeps its scripts as commands of the account. All facts are the cloud's own records."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.simulation.acts import decoded
from tests.simulation.invariants.scene import Checker, Found, Sight, entered
from tests.simulation.records import State
from tests.simulation.truth import Change, Effect

RUN_ROLE = "role:replank-run-command"
SAFE = re.compile(r"[A-Za-z0-9+/=_-]*")
"""The characters of ids, words and base64. ECS pastes a parameter into the script as text."""
OF_PERSONS = ("own check of the application", "# own drain", "# own restore", "go2aliyun_client")
"""What marks a text that a person wrote: a batch's check and commands, and the import command of the settings."""
TOLD_MIN = 45
"""Within this many minutes the row of a running tool says that its command is missing."""
MISSING = "Command.NotKept"
"""The code of a missing command. After hours of waiting a migration fails with another code."""


class KeptOnly(Checker):
    """13. Functions run kept commands with harmless parameters, and no other text but a person's, by its own role if there is one,
    after the acknowledgement. They never change the account's commands.
    """

    number, name = 13, "kept commands only"

    def effect(self, effect: Effect, scene: Sight) -> Found:
        if not scene.keeps_commands or not effect.ours:
            return
        if effect.operation in ("CreateCommand", "ModifyCommand", "DeleteCommand"):
            yield f"{effect.principal} called {effect.operation}"
        elif effect.operation == "InvokeCommand":
            for name, value in _parameters(effect).items():
                if not SAFE.fullmatch(value):
                    yield f"the parameter {name} of a kept command is {value[:60]!r}, which is neither an id nor base64"
        elif effect.operation == "RunCommand":
            yield from self._text(effect, scene)

    @staticmethod
    def _text(effect: Effect, scene: Sight) -> Found:
        script, ids = decoded(effect.params.get("CommandContent", "")), effect.params["InstanceId"]
        if not any(mark in script for mark in OF_PERSONS):
            yield f"{effect.principal} ran a text in {ids} that is no person's: {script[:60]!r}"
        if scene.run_role and effect.principal != RUN_ROLE:
            yield f"{effect.principal} ran a person's text in {ids}, which is for {RUN_ROLE}"
        for id in ids:
            if not any(scene.batch(each).acknowledgement for each in scene.truth.of_instance(id)):
                yield f"{effect.principal} ran a person's text in {id}, and nobody has acknowledged a batch of it"


class RunKeepsItsCommand(Checker):
    """8. All acts of one run in a guest are by the command that made the first one, unless a person has deleted it."""

    number, name = 8, "runs keep their commands"

    def __init__(self) -> None:
        self._first: dict[tuple[str, int, int], str] = {}
        self._deleted: set[str] = set()

    def effect(self, effect: Effect, scene: Sight) -> Found:
        if effect.operation == "DeleteCommand" and effect.before is not None:
            self._deleted.add(effect.before["Name"])
        if effect.operation != "InvokeCommand" or not effect.ours:
            return
        act = scene.truth.act_of(effect.answer["InvokeId"])
        if act is None or act.verb not in ("look", "check", "start"):
            return
        name = scene.truth.ecs.store.get("invocation", effect.answer["InvokeId"])["CommandName"]
        first = self._first.setdefault(act.run, name)
        if name != first and first not in self._deleted:
            yield f"the run {act.run} began with {first}, and {act.verb} was by {name}"


class MissingIsTold(Checker):
    """5. A migration whose command is missing waits, and its row says for what. It fails only after hours."""

    number, name = 5, "missing commands told"

    def __init__(self) -> None:
        self._gone_ms: int | None = None
        """Since when the account has kept no command at all."""

    def effect(self, effect: Effect, scene: Sight) -> Found:
        now_ms = scene.truth.cloud.clock.now_ms()
        if effect.operation == "DeleteCommand" and not scene.truth.ecs.store.find("command", {}):
            self._gone_ms = now_ms
        if effect.operation == "CreateCommand" and self._gone_ms is not None:
            since, self._gone_ms = self._gone_ms, None
            yield from self._silent(since, now_ms, scene)

    @staticmethod
    def _silent(since_ms: int, now_ms: int, scene: Sight) -> Found:
        """A running tool is asked all the time, so its migration must have noticed that the command is missing."""
        if not scene.quiet_guests:
            return
        for id, migration in sorted(scene.truth.migrations.items()):
            entered_ms = scene.truth.past[id][-1][1]
            long = now_ms - max(entered_ms, since_ms) >= TOLD_MIN * 60_000
            told = (_document(scene.truth.rows[id]).get("lacks") or {}).get("todo")
            if migration.driver == "guest" and migration.state is State.MIGRATING and long and not told:
                yield f"{id} waits for a missing command for {(now_ms - since_ms) // 60_000} minutes, and its row says nothing"

    def row(self, change: Change, scene: Sight) -> Found:
        entry = entered(change, scene.truth)
        if entry is None or entry[1].state is not State.FAILED or change.after is None:
            return
        code = (_document(change.after).get("failure") or {}).get("code")
        if code == MISSING:
            yield f"{change.key[0]} failed because a command was missing, without waiting for it"


def _parameters(effect: Effect) -> Mapping[str, str]:
    given = effect.params.get("Parameters") or {}
    return given if isinstance(given, Mapping) else json.loads(given)


def _document(row: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row["doc"])
    return found
