"""What ``bench.handover`` times: the sender's write and event, and the receiver's step, which removes the sender's outbox."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest import mock

from bench import handover
from bench.receiver import index
from bench.stepping import delivered, validating
from shared.domain import events
from shared.domain.message import Message
from shared.domain.migration import first_journal_entry
from shared.ports.ports import Ports
from tests.support.ports import bench


def received(ports: Ports, migration_id: str, **more: str) -> Message:
    message = delivered(ports.migrations.load(migration_id), events.INSTANCE_RESTARTED)
    return replace(message, data={**message.data, **more})


def test_a_handover_takes_the_calls_that_the_page_names(tmp_path: Path) -> None:
    with bench("validate") as one, handover.answers(tmp_path / "told") as (path, committed_at):
        hand_over = handover.sender(one.ports, path)
        made = validating(3, one.ports)
        assert one.calls(hand_over) == ["GetRow", "UpdateRow", "putEvents"]
        message = received(one.ports, made.migration_id, socket=path)
        assert len(one.ports.migrations.outboxes(made.migration_id)) == 1
        assert one.calls(lambda: index.receive(message, one.ports)) == ["GetRow", "UpdateRow"]
        assert one.ports.migrations.outboxes(made.migration_id) == []
        assert committed_at() > 0


def test_the_receiver_tells_nothing_before_its_step_is_committed(tmp_path: Path) -> None:
    with bench("validate") as one, handover.answers(tmp_path / "told") as (path, _):
        made = validating(3, one.ports)
        one.ports.migrations.create(made, first_journal_entry(made, by="bench", reason="bench"), [])
        message = received(one.ports, made.migration_id, socket=path)
        with (
            mock.patch.object(index, "advance_migration", side_effect=RuntimeError),
            mock.patch("bench.receiver.index.socket.socket") as told,
        ):
            try:
                index.receive(message, one.ports)
            except RuntimeError:
                pass
        assert not told.called


def test_only_validate_gets_the_code_of_the_receiver(tmp_path: Path) -> None:
    text = handover.services(tmp_path).read_text(encoding="utf-8")
    codes = [line.split("code: ")[1] for line in text.splitlines() if line.strip().startswith("code: ")]
    assert str(handover.RECEIVER) in codes
    assert [Path(code).is_dir() for code in codes] == [True] * 10
    assert len(set(codes)) == 10
