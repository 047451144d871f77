"""People who switch the deletion protection of instances in the ECS console."""

from __future__ import annotations

import random
from dataclasses import replace

from localcloud.account import service
from localcloud.core.errors import ApiError
from tests.simulation.chaos import Chaos
from tests.simulation.invariants.protected import is_left
from tests.simulation.invariants.scene import Sight
from tests.simulation.scenario import Scenario
from tests.simulation.truth import Truth
from tests.simulation.weather import ids, unlimited

KIND, USUAL = "protection_by_hand", 0.01
"""The name of the rate in a scenario, and the rate per minute without it."""
OFF = 0.7
"""How often a person chooses a protected instance, if there is one."""
LOOK_MIN, SHORT_MIN = 65, 2
"""The minutes after which the product has looked for protections that were left, and the usual wait of the runner."""


class ProtectionByHand:
    """Once a minute, somebody may switch the protection of one instance."""

    def __init__(self, truth: Truth, scene: Sight, chaos: Chaos) -> None:
        self.truth, self.scene, self.chaos = truth, scene, chaos
        self._rng = random.Random(f"protection by hand:{chaos.seed}")

    def minute(self) -> None:
        """Switch the protection of an instance, with the scenario's probability."""
        if self._rng.random() >= self.chaos.rates.get(KIND, USUAL):
            return
        cloud = self.truth.cloud
        with cloud.lock, cloud.db.transaction():
            there = self.truth.ecs.store.find("instance", {})
            protected = [each for each in there if each["DeletionProtection"]]
            chosen = self._rng.choice(protected if protected and self._rng.random() < OFF else there) if there else None
            if chosen is not None:
                self._switch(chosen["InstanceId"], not chosen["DeletionProtection"])

    def _switch(self, id: str, on: bool) -> None:
        said = "ok"
        try:
            asked = {"InstanceId": id, "DeletionProtection": on}
            service(self.truth.cloud, "ecs").operations["ModifyInstanceAttribute"].perform(asked)
            self.scene.protected_by_hand.append((id, on, self.truth.ecs.now))
        except ApiError as error:
            said = error.code
        self.chaos.say(f"PERSON protection of {id} {'on' if on else 'off'} -> {said}")


def look_min(truth: Truth) -> int:
    """How long the runner waits: until the product's hourly look, if a protection was left, else only for a moment."""
    return LOOK_MIN if is_left(truth) else SHORT_MIN


def switched_often(scenario: Scenario) -> Scenario:
    """Jobs fail, people retry all the time, and somebody switches protections every few minutes."""
    guests = {id: {"smc": {"fail_attempts": 2}} for id in ids(scenario)}
    rates = {KIND: 0.7, "person": 0.9, "snapshot_fails": 0.3}
    return replace(unlimited(scenario), fleet={**scenario.fleet, "guests": guests}, rates=rates, prompt=True, chaos_min=180)
