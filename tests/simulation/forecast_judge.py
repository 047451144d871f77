"""Judges the forecast: does a fleet really finish inside the range that was promised before its acknowledgement?

The local cloud draws durations that the forecaster does not see: long tails, failures, slow fleets, and a person who is hours late.
``python -m tests.simulation.forecast_judge --fleets 20 --seed 1`` prints one line per fleet. With ``--tally FILE`` each fleet is
recorded in the file, and an interrupted command continues when it is run again.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from localcloud.ecs import snapshot_life
from localcloud.smc.world import SmcWorld
from tests.support.fleets import fleet, instance
from tests.support.world import World

INSTANCES = 60
STEP_MIN = 10
PATIENCE_MIN = 14 * 1440
FAILS, SLOW, MUCH = 0.04, 0.03, 3.0
"""The share of jobs that fail, the share of instances whose steps are slow, and how many times as long a slow step takes."""
CENTRE = 1.5
"""The local cloud's own jobs, snapshots and restarts are faster than documented, by about this factor."""
SPREAD, OF_FLEETS = 0.35, 0.2
"""The spread (of the logarithm) of the durations within one fleet, and between fleets."""
SETTLED = frozenset({"migrated", "failed", "precheck_failed", "cancelled", "rolled_back"})


@dataclass(frozen=True)
class JudgedFleet:
    """One fleet: the promised range, and when the fleet really finished."""

    seed: int
    policy: dict[str, Any]
    low: str
    high: str
    finished: str

    @property
    def inside(self) -> bool:
        """Whether the fleet finished inside the range. A range without an upper end counts as missed."""
        return bool(self.low and self.high) and self.low <= self.finished <= self.high


def policy_of(rng: random.Random) -> dict[str, Any]:
    """The limits of a batch."""
    chosen: dict[str, Any] = {"maxMoving": rng.choice((8, 12, 20)), "failureBudget": rng.choice((1, 3, 6)), "retentionDays": 1}
    if rng.random() < 0.4:
        chosen["waves"] = rng.choice((["1", "10", "50%"], ["5", "x2"]))
        chosen |= rng.choice(({}, {"gate": "approval"}, {"soakMin": 60}))
    if rng.random() < 0.3:
        chosen["window"] = {"start": "20:00", "end": "06:00"}
    return chosen


@contextmanager
def long_tails(rng: random.Random) -> Iterator[None]:
    """Within the block, jobs and snapshots draw their times from another distribution than the declared one."""
    between, duration, of_fleet = SmcWorld.between, snapshot_life._duration_ms, CENTRE * rng.lognormvariate(0, OF_FLEETS)

    def factor() -> float:
        return of_fleet * rng.lognormvariate(0, SPREAD) * (MUCH if rng.random() < SLOW else 1)

    def jobs(self: SmcWorld, low_s: float, high_s: float, *words: object) -> int:
        return round(between(self, low_s, high_s, *words) * factor())

    def snapshots(*given: Any) -> int:
        return round(duration(*given) * factor())

    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(SmcWorld, "between", jobs))
        stack.enter_context(mock.patch.object(snapshot_life, "_duration_ms", snapshots))
        yield


def judge(seed: int) -> JudgedFleet:
    """Run one fleet from its acknowledgement to its end, and judge it."""
    rng = random.Random(f"judge:{seed}")
    policy = policy_of(rng)
    ids = [f"i-test{number:04d}" for number in range(1, INSTANCES + 1)]
    guests = {id: {"smc": {"fail_attempts": 1}} for id in ids if rng.random() < FAILS}
    with World(env={"REPLANK_MAX_MOVING": "20"}).connected() as made, long_tails(rng):
        made.load_fleet(fleet(*(instance(number) for number in range(1, INSTANCES + 1)), guests=guests))
        batch_id = str(made.api.post("/batches", {"instanceIds": ids, "policy": policy})["batchId"])
        made.run(15)
        made.api.post(f"/batches/{batch_id}/acknowledgement", {"risksVersion": made.api.get("/risks")["version"]})
        promised = made.api.get(f"/batches/{batch_id}/plan")["finish"]
        _live(made, batch_id, rng)
        finished = str(made.api.get(f"/batches/{batch_id}/plan")["finishedAt"] or "")
    return JudgedFleet(seed, policy, str(promised["p10"] or ""), str(promised["p90"] or ""), finished)


def _live(made: World, batch_id: str, rng: random.Random) -> None:
    """Run until every migration has ended. Now and then a person who must act comes hours late."""
    comes: int | None = None
    for minute in range(0, PATIENCE_MIN, STEP_MIN):
        found = made.api.get(f"/batches/{batch_id}")
        if set(found["counts"]) <= SETTLED:
            return
        asked = found["brake"] is not None or any("a person begins" in each["waitsFor"] for each in found["waves"])
        if asked and comes is None:
            comes = minute + round(rng.lognormvariate(4.1, 0.9))
        if asked and comes is not None and minute >= comes:
            _come(made, found)
            comes = None
        made.run(STEP_MIN)


def _come(made: World, found: dict[str, Any]) -> None:
    path = f"/batches/{found['batchId']}"
    if found["brake"] is not None:
        made.api.post(f"{path}/resume", {"why": "known", "failed": found["failed"]}, seen=found["version"])
    else:
        made.api.post(f"{path}/waves/next", seen=found["version"])


def main(arguments: list[str] | None = None) -> int:
    """Run the command. The exit status is 0 only if 70 to 90 % of the fleets finished inside their 80 % range."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.forecast_judge", description=__doc__)
    parser.add_argument("--fleets", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tally", type=Path, help="file that keeps the fleets judged so far")
    chosen = parser.parse_args(arguments)
    seeds = range(chosen.seed, chosen.seed + chosen.fleets)
    known = judged_before(chosen.tally) if chosen.tally else {}
    judged = [known.get(seed) or _judge_and_note(seed, chosen.tally) for seed in seeds]
    inside = sum(each.inside for each in judged)
    print(f"{inside} of {len(judged)} fleets of {INSTANCES} finished inside the range, from seed {chosen.seed}")
    return 0 if is_honest(judged) else 1


def is_honest(judged: Sequence[JudgedFleet]) -> bool:
    """Whether the 80 % range is honest: 70 to 90 % of the fleets finished inside it."""
    return 0.7 <= sum(each.inside for each in judged) / len(judged) <= 0.9


def judged_before(tally: Path) -> dict[int, JudgedFleet]:
    """The fleets in the file, by seed. A fleet whose line was cut off is judged again."""
    lines = tally.read_text().splitlines() if tally.exists() else []
    found: dict[int, JudgedFleet] = {}
    for line in lines:
        with suppress(ValueError):
            each = JudgedFleet(**json.loads(line))
            found[each.seed] = each
    return found


def _judge_and_note(seed: int, tally: Path | None) -> JudgedFleet:
    found = judge(seed)
    print(f"{seed} {'inside' if found.inside else 'outside'} {found.low} {found.finished} {found.high} {found.policy}", flush=True)
    if tally is not None:
        is_cut = tally.exists() and not tally.read_text().endswith("\n") and tally.stat().st_size > 0
        with tally.open("a") as file:
            file.write(("\n" if is_cut else "") + json.dumps(asdict(found)) + "\n")
    return found


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)  # a judged fleet writes thousands of lines
    sys.exit(main())
