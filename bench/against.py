"""The local cloud of this commit beside that of an older commit: requests per second and CPU time, on one machine, by turns.

Both clouds get the same calls of one client, so only the cloud differs. CPU time is that of the cloud's process. The machine may do
other work, so the best of several turns counts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from tablestore import INF_MAX, INF_MIN, OTSClient, Row

from bench import services
from bench.report import revision, table, write
from tools.deployed import process
from tools.deployed.clients import event, eventbridge

TURNS = 15
SECONDS = 0.4
HEADS = ("call", "per second, before", "per second, now", "cloud's CPU ms, before", "cloud's CPU ms, now")


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=process.ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """The files of a commit in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="localcloud-before-") as folder:
        archive = subprocess.run(["git", "archive", commit], cwd=process.ROOT, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x"], cwd=folder, input=archive, check=True)
        yield Path(folder)


def calls(cloud: process.Process) -> dict[str, tuple[services.Call, int]]:
    """One call of each kind, and how many rows or events it stands for."""
    owner, url = cloud.owner, cloud.line["ecs"]
    rows = OTSClient(url, owner.access_key_id, owner.access_key_secret, cloud.line["instance_name"])
    for number in range(500):
        rows.put_row("bench", Row([("id", f"{number:03d}")], [("v", "x" * 200)]))
    events = eventbridge(cloud, endpoint=url.removeprefix("http://"))
    few = [event(id=f"e{number}", type="nobody") for number in range(10)]

    def scan() -> None:
        rows.get_range("bench", "FORWARD", [("id", INF_MIN)], [("id", INF_MAX)], limit=500)

    each: dict[str, tuple[services.Call, int]] = {
        f"{service}: {name}": (call, 1) for (service, name), call in services.calls(cloud, url).items()
    }
    return {
        **each,
        "Tablestore: GetRange (500 rows)": (scan, 500),
        "EventBridge: putEvents, ten": (lambda: events.put_events(few), 10),
    }


def cpu_s(pid: int) -> float:
    """The CPU seconds that a process has used so far, with threads that have ended."""
    return time.clock_gettime(~pid << 3 | 2)  # what clock_getcpuclockid(3) gives on Linux


def measured(cloud: process.Process, call: Callable[[], Any], units: int, seconds: float) -> tuple[float, float]:
    """Rows, events or requests per second, and the cloud's CPU milliseconds per call."""
    before, done = cpu_s(cloud.process.pid), 0

    def counted() -> None:
        nonlocal done
        call()
        done += 1

    rate = services.rate(counted, seconds)
    return rate * units, 1000 * (cpu_s(cloud.process.pid) - before) / done


def measure(commit: str, turns: int, seconds: float) -> dict[str, list[tuple[float, float]]]:
    """For each call the best figures of the older cloud and of this one."""
    with ExitStack() as stack:
        old = stack.enter_context(checked_out(commit))
        clouds = []
        for root in (old, process.ROOT):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="localcloud-bench-")))
            with mock.patch.object(process, "ROOT", root):
                clouds.append(services.prepared(folder))
            stack.callback(clouds[-1].stop)
        made = [calls(cloud) for cloud in clouds]
        found: dict[str, list[tuple[float, float]]] = {name: [(0.0, 1e9)] * 2 for name in made[0]}
        for turn in range(turns):
            for name, best in found.items():
                for which in (0, 1) if turn % 2 else (1, 0):
                    rate, cpu = measured(clouds[which], *made[which][name], seconds)
                    best[which] = max(best[which][0], rate), min(best[which][1], cpu)
    return found


def shown(result: dict[str, Any]) -> str:
    """One client calls two local clouds by turns: that of an older commit, and this one. Each has its state on a disk. Of several
    turns the best counts. The CPU time of the cloud's process depends less on what else the machine does."""
    rows = [
        [name, round(old[0]), round(new[0]), f"{old[1]:.3f}", f"{new[1]:.3f}"] for name, (old, new) in result["measured"].items()
    ]
    before = f"Before: {result['before']} of {result['day']}."
    made = f"{before} Now: localcloud as the tree {result['now']}. {result['turns']} turns."
    return f"{made}\n\n{table(HEADS, rows)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("commit", help="the older commit")
    options.add_argument("--turns", type=int, default=TURNS)
    options.add_argument("--seconds", type=float, default=SECONDS, help="for each call in each turn")
    options.add_argument("--try", action="store_true", dest="tried", help="one call of each kind; keeps no figure")
    asked = options.parse_args(arguments)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]
    short, day = git("log", "-1", "--abbrev=8", "--format=%h %cs", asked.commit).split()
    now = git("rev-parse", "--short=8", "HEAD:localcloud")
    dirty = "-dirty" if revision().endswith("-dirty") else ""
    found: dict[str, Any] = {"before": short, "day": day, "now": now + dirty, "turns": 1 if asked.tried else asked.turns}
    found["measured"] = measure(asked.commit, found["turns"], 0 if asked.tried else asked.seconds)
    print(shown(found))
    if not asked.tried:
        write("against", f"python -m bench.against {short}", found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
