"""The table of the policy's fields is complete: each field is drawn, judged by a checker, and each checker is proved by a bug."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.domain.policy import DEFAULTS, WORDS
from tests.simulation.fields import FIELDS, drawn_values, page
from tests.simulation.invariants import all_checkers
from tests.simulation.mutants import MUTANTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
SEEDS = range(400)


@pytest.fixture(scope="module")
def drawn() -> dict[str, set[str]]:
    return drawn_values(SEEDS)


def test_the_table_has_every_field_of_the_model() -> None:
    assert set(FIELDS) == set(WORDS)


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_a_field_is_drawn_judged_and_proved(name: str, drawn: dict[str, set[str]]) -> None:
    judged = FIELDS[name]
    assert drawn.get(name, set()) - {repr(DEFAULTS.get(name))}, "the simulation draws no value but the default"
    if judged.checker is None:
        assert judged.reason
        return
    assert judged.checker in {type(each) for each in all_checkers()}
    assert judged.mutants
    found_by = {mutant.name: mutant.found for mutant in MUTANTS}
    assert {each: found_by.get(each) for each in judged.mutants} == dict.fromkeys(judged.mutants, judged.checker.number)


def test_the_page_has_the_table() -> None:
    assert page() in PAGE.read_text(encoding="utf-8"), "python -m tests.simulation.fields prints it"
