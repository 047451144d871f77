"""Pictures of every page, light and dark, wide and narrow, in both languages: ``python -m tests.browser.pictures FOLDER [DOCS]``.

The fleet has a batch under way with a failure, one that waits for approvals, and a dry run. DOCS takes the three of the README.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from cli.run.cloud import RunningCloud
from localcloud.client import LocalCloud
from tests.browser import driving
from tests.browser.person import Person
from tests.support.fleets import CENTOS_7, RHEL_8, WINDOWS_2008, fleet, instance

Json = dict[str, Any]
SIZE = 30
README = {"overview": "light", "batch": "light", "plan": "dark"}
WIDE, NARROW = (1280, 800), (390, 844)


def build(cloud: RunningCloud) -> dict[str, str]:
    """Bring the fleet to where every page has something to show; the pages by name."""
    kinds = [WINDOWS_2008 if number % 10 == 0 else RHEL_8 if number % 7 == 0 else CENTOS_7 for number in range(1, SIZE + 1)]
    roles = ("web", "pay", "orders", "支付网关", "cache")
    machines = [
        instance(number, kind, InstanceName=f"{roles[number % len(roles)]}-{number:02}") for number, kind in enumerate(kinds, 1)
    ]
    cloud.load_fleet(fleet(*machines))
    ids = [each["InstanceId"] for each in machines]
    api = cloud.api("ann")
    waves = {"waves": ["1", "3", "50%"], "maxMoving": 4, "failureBudget": 2, "soakMin": 60}
    nights = [{"start": "20:00", "end": "06:00", "zone": "Asia/Shanghai"}]
    freeze = {"from": "2026-11-25", "to": "2026-11-25", "reason": "Freeze for the sale 大促封网"}
    running = api.post("/batches", {"instanceIds": ids[:16], "policy": {**waves, "windows": nights, "blackouts": [freeze]}})[
        "batchId"
    ]
    waiting = api.post("/batches", {"instanceIds": ids[16:24], "policy": {"approvals": 2, "driver": "console"}})["batchId"]
    without = {"names": ["cache-*", "支付网关-*"]}
    dry = api.post("/batches", {"instanceIds": ids[24:], "exclude": without, "dryRun": True, "policy": waves})["batchId"]
    cloud.advance_clock(1800)
    happen = LocalCloud(cloud.ready["admin"], cloud.ready["admin_token"]).happen
    for each in ids[2:4]:
        happen("migration_fails", instance_id=each, at="Syncing", cause="No repository answers (mirrors.example.com).")
    return {"running": running, "waiting": waiting, "dry": dry}


def pages(cloud: RunningCloud, batches: dict[str, str]) -> dict[str, str]:
    """The pages by name, once something runs."""
    api, running = cloud.api("ann"), batches["running"]
    rows = api.get("/migrations", batchId=running, limit=100)["migrations"]
    one = next((each for state in ("failed", "migrated", "migrating") for each in rows if each["state"] == state), rows[0])
    moved = next((each for each in rows if each["state"] == "migrated"), one)
    return {
        "overview": "/",
        "inventory": "/inventory",
        "batches": "/batches",
        "batch": f"/batches/{running}",
        "approvals": f"/batches/{batches['waiting']}",
        "plan": f"/batches/{running}/plan",
        "dry-run": f"/batches/{batches['dry']}/plan",
        "policy": f"/batches/{running}/policy",
        "left-out": f"/batches/{batches['dry']}/left-out",
        "submit": f"/plan?like={batches['dry']}",
        "failed": f"/migrations/{one['migrationId']}",
        "migrated": f"/migrations/{moved['migrationId']}",
        "review": f"/batches/{running}/review?act=retry&all=1",
        "snapshots": "/snapshots",
        "audit": "/audit",
        "system": "/system",
        "settings": "/settings",
        "problem": "/batches/b-nothing",
    }


def take(browser: Any, cloud: RunningCloud, shown: dict[str, str], folder: Path, docs: Path | None) -> None:
    """Every page in every light and width."""
    for scheme in ("light", "dark"):
        for name, size in (("wide", WIDE), ("narrow", NARROW)):
            for locale in ("en-GB", "zh-CN") if (scheme, name) == ("light", "wide") else ("en-GB",):
                viewport = {"width": size[0], "height": size[1]}
                options: Json = {"locale": locale, "timezone_id": "Asia/Shanghai", "color_scheme": scheme, "viewport": viewport}
                ann = Person(browser.new_context(**options).new_page(), driving.url_of(cloud), "Ann").visit()
                for page, path in shown.items():
                    ann.visit(path)
                    ann.page.wait_for_load_state("networkidle")  # parts of a page come after it
                    ann.page.screenshot(path=folder / f"{page}-{scheme}-{name}-{locale[:2]}.png", full_page=name == "wide")
                    if docs and (README.get(page), name, locale) == (scheme, "wide", "en-GB"):
                        ann.page.screenshot(path=docs / f"console-{page}.png")
                ann.page.context.close()


def main(folder: Path, docs: Path | None) -> None:
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
        ann = Person(browser.new_context().new_page(), driving.url_of(cloud), "Ann").visit(f"/batches/{batches['running']}")
        ann.act("Accept the risks")
        for _ in range(60):
            cloud.advance_clock(1800)
            counts = cloud.api("ann").get(f"/batches/{batches['running']}")["counts"]
            if counts.get("failed") and counts.get("migrated", 0) > 1 and counts.get("migrating"):
                break
        take(browser, cloud, pages(cloud, batches), folder, docs)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
