"""Simulated operators. They submit, acknowledge, confirm, retry, cancel and roll back at the worst moment, and repeatedly;
after the storm, sensibly.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from cli import targets
from cli.client import ApiClient
from cli.problem import Problem
from localcloud.account import service
from localcloud.core.errors import ApiError
from shared.domain.batch import RISKS_VERSION
from tests.simulation import changing
from tests.simulation.chaos import Chaos
from tests.simulation.invariants import Sight
from tests.simulation.records import GOES_ON, HOLD, LOCKS, Batch, Migration, State
from tests.simulation.scenario import BRAKES, CHANGES, FOREIGN, HOLDS, BatchPlan
from tests.simulation.truth import Truth
from tests.support.world import World

UNEXPECTED = ("Internal.",)
"""Error codes that no operator should ever see. An error because the function was killed is another matter."""
_USEFUL = {
    State.MIGRATED: ("confirmation", "confirmation", "rollback"),
    State.FAILED: ("retry", "retry", "rollback", "confirmation", "cancellation"),
    State.PRECHECK_FAILED: ("retry", "cancellation"),
    State.READY: ("cancellation", "rollback"),
    State.WAITING: ("rollback", "cancellation"),
}
STALE = 0.15
"""How often a person acts on an older view."""
LETS_GO = 0.25
"""How often an act releases the hold while there is one."""
BY_HAND: tuple[dict[str, Any], ...] = ({"state": "held", "why": "the API is down"}, {}, {"state": "stop!"}, {"state": "released"})
"""What a person writes into the hold's row in the Tablestore console. The last of these is no hold."""
BY_INSTANCE = 0.15
"""How often an act names the instance instead of the migration."""
NOTICES = 0.03
"""How often an act is a notice from a stranger."""
NOTICE = "replank:OperatingSystem:EndOfLife"
STRANGERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("anybody", {}),
    ("anybody", {"policy": {"check": FOREIGN}}),
    ("acs.test", {"policy": {"check": FOREIGN}}),
    ("acs.test", {"check": FOREIGN}),
)
_EARLY = frozenset({State.ACCEPTED, State.PRECHECKING, State.SNAPSHOTTING, State.SNAPSHOTTED})
_FAILED = frozenset({State.FAILED})
APPROVERS = ("carl", "dora", "ann")
OF_EACH_ROLE = ("carl", "dora", "bob")
ACTS = ("confirmation", "retry", "cancellation", "rollback")


class People:
    """``tell`` is called with a violation, such as an answer that shows a bug."""

    def __init__(self, world: World, scene: Sight, chaos: Chaos, tell: Callable[[str], None], seed: int = 0) -> None:
        self.world, self.scene, self.chaos, self.tell = world, scene, chaos, tell
        self.truth: Truth = scene.truth
        self._api = world.api
        self.holds, self.brakes = HOLDS, BRAKES
        self._braking = random.Random(f"brakes:{seed}")
        self._approving = random.Random(f"approving:{seed}")
        self.changes = CHANGES
        self._changing = random.Random(f"changing:{seed}")

    @property
    def rng(self) -> random.Random:
        return self.chaos.rng

    def call(self, path: str, body: dict[str, Any] | None = None, *, operator: str = "ann", seen: int = 0, named: str = "") -> bool:
        """Send one act from outside for the version ``seen``. Returns whether it succeeded.

        ``named`` is the instance that the person names instead of the migration. Another person's act may come in the middle of
        this one.
        """
        self._api.operator = operator
        code = "ok"
        before, self.scene.named = self.scene.named, named
        with self.chaos.invoker.outside():
            try:
                ApiClient.post(self._api, path, body or {}, seen=seen)
            except Problem as problem:
                code = problem.code
        self.scene.named = before
        self.chaos.say(f"PERSON {operator} POST {path} -> {code}")
        if code.startswith(UNEXPECTED):
            self.tell(f"POST {path} was answered {code}")
        return code == "ok"

    def submit(self, plan: BatchPlan) -> None:
        """Submit a batch until it is accepted. The same client token means the same batch."""
        for _ in range(8):
            if self.call("/batches", plan.request):
                return

    def _notice(self) -> None:
        """A stranger publishes an end-of-life notice with another source or with a command."""
        source, data = self.rng.choice(STRANGERS)
        self.world.send(NOTICE, {"releases": ["CentOS 7"], **data}, source=source, event_id=f"notice-{self.truth.count}")
        self.chaos.say(f"PERSON notice of {source} {data}")

    def acknowledge(self, batch_id: str) -> bool:
        seen = self.truth.batches[batch_id].version
        version = f"{RISKS_VERSION}-rollback" if self.truth.batches[batch_id].policy.automatic_rollback else RISKS_VERSION
        return self.call(f"/batches/{batch_id}/acknowledgement", {"risksVersion": version}, operator="bob", seen=seen)

    def acknowledge_soon(self) -> None:
        """Once a minute, acknowledge each waiting batch with some probability."""
        for batch in [self.truth.batches[id] for id in sorted(self.truth.batches)]:
            waits = batch.acknowledgement is None and not batch.dry_run and batch.state == "open"
            if waits and self.rng.random() < 0.3:
                self.acknowledge(batch.batch_id)
            if batch.policy.approvals + batch.policy.wave_approvals and self._approving.random() < 0.3:
                self.approve(batch.batch_id, by=self._approving.choice(APPROVERS))

    def approve(self, batch_id: str, by: str) -> int:
        """Approve whatever the batch needs in its current version; now and then, in an older version. Returns how many acts
        succeeded.
        """
        made = 0
        for asked in self._asked(f"/batches/{batch_id}"):
            seen = asked["seen"] if self._approving.random() > STALE else "0" * 32
            wave = {"wave": int(asked["about"].split()[1])} if asked["about"].startswith("wave") else {}
            made += asked["missing"] > 0 and self.call(f"/batches/{batch_id}/approvals", {"seen": seen, **wave}, operator=by)
        return made

    def _approve_rollback(self, migration: Migration) -> None:
        """Approve the rollback that is requested next, if the policy requires approvals: one person of each role tries, until
        enough have been counted.
        """
        path = f"/migrations/{migration.migration_id}"
        for person in OF_EACH_ROLE if self.truth.batches[migration.batch_id].policy.rollback_approvals else ():
            for asked in self._asked(path):
                if asked["missing"] > 0:
                    self.call(f"{path}/approvals", {"seen": asked["seen"]}, operator=person, seen=migration.version)

    def _asked(self, path: str) -> list[dict[str, Any]]:
        """What the API shows as waiting for approval; empty if the API does not answer."""
        found = self._shown(path)
        return list(found.get("approvals", ()) or filter(None, [found.get("rollbackApprovals")]))

    def _shown(self, path: str) -> dict[str, Any]:
        """What the API shows; empty if it does not answer."""
        try:
            with self.chaos.invoker.outside():
                found: dict[str, Any] = self._api.get(path)
        except Problem:
            return {}
        return found

    def act(self) -> bool:
        """One act of a hasty person: mostly sensible, sometimes not, sometimes repeated. Returns False if nothing was done."""
        if self.rng.random() < (LETS_GO if self.truth.held() else self.holds):
            again = not self.truth.held() or self.rng.random() < 0.1
            return self._hold() if again else self.let_go(stale=self.rng.random() < STALE)
        if self._braking.random() < self.brakes and self.truth.batches:
            return self._brake(self._braking.choice(sorted(self.truth.batches)))
        if self._changing.random() < self.changes and self.truth.batches:
            return self._change_policy(self._changing.choice(sorted(self.truth.batches)))
        if self.rng.random() < NOTICES:
            self._notice()
            return True
        open_batches = [each for each in self.truth.batches.values() if each.acknowledgement is None]
        if open_batches and self.rng.random() < 0.5:
            self.acknowledge(self.rng.choice(open_batches).batch_id)
            return True
        if not self.truth.migrations:
            return False
        if self.rng.random() < 0.1:
            batch_id = self.rng.choice(sorted(self.truth.batches))
            migrated = [each for _, each in sorted(self.truth.migrations.items()) if each.state is State.MIGRATED]
            mine = [each for each in migrated if each.batch_id == batch_id]
            named = [{"migrationId": each.migration_id, "version": self._view(each)} for each in mine]
            self.call(f"/batches/{batch_id}/confirmation", {"migrations": named})
            return True
        return self._act_on(self._chosen())

    def _hold(self) -> bool:
        """Hold everything: usually by the API, sometimes by writing the row."""
        if self.rng.random() < 0.6:
            return self.call("/hold", {"why": "the pager"})
        columns = self.rng.choice(BY_HAND)
        with self.chaos.invoker.outside():
            self.world.set_by_hand(LOCKS, ("lock_id", HOLD), columns)
        self.chaos.say(f"PERSON row {HOLD} {columns}")
        return True

    def _brake(self, batch_id: str) -> bool:
        """Pause, resume or stop a batch: usually for the current version, sometimes for an older one, and sometimes twice."""
        if self.truth.batches[batch_id].policy.gate == "approval" and self._braking.random() < 0.5:
            self.call(f"/batches/{batch_id}/waves/next", operator="eve", seen=self.truth.batches[batch_id].version)
            return True
        off = self.truth.brake(batch_id) == GOES_ON
        verb = self._braking.choice(("pause", "pause", "pause", "stop", "resume") if off else ("resume", "resume", "stop", "pause"))
        seen = self.truth.batches[batch_id].version - (self._braking.random() < STALE)
        failed = len(self.truth.failed(batch_id)) + (self._braking.random() < STALE)
        body = {"why": "it is over", "failed": failed} if verb == "resume" else {"why": "the pager"}
        for _ in range(self._braking.choice((1, 1, 2))):
            self.call(f"/batches/{batch_id}/{verb}", body, operator=self._braking.choice(("ann", "bob")), seen=seen or 1)
        return True

    def _change_policy(self, batch_id: str) -> bool:
        """Change what the API shows of the policy: usually on the current version, sometimes on an older one."""
        rng, now = self._changing, self.scene.now
        shown = self._shown(f"/batches/{batch_id}")
        if not shown:
            return True
        body = {"policy": changing.changed(rng, shown["policy"], now), "why": changing.WHY}
        seen = shown["version"] - (rng.random() < STALE)
        for _ in range(rng.choice((1, 1, 2))):
            self.call(f"/batches/{batch_id}/policy", body, operator=rng.choice(("ann", "bob")), seen=seen or 1)
        return True

    def _resume(self, batch_id: str) -> bool:
        """Resume a batch in its current version."""
        body = {"why": "it is over", "failed": len(self.truth.failed(batch_id))}
        return self.call(f"/batches/{batch_id}/resume", body, seen=self.truth.batches[batch_id].version)

    def let_go(self, *, stale: bool = False) -> bool:
        """Release the current hold by the API, for the version seen now or before somebody held again."""
        version = self.truth.locks[HOLD].get("version", 0) - stale
        return self.call("/hold/release", {"why": "it is over", "version": version})

    def _act_on(self, migration: Migration) -> bool:
        if migration.driver == "console" and migration.state is State.SNAPSHOTTED and self.rng.random() < 0.7:
            self.press(migration)
            return True
        verb = self._verb(migration)
        if verb and self.rng.random() < BY_INSTANCE:
            return self._act_by_instance(migration.instance_id, verb)
        if verb == "rollback" and self._approving.random() < 0.5:
            self._approve_rollback(migration)
        if verb:
            for _ in range(self.rng.choice((1, 1, 2))):
                operator = self.rng.choice(("ann", "bob"))
                self.call(f"/migrations/{migration.migration_id}/{verb}", operator=operator, seen=self._view(migration))
        return bool(verb)

    def _act_by_instance(self, instance_id: str, verb: str) -> bool:
        """A command-line act that names the instance. The command itself decides which migration is meant."""
        try:
            with self.chaos.invoker.outside():
                found = targets.migration_to_act_on(self._api, instance_id, verb)
        except Problem as problem:
            self.chaos.say(f"PERSON {verb} {instance_id} -> {problem.code}")
            return True
        self.call(f"/migrations/{found['migrationId']}/{verb}", seen=found["version"], named=instance_id)
        return True

    def _view(self, migration: Migration) -> int:
        """The version on the person's screen; now and then an old one."""
        return self.rng.randint(1, migration.version) if self.rng.random() < STALE else migration.version

    def _chosen(self) -> Migration:
        """Any migration; now and then one in a short-lived state, or one that waits for a person."""
        all_of_them = [self.truth.migrations[id] for id in sorted(self.truth.migrations)]
        wanted = self.rng.choice((frozenset[State](), frozenset[State](), _EARLY, _FAILED))
        return self.rng.choice([each for each in all_of_them if each.state in wanted] or all_of_them)

    def _verb(self, migration: Migration) -> str:
        useful = _USEFUL.get(migration.state, ())
        if useful and self.rng.random() < 0.7:
            return self.rng.choice(useful)
        if migration.state in _EARLY and self.rng.random() < 0.3:
            return "cancellation"
        return self.rng.choice(ACTS) if self.rng.random() < 0.25 else ""

    def press(self, migration: Migration) -> None:
        """Start the job in the ECS console, as the console driver asks."""
        smc = self.truth.smc
        instance = self.truth.ecs.store.get("instance", migration.instance_id)
        if instance is None:
            return
        jobs = service(self.world.cloud, "smc").jobs
        try:
            with self.world.cloud.lock, self.world.cloud.db.transaction():
                jobs.start({"JobId": self._console_job(migration, jobs, smc)})
            said = "started"
            self.scene.pressed.add(migration.instance_id)
        except ApiError as error:
            said = error.code
        self.chaos.say(f"PERSON console {migration.instance_id} -> {said}")

    @staticmethod
    def _console_job(migration: Migration, jobs: Any, smc: Any) -> str:
        known = jobs.sources.of_instance(migration.instance_id)
        if known is not None and known["JobId"]:
            return str(known["JobId"])
        if known is None:
            token = jobs.sources.tokens.create({"Name": "console"})
            jobs.sources.register(migration.instance_id, token["AccessTokenId"], token["AccessTokenCode"])
            known = jobs.sources.of_instance(migration.instance_id)
        count = len(smc.jobs.items())
        request = {
            "SourceId": known["SourceId"],
            "JobType": 1,
            "Name": f"console-{migration.instance_id}-{count}",
            "TargetOsType": "Alibaba Cloud Linux 3",
        }
        return str(jobs.create(request)["JobId"])

    # When the storm is over ---------------------------------------------------------------------------------------

    def settle(self, final: bool) -> int:
        """Decide sensibly everything that waits for a person. Returns the number of decisions."""
        made = 0
        if self.truth.held() and (final or self.rng.random() < 0.7):
            made += self.let_go()
        for batch in [self.truth.batches[id] for id in sorted(self.truth.batches)]:
            made += 0 if final or batch.state != "open" else self._settle_batch(batch)
        for migration in [self.truth.migrations[id] for id in sorted(self.truth.migrations)]:
            verb = self._decision(migration, final)
            if verb == "press":
                self.press(migration)
                made += 1
            elif verb:
                if verb == "rollback":
                    self._approve_rollback(migration)
                made += self.call(f"/migrations/{migration.migration_id}/{verb}", seen=migration.version)
        return made

    def _settle_batch(self, batch: Batch) -> int:
        """Acknowledge the batch, open its next wave, approve it and resume it, if it waits for that. Returns the number of acts."""
        made, policy = 0, batch.policy
        if batch.acknowledgement is None and not batch.dry_run:
            made += self.acknowledge(batch.batch_id)
        if policy.gate == "approval":
            made += self.call(f"/batches/{batch.batch_id}/waves/next", operator="eve", seen=batch.version)
        if policy.approvals + policy.wave_approvals:
            made += sum(self.approve(batch.batch_id, by=each) for each in APPROVERS[:2])
        if self.truth.brake(batch.batch_id) != GOES_ON:
            made += self._resume(batch.batch_id)
        return made

    def _decision(self, migration: Migration, final: bool) -> str:
        state = migration.state
        if state is State.MIGRATED:
            return "confirmation" if final or self.rng.random() < 0.8 else "rollback"
        if state is State.FAILED:
            return "confirmation" if final else self.rng.choice(("retry", "rollback", "confirmation"))
        if state in (State.ROLLED_BACK, State.CANCELLED) and migration.released_at is None:
            return "confirmation"
        if state is State.SNAPSHOTTED and migration.driver == "console":
            # It is too late to cancel once a job has run. Nobody starts the job again, and every instance is rolled back.
            ran = migration.hop or migration.handle.started_at is not None
            return "press" if not final else "rollback" if ran else "cancellation"
        if state in (State.READY, State.WAITING) and final:
            ran = migration.hop or migration.handle.started_at is not None
            return "rollback" if ran else "cancellation"
        return "cancellation" if state is State.PRECHECK_FAILED and final else ""
