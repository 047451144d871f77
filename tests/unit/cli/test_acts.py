"""Acts on the command line: which migration is meant, at which version, and what the command prints."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import typer

from cli.client import ApiClient
from cli.main import run
from shared.domain.batch import Acknowledgement
from shared.domain.migration import State
from shared.domain.policy import Policy
from tests.support.api import ApiInHand, ApiInMemory, entry, migration
from tests.support.fakes import NOON


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> ApiInMemory:
    api = ApiInMemory()
    monkeypatch.setattr(ApiClient, "from_environment", lambda: ApiInHand(api))
    return api


def said(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    ended = run(list(arguments))
    told = capsys.readouterr()
    assert ended == status, told.err
    return told.out + told.err


def later(migration_id: str, state: State, minutes: int) -> object:
    return replace(migration(migration_id, state), created_at=NOON + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("command", "state"), [("cancel", "ready"), ("retry", "failed"), ("confirm", "migrated"), ("rollback", "migrated")]
)
def test_an_act_never_means_a_dry_run(api: ApiInMemory, capsys: pytest.CaptureFixture[str], command: str, state: str) -> None:
    api.open_batch(later("m1", State(state), 0))  # type: ignore[arg-type]
    api.open_batch(later("dry", State.CANCELLED, 5), dry_run=True)  # type: ignore[arg-type]
    assert "Migration m1 (i-1)" in said(capsys, command, "i-1", *(["--yes"] if command == "rollback" else []))
    assert api.call("GET", "/migrations/m1")[1]["state"] != state
    assert api.call("GET", "/migrations/dry")[1]["version"] == 7


def test_dry_runs_alone_are_no_target(api: ApiInMemory, capsys: pytest.CaptureFixture[str]) -> None:
    api.open_batch(migration("dry", State.READY), dry_run=True)
    told = said(capsys, "cancel", "i-1", status=1)
    assert "Migration.NotFound: Instance i-1 has only dry runs, and a dry run has nothing to cancel." in told
    assert "Instance i-2 has no migration" in said(capsys, "cancel", "i-2", status=1)


def test_more_than_one_candidate_is_refused_with_the_list(api: ApiInMemory, capsys: pytest.CaptureFixture[str]) -> None:
    first = api.open_batch(later("m1", State.ROLLED_BACK, 0))  # type: ignore[arg-type]
    second = api.open_batch(later("m2", State.MIGRATED, 5))  # type: ignore[arg-type]
    told = said(capsys, "confirm", "i-1", status=2)
    assert told.startswith("Migration.Ambiguous: Instance i-1 has 2 migrations that you may mean:\n")
    assert f"  m2  batch {second}  migrated since 2026-11-23 12:00 UTC  version 7  possible: confirm, rollback\n" in told
    assert f"  m1  batch {first}  rolled_back since 2026-11-23 12:00 UTC  version 7  possible: confirm\n" in told
    assert "replank confirm m2" in told
    assert {each.migration.version for each in api.fakes.migrations.rows.values()} == {7}


def test_what_lies_behind_does_not_make_the_live_one_ambiguous(api: ApiInMemory, capsys: pytest.CaptureFixture[str]) -> None:
    api.open_batch(later("m1", State.COMPLETED, 0))  # type: ignore[arg-type]
    api.open_batch(later("m2", State.READY, 5))  # type: ignore[arg-type]
    assert "Migration m2 (i-1) is cancelled." in said(capsys, "cancel", "i-1")
    assert "Migration m2 (i-1) is cancelled." in said(capsys, "cancel", "i-1"), "the answer may have been lost"
    assert "Migration m2 is cancelled; it cannot be retried." in said(capsys, "retry", "i-1", status=1)


def test_each_act_says_what_it_did(api: ApiInMemory, capsys: pytest.CaptureFixture[str]) -> None:
    api.open_batch(migration("m1"), migration("m2", State.CANCELLED), migration("m3", State.CANCELLED), migration("m4"))
    api.fakes.ledger.write_entry(entry("m3", "a"))
    assert said(capsys, "confirm", "m1").startswith("Migration m1 (i-1) is confirmed. Its snapshots are deleted")
    assert "Migration m2 is cancelled; it cannot be confirmed." in said(capsys, "confirm", "m2", status=1)
    assert said(capsys, "confirm", "m3").startswith("Migration m3 (i-1) is cancelled, and its snapshots are released.")
    assert said(capsys, "rollback", "m4", "-y").startswith("Migration m4 (i-1) is being rolled back.")


def test_the_version_that_a_person_saw_is_sent(api: ApiInMemory, capsys: pytest.CaptureFixture[str]) -> None:
    api.open_batch(migration("m1"))
    assert "version    7" in said(capsys, "show", "m1")
    assert "Migration.Moved" in said(capsys, "confirm", "m1", "--seen-version", "6", status=1)
    assert "confirmed" in said(capsys, "confirm", "m1", "--seen-version", "7")


def test_what_moves_between_the_look_and_the_act_is_refused(
    api: ApiInMemory, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    api.open_batch(migration("m1"))

    def confirmed_meanwhile(*_: object, **__: object) -> None:
        api.call("POST", "/migrations/m1/confirmation", operator="bob")

    monkeypatch.setattr("typer.confirm", confirmed_meanwhile)
    assert "moved by bob" in said(capsys, "rollback", "m1", status=1)
    assert api.call("GET", "/migrations/m1")[1]["state"] == "confirmed"


def test_a_batch_of_which_nothing_is_confirmed_is_no_success(api: ApiInMemory, capsys: pytest.CaptureFixture[str]) -> None:
    batch_id = api.open_batch(migration("m1", State.READY))
    assert (
        said(capsys, "confirm", "--batch", batch_id, status=1)
        == f"Nothing was confirmed: batch {batch_id} has no migrated migration.\n"
    )
    assert "Batch.NotFound" in said(capsys, "confirm", "--batch", "nobodys", status=1)
    second = api.open_batch(*(migration(f"n{number}") for number in range(130)))
    assert said(capsys, "confirm", "--batch", second, "--yes") == "130 confirmed.\n"


def test_a_batch_is_confirmed_portion_by_portion(api: ApiInMemory, capsys: pytest.CaptureFixture[str]) -> None:
    """The API accepts 100 confirmations at once."""
    batch = api.open_batch(*[replace(migration(f"m{number}", State.MIGRATED), instance_id=f"i-{number}") for number in range(101)])
    assert said(capsys, "confirm", "--batch", batch, "-y").startswith("101 confirmed.")
    assert {each["state"] for each in ApiInHand(api).all_items("/migrations", "migrations", batchId=batch)} == {"confirmed"}


def test_a_batch_is_listed_before_it_is_confirmed_and_no_changes_nothing(
    api: ApiInMemory, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = api.open_batch(migration("m1"), migration("m2"), migration("m3", State.READY))
    asked: list[str] = []

    def refuse(question: str, **_: object) -> None:
        asked.append(question)
        raise typer.Abort

    monkeypatch.setattr("typer.confirm", refuse)
    listed = said(capsys, "confirm", "--batch", batch, status=130)
    assert "m1  i-1" in listed
    assert "m2  i-1" in listed
    assert "m3" not in listed
    assert asked[0].startswith("Confirm these 2? Their snapshots are deleted 7 days later")
    assert {each["state"] for each in ApiInHand(api).all_items("/migrations", "migrations", batchId=batch)} == {"migrated", "ready"}


def test_policy_set_says_that_automatic_rollback_ends(api: ApiInMemory, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    batch = api.open_batch(migration("m1", State.MIGRATED))
    row = replace(
        api.fakes.batches.rows[batch], policy=Policy(automatic_rollback=True), acknowledgement=Acknowledgement("ann", NOON, "1", ())
    )
    api.fakes.batches.rows[batch] = row
    file = tmp_path / "policy.json"
    file.write_text('{"automaticRollback": true, "maxMoving": 7}', encoding="utf-8")
    told = said(capsys, "policy", "set", batch, str(file), "--yes")
    assert "Its automatic rollback is now off" in told
