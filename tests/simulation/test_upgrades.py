"""An upgrade during a batch: functions of the last release and of this version run mixed, on the same rows and events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.simulation.scenario import draw
from tests.simulation.simulation import prepared, run_seed
from tests.simulation.versions import OLDER, MixedInvoker, NoHistory, Turns, extract, fitting

SEEDS = range(12)
MOST_OLD, MOST_NEW = 0.8, 0.2

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return extract(OLDER, tmp_path_factory.mktemp("older"))
    except NoHistory as error:
        pytest.skip(f"{error}: a full clone has it")


@pytest.fixture(scope="module", autouse=True)
def _prepared() -> Iterator[None]:
    with prepared():
        yield


@pytest.mark.parametrize("share", [MOST_OLD, MOST_NEW])
@pytest.mark.parametrize("seed", SEEDS)
def test_an_upgrade_in_mid_batch_breaks_no_invariant(older: Path, seed: int, share: float) -> None:
    invoker = MixedInvoker(turns=Turns(older), chance=Random(f"versions:{seed}"), share=share)
    report = run_seed(seed, scenario=fitting(draw(seed)), invoker=invoker)
    assert [str(each) for each in report.violations] == []
    assert report.migrations
    assert {is_older for _, is_older in invoker.ran} == {False, True}
