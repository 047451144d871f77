"""The large scenario: regions, accounts, groups, waves, windows and failures. The limits hold at every write and call.

``LARGE_MOVE=1000`` moves a thousand instances instead of sixty.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from shared.domain.window import Window
from tests.simulation import bugs, bugs_starts, records
from tests.simulation.large_move import FAIL_EVERY, LargeMove, Watched
from tests.simulation.swept import Rules, paused_times, swept

pytestmark = pytest.mark.long
FEW = 36
CROWDED: Mapping[str, Any] = {"group": None, "waves": ["50%"], "maxMovingPerRegion": None, "maxMovingPerWave": None}
"""Many that could begin at once: only the limit at hand keeps them from it."""


def against(move: LargeMove, seen: Watched) -> list[str]:
    """What the cloud's own records say against the limits."""
    of = {id: each.instance_id for id, each in seen.truth.migrations.items()}
    cut = records.waves(seen.truth.batch_rows[move.batch_id])
    waves = {of[id]: number for number, ids in enumerate(cut) for id in ids}
    groups = {id: value for id, tags in seen.scene.tags.items() for value in tags.values()} if move.asked().get("group") else {}
    rules = Rules(seen.truth.batches[move.batch_id], move.account_limit, waves, groups, paused_times(move.journal))
    return swept(seen.cloud.moves(), rules)


def test_limits_hold_at_every_instant_of_a_large_move(tmp_path: Path) -> None:
    count, began = int(os.environ.get("LARGE_MOVE", "60")), time.perf_counter()
    move = LargeMove(count, tmp_path)
    seen = move.run()
    failed = count // FAIL_EVERY
    assert seen.states() == {"migrated": count - failed, "confirmed": failed}
    assert seen.broken == []
    assert len(seen.cloud.moves()) == count
    assert against(move, seen) == []
    assert move.pauses >= 1
    assert {each["by"] for each in move.journal if each["act"] == "resume"} == {"bob"}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{count} instances: {time.perf_counter() - began:.0f} s, {peak:.0f} MiB at most, {move.pauses} pauses")


Bug = Callable[[], list[Any]]


def window_always_open() -> list[Any]:
    """A closed window counts as one that opened long ago. If it had opened just now, every snapshot would be too old for a job."""
    long_ago = datetime.min.replace(tzinfo=timezone.utc)
    return [mock.patch.object(Window, "opened_at", return_value=long_ago)]


MUTANTS: list[tuple[str, Bug, dict[str, Any]]] = [
    ("account", bugs_starts.no_account_limit, {**CROWDED, "maxMoving": 20}),
    ("batch", bugs_starts.no_limit, {**CROWDED, "maxMoving": 2}),
    ("region", bugs_starts.no_region_limit, {**CROWDED, "maxMovingPerRegion": 1}),
    ("wave", bugs_starts.no_wave_limit, {**CROWDED, "maxMovingPerWave": 2}),
    ("group", bugs_starts.no_group, {}),
    ("window", window_always_open, {}),
    ("wave order", bugs.waves_overlap, {}),
    ("budget", bugs_starts.no_budget, {}),
    ("pause", bugs_starts.no_pause_at_budget, {}),
]
"""The limit that the sweep must find broken, the bug, and what the policy has besides."""


@pytest.mark.parametrize(("limit", "bug", "policy"), MUTANTS, ids=[limit for limit, _, _ in MUTANTS])
def test_the_sweep_finds_each_limit_broken(limit: str, bug: Bug, policy: dict[str, Any], tmp_path: Path) -> None:
    move = LargeMove(FEW, tmp_path, policy, fail_every=6)

    def broken(seen: Watched) -> bool:
        return any(sentence.startswith(f"{limit}:") for sentence in against(move, seen))

    with ExitStack() as stack:
        for patch in bug():
            stack.enter_context(patch)
        seen = move.run(stop=broken)
    assert broken(seen), against(move, seen)


@pytest.mark.parametrize("policy", [policy for limit, _, policy in MUTANTS if policy or limit == "group"], ids=str)
def test_the_sweep_finds_nothing_without_a_bug(policy: dict[str, Any], tmp_path: Path) -> None:
    move = LargeMove(FEW, tmp_path, policy, fail_every=6)
    seen = move.run(stop=lambda seen: against(move, seen) != [])
    assert against(move, seen) == []
    assert set(seen.states()) <= {"migrated", "confirmed"}
