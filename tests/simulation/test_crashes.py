"""A few real kills in ``make test``; ``make crash`` does 200."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.crash import Crashes


def test_a_fleet_survives_kill_9(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    run = Crashes(tmp_path, instances=2, kills=4, seed=1)
    try:
        run.run()
    finally:
        run.close()
    assert run.killed == 4
    assert run.full
