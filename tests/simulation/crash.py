"""Real processes, really killed: ``kill -9`` of the local cloud or of a function's worker at random moments of a fleet's run.

At other moments the cloud's disk is full for a while, and the cloud may be killed meanwhile.

Run it with ``python -m tests.simulation.crash --kills 200 --instances 50``. After each kill, the cloud starts again on the same
state. At the end every migration must be done, its journal must replay, and nothing may be left behind.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from cli.bootstrap import create_bus_if_missing
from cli.problem import Problem
from cli.run.cloud import RunningCloud
from localcloud.account import build, service
from localcloud.client import AdminError, LocalCloud
from localcloud.core.app import INSTANCE_NAME, Cloud
from shared.adapters import tables
from shared.domain.batch import RISKS_VERSION
from shared.domain.ledger import SMC_PREFIX
from shared.domain.migration import TRANSITIONS, State
from tests.support.fleets import fleet, instance

LIMIT_S = 3600
STEP_S = 120
"""The virtual time of one round, in seconds. A kill comes in the middle of a round."""
ROUNDS_TO_SETTLE = 10
"""How many rounds without kills may pass until nothing is left over."""


@dataclass
class Crashes:
    """The run of one fleet on one state folder."""

    folder: Path
    instances: int
    kills: int
    seed: int
    done: dict[str, int] = field(default_factory=lambda: {"cloud": 0, "worker": 0})
    full: int = 0
    """How often the disk was full."""
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(f"crash:{self.seed}")
        self.cloud = self._start()

    def _start(self) -> RunningCloud:
        cloud = RunningCloud.start(self.folder, self.seed, ["cn-hangzhou"])
        create_bus_if_missing(cloud.account)
        return cloud

    @property
    def killed(self) -> int:
        return sum(self.done.values())

    def run(self) -> None:
        """Submit, kill and continue until every migration has ended. Raises AssertionError."""
        numbers = range(1, self.instances + 1)
        self._admin("POST", "fleet", fleet(*[instance(number) for number in numbers]))
        policy = {"maxMoving": min(self.instances, 20), "retentionDays": 1}
        ids = [f"i-test{number:04d}" for number in numbers]
        batch = self._post("/batches", {"instanceIds": ids, "policy": policy, "clientToken": "crash"})["batchId"]
        until = time.monotonic() + LIMIT_S
        while not self._ended() or self.killed < self.kills:
            assert time.monotonic() < until, f"not done within {LIMIT_S} s: {self._states()}"
            self._acts(batch)
            self._advance(kill=self.killed < self.kills)
        self.verify()

    def _acts(self, batch: str) -> None:
        states = set(self._states().values())
        if states == {"ready"}:
            version = _patiently(lambda: self.cloud.api_client("ann").get(f"/batches/{batch}"))["version"]
            self._post(f"/batches/{batch}/acknowledgement", {"risksVersion": RISKS_VERSION}, seen=version)
        if "failed" in states:
            for each in self._migrations():
                if each["state"] == "failed":
                    self._post(f"/migrations/{each['migrationId']}/retry", {}, seen=each["version"])

    def _ended(self) -> bool:
        return len(self._migrations()) == self.instances and set(self._states().values()) == {"migrated"}

    # Killing ------------------------------------------------------------------------------------------------------

    def _advance(self, *, kill: bool) -> None:
        passing = threading.Thread(target=self._pass_time, daemon=True)
        passing.start()
        if kill:
            passing.join(self.rng.uniform(0.01, 1.2))
            if self.rng.random() < 0.2:
                self._fill()
            self._kill()
        passing.join(LIMIT_S)

    def _pass_time(self) -> None:
        try:
            self._admin("POST", "clock", {"advance_s": STEP_S})
        except (Problem, AdminError, OSError, ValueError):
            return  # the cloud was killed meanwhile, or its disk was full

    @property
    def _process(self) -> subprocess.Popen[str]:
        """The process of the cloud."""
        assert self.cloud.process is not None
        return self.cloud.process

    def _fill(self) -> None:
        """Forbid the cloud's files to grow for a moment. In half of the cases the cloud is killed during that moment."""
        pid, hard = self._process.pid, resource.RLIM_INFINITY
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (8 * 1024, hard))
        time.sleep(self.rng.uniform(0.05, 0.8))
        if self.rng.random() < 0.5:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        self.full += 1

    def _kill(self) -> None:
        """Kill the cloud with all its workers, or one worker only."""
        workers = _children(self._process.pid)
        (most, _) = resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE)
        if workers and most == resource.RLIM_INFINITY and self.rng.random() < 0.4:
            _end(self.rng.choice(workers))
            self.done["worker"] += 1
            return
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        for worker in workers:
            _end(worker)
        self.done["cloud"] += 1
        self.cloud = self._start()

    # Looking ------------------------------------------------------------------------------------------------------

    def _admin(self, method: str, name: str, body: Any = None) -> Any:
        client = LocalCloud(self.cloud.ready["admin"], self.cloud.ready["admin_token"])
        return client.get(name) if method == "GET" else client.post(name, body)

    def _post(self, path: str, body: Any, *, seen: int = 0) -> Any:
        """Send an act of a person. An act that was already carried out is no error."""

        def act() -> Any:
            try:
                return self.cloud.api_client("ann").post(path, body, seen=seen)
            except Problem as problem:
                if problem.code.startswith("Migration."):
                    return {}
                raise

        return _patiently(act)

    def _migrations(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = _patiently(lambda: list(self.cloud.api_client("ann").all_items("/migrations", "migrations")))
        return found

    def _states(self) -> dict[str, str]:
        return {each["instanceId"]: each["state"] for each in self._migrations()}

    def _journal(self, id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.cloud.api_client("ann").get(f"/migrations/{id}/journal")
        return found

    def verify(self) -> None:
        """Check that journals replay, that nothing was made or started twice, that nothing is left in SMC, and that no row
        holds leftovers.
        """
        starts: dict[str, int] = {}
        for each in self._migrations():
            lines = _patiently(partial(self._journal, each["migrationId"]))["lines"]
            state: State | None = None
            for place, line in enumerate(lines, start=1):
                to = State(line["to"])
                assert line["version"] == place, line
                assert to in TRANSITIONS[state], line
                state = to
            assert state is State.MIGRATED
            starts[each["instanceId"]] = sum(line["to"] == State.MIGRATING.value for line in lines)
        held = self._admin("GET", "inventory")
        for _ in range(ROUNDS_TO_SETTLE):
            if not (held["jobs"] or held["sources"] or held["access_tokens"]):
                break
            self._advance(kill=False)
            held = self._admin("GET", "inventory")
        assert not held["jobs"], held["jobs"]
        assert not held["sources"], held["sources"]
        assert not held["access_tokens"], held["access_tokens"]
        names = [each["SnapshotName"] for each in held["snapshots"].values() if each["SnapshotName"].startswith("replank-")]
        assert len(names) == len(set(names)) == self.instances, sorted(names)
        # SMC makes its own copy of the one disk at each start of a job, and keeps the copy when the job is deleted.
        copies = Counter(each["InstanceId"] for each in held["snapshots"].values() if each["SnapshotName"].startswith(SMC_PREFIX))
        assert not copies - Counter(starts), (copies, starts)
        self.cloud.stop()
        for _ in range(ROUNDS_TO_SETTLE):
            if not self._leftovers(set(starts)):
                return
            self.cloud = self._start()
            self._advance(kill=False)
            self.cloud.stop()
        left = self._leftovers(set(starts))
        assert not left, left

    def _leftovers(self, instance_ids: set[str]) -> list[str]:
        """Name what the rows of the stopped cloud still hold besides one lock per instance that waits for its confirmation.

        A kill right after the last step leaves its outbox to a tick two minutes later, so leftovers may last a few rounds.
        """
        state = build(self.folder)
        try:
            rows = {name: _rows(state, name) for name in (tables.MIGRATIONS, tables.LOCKS)}
        finally:
            state.close()
        owed = [name for row in rows[tables.MIGRATIONS].values() for name in row if name.startswith(tables.OUTBOX)]
        for last in ("inventory", "tick"):
            rows[tables.LOCKS].pop(last, None)
        slots = [name for name in rows[tables.LOCKS].pop("slots", {}) if name.startswith(tables.HELD)]
        protected = sorted(key for key in rows[tables.LOCKS] if key.startswith(tables.PROTECTION))
        locked = {key.rpartition(":")[2] for key in rows[tables.LOCKS]}
        return owed + slots + protected + sorted(locked ^ instance_ids)

    def close(self) -> None:
        self.cloud.stop()


def _rows(state: Cloud, name: str) -> dict[str, dict[str, Any]]:
    """All rows of a table in the state of a stopped cloud, by the first column of their keys."""
    store = service(state, "tablestore")._store
    table = next(each for each in store.tables(INSTANCE_NAME) if each.name == name)
    return {str(row.key[0]): row.cells for _, row in store.scan(table, b"", b"\xff" * 64)}


def _patiently(ask: Callable[[], Any]) -> Any:
    """Repeat the request while its error is that of a killed worker."""
    for _ in range(8):
        try:
            return ask()
        except Problem as problem:
            last = problem
    raise last


def _children(pid: int) -> list[int]:
    """The child processes of a process, over all of its threads."""
    found: list[int] = []
    for task in sorted(Path(f"/proc/{pid}/task").glob("*/children")):
        try:
            found += [int(each) for each in task.read_text(encoding="ascii").split()]
        except OSError:
            continue
    return found


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Raises AssertionError if anything was lost or done twice."""
    parser = argparse.ArgumentParser(prog="make crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--instances", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="replank-crash-") as name:
        run = Crashes(Path(name), chosen.instances, chosen.kills, chosen.seed)
        try:
            run.run()
        finally:
            run.close()
    killed = ", ".join(f"{count} times the {what}" for what, count in run.done.items())
    print(f"{chosen.instances} instances, killed {killed}, {run.full} times without space,")
    print(f"in {time.monotonic() - started:.0f} s: nothing lost, nothing twice")
    return 0


if __name__ == "__main__":
    sys.exit(main())
