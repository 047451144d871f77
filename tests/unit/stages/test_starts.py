"""The table of starts and limits once more, in the stages: with real rows for the migration and the limits."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.accounts import UnusableAccount
from shared.domain.batch import UNTOUCHED, Acknowledgement, Batch, BatchProgress, BatchState, PauseState, Selection, Waves
from shared.domain.caller import Caller
from shared.domain.errors import Transient
from shared.domain.hold import NOTHING_HELD, HoldHistoryEntry
from shared.domain.limits import LIMITS_OF_START, SLOTS, Limit, StartKind, kind_of_next_start
from shared.domain.migration import DriverData, Failure, Migration, State, first_journal_entry
from shared.domain.policy import Policy
from shared.domain.times import Blackout
from shared.domain.window import Window
from shared.ports.ports import Ports
from shared.stages.api import migrations as acts
from shared.stages.effects import launch_job
from shared.stages.slots import admit_migration, current_blocking_limit
from tests.support.fakes import NOON, Fakes
from tests.support.ports import migration

RAN = DriverData(job_id="j-1", started_at=NOON)
ROWS: dict[StartKind, dict[str, Any]] = {
    StartKind.FIRST_SNAPSHOT: {"state": State.READY},
    StartKind.FIRST_JOB: {"state": State.SNAPSHOTTED},
    StartKind.HOP_SNAPSHOT: {"state": State.READY, "hop": 1},
    StartKind.HOP_JOB: {"state": State.SNAPSHOTTED, "hop": 1},
    StartKind.RETRY_SNAPSHOT: {"state": State.READY, "retried": True, "attempt": 2},
    StartKind.RETRY_JOB: {"state": State.WAITING, "retried": True, "attempt": 2, "resumes": "migrate", "handle": RAN},
    StartKind.RETRY_LOOK: {"state": State.WAITING, "retried": True, "attempt": 2, "resumes": "validate", "handle": RAN},
    StartKind.ROLLBACK: {
        "state": State.FAILED,
        "failure": Failure("validate", "X.Y", "m", "r"),
        "handle": RAN,
        "snapshots_made": 1,
    },
}
"""By start: a row from which it comes next."""
JOBS = {StartKind.FIRST_JOB, StartKind.HOP_JOB}
"""Starts that take no slot, because the migration has held one since its snapshots."""


def hold(fakes: Fakes, limit: Limit) -> None:
    """Bring one limit into effect, in the way in which it happens in the rows."""
    batch_id, others = "b0000000000000001", [migration(number).migration_id for number in (7, 8)]
    if limit is Limit.HOLD:
        assert fakes.admission.set_or_release_hold(NOTHING_HELD, HoldHistoryEntry("hold", "bob", NOON, "storm"))
    if limit is Limit.ACCOUNT:
        fakes.admission.write_account_refusal(
            UnusableAccount("", "Account.RoleRefused", "m", "r", NOON, NOON + timedelta(minutes=1))
        )
    if limit is Limit.GROUP:
        mate = migration(9, state=State.MIGRATING, group="app=shop")
        fakes.ports.migrations.create(mate, first_journal_entry(mate, by="intake", reason="asked"), [])
        assert fakes.admission.acquire_group_lock("app=shop", mate.migration_id).migration_id == mate.migration_id
    if limit is Limit.BUDGET:
        for each in others:
            fakes.batches.write_attempt_outcome(batch_id, each, "failed")
    if limit in (Limit.CANARY, *SLOTS):
        for each in others:
            assert fakes.admission.take_slot(fakes.admission.slot_use(batch_id, each), each, batch_id, region="cn-hangzhou")


def policy(limit: Limit) -> Policy:
    narrow = Policy(max_moving=2 if limit is Limit.SLOT else 9, failure_budget=1, canary=1 if limit is Limit.CANARY else 0)
    if limit is Limit.BLACKOUT:
        return replace(narrow, blackouts=(Blackout(NOON, NOON.replace(hour=13)),))
    if limit is Limit.APPROVAL:
        return replace(narrow, approvals=1)
    if limit is Limit.WAVE:
        return replace(narrow, waves=("1",))
    if limit is Limit.REGION:
        return replace(narrow, max_moving_per_region=2)
    if limit is Limit.WAVE_SLOT:
        return replace(narrow, max_moving_per_wave=2)
    return replace(narrow, window=Window("22:00", "04:00")) if limit is Limit.WINDOW else narrow


def stand(fakes: Fakes, start: StartKind, limit: Limit) -> Migration:
    control = BatchProgress(PauseState.PAUSED, "bob", NOON) if limit is Limit.PAUSE else UNTOUCHED
    given = None if limit is Limit.ACKNOWLEDGEMENT else Acknowledgement("ann", NOON, "1", ())
    batch = Batch(
        "b0000000000000001",
        BatchState.OPEN,
        1,
        NOON,
        "api",
        "ann",
        Selection(("cn-hangzhou",)),
        policy(limit),
        acknowledgement=given,
        control=control,
    )
    fakes.ports.batches.create(batch)
    if limit is Limit.WAVE:
        fakes.batches.cut[batch.batch_id] = Waves([("mother",), (migration(1).migration_id,)])
    hold(fakes, limit)
    made = migration(1, prechecked_at=NOON, group="app=shop" if limit is Limit.GROUP else "", **ROWS[start])
    fakes.ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
    return made


def begun(start: StartKind, made: Migration, ports: Ports) -> str:
    """The result of the stage or act: empty if it starts, else the limit that holds it."""
    if start is StartKind.ROLLBACK:
        return (
            ""
            if acts.roll_back_migration(ports, made.migration_id, Caller("ann"), made.version).state == "rolling_back"
            else "refused"
        )
    assert kind_of_next_start(made) is start
    held = current_blocking_limit(made, ports) if start in JOBS else admit_migration(made, ports)
    return held.limit.value if held else ""


@pytest.mark.parametrize("limit", Limit)
@pytest.mark.parametrize("start", StartKind)
def test_each_cell_of_the_table_at_its_stage(start: StartKind, limit: Limit) -> None:
    fakes = Fakes()
    made = stand(fakes, start, limit)
    found = begun(start, made, fakes.ports)
    assert found == (limit.value if limit in LIMITS_OF_START[start] else "")
    takes = start not in JOBS | {StartKind.ROLLBACK} and not found
    assert (made.migration_id in fakes.admission.repair_counts_and_list_slot_holders()) is takes


@pytest.mark.parametrize(("minutes", "starts"), [(0, True), (5, False)])
@pytest.mark.parametrize("limit", [Limit.HOLD, Limit.WINDOW])
def test_a_job_that_is_still_owed_is_not_started_late(limit: Limit, minutes: int, starts: bool) -> None:
    """SMC did not answer, and the window closed meanwhile. The tick would have started the job then."""
    fakes, launched = Fakes(), []

    class Driver:
        def launch_job(self, each: Migration) -> None:
            launched.append(each)

    fakes.drivers = {"smc": Driver()}
    made = replace(stand(fakes, StartKind.FIRST_JOB, limit), state=State.MIGRATING)
    fakes.clock.pass_time(minutes=minutes)
    with nullcontext() if starts else pytest.raises(Transient, match="The job is not started"):
        launch_job(made, fakes.ports)
    assert bool(launched) is starts
