"""Which instances a batch selects, in a cloud that filters as ECS does: with its limits, and with more results than requested."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from shared.adapters import tables
from shared.domain import acts, events
from shared.domain.batch import NOTHING_EXCLUDED, RISKS_VERSION, Batch, BatchState, Exclusion, Selection
from shared.domain.caller import Caller
from shared.domain.chosen import why_not_acknowledged
from shared.domain.message import Message
from shared.domain.policy import Policy
from shared.ports.ports import Ports
from shared.stages import intake
from shared.stages.api import batches, left_out
from tests.support.fakes import FakeBus
from tests.support.fleets import CENTOS_7, RHEL_8, fleet, instance
from tests.support.ports import T0, Bench, bench, migration

ANN = Caller("ann")


def tagged(number: int, tags: dict[str, str], runs: tuple[str, str, str] = CENTOS_7, **more: Any) -> dict[str, Any]:
    listed = [{"TagKey": key, "TagValue": value} for key, value in tags.items()]
    return instance(number, runs, **{"Tags": {"Tag": listed}, **more})


FLEET = fleet(
    tagged(1, {"env": "prod", "部门": "网络"}, ResourceGroupId="rg-front", VpcAttributes={"VpcId": "vpc-a"}),
    tagged(2, {"env": "prod"}, ResourceGroupId="rg-back", VpcAttributes={"VpcId": "vpc-b"}),
    tagged(3, {"env": "test"}, VpcAttributes={"VpcId": "vpc-b"}),
    tagged(4, {}, RHEL_8, ResourceGroupId="rg-front", InstanceName="db-4"),
)


def planned(one: Bench, request: dict[str, Any], document: dict[str, Any] = FLEET) -> tuple[Batch, list[str], Ports]:
    """The batch of a request, and the numbers of its instances."""
    one.world.load_fleet(document)
    ports = replace(one.ports, bus=FakeBus())
    asked, _ = batches.submit_batch(ports, {"policy": {"driver": "console"}, **request}, ANN)
    intake.handle_message(Message(events.BATCH_SUBMITTED, "e", "replank", {"batchId": asked.batch_id}), ports)
    return ports.batches.load(asked.batch_id), instances_of(ports, asked.batch_id), ports


def instances_of(ports: Ports, batch_id: str) -> list[str]:
    found, token = [], ""
    while True:
        page = ports.migrations.migration_page_of_batch(batch_id, state=None, limit=100, token=token)
        found += [each.instance_id.removeprefix("i-test") for each in page.migrations]
        token = page.next_token
        if not token:
            return sorted(found)


@pytest.mark.parametrize(
    ("request_", "numbers", "out"),
    [
        ({"tags": ["env=prod"]}, ["0001", "0002"], {}),
        ({"tags": ["env"]}, ["0001", "0002", "0003"], {}),
        ({"tags": ["env=prod", "部门=网络"]}, ["0001"], {}),
        ({"resourceGroupIds": ["rg-front"]}, ["0001", "0004"], {}),
        ({"resourceGroupIds": ["rg-front", "rg-back"]}, ["0001", "0002", "0004"], {}),
        ({"vpcIds": ["vpc-b"]}, ["0002", "0003"], {}),
        ({"names": ["web-*"]}, ["0001", "0002", "0003"], {}),
        ({"names": ["web-1", "db-*"]}, ["0001", "0004"], {}),
        ({"resourceGroupIds": ["rg-front"], "releases": ["centos-7"]}, ["0001"], {"0004": "Selection.NotMatched"}),
        ({"tags": ["env"], "exclude": {"tags": ["env=test"]}}, ["0001", "0002"], {"0003": "Selection.Excluded"}),
        ({"releases": ["centos-7"], "exclude": {"names": ["web-1"]}}, ["0002", "0003"], {"0001": "Selection.Excluded"}),
        (
            {"instanceIds": ["i-test0001", "i-test0003", "i-none"], "tags": ["env=prod"]},
            ["0001"],
            {"0003": "Selection.NotMatched", "i-none": "Instance.NotFound"},
        ),
        ({"vpcIds": ["vpc-none"]}, [], {}),
    ],
)
def test_a_batch_has_what_meets_its_criteria_and_lists_what_was_left_out(
    request_: dict[str, Any], numbers: list[str], out: dict[str, str]
) -> None:
    with bench("intake") as one:
        batch, found, ports = planned(one, request_)
        listed = left_out.page_of_left_out_instances(ports, batch.batch_id, limit=50, token="")
        assert (found, batch.size, batch.left_out) == (numbers, len(numbers), len(out))
        assert {each.instance_id.removeprefix("i-test"): each.code for each in listed.left_out} == out


def test_a_listing_that_ecs_may_have_cut_is_read_without_its_filter() -> None:
    """With tags, ECS shows at most 1,000 instances and does not say that there are more."""
    with bench("intake") as one:
        document = fleet(*(tagged(number, {"env": "prod"}) for number in range(1, 1004)), tagged(1004, {"env": "test"}))
        batch, found, _ = planned(one, {"tags": ["env=prod"]}, document)
        assert (len(found), batch.size) == (1003, 1003)


def test_more_than_a_thousand_ids_are_one_batch_and_no_burden_for_lists() -> None:
    with bench("intake") as one:
        ids = [f"i-test{number:04d}" for number in range(1, 1206)]
        document = fleet(*(instance(number) for number in range(1, 1102)))
        batch, found, ports = planned(one, {"instanceIds": ids}, document)
        assert (len(found), batch.left_out, batch.selection.instance_ids) == (1101, 104, tuple(ids))
        assert ports.batches.batch_page(limit=5, token="").batches[0].selection.instance_ids == ()
        seen: list[str] = []
        token = ""
        for _ in range(9):
            page = left_out.page_of_left_out_instances(ports, batch.batch_id, limit=30, token=token)
            seen += [each.instance_id for each in page.left_out]
            token = page.next_token
            if not token:
                break
        assert (seen, page.total) == (ids[1101:], 104)


def test_each_id_is_looked_for_until_it_is_found() -> None:
    with bench("intake") as one:
        one.world.load_fleet(fleet(*(instance(number, RegionId="cn-beijing") for number in range(1, 251))))
        ids = [f"i-test{number:04d}" for number in range(1, 251)]
        request = {"instanceIds": ids, "regionIds": ["cn-beijing", "cn-hangzhou", "cn-shanghai"], "policy": {"driver": "console"}}
        asked, _ = batches.submit_batch(replace(one.ports, bus=FakeBus()), request, ANN)
        message = Message(events.BATCH_SUBMITTED, "e", "replank", {"batchId": asked.batch_id})
        calls = Counter(one.calls(lambda: intake.handle_message(message, one.ports)))
        assert calls["DescribeInstances"] == 3


def test_an_older_version_reads_a_selection_that_names_nothing() -> None:
    with bench("api") as one:
        for place, selection in enumerate(
            (
                Selection(("cn-hangzhou",), releases=("centos-7",), tags=("env=prod",)),
                Selection(("cn-hangzhou",), ("i-1", "i-2"), exclude=Exclusion(instance_ids=("i-2",))),
                Selection(("cn-hangzhou",), tuple(f"i-{number}" for number in range(1001))),
            )
        ):
            batch = Batch(f"b{place}", BatchState.OPEN, 1, T0, "api", "ann", selection, Policy())
            columns = tables.batch_columns(batch)
            known_before = {name: value for name, value in columns.items() if name not in (tables.CHOSEN, tables.CHOSEN_IDS)}
            old = tables.batch_from_row(known_before).selection
            assert (old.has_criteria, old.exclude, old.regions) == (False, NOTHING_EXCLUDED, selection.regions)
            one.ports.batches.create(batch)
            assert one.ports.batches.load(batch.batch_id) == batch
            assert one.ports.batches.load_batch_and_tally(batch.batch_id)[0] == batch
            # The older version writes the batch as it read it, so the selection stays.
            written = tables.batch_columns(replace(batch, selection=old, version=2))
            assert tables.batch_from_row(columns | written).selection == selection


def test_a_planning_that_was_interrupted_counts_what_it_had_made() -> None:
    with bench("intake") as one:
        one.world.load_fleet(FLEET)
        ports = replace(one.ports, bus=FakeBus())
        asked, _ = batches.submit_batch(ports, {"tags": ["env"], "policy": {"driver": "console"}}, ANN)
        message = Message(events.BATCH_SUBMITTED, "e", "replank", {"batchId": asked.batch_id})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(ports.batches), "commit", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                intake.handle_message(message, ports)
        one.world.load_fleet(fleet(tagged(1, {"env": "prod"}), tagged(2, {}), tagged(3, {"env": "test"})))
        intake.handle_message(message, ports)
        batch = ports.batches.load(asked.batch_id)
        assert (batch.size, instances_of(ports, asked.batch_id)) == (3, ["0001", "0002", "0003"])


def test_the_digest_is_frozen_with_the_acknowledgement() -> None:
    with bench("intake") as one:
        batch, _, _ = planned(one, {"tags": ["env=prod"]})
        again, _, _ = planned(one, {"tags": ["env=prod"]})
        assert len(batch.digest) == 32
        assert batch.digest == again.digest
        given = acts.acknowledge_batch(batch, "ann", RISKS_VERSION, T0)
        made = replace(migration(1), batch_id=batch.batch_id, created_at=T0)
        assert why_not_acknowledged(given, made) == ""
        assert "other instances" in why_not_acknowledged(replace(given, digest="0" * 32), made)
