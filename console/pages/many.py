"""Acts on many migrations of a batch: first the list and the number, then the act, then what came of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from console import web
from console.desk import Desk
from console.pages.acts import check_typed
from console.pages.batch import FILTERS
from console.problem import Problem

Json = dict[str, Any]
NOT_BEGUN = ("accepted", "prechecking", "precheck_failed", "ready", "snapshotting", "snapshotted", "waiting")
OF_ACT: dict[str, tuple[tuple[str, ...], str]] = {
    "retry": (("failed",), "retried"),
    "confirmation": (("migrated",), "confirmed"),
    "cancellation": (NOT_BEGUN, "cancelled"),
    "rollback": (("failed", "migrated"), "begun"),
}
"""By act: the states that it is for, and what the API's answer calls those that it was done for."""
TYPED = ("cancellation", "rollback")
"""Acts for which the person types the batch's id."""
MOST, PER_CALL, PER_PAGE = 1000, 100, 50
_SEEN = re.compile(r"([A-Za-z0-9_-]{1,64})@([1-9][0-9]{0,8})")


@dataclass
class ManyOutcome:
    """What came of an act on many: the ids that it was done for, why others were refused, and how many nothing was asked for."""

    done: list[str] = field(default_factory=list)
    refused: list[Json] = field(default_factory=list)
    trouble: Problem | None = None
    rest: int = 0


def review(desk: Desk, batch_id: str) -> web.Answer:
    """Who would be acted on: those selected, or all that meet the filters and are in the state that the act is for."""
    name = desk.query.get("act", "")
    states, _ = states_of(name)
    wanted = {each: desk.query.get(each, "") for each in FILTERS if each != "state"}
    rows = all_in_states(desk, batch_id, states, wanted) if desk.query.get("all") else _selected(desk, batch_id)
    fit = [each for each in rows if each["state"] in states]
    facts: Json = {"unfit": len(rows) - len(fit), "most": MOST, "typed": name in TYPED}
    return desk.page("review", batch_id=batch_id, act=name, rows=fit, **facts)


def act(desk: Desk, batch_id: str) -> web.Answer:
    """Act on all that were listed, each at the version that was seen; what was done stays done if a later call fails."""
    name = desk.request.field("act")
    if name in TYPED:
        check_typed(desk, batch_id)
    return result(desk, name, carry_out(desk, name, {batch_id: seen(desk.request.form.get("m", []))}), batch_id)


def carry_out(desk: Desk, name: str, wanted: Mapping[str, list[Json]]) -> ManyOutcome:
    """Act on the migrations of each batch, a hundred in a call, until a call fails. Raises a Problem if the first one fails."""
    _, done_name = states_of(name)
    found = ManyOutcome()
    calls = [(batch_id, given[at : at + PER_CALL]) for batch_id, given in wanted.items() for at in range(0, len(given), PER_CALL)]
    for batch_id, given in calls:
        try:
            answer = desk.api.post(f"/batches/{batch_id}/{name}", {"migrations": given})
        except Problem as problem:
            found.trouble = problem
            break
        found.done += answer[done_name]
        found.refused += answer["refused"]
    if found.trouble and not found.done and not found.refused:
        raise found.trouble
    found.rest = sum(len(given) for given in wanted.values()) - len(found.done) - len(found.refused)
    return found


def result(desk: Desk, name: str, found: ManyOutcome, batch_id: str = "") -> web.Answer:
    """The page that says what came of it."""
    facts: Json = {"finished": found.done, "refused": found.refused, "trouble": found.trouble, "rest": found.rest}
    return desk.page("result", batch_id=batch_id, act=name, **facts)


def seen(values: list[str]) -> list[Json]:
    """Migrations with the versions that were seen, from ``id@version``; raises Problem (Form.Incomplete)."""
    found = [_SEEN.fullmatch(each) for value in values for each in value.split(",") if each]
    if not found or not all(found) or len(found) > MOST:
        what = f"Between 1 and {MOST} migrations can be acted on at once."
        raise Problem("Form.Incomplete", what, "Go back, and select some of the rows.")
    return [{"migrationId": each[1], "version": int(each[2])} for each in found if each]


def states_of(name: str) -> tuple[tuple[str, ...], str]:
    """The states that an act on many is for, and what the answer calls those done; raises Problem (Page.NotFound)."""
    if name not in OF_ACT:
        raise Problem("Page.NotFound", "There is no such act on many.", "Go back to the batch.", status=404)
    return OF_ACT[name]


def all_in_states(desk: Desk, batch_id: str, states: tuple[str, ...], wanted: Json) -> list[Json]:
    """The migrations of a batch in any of the states that meet the filters, ``MOST`` at most."""
    found: list[Json] = []
    for state in states:
        if len(found) < MOST:
            found += all_in_state(desk, batch_id, state, wanted, MOST - len(found))
    return found


def all_in_state(desk: Desk, batch_id: str, state: str, wanted: Json, most: int = MOST) -> list[Json]:
    """The migrations of a batch in a state that meet the filters, ``most`` at most."""
    pages = desk.api.pages("/migrations", "migrations", -(-most // PER_CALL), batchId=batch_id, state=state, **wanted)
    return [each for page in pages for each in page["items"]][:most]


def _selected(desk: Desk, batch_id: str) -> list[Json]:
    given = seen([desk.query.get("m", "")])
    if len(given) > PER_PAGE:
        raise Problem("Form.Incomplete", f"At most {PER_PAGE} rows can be selected.", "Select fewer, or act on all.")
    found = [desk.api.get(f"/migrations/{each['migrationId']}") for each in given]
    return [each for each in found if each["batchId"] == batch_id]
