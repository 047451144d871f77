"""Faults of the guest driver's tools and of their guests."""

from __future__ import annotations

from typing import Any

from localcloud.account import service
from localcloud.core.errors import ApiError
from localcloud.ecs import agent
from localcloud.ecs.detached import RESUME
from tests.simulation.chaos import Chaos
from tests.simulation.records import State
from tests.simulation.truth import Truth

MINUTE = 60_000


class ToolFaults:
    """Random faults of tools and their guests, once a minute."""

    truth: Truth
    chaos: Chaos

    def _tool_killed(self) -> str:
        """Somebody kills the process of a tool. The tool reports nothing, and its changes stay."""
        ecs = self.truth.ecs
        at_work = [each for each in ecs.store.find("instance", {"status": "Running"}) if each["sim"].get("unit")]
        if not at_work:
            return ""
        instance = self.chaos.rng.choice(at_work)
        name, instance["sim"]["unit"] = instance["sim"]["unit"]["name"], None
        ecs.store.put("instance", instance["InstanceId"], instance)
        detached = service(self.truth.cloud, "ecs").detached
        disk, tree = detached._system_tree(instance["InstanceId"])
        detached._keep(disk, {path: entry for path, entry in tree.items() if not path.startswith(".guest/pid/")})
        return f"{name} of {instance['InstanceId']}"

    def _resume_again(self, instance: dict[str, Any]) -> None:
        """A person restarts the last part of an upgrade if it was killed. Until that part has ended, the tool counts as running."""
        detached = service(self.truth.cloud, "ecs").detached
        _, tree = detached._system_tree(instance["InstanceId"])
        if RESUME in tree and instance["Status"] == "Running" and not instance["sim"].get("unit"):
            detached._begin(instance, "leapp_resume", "leapp --resume")

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
        back = (State.ROLLING_BACK, State.ROLLED_BACK)
        past = [each for found in self.truth.of_instance(result["InstanceId"]) for each in self.truth.past[found.migration_id]]
        return not any(state in back for _, _, state in past)
