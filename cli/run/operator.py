"""The simulated operator of a run. The operator sends requests to the HTTP API, as a person would."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from cli import states
from cli.client import ApiClient
from cli.problem import Problem
from shared.domain.drivers import driver_traits
from shared.domain.migration import State

Json = dict[str, Any]
NAME = "demo"


@dataclass
class SimulatedOperator:
    """The simulated operator: acknowledges batches, retries a failed migration once, and confirms migrated instances.

    Instances in ``roll_back`` are rolled back once their migration has succeeded or failed. If a driver's job must be started in
    the ECS console, the operator starts the job there.
    """

    api: ApiClient
    roll_back: frozenset[str]
    start_job_in_console: Callable[[str, str], Any]
    """Starts the job for an instance and a destination release. A job that is already running is not started again."""
    risks_version: str = ""
    said: list[str] = field(default_factory=list)
    """The paths of the requests that were sent and accepted."""
    _started: set[tuple[str, int, int]] = field(default_factory=set)
    """The jobs that were started in the console. Each job is named by its migration id, hop and attempt."""

    def carry_out_possible_acts(self, batches: Iterable[Json], migrations: list[Json]) -> int:
        """Carry out every act that is possible on the batches and migrations. Returns the number of acts."""
        done = sum(self._acknowledge_batch(batch, migrations) for batch in batches)
        return done + sum(self._act_on_migration(migration) for migration in migrations)

    def _acknowledge_batch(self, batch: Json, migrations: list[Json]) -> bool:
        if batch["acknowledgement"] or batch["dryRun"] or batch["state"] != "open":
            return False
        mine = [each for each in migrations if each["batchId"] == batch["batchId"]]
        if len(mine) < batch["size"] or any(each["state"] in states.NOT_CHECKED for each in mine):
            return False
        self.risks_version = self.risks_version or self.api.get("/risks")["version"]
        return self._post_act(
            f"/batches/{batch['batchId']}/acknowledgement", {"risksVersion": self.risks_version}, seen=batch["version"]
        )

    def _act_on_migration(self, migration: Json) -> bool:
        path, seen = f"/migrations/{migration['migrationId']}", migration["version"]
        if migration["state"] == State.SNAPSHOTTED.value and driver_traits(migration["driver"]).attended:
            return self._start_job_in_console(path, migration)
        back, failed = migration["instanceId"] in self.roll_back, migration["state"] == "failed"
        if failed and not back:
            return migration["attempt"] == 1 and self._post_act(f"{path}/retry", seen=seen)
        if not failed and migration["state"] != "migrated":
            return False
        return self._post_act(f"{path}/rollback" if back else f"{path}/confirmation", seen=seen)

    def _start_job_in_console(self, path: str, migration: Json) -> bool:
        """Start the migration's job in the simulated ECS console, as a person would.

        The job is started only once for each hop and attempt.
        """
        job = (migration["migrationId"], migration["hop"], migration["attempt"])
        if job in self._started:
            return False
        hop = self.api.get(path)["route"][migration["hop"]]
        self.start_job_in_console(migration["instanceId"], hop["destination"])
        self._started.add(job)
        return True

    def _post_act(self, path: str, body: Json | None = None, *, seen: int) -> bool:
        try:
            self.api.post(path, body, seen=seen)
        except Problem as problem:
            if problem.code in ("Migration.Moved", "Batch.Moved") or problem.code.startswith("Store."):
                return False
            raise
        self.said.append(path)
        return True
