"""Invariant 8, for outboxes: what a step still had to send is sent before it disappears from the row."""

from __future__ import annotations

import json
from typing import Any

from tests.simulation.frames import Frame
from tests.simulation.invariants.scene import Checker, Found, Sight
from tests.simulation.records import MIGRATIONS, OUTBOX
from tests.simulation.truth import Change


class SentBeforeGone(Checker):
    """8. A lost message or a crash loses nothing: an outbox disappears only after the bus has taken its events. A step removes only
    an outbox that holds nothing but the event that the step's invocation has received.
    """

    number, name = 8, "sent before gone"

    def row(self, change: Change, scene: Sight) -> Found:
        before, after = change.before, change.after
        if change.table != MIGRATIONS or before is None or after is None:
            return
        for name in before:
            if not name.startswith(OUTBOX) or name in after:
                continue
            held: dict[str, Any] = json.loads(before[name])
            told = [str(each["event_id"]) for each in held["events"]]
            for event_id in told:
                if event_id not in scene.truth.taken:
                    yield f"{change.key[0]}: {name} is gone, and the bus never took {event_id}"
            if after["version"] == before["version"]:
                continue
            if held["effects"] or told != [_received(scene.frame)]:
                kinds = [each["kind"] for each in held["effects"]]
                yield f"{change.key[0]}: a step removed {name} with {[*kinds, *told]}; it had received {_received(scene.frame)!r}"


def _received(frame: Frame | None) -> str:
    """The id of the event that the invocation has received; empty if it has received none."""
    try:
        document = json.loads(frame.payload) if frame else None
    except ValueError:
        return ""
    return str(document.get("id", "")) if isinstance(document, dict) else ""
