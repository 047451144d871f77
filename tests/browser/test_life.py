"""The whole life of a batch on the page: by mouse, and by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from cli.run.cloud import RunningCloud
from localcloud.client import LocalCloud
from tests.browser.person import SIGN_IN, Person
from tests.support.fleets import fleet, instance

pytestmark = pytest.mark.long
POLICY = {"maxMoving": "4", "failureBudget": "3", "waves": "2", "approvals": "2", "retentionDays": "1"}
DAY_S = 86_400


@pytest.mark.parametrize("keys", [False, True], ids=["mouse", "keyboard"])
def test_the_life_of_a_batch(cloud: RunningCloud, person: Callable[..., Person], keys: bool) -> None:
    ids = [f"i-test{number:04d}" for number in range(1 + 10 * keys, 5 + 10 * keys)]
    cloud.load_fleet(fleet(*(instance(int(each[-4:])) for each in ids)))
    ann, zhang, vera = (person(name, keys=keys) for name in ("Ann", "张三", "Vera"))

    batch_id = plan(ann, cloud, ids)
    cloud.advance_clock(1800)
    ann.visit()
    ann.activate(ann.page.locator(".items a", has_text="Risks to accept").first)
    ann.act("Accept the risks")
    page = f"/batches/{batch_id}"
    for each in (zhang, vera):
        each.visit(page).act("Approve", why="looked at it with the team")
    assert "0 of 2" in vera.text
    assert "zhangsan" in vera.text

    mishap(cloud, kind="migration_fails", instance_id=ids[0], at="Syncing", cause="No repository answers.")
    until(cloud, batch_id, {"failed": 1, "migrated": 1, "ready": 2})
    ann.visit()
    ann.activate(ann.page.locator(".items a", has_text="Failed migrations: 1").first)
    assert "No repository answers." in ann.text
    ann.tick(ann.page.locator("tbody input[name=m]").first)
    ann.activate(ann.page.get_by_role("button", name="Retry selected"))
    assert ids[0] in ann.text
    many(ann)
    until(cloud, batch_id, {"migrated": 2, "ready": 2})

    zhang.visit(page).act("Begin the next wave")
    until(cloud, batch_id, {"migrated": 4})
    ann.visit(page)
    ann.activate(ann.page.locator("tbody th a", has_text=ids[3]))
    ann.page.locator("h1", has_text=ids[3]).wait_for()
    ann.act("Roll back", typed=ids[3])
    until(cloud, batch_id, {"migrated": 3, "rolled_back": 1})
    ann.visit(page)
    ann.activate(ann.page.locator("a.button", has_text="Confirm migrated (3)"))
    assert all(each in ann.text for each in ids[:3])
    many(ann)
    until(cloud, batch_id, {"completed": 3, "rolled_back": 1}, step_s=DAY_S // 2)
    ann.visit("/snapshots")
    assert not [each for each in ids[:3] if each in ann.text]
    ann.visit("/audit")
    assert all(each in ann.text for each in ("zhangsan", "vera", "rollbackMigration", "confirmBatch", "nextWave"))


def many(person: Person) -> None:
    """Do what the review lists; whose sign-in has ended signs in, and does it again."""
    review = person.page.url
    person.activate(person.page.locator("form[action$='/many'] button"))
    person.page.wait_for_url("**/many")
    if person.page.locator(SIGN_IN).count():
        person.sign_in()
        person.page.goto(review)
        person.activate(person.page.locator("form[action$='/many'] button"))
    person.page.locator("h1", has_text=re.compile("^(Tried again|Confirmed): [1-9]")).wait_for()


def plan(person: Person, cloud: RunningCloud, ids: list[str]) -> str:
    """Fill in the form, look at the plan, and submit it as it is; the id of the batch."""
    person.visit("/plan")
    person.write(person.page.locator("input[name=instanceIds]"), ", ".join(ids))
    person.choose(person.page.locator("select[name='policy.gate']"), "approval")
    person.activate(person.page.locator("details.fold summary"))
    for name, value in POLICY.items():
        person.write(person.page.locator(f"input[name='policy.{name}']"), value)
    person.activate(person.page.get_by_role("button", name="Show the plan"))
    person.page.wait_for_url("**/batches/*/plan")
    cloud.advance_clock(900)
    person.page.keyboard.press("r")
    person.page.get_by_role("heading", name="Waves over time").wait_for()
    assert person.page.locator(".lanes tbody tr").count() == 2
    person.activate(person.page.get_by_role("link", name="Change the plan"))
    assert person.page.locator("input[name=instanceIds]").input_value() == ", ".join(ids)
    person.page.go_back()
    person.act("Submit this plan")
    assert "done=submission" in person.page.url
    return str(person.page.url.rpartition("/")[2].partition("?")[0])


def mishap(cloud: RunningCloud, **about: Any) -> None:
    LocalCloud(cloud.ready["admin"], cloud.ready["admin_token"]).post("mishaps", about)


def until(cloud: RunningCloud, batch_id: str, counts: dict[str, int], *, step_s: int = 600) -> None:
    """Let time pass until the batch stands so."""
    for _ in range(40):
        found = cloud.api_client("ann").get(f"/batches/{batch_id}")["counts"]
        if found == counts:
            return
        cloud.advance_clock(step_s)
    raise AssertionError(f"{found} never became {counts}")
