"""Runs one seed, from an empty account to swept snapshots: chaos, healing, decisions, rest. Checkers judge all the time."""

from __future__ import annotations

import gc
import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import localcloud.account
from cli import output
from localcloud.account import service, target
from localcloud.core.app import ACCOUNT_ID, Cloud
from localcloud.core.calls import CallRecord
from localcloud.deploy import apply
from localcloud.deploy.plan import Plan
from localcloud.deploy.plan import make as make_plan
from localcloud.fc.model import Result
from shared.adapters import redact
from shared.runtime import invocation, logs
from tests.simulation import choices, guests, keeping, newer, tools
from tests.simulation.chaos import Chaos
from tests.simulation.frames import Frame
from tests.simulation.invariants import Checker, Sight, all_checkers
from tests.simulation.invariants.approved import waits_for_approval
from tests.simulation.invariants.grouped import undecided_mate
from tests.simulation.invariants.times import blacked, days_of_two_openings, within
from tests.simulation.invoker import SimInvoker
from tests.simulation.judge import Judge, Violation
from tests.simulation.keeps import DELETED
from tests.simulation.living import GuestWrites
from tests.simulation.memory import remembered
from tests.simulation.people import People
from tests.simulation.protecting import look_min
from tests.simulation.records import GOES_ON, MIGRATIONS, OUTBOX, TERMINAL, Migration, State, lines, waves
from tests.simulation.scenario import BatchPlan, Scenario, draw
from tests.simulation.seed_report import SeedReport
from tests.simulation.trace import RunTrace
from tests.simulation.truth import Change, Truth, is_about_gone_disk
from tests.simulation.world_faults import WorldFaults
from tests.support.world import World

MINUTE = 60_000
PERIOD = "simulation.minute"
DENIALS = ("NoPermission", "Forbidden.RAM", "AccessDenied")
"""Codes for a missing permission. (The fault of a withdrawn permission has another code.) The deployed roles must never cause
one.
"""
HEARD = frozenset({"instance_stopped", "instance_released", "instance_rebooted", "person"})
"""Faults during which every ECS event still arrives in time."""
CALM = frozenset({DELETED, "deployment", "person", "interleave"})
"""Faults that never keep the product from asking a guest."""
RUN_ROLE = f"acs:ram::{ACCOUNT_ID}:role/replank-run-command"
REMINDED_MIN = 95
"""Within this many minutes batches are closed and persons are reminded of them."""
PATIENCE_MIN = 12 * 60
"""After the last fault everything must end or wait for a person within this much virtual time (waves run one after another)."""
WINDOW_STEP_MIN = 30
"""If everything left waits for a closed window, or for a hung job's time limit (at most a day), time jumps by these steps.

The steps contain each window twice (``times.days_of_two_openings``). The count restarts at each start. A window of one hour with
one slot allows one or two starts a day, so later instances wait as many days as the operator's limits require. An instance is stuck
if it is passed over by a window that starts nothing.
"""
IDLE_MIN = 4
ROUNDS = 8
"""Rounds of people's decisions after the chaos. The last rounds only confirm and cancel."""
TOO_MANY_STEPS = 400_000
INVENTORY = b'{"triggerTime":"2026-11-23T08:00:00Z","triggerName":"inventory","payload":""}'
"""The daily inventory runs once, at the beginning. Nobody would acknowledge what it found after the storm."""
_RESTING = TERMINAL | {State.MIGRATED, State.FAILED, State.CONFIRMED}
_ADMITTED = frozenset({State.READY, State.WAITING})
"""States in which a migration waits for admission."""
_plans: dict[str, Plan] = {}


class Enough(Exception):
    """The first violation ends a run."""


@contextmanager
def prepared() -> Iterator[None]:
    """Settings for all runs of a process: guest doubles, no logs, deployment files read once."""

    def make(*files: Any, env: dict[str, str], **more: Any) -> Plan:
        key = repr(sorted(env.items()))
        if key not in _plans:
            _plans[key] = make_plan(*files, env=env, **more)
        return _plans[key]

    with ExitStack() as stack:
        stack.enter_context(guests.doubled())
        stack.enter_context(mock.patch.object(localcloud.account, "make", make))
        stack.enter_context(mock.patch.object(logs, "configure_logging"))
        stack.enter_context(mock.patch.object(time, "sleep"))
        stack.enter_context(mock.patch.object(output, "print_hold_notice"))
        stack.enter_context(remembered())
        # With Python's own thresholds a sixth of a run's time is spent on collecting garbage.
        stack.callback(gc.set_threshold, *gc.get_threshold())
        gc.set_threshold(200_000, 20, 50)
        level = logs.log.level
        logs.log.setLevel(logging.CRITICAL + 1)
        stack.callback(logs.log.setLevel, level)
        yield


class Simulation:
    """The run of one seed. Call ``run_seed`` instead of using this class."""

    def __init__(
        self,
        scenario: Scenario,
        *,
        keep_trace: bool,
        allowed: Callable[[int], bool],
        checkers: list[Checker] | None = None,
        invoker: SimInvoker | None = None,
    ) -> None:
        self.scenario = scenario
        self.trace = RunTrace(keep_trace)
        self.invoker = invoker or SimInvoker()
        self.chaos: Chaos
        env = {"REPLANK_MAX_MOVING": str(scenario.account_limit), "REPLANK_RETRY_PAUSE_MS": "0", **tools.settings(scenario.fleet)}
        if scenario.roles:
            env["REPLANK_ROLES"] = json.dumps(choices.grants())
        if scenario.keeps_commands:
            env["REPLANK_COMMANDS"] = "kept"
        if scenario.run_role:
            env["REPLANK_RUN_COMMAND_ROLE"] = RUN_ROLE
        self.world = World(seed=scenario.seed, invoker=self.invoker, env=env, around=lambda handle: self.chaos.around(handle))
        cloud = self.cloud = self.world.cloud
        self.trace.start_ms = cloud.clock.now_ms()
        self.chaos = Chaos(scenario.seed, scenario.rates, cloud, self.invoker, self.say, allowed=allowed)
        self.truth = Truth(cloud)
        self.life = GuestWrites(self.truth)
        self.scene = Sight(self.truth, scenario.account_limit, roles=dict(choices.ROLES) if scenario.roles else {})
        self.judge = Judge(self.scene, tell=self._violated, checkers=checkers or all_checkers())
        self.people = People(self.world, self.scene, self.chaos, lambda told: self._unexpected(told), scenario.seed)
        self.people.holds, self.people.brakes, self.people.changes = scenario.holds, scenario.brakes, scenario.changes
        self.scene.keeps_commands, self.scene.run_role = scenario.keeps_commands, scenario.run_role
        self.scene.quiet_guests = not {kind for kind, rate in scenario.rates.items() if rate} - CALM
        self.faults = WorldFaults(self.truth, self.scene, self.chaos, self._deploy)
        self.commands = keeping.CommandsByHand(self.chaos, self.invoker) if scenario.keeps_commands else None
        self.transitions: Counter[tuple[str, str]] = Counter()
        self.steps = 0
        self._attach(cloud)

    def _attach(self, cloud: Cloud) -> None:
        self.truth.on_change, self.truth.on_effect = self._changed, self._affected
        self.truth.on_happening = self.judge.happened
        self.truth.attach()
        self.chaos.attach()
        self.chaos.aside = self.people.act
        self.chaos.again = lambda function, payload: service(cloud, "fc").queue.add(f"replank-{function}", payload, "again")
        self.invoker.say, self.invoker.ended = self.say, self._ended
        self.invoker.began = lambda: self.truth.count
        self.invoker.now_ms = cloud.clock.now_ms
        cloud.calls.add = self._called  # type: ignore[method-assign]
        cloud.scheduler.on(PERIOD, lambda payload: None)
        cloud.outside[PERIOD] = lambda job: self._minute(job.payload)

    # Told by the others -------------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """A line of the trace."""
        self.trace.add(self.cloud.clock.now_ms(), len(self.invoker.frames), text)

    def _called(self, record: CallRecord) -> None:
        what = f"{record.service}.{record.operation} {record.code or record.status}"
        self.say(f"{what} {record.principal} {record.summary[:200]}")
        self.calls += 1
        gone = is_about_gone_disk(record.operation, record.summary, self.truth)  # RAM cannot know its tag
        if record.code in DENIALS and record.principal.startswith("role:") and not gone:
            self._unexpected(f"{record.principal} may not {record.service}:{record.operation} {record.summary[:80]}")

    calls = 0
    _idle = 0

    def _changed(self, change: Change) -> None:
        self.scene.frame = self.invoker.frames[-1] if self.invoker.frames else None
        if change.table == MIGRATIONS and change.after is not None:
            before = change.before["state"] if change.before else ""
            if change.before is None or change.before["version"] != change.after["version"]:
                self.transitions[before, change.after["state"]] += 1
                self.say(f"STEP {change.key[0]} {before or 'new'} -> {change.after['state']} v{change.after['version']}")
        self.judge.row(change)

    def _affected(self, effect: Any) -> None:
        self.scene.frame = self.invoker.frames[-1] if self.invoker.frames else None
        self.judge.effect(effect)
        self.life.go_on(effect)

    def _ended(self, frame: Frame, result: Result) -> None:
        if result.error:
            self.judge.invocation(frame, result.body)

    def _violated(self, violation: Violation) -> None:
        self.say(f"VIOLATION {violation}")

    def _unexpected(self, told: str) -> None:
        self.judge.invocation(Frame("api", "", 0, 0, 0), b'{"errorType": "Answer", "errorMessage": "%s"}' % told.encode())

    def _deploy(self) -> str:
        """Deploy another version of all functions: the newer or the older one, sometimes the same one again."""
        plan = next(iter(_plans.values()))
        self.invoker.deploy(self.invoker.newer ^ (self.chaos.rng.random() < 0.8))
        roles = Plan(plan.template, service(self.cloud, "fc").functions.all(), plan.rules)
        apply.apply(roles, target(self.cloud))
        self._no_inventory()
        if self.commands:
            self.commands.deployed()
        return "of the newer version" if self.invoker.newer else "of the older version"

    # The run ------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run the whole seed. The first violation ends the run."""
        self._begin()
        self._storm()
        self._heal()
        for number in range(ROUNDS):
            self._rest()
            if number == 0 and self.scenario.forgetful:
                self._forget()
            self.faults.end_all()
            if not self.people.settle(final=number >= ROUNDS - 4) and self._all_ended():
                break
            self.faults.sweep_now()
            self._until(2, lambda: False)
        self._rest()
        self._sweep()
        self.judge.rest()

    def _begin(self) -> None:
        self.scene.loses_events = bool(self.scenario.rates.keys() - HEARD)
        self.world.load_fleet(self.scenario.fleet)
        tools.put_media(self.cloud, self.scenario.fleet)
        for each in self.truth.ecs.store.find("instance", {}):
            self.scene.tags[each["InstanceId"]] = {tag["TagKey"]: tag["TagValue"] for tag in each["Tags"]["Tag"]}
            self.scene.names[each["InstanceId"]] = each["InstanceName"]
            self.scene.systems[each["InstanceId"]] = each["OSName"]
            if each["SpotStrategy"] != "NoSpot":
                self.scene.spots.add(each["InstanceId"])
        self._no_inventory()
        with self.cloud.lock, self.cloud.db.transaction():
            if self.scenario.inventory:
                service(self.cloud, "fc").queue.add("replank-intake", INVENTORY, "timer")
        for number, plan in enumerate(self.scenario.batches):
            self._plan(plan.at_min * MINUTE, {"batch": number})
        self._plan(MINUTE, {})

    def _no_inventory(self) -> None:
        """Delete the timer of the daily inventory, which each deployment creates again."""
        with self.cloud.lock, self.cloud.db.transaction():
            for key in self.cloud.scheduler.keys("fc.timer"):
                if key.startswith("replank-intake/"):
                    self.cloud.scheduler.cancel("fc.timer", key)

    def _plan(self, after_ms: int, payload: dict[str, Any]) -> None:
        with self.cloud.lock, self.cloud.db.transaction():
            self.cloud.scheduler.at(self.cloud.clock.now_ms() + after_ms, PERIOD, payload, key="batch" if payload else "minute")

    def _minute(self, payload: dict[str, Any]) -> None:
        if payload:
            self._submit(self.scenario.batches[payload["batch"]])
            return
        if not self.chaos.on:
            return
        self._plan(MINUTE, {})
        self.faults.minute()
        if self.commands:
            self.commands.minute()
        if self.scenario.prompt:
            self.people.acknowledge_soon()
        if self.chaos.hits("person") and not self.people.act():
            self.chaos.take_back("person")

    def _submit(self, plan: BatchPlan) -> None:
        self.people.submit(plan)

    def _storm(self) -> None:
        self.say("PHASE chaos")
        self.chaos.on = True
        last = max(plan.at_min for plan in self.scenario.batches)
        self._until(last + 3, lambda: False)
        self._until(self.scenario.chaos_min - last, self._quiet)
        self.chaos.on = False

    def _quiet(self) -> bool:
        """Whether nothing has changed for a while, so that further minutes would only cost time."""
        self._idle = self._idle + 1 if self._at_rest() else 0
        return self._idle > IDLE_MIN

    def _heal(self) -> None:
        self.say("PHASE healing")
        self.faults.heal()
        self.invoker.heal()
        if self.commands:
            self.commands.create()
        with self.cloud.lock, self.cloud.db.transaction():
            self.cloud.scheduler.cancel(PERIOD, "minute")

    def _rest(self) -> None:
        """Let time pass until everything has ended or waits for a person. Record a violation of invariant 5 if that takes too
        long.
        """
        self.say("PHASE rest")
        self._until(PATIENCE_MIN, lambda: self._at_rest() or self._only_time())
        idle = 0
        while idle < self._window_steps() and self._only_time():
            started = self._started()
            self.cloud.clock.advance_to(self.cloud.clock.now_ms() + WINDOW_STEP_MIN * MINUTE)  # type: ignore[attr-defined]
            self._until(PATIENCE_MIN, lambda: self._at_rest() or self._only_time())
            idle = idle + 1 if self._started() == started else 0
        if not self._at_rest():
            for id in self._planning():
                self.judge.stuck(f"{id} is still being planned")
            for id in sorted(self.truth.migrations):
                migration = self.truth.migrations[id]
                if not self._rests(id):
                    owes = [name for name in self.truth.rows[id] if name.startswith(OUTBOX)]
                    due = migration.due_at
                    self.judge.stuck(f"{id} is {migration.state.value} since {migration.entered_at}, due {due}, owes {owes}")

    def _window_steps(self) -> int:
        days = max((days_of_two_openings(each.policy) for each in self.truth.batches.values()), default=0)
        return days * 24 * 60 // WINDOW_STEP_MIN

    def _started(self) -> int:
        """How often a migration has started its snapshots or its job. A window counts these starts."""
        begun = (State.SNAPSHOTTING.value, State.MIGRATING.value)
        return sum(count for (_, after), count in self.transitions.items() if after in begun)

    def _only_time(self) -> bool:
        """Whether everything left waits for a closed window, or for the time limit of something that hangs."""
        left = [self.truth.migrations[id] for id in self.truth.migrations if not self._rests(id)]
        waiting = [each for each in left if self._waits_for_time(each)]
        behind = [each for each in left if each.state in _ADMITTED and each not in waiting]
        return bool(waiting) and len(waiting) + len(behind) == len(left) and not service(self.cloud, "fc").queue.waiting()

    def _waits_for_time(self, migration: Migration) -> bool:
        if migration.state in _ADMITTED | {State.SNAPSHOTTED}:
            return self._shut(migration.batch_id)
        return migration.state in (State.SNAPSHOTTING, State.MIGRATING) and self.faults.lasts(migration.instance_id)

    def _shut(self, batch_id: str) -> bool:
        policy = self.truth.batches[batch_id].policy
        return not within(policy, self.scene.now) or bool(blacked(policy, self.scene.now))

    def _at_rest(self) -> bool:
        waiting = service(self.cloud, "fc").queue.waiting() or "batch" in self.cloud.scheduler.keys(PERIOD)
        return not waiting and not self._planning() and all(map(self._rests, self.truth.migrations))

    def _planning(self) -> list[str]:
        """The batches whose instances are still being found."""
        return [id for id in sorted(self.truth.batches) if self.truth.batches[id].state == "planning"]

    def _rests(self, id: str) -> bool:
        migration, row = self.truth.migrations[id], self.truth.rows[id]
        if any(name.startswith(OUTBOX) for name in row):
            return self._is_held_back(migration)
        if migration.state in _ADMITTED:
            return self._admits_nothing(migration)
        if migration.state is State.SNAPSHOTTED and migration.driver == "console":
            return True
        return migration.state in _RESTING

    def _is_held_back(self, migration: Migration) -> bool:
        """Whether an automatic rollback waits for persons."""
        policy = self.truth.batches[migration.batch_id].policy
        held = self.truth.held() or policy.rollback_approvals > 0
        return migration.state is State.FAILED and policy.automatic_rollback and held

    def _admits_nothing(self, migration: Migration) -> bool:
        """Whether the migration waits for a person. A route that has begun is held only by the window, the hold and the slots."""
        batch = self.truth.batches[migration.batch_id]
        spent = not self._is_begun(migration) and len(self.truth.failed(batch.batch_id)) > batch.budget
        asked = waits_for_approval(self.truth.batch_rows[batch.batch_id], batch, self.scene.now)
        gated = not self._is_begun(migration) and (batch.policy.gate == "approval" or asked)
        if undecided_mate(migration, self.scene) or self._is_behind(migration):
            return True
        paused = gated or (not self._is_begun(migration) and self.truth.brake(batch.batch_id) != GOES_ON)
        return self.truth.held() or batch.acknowledgement is None or spent or paused or self._is_full(batch.batch_id)

    def _is_behind(self, migration: Migration) -> bool:
        """Whether the migration waits for an earlier wave in which a member waits for its group."""
        found = waves(self.truth.batch_rows[migration.batch_id])
        mine = next((place for place, ids in enumerate(found) if migration.migration_id in ids), 0)
        earlier = [self.truth.migrations[id] for ids in found[:mine] for id in ids]
        return any(each.state in _ADMITTED and undecided_mate(each, self.scene) for each in earlier)

    def _is_begun(self, migration: Migration) -> bool:
        """Whether the migration waits for its next hop, which nobody had to request."""
        asked = [line for line in lines(self.truth.rows[migration.migration_id]) if line.hop == migration.hop]
        return migration.hop > 0 and not any(line.from_state is State.FAILED for line in asked)

    def _is_full(self, batch_id: str) -> bool:
        """Whether all slots it needs are held by migrations that wait for a person."""
        mates = [each for each in self.truth.migrations.values() if each.batch_id == batch_id]
        held = any(each.migration_id in self.truth.slots() for each in mates)
        resting = held and all(each.state in _RESTING | _ADMITTED | {State.SNAPSHOTTED} for each in mates)
        full = resting and not any(self._driving(each.migration_id) for each in mates)
        others = self.truth.slots()
        return full or (bool(others) and all(self._waits_for_person(id) for id in others))

    def _driving(self, id: str) -> bool:
        migration = self.truth.migrations[id]
        return migration.state is State.SNAPSHOTTED and migration.driver != "console"

    def _waits_for_person(self, id: str) -> bool:
        migration = self.truth.migrations.get(id)
        return migration is not None and migration.state is State.SNAPSHOTTED and migration.driver == "console"

    def _all_ended(self) -> bool:
        ended = TERMINAL | {State.CONFIRMED}
        return all(each.state in ended for each in self.truth.migrations.values())

    def _forget(self) -> None:
        """Nobody decides anything for longer than every retention. Neither time nor a reminder may release a snapshot."""
        self.say("PHASE forgotten")
        self._pass_retention()
        self._until(REMINDED_MIN, lambda: False)
        self._rest()
        self.judge.forgotten()

    def _sweep(self) -> None:
        """Let the retention pass, and run the daily sweep."""
        self.say("PHASE sweep")
        self._pass_retention()

    def _pass_retention(self) -> None:
        had = [policy for past in self.truth.policies.values() for _, policy in past]
        longest = max((each.retention_days for each in had), default=0)
        for days in (longest + 1, 1):
            self.cloud.clock.advance_to(self.cloud.clock.now_ms() + days * 24 * 60 * MINUTE)  # type: ignore[attr-defined]
            self._until(look_min(self.truth), lambda: False)

    def _until(self, minutes: int, condition: Callable[[], bool]) -> None:
        end = self.cloud.clock.now_ms() + minutes * MINUTE
        looked = 0
        while self.cloud.clock.now_ms() < end and self.cloud.step(end):
            self._check_enough()
            if self.cloud.clock.now_ms() - looked >= MINUTE:
                looked = self.cloud.clock.now_ms()
                if condition():
                    return

    def _check_enough(self) -> None:
        self.steps += 1
        if self.judge.violations:
            raise Enough
        if self.steps > TOO_MANY_STEPS:
            self.judge.stuck(f"the run does not end after {self.steps} steps")


def run_seed(
    seed: int,
    *,
    keep_trace: bool = False,
    allowed: Callable[[int], bool] = lambda number: True,
    scenario: Scenario | None = None,
    checkers: list[Checker] | None = None,
    invoker: SimInvoker | None = None,
) -> SeedReport:
    """Run one seed. ``allowed`` says which of the drawn faults (by number) may happen; ``checkers`` are the judges.

    ``invoker`` runs the functions: SimInvoker by default, or a mix of versions.
    """
    started = time.perf_counter()
    invocation._running.clear()
    redact._known.clear()
    chosen = scenario or draw(seed)
    simulation = Simulation(chosen, keep_trace=keep_trace, allowed=allowed, checkers=checkers, invoker=invoker)
    try:
        versions = keeping.scripts_of_versions(simulation.invoker)
        with simulation.world.connected(), newer.writing(simulation.invoker.runs_newer), versions:
            try:
                simulation.run()
            except Enough:
                pass
    finally:
        invocation._running.clear()
        simulation.cloud.close()
    return _report(simulation, time.perf_counter() - started)


def _report(simulation: Simulation, seconds: float) -> SeedReport:
    truth = simulation.truth
    states = Counter(state.value for past in truth.past.values() for _, _, state in past)
    return SeedReport(
        seed=simulation.scenario.seed,
        violations=simulation.judge.violations,
        migrations=len(truth.migrations),
        injected=simulation.chaos.injected,
        states=states,
        transitions=simulation.transitions,
        failures=Counter(
            line.reason
            for row in truth.rows.values()
            for line in lines(row)
            if line.to_state is State.FAILED is not line.from_state
        ),
        ended=Counter(each.state.value for each in truth.migrations.values()),
        calls=simulation.calls,
        digest=simulation.trace.digest(),
        seconds=seconds,
        done=simulation.chaos.done,
        trace=simulation.trace,
        names=tuple(sorted({*truth.migrations, *(each.instance_id for each in truth.migrations.values())})),
    )
