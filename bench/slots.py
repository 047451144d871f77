"""How well the slots of a fleet are used: how long a hop holds its slot, and how long the whole fleet takes.

All times are virtual, so the load of the machine does not matter. The cloud's records show the minutes that the cloud itself needs.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from statistics import fmean
from typing import Any

from bench.fleets import live
from bench.meter import Meter, named
from bench.migration import per_migration
from bench.report import table, write
from localcloud.core.http import Request, Response
from localcloud.ecs.store import Store as Documents
from tools.deployed.product import DeployedProduct

FLEETS = ((60, 6), (200, 20))
"""The number of instances in each fleet, and how many of them move at once."""
SEED = 7
MINUTE_MS = 60_000
AIM_HOLD, AIM_MAKESPAN = 1.04, 1.10
BEFORE = """\
At 8515f6f, before the ends of commands woke stages and released slots were offered at once: 60 in 6 took 1.168 and 1.258 with 192
calls, 200 in 20 took 1.170 and 1.268 with 159 calls. Of the minutes beyond the cloud's, 1.8 were a second precheck at the slot, 1.5
the import, 1.0 the validation and 0.6 the guest's return; a slot stood empty for 1.0."""
PHASES = (
    ("slot taken to snapshots asked", "taken", "asked"),
    ("our snapshots (the cloud's)", "asked", "copied"),
    ("snapshots done to noticed", "copied", "snapshotted"),
    ("import of the source, to the job's start", "snapshotted", "started"),
    ("SMC's job (the cloud's)", "started", "finished"),
    ("the guest's return (the cloud's)", "finished", "back"),
    ("the guest's return to noticed", "back", "validating"),
    ("validation", "validating", "released"),
)
CLOUDS = frozenset(phase for phase, _, _ in PHASES if "the cloud's)" in phase)
Moments = dict[str, float]
"""The time of each event of a hop, in milliseconds, by name."""


@dataclass
class SlotMeter(Meter):
    """Counts calls as the other meters do, and records the times of SMC's jobs before the pipeline deletes them."""

    jobs: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    """By migration: when its job started and finished, and when the guest's agent was back."""
    copies: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By migration: the begin and end times of the snapshots that the pipeline requested."""
    moments: list[Moments] = field(default_factory=list)
    acknowledged: float = 0.0

    def __post_init__(self) -> None:
        super().__init__()

    def begin(self, product: DeployedProduct) -> None:
        self._product = product

    def around(self, handle: Callable[[Request], Response]) -> Callable[[Request], Response]:
        counted = super().around(handle)

        def noted(request: Request) -> Response:
            if named(request)[1] == "DeleteReplicationJob":
                self._note_jobs()
            return counted(request)

        return noted

    def _note_jobs(self) -> None:
        cloud = self._product.cloud
        with cloud.lock:
            for _, job in cloud.db.account_collection("smc.job").items():
                instance = Documents(cloud.db).get("instance", job["sim"]["instance_id"])
                back = instance["sim"]["agent"]["since"] if instance else None
                if job["Status"] == "Finished" and back is not None:
                    self.jobs[job["Name"].split("-")[1]] = (_ms(job["StartTime"]), _ms(job["EndTime"]), float(back))

    def end(self, product: DeployedProduct) -> None:
        for snapshot in Documents(product.cloud.db).find("snapshot", {}):
            if snapshot["SnapshotName"].startswith("replank-"):
                self.copies.setdefault(snapshot["SnapshotName"].split("-")[1], []).append(snapshot["sim"])
        for each in product.migrations():
            journal = product.api.get(f"/migrations/{each['migrationId']}/journal")["lines"]
            self.moments.append(self._moments(each["migrationId"], journal))
        batch = product.api.get(f"/batches/{product.migrations()[0]['batchId']}")
        self.acknowledged = _ms(batch["acknowledgement"]["at"])

    def _moments(self, migration_id: str, journal: list[dict[str, Any]]) -> Moments:
        made = self.copies[migration_id]
        first: dict[str, float] = {}
        for line in journal:
            first.setdefault(line["to"], _ms(line["at"]))
        started, finished, back = self.jobs[migration_id]
        return {
            "taken": min(_ms(line["at"]) for line in journal if line["by"] == "snapshot"),
            "asked": min(each["started_ms"] for each in made),
            "copied": max(each["done_ms"] for each in made),
            "snapshotted": first["snapshotted"],
            "started": started,
            "finished": finished,
            "noticed": first["restarting"],
            "back": back,
            "validating": first["validating"],
            "released": first["migrated"],
        }


def _ms(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000


def figures(count: int, slots: int) -> dict[str, Any]:
    """One fleet's ratios, the phases of its hops in minutes, and its calls per migration."""
    meter = SlotMeter()
    busy = live(count, max_moving=slots, swept=False, seed=SEED, meter=meter)
    idle = live(0, max_moving=1, days=busy.virtual_days)
    calls: Counter[str] = Counter()
    for each in per_migration(busy, idle)["calls"]:
        calls[each["service"]] += each["calls"]
    return {"instances": count, "slots": slots, **ratios(meter.moments, meter.acknowledged, slots), "calls": dict(calls)}


def ratios(moments: list[Moments], since: float, slots: int) -> dict[str, Any]:
    """How well hops with these times used the slots, in a fleet that could begin at ``since``."""
    phases = {name: fmean(each[to] - each[at] for each in moments) / MINUTE_MS for name, at, to in PHASES}
    cloud = sum(minutes for name, minutes in phases.items() if name in CLOUDS)
    held = fmean(each["released"] - each["taken"] for each in moments) / MINUTE_MS
    makespan = (max(each["released"] for each in moments) - since) / MINUTE_MS
    takes, gaps = sorted(each["taken"] for each in moments), sorted(each["released"] for each in moments)
    refills = [taken - released for released, taken in zip(gaps, takes[slots:], strict=False)]
    last = sum(gaps[-1] - released for released in gaps[-slots:]) / slots / MINUTE_MS
    return {
        "phases": phases,
        "noticed": fmean(each["noticed"] - each["finished"] for each in moments) / MINUTE_MS,
        "refill": fmean(refills) / MINUTE_MS if refills else 0.0,
        "last": last,
        "cloud": cloud,
        "held": held,
        "hold_ratio": held / cloud,
        "makespan": makespan,
        "makespan_ratio": makespan / (cloud * len(moments) / slots),
    }


def shown(result: dict[str, Any]) -> str:
    """Fleets of one batch on the local cloud, one hop each. The cloud's own minutes are our snapshots, SMC's job and the guest's
    return, by the cloud's records. A hop holds its slot longer, because its stages have to notice what happened. The lower
    bound of the makespan is the cloud's minutes of all hops, divided by the slots. All times are virtual minutes."""
    fleets = result["fleets"]
    heads = ["instances", "slots", "the cloud's", "slot held", "ratio", "makespan", "ratio to the bound", "calls per migration"]
    rows = [
        [
            each["instances"],
            each["slots"],
            each["cloud"],
            each["held"],
            f"{each['hold_ratio']:.3f}",
            each["makespan"],
            f"{each['makespan_ratio']:.3f}",
            sum(each["calls"].values()),
        ]
        for each in fleets
    ]
    parts = ["phase, mean minutes", *(f"{each['instances']} in {each['slots']}" for each in fleets)]
    lines = [[name, *(each["phases"][name] for each in fleets)] for name, _, _ in PHASES]
    for name, key in OUTSIDE_A_HOP:
        lines.append([name, *(each[key] for each in fleets)])
    aims = f"Aims: {AIM_HOLD:.2f} for a hop, {AIM_MAKESPAN:.2f} for the makespan."
    return f"{table(heads, rows)}\n\n{table(parts, lines)}\n\n{aims}\n\n{BEFORE}"


OUTSIDE_A_HOP = (
    ("(job's end to noticed, during the return)", "noticed"),
    ("slot released to the next slot taken", "refill"),
    ("a slot idle at the end of the fleet", "last"),
)
"""The rows of the second table that are not phases."""


def main() -> int:
    """Measure the fleets and print."""
    options = argparse.ArgumentParser("python -m bench.slots", description=__doc__)
    options.add_argument("--fleets", default=",".join(f"{count}/{slots}" for count, slots in FLEETS), help="instances/slots, ...")
    options.add_argument("--try", action="store_true", dest="trial", help="measure and print only")
    given = options.parse_args()
    sizes = [each.split("/") for each in given.fleets.split(",")]
    found = {"fleets": [figures(int(count), int(slots)) for count, slots in sizes]}
    print(shown(found))
    if not given.trial:
        write("slots", "python -m bench.slots", found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
