"""Large batches: written in bulk, and complete even if intake is killed again and again."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

from localcloud.account import service
from shared.adapters import store_bulk
from shared.adapters.bus import MAX_ENTRIES
from shared.adapters.store import Store
from shared.domain import events
from shared.domain.batch import RISKS_VERSION, BatchState
from shared.domain.caller import Caller
from shared.domain.errors import Permanent
from shared.domain.message import Message
from shared.domain.migration import State, first_journal_entry
from shared.ports.compute import FoundInstance
from shared.ports.ports import Ports
from shared.runtime.composition import function_credentials, make_ports
from shared.stages import intake, waving
from shared.stages.api import batches
from tests.support.fakes import FakeBus
from tests.support.fleets import CENTOS_7, fleet, instance
from tests.support.ports import Bench, CloudClock, bench, migration, settings


class IntakeKilled(BaseException):
    """The function dies. Nothing may catch this."""


def submitted(one: Bench, ports: Ports, count: int, **policy: Any) -> Message:
    one.world.load_fleet(fleet(*(instance(number, CENTOS_7) for number in range(1, count + 1))))
    asked, _ = batches.submit_batch(ports, {"releases": ["centos-7"], "policy": {"driver": "console", **policy}}, Caller("ann"))
    return Message(events.BATCH_SUBMITTED, "e", "replank", {"batchId": asked.batch_id})


def killed_after(calls: int) -> Any:
    """Intake dies right after this many calls to the store. The last write is stored, but intake has not recorded it."""
    send, sent = Store._send_request, Counter[str]()

    def counted(self: Store, operation: str, *arguments: Any, **options: Any) -> Any:
        answer = send(self, operation, *arguments, **options)
        sent["all"] += 1
        if sent["all"] == calls:
            raise IntakeKilled
        return answer

    return mock.patch.object(Store, "_send_request", counted)


def acknowledged(ports: Ports, batch_id: str) -> None:
    version = ports.batches.load(batch_id).version
    batches.acknowledge_batch(ports, batch_id, Caller("ann"), RISKS_VERSION, version)


def by_name(ports: Ports, batch_id: str, count: int) -> list[str]:
    """The ids of the batch's migrations by the number in their instance's name, read page by page."""
    found: list[tuple[str, str, str]] = []
    token = ""
    while True:
        page = ports.migrations.migration_page_of_batch(batch_id, state=None, limit=100, token=token)
        found += [(each.instance_name, each.instance_id, each.migration_id) for each in page.migrations]
        token = page.next_token
        if not token:
            assert len(found) == count
            return [id for _, _, id in sorted(found, key=lambda each: int(each[0].rpartition("-")[2]))]


@pytest.mark.parametrize("count", [250, pytest.param(10_000, marks=pytest.mark.long)])
def test_the_waves_of_a_large_batch_are_cut_with_few_calls_although_intake_was_killed(count: int) -> None:
    """Before intake recorded the order, ten thousand instances took over two hundred calls: two per page of a hundred rows."""
    with bench("intake") as one:
        api = make_ports("api", settings(), function_credentials(os.environ, None), CloudClock(one.world))
        ports = replace(one.ports, bus=FakeBus())
        message = submitted(one, ports, count, waves=["1", "10", "25%"])
        batch_id = str(message.data["batchId"])
        with killed_after(3 + count // 250), pytest.raises(IntakeKilled):
            intake.handle_message(message, ports)
        assert intake.handle_message(message, ports).result == "done"
        calls = Counter(one.calls(lambda: acknowledged(replace(api, bus=FakeBus()), batch_id)))
        assert sum(calls.values()) <= 6 + count // 5000, calls
        cut = api.batches.waves(batch_id)
        assert [id for wave in cut for id in wave] == by_name(ports, batch_id, count)
        assert [len(wave) for wave in cut[:3]] == [1, 10, -(-count // 4)]
        assert api.batches.wave_sort_keys(batch_id) == [], "they have done their work"
        again = Counter(one.calls(lambda: [api.batches.waves(batch_id) for _ in range(count)]))
        assert sum(again.values()) <= 1, "nobody changes them, so they are read once"


def test_the_waves_are_the_same_while_the_index_does_not_show_the_migrations_yet() -> None:
    """The batch got one empty wave, so that all its migrations moved at once (seed 64004843)."""
    with bench("intake") as one:
        api = make_ports("api", settings(), function_credentials(os.environ, None), CloudClock(one.world))
        ports = replace(one.ports, bus=FakeBus())
        message = submitted(one, ports, 120, waves=["1", "10", "25%"])
        batch_id = str(message.data["batchId"])
        service(one.world.cloud, "tablestore").set_index_lag(120_000)
        assert intake.handle_message(message, ports).result == "done"
        assert api.migrations.states_by_migration_id(batch_id) == {}
        acknowledged(replace(api, bus=FakeBus()), batch_id)
        one.world.run(3)
        cut = api.batches.waves(batch_id)
        assert [id for wave in cut for id in wave] == by_name(ports, batch_id, 120)
        assert [len(wave) for wave in cut] == [1, 10, 30, 30, 30, 19]


def test_waves_are_cut_of_a_batch_that_an_older_version_planned() -> None:
    """The older version recorded no order. The api records what it has read, so that a second attempt continues there."""
    with bench("intake") as one:
        api = make_ports("api", settings(), function_credentials(os.environ, None), CloudClock(one.world))
        ports = replace(one.ports, bus=FakeBus())
        message = submitted(one, ports, 120, waves=["50%"])
        batch_id = str(message.data["batchId"])
        with mock.patch.object(waving.WaveOrderWriter, "buffer_sort_keys"):
            intake.handle_message(message, ports)
        assert api.batches.wave_sort_keys(batch_id) == []
        with mock.patch.object(waving, "SORT_KEYS_PER_WRITE", 50):
            dies = mock.patch.object(
                waving, "_read_sort_keys", side_effect=[waving._read_sort_keys(_some(api, batch_id), api), IntakeKilled]
            )
            with dies, pytest.raises(IntakeKilled):
                acknowledged(replace(api, bus=FakeBus()), batch_id)
            assert [len(page) for page in api.batches.wave_sort_keys(batch_id)] == [50]
            acknowledged(replace(api, bus=FakeBus()), batch_id)
        assert [id for wave in api.batches.waves(batch_id) for id in wave] == by_name(ports, batch_id, 120)


def _some(ports: Ports, batch_id: str) -> list[str]:
    return sorted(ports.migrations.states_by_migration_id(batch_id))[:50]


def owing(ports: Ports, batch_id: str) -> set[str]:
    """Those whose event the tick must still publish."""
    found, token = set(), ""
    while True:
        page = ports.migrations.migration_page_of_batch(batch_id, state=None, limit=100, token=token)
        found |= {each.migration_id for each in page.migrations if each.owes}
        token = page.next_token
        if not token:
            return found


@pytest.mark.parametrize("count", [900, pytest.param(10_000, marks=pytest.mark.long)])
def test_a_batch_is_made_in_full_although_intake_is_killed_five_times(count: int) -> None:
    with bench("intake") as one:
        bus = FakeBus()
        ports = replace(one.ports, bus=bus)
        message = submitted(one, ports, count)
        batch_id = str(message.data["batchId"])
        for kill in range(5):
            with killed_after(4 + kill * (count // 250)), pytest.raises(IntakeKilled):
                intake.handle_message(message, ports)
            assert ports.batches.load(batch_id).state is BatchState.PLANNING
        assert intake.handle_message(message, ports).result == "done"
        assert (ports.batches.load(batch_id).state, ports.batches.load(batch_id).size) == (BatchState.OPEN, count)
        assert ports.migrations.state_counts(batch_id) == Counter({State.ACCEPTED: count})
        asked = Counter(each.data["migrationId"] for each in bus.published if "migrationId" in each.data)
        assert set(asked.values()) == {1}
        assert len(set(asked) | owing(ports, batch_id)) == count, "each is asked for, or the tick asks for it"


def test_a_thousand_instances_take_few_calls() -> None:
    """It took 2,072 calls before the rows were written in bulk."""
    with bench("intake") as one:
        one.world.load_fleet(fleet(*(instance(number, CENTOS_7) for number in range(1, 1001))))
        ids = [f"i-test{number:04d}" for number in range(1, 1001)]
        asked, _ = batches.submit_batch(
            replace(one.ports, bus=FakeBus()), {"instanceIds": ids, "policy": {"driver": "console"}}, Caller("ann")
        )
        message = Message(events.BATCH_SUBMITTED, "e", "replank", {"batchId": asked.batch_id})
        calls = Counter(one.calls(lambda: intake.handle_message(message, one.ports)))
        assert calls["BatchWriteRow"] == 2 * 1000 // store_bulk.WRITE_ROWS
        assert calls["putEvents"] == -(-1000 // MAX_ENTRIES), "pages have 100 instances, and every call but the last is full"
        assert sum(calls.values()) <= 90, calls


def test_instances_that_are_left_out_leave_no_room_in_the_portions() -> None:
    pages = [range(100), range(100, 163), range(163, 163), range(163, 1000)]
    given = [[FoundInstance(f"i-{number}", "r", "n", "", "", "linux", "Running") for number in page] for page in pages]
    portions = list(intake._portions(given))
    assert [len(each) for each in portions[:-1]] == [intake.MADE_AT_ONCE] * (len(portions) - 1)
    assert [each for portion in portions for each in portion] == [each for page in given for each in page]


def test_a_thousand_instances_of_a_release_take_few_calls() -> None:
    """Each needed a call of its own, which looked for its earlier migrations."""
    with bench("intake") as one:
        message = submitted(one, replace(one.ports, bus=FakeBus()), 1000)
        for number in (3, 500):
            moved = migration(number, state=State.COMPLETED, batch_id="b-earlier")
            assert one.ports.migrations.create(moved, first_journal_entry(moved, by="test", reason="made"), [])
        calls = Counter(one.calls(lambda: intake.handle_message(message, one.ports)))
        assert calls["GetRange"] == 1, "the index of all migrations"
        assert sum(calls.values()) <= 120, calls
        batch = one.ports.batches.load(str(message.data["batchId"]))
        assert (batch.size, batch.left_out) == (998, 2)


def test_a_role_that_may_not_write_in_bulk_writes_one_by_one() -> None:
    """New functions run with the stack of an older version until the stack is updated."""
    with bench("intake") as one:
        ports = replace(one.ports, bus=FakeBus())
        message = submitted(one, ports, 3)
        with mock.patch.object(Store, "write_rows", side_effect=Permanent("Store.Refused", "denied", "")):
            assert intake.handle_message(message, ports).facts["instances"] == 3
        assert sum(ports.migrations.state_counts(str(message.data["batchId"])).values()) == 3
        assert owing(ports, str(message.data["batchId"])) == set()


def test_what_moved_on_while_it_was_made_is_left_alone() -> None:
    with bench("intake") as one:
        ports = replace(one.ports, bus=FakeBus())
        message = submitted(one, ports, 2)
        intake.handle_message(message, ports)
        found = ports.migrations.migration_page_of_batch(str(message.data["batchId"]), state=None, limit=9, token="").migrations
        moved = ports.migrations.load(found[0].migration_id)
        ports.migrations.remove_last_outboxes([replace(moved, version=7), found[1]])
        assert ports.migrations.load(moved.migration_id).version == moved.version
