"""Planning and dry runs: neither may leave something that nobody drives."""

from __future__ import annotations

from dataclasses import replace

from shared.domain import events
from shared.domain.batch import Batch, BatchState, Selection
from shared.domain.findings import Assessment
from shared.domain.message import Message
from shared.domain.migration import State, born
from shared.domain.policy import Policy
from shared.stages import intake, precheck
from shared.stages.api import batches
from tests.support.facts import LINUX_GUEST, LINUX_INSTANCE
from tests.support.fakes import FakeBus
from tests.support.ports import T0, bench, migration


def test_a_region_that_cannot_be_listed_is_a_problem_of_the_batch() -> None:
    with bench("intake") as one:
        ports = replace(one.ports, bus=FakeBus())
        asked, _ = batches.submit(
            ports, {"instanceIds": ["i-test0001"], "regionIds": ["cn-nowhere"], "policy": {"driver": "console"}}, "ann"
        )
        intake.run(Message(events.BATCH_SUBMITTED, "e", "replank", {"batchId": asked.batch_id}), ports)
        planned = ports.batches.load(asked.batch_id)
        assert planned.state is BatchState.OPEN
        assert [(where, code) for where, code, _ in planned.problems] == [
            ("cn-nowhere", "Region.NotFound"),
            ("i-test0001", "Instance.NotFound"),
        ]


def test_a_dry_run_ends_in_the_step_that_passes_it() -> None:
    with bench("precheck") as one:
        ports = replace(one.ports, bus=FakeBus())
        made = migration(1, state=State.PRECHECKING)
        batch = Batch(made.batch_id, BatchState.OPEN, 1, T0, "api", "ann", Selection(("cn-hangzhou",)), Policy(), dry_run=True)
        ports.migrations.create(made, born(made, by="intake", reason="asked"), [])
        precheck._passed(made, batch, Assessment(), LINUX_INSTANCE, LINUX_GUEST, ports)
        assert ports.migrations.load(made.migration_id).state is State.CANCELLED
        assert len(ports.migrations.journal(made.migration_id)) == 2
