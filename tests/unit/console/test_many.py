"""Acts on a selection: the list and the number first, the batch's id typed for what stops or goes back, each one's outcome told."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from console.pages.batch import SELECTABLE
from console.pages.many import OF_ACT, TYPED
from tests.unit.console.test_console import ApiTable, ask

Json = dict[str, Any]
REFUSED = {"migrationId": "m2", "code": "Approvals.Missing", "message": "one is missing", "remedy": "approve it"}


def row(number: int, state: str) -> Json:
    return {"migrationId": f"m{number}", "version": 3, "instanceId": f"i-{number}", "batchId": "b1", "state": state}


@pytest.mark.parametrize(("act", "fit", "unfit"), [("rollback", "migrated", "ready"), ("cancellation", "ready", "migrated")])
def test_the_list_and_the_number_come_before_the_act(act: str, fit: str, unfit: str) -> None:
    api = ApiTable(**{"GET /migrations/m1": (200, row(1, fit)), "GET /migrations/m2": (200, row(2, unfit))})
    _, body, _ = ask(api, "GET", f"/console/batches/b1/review?act={act}&m=m1@3,m2@3")
    assert ('value="m1@3"' in body, "these 1" in body, 'name="typed"' in body, "1 of the selected" in body) == (True,) * 4


@pytest.mark.parametrize("act", TYPED)
def test_without_the_batchs_id_nothing_is_done(act: str) -> None:
    api = ApiTable()
    status, body, _ = ask(api, "POST", "/console/batches/b1/many", form=f"form=FORM&act={act}&m=m1@3&typed=b2")
    assert (status, "Form.NotTyped" in body, api.sent) == (400, True, [])


@pytest.mark.parametrize("act", TYPED)
def test_each_ones_outcome_is_told(act: str) -> None:
    api = ApiTable(**{f"POST /batches/b1/{act}": (200, {OF_ACT[act][1]: ["m1"], "refused": [REFUSED]})})
    _, body, _ = ask(api, "POST", "/console/batches/b1/many", form=f"form=FORM&act={act}&m=m1@3,m2@3&typed=b1")
    wanted = [{"migrationId": each, "version": 3} for each in ("m1", "m2")]
    assert json.loads(api.sent[-1][3]) == {"migrations": wanted}
    assert ("Approvals.Missing" in body, "approve it" in body, "Refused: 1" in body, ": 1</h1>" in body) == (True,) * 4


def test_all_that_were_found_are_those_of_every_state_that_the_act_is_for() -> None:
    api = ApiTable(**{"GET /migrations": (200, {"migrations": [], "nextToken": ""})})
    ask(api, "GET", "/console/batches/b1/review?act=rollback&all=1&code=Job")
    asked = [re.findall(r"state=(\w+)&code=(\w+)", each[1]) for each in api.sent]
    assert asked == [[("failed", "Job")], [("migrated", "Job")]]


def test_a_row_can_be_selected_if_some_act_is_for_its_state() -> None:
    assert set(SELECTABLE) == {state for states, _ in OF_ACT.values() for state in states}
