"""The command line's groups of states contain every state of the state machine."""

from __future__ import annotations

from typer.testing import CliRunner

from cli import states
from cli.batches import ORDERS, _is_batch_settled
from cli.main import app, run
from cli.run.screen import _BASE, percent_done
from shared.domain.migration import State
from shared.runtime.requests import MIGRATION_ORDER


def test_the_groups_are_those_of_the_state_machine() -> None:
    assert tuple(state.value for state in State) == states.ALL
    assert set(states.ENDED) == {"completed", "rolled_back", "cancelled", "precheck_failed"}
    assert set(states.RESTING) == {*states.ENDED, "confirmed"}
    assert set(states.SETTLED) == {*states.RESTING, "failed", "migrated"}
    assert set(states.DONE) == {*states.RESTING, "migrated"}
    assert set(states.NOT_CHECKED) == {"accepted", "prechecking"}


def test_the_bar_knows_every_state() -> None:
    unfinished = set(states.ALL) - set(states.DONE) - {"failed", "rolling_back"}
    assert set(_BASE) == unfinished


def test_the_bar_starts_at_nothing_for_a_state_of_a_newer_version() -> None:
    assert percent_done({"state": "rehearsing", "hops": 1, "hop": 0, "progress": 0}) == 0


def test_watch_ends_if_everything_rests_or_waits_for_a_person() -> None:
    batch = {"state": "open", "acknowledgement": None}
    assert _is_batch_settled({**batch, "counts": {"confirmed": 2, "migrated": 1, "ready": 1}})
    assert not _is_batch_settled({**batch, "counts": {"migrating": 1}})
    assert not _is_batch_settled({**batch, "acknowledgement": {"operator": "ann"}, "counts": {"ready": 1}})


def test_the_shell_completes_a_state() -> None:
    assert states.states_beginning_with("ro") == ["rolling_back", "rolled_back"]
    assert states.states_beginning_with("bananas") == []


def test_the_help_lists_the_states() -> None:
    run(["--help"])  # the first run registers the commands
    text = " ".join(CliRunner().invoke(app, ["status", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output.split())
    assert [state for state in states.ALL if state not in text] == []


def test_the_orders_are_those_of_the_api() -> None:
    assert {f"{sign}{order}" for order in ORDERS for sign in ("", "-")} == set(MIGRATION_ORDER["enum"])
