"""Acts on many migrations of a batch: first the list and the number, then the act, then what came of each."""

from __future__ import annotations

import re
from typing import Any

from console import web
from console.desk import Desk
from console.pages.batch import FILTERS
from console.problem import Problem

Json = dict[str, Any]
OF_ACT = {"retry": ("failed", "retried"), "confirmation": ("migrated", "confirmed")}
"""By act: the state that all of them are in, and what the API's answer calls those that it was done for."""
MOST, PER_CALL, PER_PAGE = 1000, 100, 50
_SEEN = re.compile(r"([A-Za-z0-9_-]{1,64})@([1-9][0-9]{0,8})")


def review(desk: Desk, batch_id: str) -> web.Answer:
    """Who would be acted on: those selected, or all that meet the filters and are in the state that the act is for."""
    name = desk.query.get("act", "")
    state, _ = _known(name)
    wanted = {each: desk.query.get(each, "") for each in FILTERS if each != "state"}
    rows = _all(desk, batch_id, state, wanted) if desk.query.get("all") else _selected(desk, batch_id)
    fit = [each for each in rows if each["state"] == state]
    return desk.page("review", batch_id=batch_id, act=name, rows=fit, unfit=len(rows) - len(fit), most=MOST)


def act(desk: Desk, batch_id: str) -> web.Answer:
    """Act on all that were listed, each at the version that was seen; what was done stays done if a later call fails."""
    name = desk.request.field("act")
    _, done_name = _known(name)
    given = seen(desk.request.form.get("m", []))
    done: list[str] = []
    refused: list[Json] = []
    trouble: Problem | None = None
    for start in range(0, len(given), PER_CALL):
        try:
            answer = desk.api.post(f"/batches/{batch_id}/{name}", {"migrations": given[start : start + PER_CALL]})
        except Problem as problem:
            trouble = problem
            break
        done += answer[done_name]
        refused += answer["refused"]
    if trouble and not done and not refused:
        raise trouble
    rest = len(given) - len(done) - len(refused)
    return desk.page("result", batch_id=batch_id, act=name, finished=done, refused=refused, trouble=trouble, rest=rest)


def seen(values: list[str]) -> list[Json]:
    """Migrations with the versions that were seen, from ``id@version``; raises Problem (Form.Incomplete)."""
    found = [_SEEN.fullmatch(each) for value in values for each in value.split(",") if each]
    if not found or not all(found) or len(found) > MOST:
        what = f"Between 1 and {MOST} migrations can be acted on at once."
        raise Problem("Form.Incomplete", what, "Go back, and select some of the rows.")
    return [{"migrationId": each[1], "version": int(each[2])} for each in found if each]


def _known(name: str) -> tuple[str, str]:
    if name not in OF_ACT:
        raise Problem("Page.NotFound", "There is no such act on many.", "Go back to the batch.", status=404)
    return OF_ACT[name]


def _all(desk: Desk, batch_id: str, state: str, wanted: Json) -> list[Json]:
    pages = desk.api.pages("/migrations", "migrations", MOST // PER_CALL, batchId=batch_id, state=state, **wanted)
    return [each for page in pages for each in page["items"]]


def _selected(desk: Desk, batch_id: str) -> list[Json]:
    given = seen([desk.query.get("m", "")])
    if len(given) > PER_PAGE:
        raise Problem("Form.Incomplete", f"At most {PER_PAGE} rows can be selected.", "Select fewer, or act on all.")
    found = [desk.api.get(f"/migrations/{each['migrationId']}") for each in given]
    return [each for each in found if each["batchId"] == batch_id]
