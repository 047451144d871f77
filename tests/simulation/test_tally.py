"""A long run in a file continues where it stopped, counts nothing twice, and never mixes different code."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localcloud.core.errors import ApiError
from tests.simulation import run, tally
from tests.simulation.figures import Figures
from tests.simulation.scenario import draw
from tests.simulation.seed_report import SeedReport
from tests.simulation.tally import ChunkTally, OtherCode, fingerprint
from tests.simulation.trace import RunTrace

SOME = Figures(
    seeds=2,
    migrations=9,
    calls=700,
    injected=Counter(throttle=3),
    states=Counter(ready=4),
    transitions=Counter({("", "planned"): 9}),
    ended=Counter(completed=9),
    broken=[(7, "invariant 1: it moved twice")],
)

NONE: Counter[Any] = Counter()
EMPTY = SeedReport(0, [], 0, NONE, NONE, NONE, NONE, NONE, 0, "", 0.0, [], RunTrace())


def test_figures_come_back_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "tally.json"
    kept = ChunkTally(path)
    kept.add((0, 2), SOME, 1.5)
    kept.add((2, 2), SOME, 1.0)
    again = ChunkTally(path)
    assert (again.figures, again.seconds, again.chunks) == (kept.figures, 2.5, {(0, 2), (2, 2)})
    assert again.figures.seeds == 4
    assert again.figures.transitions == Counter({("", "planned"): 18})
    assert [path.name for path in tmp_path.iterdir()] == ["tally.json"]


def test_a_chunk_that_was_counted_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[int, int]] = []

    def counted(first: int, count: int, driver: str) -> Figures:
        ran.append((first, count))
        return Figures(seeds=count)

    monkeypatch.setattr(run, "run_range", counted)
    path = tmp_path / "tally.json"
    assert run.main(["--seeds", "50", "--tally", str(path)]) == 0
    assert run.main(["--seeds", "100", "--tally", str(path)]) == 0
    assert ran == [(0, 25), (25, 25), (50, 25), (75, 25)]
    assert ChunkTally(path).figures.seeds == 100


def test_only_seeds_that_ask_for_the_driver_run_and_their_figures_stay_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[int] = []

    def note(seed: int) -> SeedReport:
        ran.append(seed)
        return replace(EMPTY, seed=seed)

    monkeypatch.setattr(run, "run_seed", note)
    path = tmp_path / "tally.json"
    assert run.main(["--seeds", "50", "--driver", "guest", "--tally", str(path)]) == 0
    asked = [seed for seed in range(50) if "guest" in run.asked_drivers(draw(seed))]
    assert ran == asked
    assert 0 < len(asked) < 50
    assert run.main(["--seeds", "50", "--tally", str(path)]) == 2


def test_a_seed_that_raises_is_reported_and_the_others_still_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that cannot be unpickled must not leave the parent process waiting for ever (seed 57670670)."""
    ran: list[int] = []

    def fail(seed: int) -> None:
        ran.append(seed)
        raise ApiError("InvalidInstanceId.NotFound", "It was released.", 404)

    monkeypatch.setattr(run, "run_seed", fail)
    figures = run.run_range(3, 2)
    assert ran == [3, 4]
    assert figures.broken == [
        (each, "the run ended with ApiError: InvalidInstanceId.NotFound: It was released.") for each in (3, 4)
    ]


def test_what_is_interrupted_keeps_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def until(first: int, count: int, driver: str) -> Figures:
        if first:
            raise KeyboardInterrupt
        return Figures(seeds=count)

    monkeypatch.setattr(run, "run_range", until)
    path = tmp_path / "tally.json"
    assert run.main(["--seeds", "50", "--tally", str(path)]) == 0
    shown = capsys.readouterr()
    assert "interrupted" in shown.err
    assert shown.out.startswith("25 seeds in ")
    assert ChunkTally(path).chunks == {(0, 25)}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"code": 1, "figures": {}}'])
def test_a_file_that_is_no_tally_is_refused(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tally.json"
    path.write_text(text, encoding="utf-8")
    assert run.main(["--tally", str(path)]) == 2
    assert "no tally" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == text


def test_figures_of_other_code_are_not_added_to(tmp_path: Path) -> None:
    path = tmp_path / "tally.json"
    ChunkTally(path).add((0, 2), SOME, 1.5)
    values = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**values, "code": "another"}), encoding="utf-8")
    with pytest.raises(OtherCode, match="another"):
        ChunkTally(path)


def test_the_fingerprint_tells_the_product_and_not_its_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "CODE", ("shared", "s.yaml"))
    (tmp_path / "shared").mkdir()
    (tmp_path / "s.yaml").write_text("a", encoding="utf-8")
    (tmp_path / "shared" / "one.py").write_text("a", encoding="utf-8")
    before = fingerprint(tmp_path)
    (tmp_path / "shared" / "test_one.py").write_text("a", encoding="utf-8")
    assert fingerprint(tmp_path) == before
    (tmp_path / "shared" / "one.py").write_text("b", encoding="utf-8")
    assert fingerprint(tmp_path) != before
