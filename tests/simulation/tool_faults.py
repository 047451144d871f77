"""Faults of the guest driver's tools and of their guests."""

from __future__ import annotations

import random
from typing import Any

from localcloud.account import service
from localcloud.core.errors import ApiError
from localcloud.ecs import agent
from localcloud.ecs.detached import PROCESSES, RESUME, TOOL
from localcloud.ecs.guest.blob import Tree
from tests.simulation import tools
from tests.simulation.chaos import Chaos
from tests.simulation.invariants import Sight
from tests.simulation.records import State
from tests.simulation.truth import Truth

MINUTE = 60_000
STRANGER_MIN = (4, 12, 45)
"""For how many minutes somebody else's tool runs."""
BOUGHT_AFTER, BOUGHT_LATER = 0.5, 0.3
"""The share of the missing licences that a person buys after the storm, and in each round of decisions after it."""


class ToolFaults:
    """Random faults of tools and their guests, once a minute: by themselves, and by people."""

    truth: Truth
    scene: Sight
    chaos: Chaos
    _strangers: dict[str, int]

    # People -------------------------------------------------------------------------------------------------------

    def _licence_bought(self) -> str:
        """A person buys the licence of one instance."""
        lacking = self._unlicensed()
        return self._buy(self.chaos.rng.choice(lacking)) if lacking else ""

    def buy_late(self, rng: random.Random, share: float) -> None:
        """After the storm people buy some of the missing licences. Some are never bought."""
        if "licence_bought" not in self.chaos.rates:
            return  # no instance of this seed lacks its licence
        for id in self._unlicensed():
            if rng.random() < share:
                self.chaos.say(f"PERSON licence {self._buy(id)}")

    def _unlicensed(self) -> list[str]:
        lines = {each["InstanceId"]: self._tree(each["InstanceId"]).get(TOOL, (0, b""))[1] for each in self._guests()}
        return sorted(id for id, text in lines.items() if tools.UNLICENSED.encode() in text and not self._was_reset(id))

    def _buy(self, id: str) -> str:
        mode, text = self._tree(id)[TOOL]
        left = b"".join(line for line in text.splitlines(keepends=True) if line.strip() != tools.UNLICENSED.encode())
        self._write(id, {TOOL: (mode, left)})
        return id

    def _stranger(self) -> str:
        """Somebody begins to upgrade a guest by hand, with the tool that its migration would use."""
        idle = [each for each in self._guests() if self._is_idle(each)]
        if not idle:
            return ""
        instance = self.chaos.rng.choice(idle)
        id, minutes = str(instance["InstanceId"]), self.chaos.rng.choice(STRANGER_MIN)
        name = tools.tool(id, instance["OSName"])
        self._write(id, {f"{PROCESSES}{name}": (0o644, self._boot(instance))})
        self.scene.strangers[id] = (self.truth.ecs.now, instance["sim"]["boots"])
        self._strangers[id] = self.truth.ecs.now + minutes * MINUTE
        return f"{name} in {id} for {minutes} minutes"

    def _is_idle(self, instance: dict[str, Any]) -> bool:
        """Whether somebody can start a tool in a guest: none runs there, and nobody compares its disks with snapshots."""
        id = instance["InstanceId"]
        busy = instance["sim"].get("unit") or id in self._strangers or self._was_reset(id)
        return not busy and instance["OSName"] in tools.LEADS_TO and RESUME not in self._tree(id)

    def end_strangers(self, until_ms: int) -> None:
        """End the tools of others that were meant to run until this time. A restart has ended a tool before, a reset removed it."""
        for id in sorted(each for each, at in self._strangers.items() if at <= until_ms):
            del self._strangers[id]
            del self.scene.strangers[id]
            instance = self.truth.ecs.store.get("instance", id)
            if instance is None:
                continue
            own = self._boot(instance)
            self._write(
                id, {path: None for path, entry in self._tree(id).items() if path.startswith(PROCESSES) and entry[1] == own}
            )

    # The guests ---------------------------------------------------------------------------------------------------

    def _guests(self) -> list[dict[str, Any]]:
        return list(self.truth.ecs.store.find("instance", {"status": "Running"}))

    def _tree(self, id: str) -> Tree:
        found: Tree = service(self.truth.cloud, "ecs").detached._system_tree(id)[1]
        return found

    def _write(self, id: str, changes: dict[str, Any]) -> None:
        """Write files to the system disk, or delete those whose content is None."""
        detached = service(self.truth.cloud, "ecs").detached
        disk, tree = detached._system_tree(id)
        left = {path: entry for path, entry in tree.items() if path not in changes}
        if changes:
            detached._keep(disk, {**left, **{path: entry for path, entry in changes.items() if entry is not None}})

    def _boot(self, instance: dict[str, Any]) -> bytes:
        """What the guest's programs note of the start of the machine that they belong to."""
        runs = service(self.truth.cloud, "ecs").detached.runs
        return f"{runs.start(instance, (), '', self.truth.ecs.now).boot[0]}\n".encode()

    def _was_reset(self, id: str) -> bool:
        """Whether a rollback has reset the guest's disks, or does so now. Nobody writes to such a guest but the guest itself."""
        back = (State.ROLLING_BACK, State.ROLLED_BACK)
        past = [each for found in self.truth.of_instance(id) for each in self.truth.past[found.migration_id]]
        return any(state in back for _, _, state in past)

    # Faults -------------------------------------------------------------------------------------------------------

    def _tool_killed(self) -> str:
        """Somebody kills the process of a tool. The tool reports nothing, and its changes stay."""
        ecs = self.truth.ecs
        at_work = [each for each in ecs.store.find("instance", {"status": "Running"}) if each["sim"].get("unit")]
        if not at_work:
            return ""
        instance = self.chaos.rng.choice(at_work)
        name = service(self.truth.cloud, "ecs").detached.kill(instance)
        return f"{name} of {instance['InstanceId']}" if name else ""

    def _agent_hour(self) -> str:
        """An agent is silent for an hour, and then returns by itself."""
        ecs = self.truth.ecs
        heard = [each for each in ecs.store.find("instance", {"status": "Running"}) if agent.alive(ecs, each)]
        if not heard:
            return ""
        instance = self.chaos.rng.choice(heard)
        agent.return_at(ecs, instance, ecs.now + 60 * MINUTE)
        ecs.store.put("instance", instance["InstanceId"], instance)
        return str(instance["InstanceId"])

    def _act_again(self) -> str:
        """Carry a command of the driver out again; never in a guest whose disks were reset, because such a guest has lost its
        record.
        """
        ecs = self.truth.ecs
        sent = [each for each in ecs.store.find("result", {}) if each["InvocationStatus"] == "Success" and self._knows(each)]
        tools = [each for each in sent if (act := self.truth.act_of(each["InvokeId"])) and act.verb != "look"]
        if not tools:
            return ""
        chosen = self.chaos.rng.choice(tools)
        asked = {
            "RegionId": "cn-hangzhou",
            "InstanceId": [chosen["InstanceId"]],
            "Type": "RunShellScript",
            "CommandContent": self.truth.script(chosen["InvokeId"]),
        }
        try:
            service(self.truth.cloud, "ecs").operations["RunCommand"].perform(asked)
        except ApiError as error:
            self.chaos.say(f"RunCommand again {chosen['InstanceId']}: {error.code}")
            return ""
        return f"{chosen['InvokeId']} in {chosen['InstanceId']}"

    def _knows(self, result: dict[str, Any]) -> bool:
        """Whether the guest's disks are still those in which the command ran."""
        return not self._was_reset(result["InstanceId"])
