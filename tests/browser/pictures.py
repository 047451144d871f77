"""Pictures of every page, light and dark, on three widths and on paper, in both languages.

``python -m tests.browser.pictures FOLDER [DOCS] [--only PAGE,PAGE]``

The fleet has a batch under way with a failure, one that waits for approvals, and a dry run. DOCS takes the three of the README.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from cli.invoke import invoke_function
from cli.run.cloud import RunningCloud
from localcloud.client import LocalCloud
from tests.browser import driving
from tests.browser.person import Person
from tests.support.fleets import CENTOS_7, RHEL_8, WINDOWS_2008, fleet, instance

Json = dict[str, Any]
SIZE = 32
README = {"overview": "light", "batch": "light", "plan": "dark"}
WIDE, NARROW, HUGE = (1280, 800), (390, 844), (2560, 1440)
PAPER = (794, 1123)
"""A4 at 96 dots per inch."""
KINDS = (
    ("light", "wide", WIDE, "en-GB"),
    ("light", "wide", WIDE, "zh-CN"),
    ("light", "narrow", NARROW, "en-GB"),
    ("light", "narrow", NARROW, "zh-CN"),
    ("light", "huge", HUGE, "en-GB"),
    ("light", "print", PAPER, "en-GB"),
    ("dark", "wide", WIDE, "en-GB"),
    ("dark", "wide", WIDE, "zh-CN"),
    ("dark", "narrow", NARROW, "en-GB"),
    ("dark", "narrow", NARROW, "zh-CN"),
)
"""Of each page: the light, the width and the language."""
ASKED = "?asked"
"""After the address of a form: its review is shown, which the form leads to."""
OPENED = "#opened"
"""After the address of a page: its first act is opened, and everything that is folded away."""
OPEN = "all => all.forEach((each, n) => { each.open = !n || each.matches('.fold'); })"
CHANGED = {"maxMoving": "9", "gate": "approval", "windows.0.start": "21:00", "blackouts.0.reason": "Freeze"}
"""Fields of a policy that are filled in before its review."""


def build(cloud: RunningCloud) -> dict[str, str]:
    """Bring the fleet to where every page has something to show; the pages by name."""
    kinds = [WINDOWS_2008 if number % 10 == 0 else RHEL_8 if number % 7 == 0 else CENTOS_7 for number in range(1, SIZE + 1)]
    roles = ("web", "pay", "orders", "支付网关", "cache")
    machines = [
        instance(number, kind, InstanceName=f"{roles[number % len(roles)]}-{number:02}") for number, kind in enumerate(kinds, 1)
    ]
    cloud.load_fleet(fleet(*machines))
    ids = [each["InstanceId"] for each in machines]
    api = cloud.api_client("ann")
    waves = {"waves": ["1", "3", "50%"], "maxMoving": 4, "failureBudget": 2, "waveFailureBudget": 1, "soakMin": 60}
    nights = [{"start": "20:00", "end": "06:00", "zone": "Asia/Shanghai"}]
    freeze = {"from": "2026-11-25", "to": "2026-11-25", "reason": "Freeze for the sale 大促封网"}
    running = api.post("/batches", {"instanceIds": ids[:16], "policy": {**waves, "windows": nights, "blackouts": [freeze]}})[
        "batchId"
    ]
    waiting = api.post("/batches", {"instanceIds": ids[16:24], "policy": {"approvals": 2, "driver": "console"}})["batchId"]
    without = {"names": ["cache-*", "支付网关-*"]}
    dry = api.post("/batches", {"instanceIds": ids[24 : SIZE - 2], "exclude": without, "dryRun": True, "policy": waves})["batchId"]
    done = api.post("/batches", {"instanceIds": ids[SIZE - 2 :], "policy": {"confirmAfterDays": 0}})["batchId"]
    cloud.advance_clock(1800)
    happen = LocalCloud(cloud.ready["admin"], cloud.ready["admin_token"]).happen
    for each in ids[2:4]:
        happen("migration_fails", instance_id=each, at="Syncing", cause="No repository answers (mirrors.example.com).")
    return {"running": running, "waiting": waiting, "dry": dry, "done": done}


def pages(cloud: RunningCloud, batches: dict[str, str]) -> dict[str, str]:
    """The pages by name, once something runs."""
    api, running = cloud.api_client("ann"), batches["running"]
    rows = api.get("/migrations", batchId=running, limit=100)["migrations"]
    one = next((each for state in ("failed", "migrated", "migrating") for each in rows if each["state"] == state), rows[0])
    moved = next((each for each in rows if each["state"] == "migrated"), one)
    return {
        "overview": "/",
        "inventory": "/inventory",
        "batches": "/batches",
        "batch": f"/batches/{running}",
        "approvals": f"/batches/{batches['waiting']}",
        "risks": f"/batches/{batches['waiting']}{OPENED}",
        "journal": f"/batches/{running}{OPENED}",
        "plan": f"/batches/{running}/plan",
        "dry-run": f"/batches/{batches['dry']}/plan",
        "policy": f"/batches/{running}/policy",
        "policy-review": f"/batches/{running}/policy{ASKED}",
        "left-out": f"/batches/{batches['dry']}/left-out",
        "submit": f"/plan?like={batches['dry']}",
        "submit-all": f"/plan{OPENED}",
        "failed": f"/migrations/{one['migrationId']}",
        "migrated": f"/migrations/{moved['migrationId']}",
        "review": f"/batches/{running}/review?act=retry&all=1",
        "review-rollback": f"/batches/{running}/review?act=rollback&all=1",
        "review-cancel": f"/batches/{running}/review?act=cancellation&all=1",
        "ready": "/ready",
        "snapshots": "/snapshots",
        "audit": "/audit",
        "system": "/system",
        "settings": "/settings",
        "problem": "/batches/b-nothing",
    }


def take(browser: Any, cloud: RunningCloud, shown: dict[str, str], folder: Path, docs: Path | None) -> None:
    """Every page in every kind."""
    for scheme, name, size, locale in KINDS:
        viewport = {"width": size[0], "height": size[1]}
        options: Json = {"locale": locale, "timezone_id": "Asia/Shanghai", "color_scheme": scheme, "viewport": viewport}
        ann = Person(browser.new_context(**options).new_page(), driving.url_of(cloud), "Ann").visit()
        for page, path in shown.items():
            ann.page.emulate_media(media="screen")  # paper has no buttons, and a review is behind one
            look(ann, path)
            if name == "print":
                ann.page.emulate_media(media="print")
            ann.page.screenshot(path=folder / f"{page}-{scheme}-{name}-{locale[:2]}.png", full_page=True)
            if docs and (README.get(page), name, locale) == (scheme, "wide", "en-GB"):
                ann.page.screenshot(path=docs / f"console-{page}.png")
        ann.page.context.close()


def look(person: Person, path: str, fields: Mapping[str, str] = CHANGED) -> Person:
    """Open a page; if it is the review of a form, fill the form in and go on to it."""
    person.visit(path.removesuffix(ASKED).removesuffix(OPENED))
    if path.endswith(OPENED):
        person.page.locator("details").evaluate_all(OPEN)
    if path.endswith(ASKED):
        person.page.locator("details.fold").evaluate("element => { element.open = true; }")
        for field, value in fields.items():
            if field.count(".") == 2:  # a field of a row: the row is added first
                name = field.partition(".")[0]
                if not person.page.locator(f"[name='policy.{field}']").count():
                    person.page.locator(f"button[value='add policy.{name}']").click()
            place = person.page.locator(f"[name='policy.{field}']")
            place.select_option(value) if place.evaluate("element => element.matches('select')") else place.fill(value)
        person.page.locator("button[name=step][value=review]:not(.default)").click()
    person.page.wait_for_load_state("networkidle")  # parts of a page come after it
    return person


def move(cloud: RunningCloud, browser: Any, batches: dict[str, str]) -> None:
    """Accept the risks of two batches, and wait until one runs with a failure and the other may be confirmed."""
    ann = Person(browser.new_context().new_page(), driving.url_of(cloud), "Ann")
    for name in ("running", "done"):
        ann.visit(f"/batches/{batches[name]}").act("Accept the risks")
    noon = {"windows.1.start": "12:00", "windows.1.end": "14:00", "windows.1.zone": "Asia/Shanghai", "soakMin": "45"}
    look(ann, f"/batches/{batches['running']}/policy{ASKED}", noon)
    ann.page.locator("input[name=why]").fill("Noon is quiet too")
    ann.page.locator("button[value=set]").click()
    ann.page.wait_for_url("**done=policy")
    api = cloud.api_client("ann")
    for _ in range(180):
        cloud.advance_clock(600)
        counts = api.get(f"/batches/{batches['running']}")["counts"]
        if not (counts.get("failed") and counts.get("migrated", 0) > 1 and counts.get("migrating")):
            continue
        if api.get("/batches", readyToConfirm="true")["batches"]:
            return


def take_inventory(cloud: RunningCloud) -> None:
    """Let intake list the fleet now, as its daily timer does."""
    with mock.patch.dict(os.environ, cloud.environment_variables()):
        invoke_function(
            "intake",
            json.dumps({"triggerTime": "2026-11-23T01:00:00Z", "triggerName": "inventory", "payload": "inventory"}).encode(),
        )


def main(folder: Path, docs: Path | None, only: list[str]) -> None:
    """Make them."""
    if driving.MISSING:
        raise SystemExit(driving.MISSING)
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as state,
        driving.cloud(Path(state), ["cn-hangzhou"]) as cloud,
        driving.chromium() as browser,
    ):
        batches = build(cloud)
        take_inventory(cloud)
        move(cloud, browser, batches)
        found = pages(cloud, batches)
        take(browser, cloud, {name: found[name] for name in only or found}, folder, docs)


if __name__ == "__main__":
    options = argparse.ArgumentParser("python -m tests.browser.pictures", description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("docs", type=Path, nargs="?")
    options.add_argument("--only", type=lambda text: text.split(","), default=[])
    given = options.parse_args()
    main(given.folder, given.docs, given.only)
