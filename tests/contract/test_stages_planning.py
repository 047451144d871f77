"""Planning and dry runs: neither may leave a migration that nothing drives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from localcloud.core.regions import REGIONS as CLOUD_REGIONS
from shared.domain import events
from shared.domain.batch import Batch, BatchState, Selection
from shared.domain.caller import Caller
from shared.domain.catalog import REGIONS, WINDOWS_REGIONS
from shared.domain.errors import Refused, Transient
from shared.domain.findings import Assessment
from shared.domain.message import Message
from shared.domain.migration import State, first_journal_entry
from shared.domain.policy import Policy
from shared.domain.timing import interval_before_retry, is_retry_tick
from shared.ports.compute import Compute, InstancePage
from shared.stages import choosing, intake, precheck, watch
from shared.stages.api import batches
from shared.stages.survey import RegionProblems, instance_pages
from tests.support.facts import LINUX_GUEST, LINUX_INSTANCE
from tests.support.fakes import FakeBus
from tests.support.fleets import fleet, instance
from tests.support.ports import T0, Bench, bench, migration


def test_a_region_that_cannot_be_listed_is_a_problem_of_the_batch() -> None:
    with bench("intake") as one:
        ports = replace(one.ports, bus=FakeBus(), more_regions=("cn-nowhere",))
        asked, _ = batches.submit_batch(
            ports, {"instanceIds": ["i-test0001"], "regionIds": ["cn-nowhere"], "policy": {"driver": "console"}}, Caller("ann")
        )
        intake.handle_message(Message(events.BATCH_SUBMITTED, "e", "replank", {"batchId": asked.batch_id}), ports)
        planned = ports.batches.load(asked.batch_id)
        assert planned.state is BatchState.OPEN
        assert [(where, code) for where, code, _ in planned.problems] == [
            ("cn-nowhere", "Region.NotFound"),
            ("i-test0001", "Instance.NotFound"),
        ]


def test_a_region_that_nobody_knows_is_refused_when_it_is_asked_for_with_what_is_near() -> None:
    with bench("api") as one:
        request = {"instanceIds": ["i-test0001"], "regionIds": ["cn-hangzhou", "cn-hangzou"], "policy": {"driver": "console"}}
        with pytest.raises(Refused) as refused:
            batches.submit_batch(one.ports, request, Caller("ann"))
        assert (refused.value.code, refused.value.status) == ("Region.NotFound", 400)
        assert "cn-hangzou" in refused.value.message
        assert "near it: cn-hangzhou," in refused.value.remedy
        assert "REPLANK_MORE_REGIONS" in refused.value.remedy
        assert one.ports.batches.batch_page(limit=9, token="").batches == ()


def test_a_region_that_has_opened_since_is_named_by_a_setting() -> None:
    with bench("api", REPLANK_MORE_REGIONS="cn-hangzou, na-south-9") as one:
        request = {"instanceIds": ["i-test0001"], "regionIds": ["na-south-9", "cn-hangzhou"], "policy": {"driver": "console"}}
        asked, _ = batches.submit_batch(one.ports, request, Caller("ann"))
        assert asked.selection.region_ids == ("na-south-9", "cn-hangzhou")


def test_the_product_and_the_local_cloud_know_the_same_regions() -> None:
    assert CLOUD_REGIONS == REGIONS
    assert set(WINDOWS_REGIONS) < set(REGIONS)


def test_a_dry_run_ends_in_the_step_that_passes_it() -> None:
    with bench("precheck") as one:
        ports = replace(one.ports, bus=FakeBus())
        made = migration(1, state=State.PRECHECKING)
        batch = Batch(made.batch_id, BatchState.OPEN, 1, T0, "api", "ann", Selection(("cn-hangzhou",)), Policy(), dry_run=True)
        ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
        precheck._pass_precheck(made, batch.summary, Assessment(), LINUX_INSTANCE, LINUX_GUEST, ports)
        assert ports.migrations.load(made.migration_id).state is State.CANCELLED
        assert len(ports.migrations.journal(made.migration_id)) == 2


@dataclass
class SilentRegions:
    """A compute port in which some regions never answer, with the SDK's error for a name that does not resolve."""

    compute: Compute
    regions_silent: tuple[str, ...]
    list_regions: bool = True

    def instance_page(self, region_id: str, **more: Any) -> InstancePage:
        if region_id in self.regions_silent:
            raise Transient("Cloud.NoAnswer", f"Failed to resolve 'ecs.{region_id}.aliyuncs.com'")
        return self.compute.instance_page(region_id, **more)

    def regions(self) -> frozenset[str]:
        if not self.list_regions:
            raise Transient("Cloud.NoAnswer", "no answer")
        return self.compute.regions()


def planned(one: Bench, *, silent: tuple[str, ...], list_regions: bool = True, hours: int = 0) -> tuple[str, list[str], str]:
    """A batch of two regions after this many hours: its state, its problems as `where code`, and what holds it back."""
    compute: Any = SilentRegions(one.ports.compute, silent, list_regions)
    bus = FakeBus()
    ports = replace(one.ports, bus=bus, compute=compute, more_regions=silent)
    request = {"releases": ["centos-7"], "regionIds": [*silent, "cn-hangzhou"], "policy": {"driver": "console"}}
    asked, _ = batches.submit_batch(ports, request, Caller("ann"))
    message = Message(events.BATCH_SUBMITTED, "e", "replank", {"batchId": asked.batch_id})
    assert intake.handle_message(message, ports).result in ("done", "waiting")
    for _ in range(hours * 60):
        one.world.run(1)
        bus.published.clear()
        watch._resume_planning([each for each in ports.batches.open_batches(100) if each.state is BatchState.PLANNING], ports)
        for _ in bus.published:
            intake.handle_message(message, ports)
    found = ports.batches.load(asked.batch_id)
    assert [
        each.instance_id
        for each in ports.migrations.migration_page_of_batch(asked.batch_id, state=None, limit=9, token="").migrations
    ] == ["i-test0001"], "the other region's instances are there, each once"
    assert found.state is BatchState.PLANNING or found.size == 1
    return (
        found.state.value,
        [f"{where} {code}" for where, code, _ in found.problems],
        batches.get_batch(ports, asked.batch_id).held_back,
    )


@pytest.fixture
def listed() -> Iterator[Bench]:
    with bench("intake") as one:
        one.world.load_fleet(fleet(instance(1)))
        yield one


def test_a_misspelt_region_ends_as_a_problem_at_once(listed: Bench) -> None:
    state, problems, held = planned(listed, silent=("cn-hangzou",))
    assert (state, problems, held) == ("open", ["cn-hangzou Region.NotFound"], "")


def test_the_problem_of_a_misspelt_region_says_what_is_near(listed: Bench) -> None:
    survey = RegionProblems()
    ports = replace(listed.ports, compute=SilentRegions(listed.ports.compute, ("cn-hangzou",)))  # type: ignore[arg-type]
    assert list(instance_pages(("cn-hangzou",), ports, survey)) == []
    assert "near it: cn-hangzhou," in survey.refused[0][2]


def test_a_region_that_is_silent_for_now_is_shown_and_waited_for(listed: Bench) -> None:
    state, problems, held = planned(listed, silent=("cn-shanghai",))
    assert (state, problems) == ("planning", ["cn-shanghai Cloud.NoAnswer"])
    assert "still being planned" in held
    assert "cn-shanghai does not answer" in held
    assert "tries the region again automatically" in held


def test_a_region_that_stays_silent_ends_the_planning_with_its_cause(listed: Bench) -> None:
    state, problems, _ = planned(listed, silent=("cn-shanghai",), hours=2)
    assert (state, problems) == ("open", ["cn-shanghai Cloud.NoAnswer"])


def test_without_the_list_of_regions_none_is_ruled_out(listed: Bench) -> None:
    state, problems, _ = planned(listed, silent=("cn-hangzou",), list_regions=False)
    assert (state, problems) == ("planning", ["cn-hangzou Cloud.NoAnswer"])


def test_a_silent_region_does_not_keep_the_inventory_from_the_others(listed: Bench) -> None:
    bus = FakeBus()
    compute: Any = SilentRegions(listed.ports.compute, ("cn-shanghai", "cn-hangzou"))
    ports = replace(listed.ports, bus=bus, compute=compute, regions=("cn-shanghai", "cn-hangzou", "cn-hangzhou"))
    done = intake.handle_message(Message("timer", "t", "timer", {}), ports)
    assert bus.types == ["EndOfLife"]
    assert done.facts["regionsLacking"] == 2


def test_planning_is_tried_again_ever_less_often() -> None:
    looks = [minute for minute in range(26 * 60) if is_retry_tick(timedelta(minutes=minute))]
    assert len(looks) < 100, "it was 1,555 times a day"
    assert max(after - before for before, after in pairwise(looks)) <= 30
    assert [interval_before_retry(timedelta(minutes=each)) / timedelta(minutes=1) for each in (-1, 0, 1, 10, 600)] == [
        1,
        1,
        1,
        5,
        30,
    ]


@pytest.mark.parametrize(
    ("states", "by_id", "size"),
    [
        ((), False, 1),
        ((State.MIGRATED,), False, 0),
        ((State.CONFIRMED,), False, 0),
        ((State.COMPLETED,), False, 0),
        ((State.COMPLETED,), True, 1),
        ((State.CANCELLED,), False, 1),
        ((State.COMPLETED, State.ROLLED_BACK), False, 1),
        ((State.ROLLED_BACK, State.COMPLETED), False, 0),
        ((State.COMPLETED, State.CANCELLED), False, 0),
    ],
)
@pytest.mark.parametrize(
    "limits",
    [{}, {"LOOKED_UP_ALONE": 0}, {"LOOKED_UP_ALONE": 0, "MOST_KNOWN": 0}],
    ids=("looked up alone", "from the index", "more than are kept in memory"),
)
def test_what_our_rows_say_is_converted_is_not_offered_again(
    listed: Bench, states: tuple[State, ...], by_id: bool, size: int, limits: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, limit in limits.items():
        monkeypatch.setattr(choosing, name, limit)
    for number, state in enumerate(states):
        # The later a migration is made here, the lower is its id, because ids say nothing about the order.
        earlier = migration(1, migration_id=f"m{9 - number:016x}", state=state, created_at=T0 + timedelta(days=number))
        assert listed.ports.migrations.create(earlier, first_journal_entry(earlier, by="test", reason="made"), [])
    ports = replace(listed.ports, bus=FakeBus())
    request = {"releases": ["centos-7"], "regionIds": ["cn-hangzhou"], "policy": {"driver": "console"}}
    asked, _ = batches.submit_batch(ports, {**request, "instanceIds": ["i-test0001"]} if by_id else request, Caller("ann"))
    intake.handle_message(Message(events.BATCH_SUBMITTED, "e", "replank", {"batchId": asked.batch_id}), ports)
    assert ports.batches.load(asked.batch_id).size == size
