"""Sets, releases and shows the deployment's hold. While the hold is set, no migration starts."""

from __future__ import annotations

from shared.domain.caller import Caller
from shared.domain.errors import Refused, ReplankError
from shared.domain.hold import Hold, HoldHistoryEntry
from shared.domain.retry import LOST_RACE
from shared.ports.ports import Ports
from shared.stages.api import views
from shared.stages.api.act import contention_error


def get_hold(ports: Ports) -> views.HoldView:
    """Return the hold: whether it is set, why it is set, and the last acts that set or released it."""
    return hold_view(ports.admission.current_hold())


def hold_view(hold: Hold) -> views.HoldView:
    """Return the API's view of the hold."""
    history = tuple(views.HoldAct(each.act, each.by, each.at, each.why, each.trust) for each in reversed(hold.lines))
    return views.HoldView(hold.is_held, hold.reason, hold.version, history)


def set_hold(ports: Ports, caller: Caller, why: str) -> views.HoldView:
    """Set the hold. If somebody releases the hold at the same moment, the hold stays set. If the hold is already set, only a line
    is added to its history.
    """
    line = HoldHistoryEntry("hold", caller.name, ports.clock.now(), why, caller.trust.value)
    for _ in range(LOST_RACE.calls):
        seen = ports.admission.current_hold()
        if ports.admission.set_or_release_hold(seen, line):
            return get_hold(ports)
    raise contention_error("Hold.Moved", "The hold")


def release_hold(ports: Ports, caller: Caller, why: str, version: int) -> views.HoldView:
    """Release the hold, so that migrations can start again.

    Raises Refused if no hold is set, or if the hold has changed since the person saw it.
    """
    seen = ports.admission.current_hold()
    if not seen.is_held:
        raise Refused("Hold.NotHeld", "Nothing is held.", "Nothing to do: `replank hold --show` shows the last acts.", status=409)
    if seen.version != version:
        sentence = f"The hold has version {seen.version} by now, not {version}: {seen.reason}."
        raise Refused("Hold.Moved", sentence, "Look at the hold again, and release it if its reason is gone.", status=409)
    line = HoldHistoryEntry("release", caller.name, ports.clock.now(), why, caller.trust.value)
    if not ports.admission.set_or_release_hold(seen, line):
        raise contention_error("Hold.Moved", "The hold")
    return get_hold(ports)


def hold_header_text(ports: Ports) -> str:
    """Return the text of the header that each answer has while the hold is set; empty without a hold.

    If the hold cannot be read, the text says so, and the API still sends its answer.
    """
    try:
        return ports.admission.current_hold().reason
    except ReplankError as error:
        return f"unknown, because the hold cannot be read now ({error.code})"
