"""Every page as a judge and an unlucky person see it: accessibility, hostile names, a lost network, a session that ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cli.run.cloud import RunningCloud
from localcloud.client import LocalCloud
from tests.browser.driving import PACKAGES, url_of
from tests.browser.person import Person
from tests.browser.pictures import ASKED, look, take_inventory
from tests.support.fleets import fleet, instance

pytestmark = pytest.mark.long
HOSTILE = "<script>document.title='owned'</script><img src=https://evil.example/x onerror=alert(1)>\u202e😀'\"" + "x" * 4000
NAMED = HOSTILE[:120]
"""An instance's name has at most 128 characters."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


SMALL = """
[...document.querySelectorAll("button, summary, input:not([type=hidden]), select, textarea, .button, nav a, .counts a")]
  .filter((each) => each.checkVisibility() && !each.matches(".default, .skip"))
  .filter((each) => { const box = each.getBoundingClientRect(); return box.width < 24 || box.height < 24; })
  .map((each) => each.outerHTML.slice(0, 100))
"""
"""What is pressed and smaller than WCAG 2.5.8 allows. Links inside a sentence or a cell are excepted there."""
OPEN_ALL = """
() => {
  addEventListener("toggle", (event) => event.stopImmediatePropagation(), true); // else one panel closes the others
  document.querySelectorAll("details").forEach((each) => { each.open = true; });
}
"""
HIDDEN = """
() => {
  const box = document.activeElement.getBoundingClientRect();
  if (!box.width || document.activeElement === document.body) return "";
  const points = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.5], [0.1, 0.9], [0.9, 0.9]];
  const seen = points.some(([x, y]) => {
    const top = document.elementFromPoint(box.left + box.width * x, box.top + Math.min(box.height, innerHeight) * y);
    return top && (document.activeElement.contains(top) || top.contains(document.activeElement));
  });
  return seen ? "" : document.activeElement.outerHTML.slice(0, 100);
}
"""
"""What has the focus and lies wholly under something else (WCAG 2.4.11)."""


@pytest.fixture(scope="module")
def places(cloud: RunningCloud, chromium: Any) -> dict[str, str]:
    """Every page by name. One batch waits for approvals, one may be confirmed, one has failed, and one is a dry run."""
    names: dict[str, Any] = {"InstanceName": NAMED, "Description": HOSTILE}
    unknown = instance(5, (NAMED, NAMED, "linux"), **names)
    cloud.load_fleet(fleet(*(instance(number, **names) for number in (1, 2, 3, 4, 6)), unknown))
    api = cloud.api_client("ann")
    moved = api.post("/batches", {"instanceIds": ["i-test0004"], "policy": {"confirmAfterDays": 0}})["batchId"]
    broken = api.post("/batches", {"instanceIds": ["i-test0006"]})["batchId"]
    LocalCloud(cloud.ready["admin"], cloud.ready["admin_token"]).happen(
        "migration_fails", instance_id="i-test0006", at="Syncing", cause=HOSTILE[:200]
    )
    cloud.advance_clock(1800)
    context = chromium.new_context(locale="en-GB")
    for each in (moved, broken):
        Person(context.new_page(), url_of(cloud), "Ann").visit(f"/batches/{each}").act("Accept the risks")
    context.close()
    for _ in range(20):
        is_ready = api.get("/batches", readyToConfirm="true")["batches"]
        if is_ready and api.get(f"/batches/{broken}")["counts"].get("failed"):
            break
        cloud.advance_clock(1800)
    waves = {
        "waves": ["1", "1"],
        "approvals": 1,
        "maxMoving": 2,
        "windows": [{"start": "00:00", "end": "23:59", "zone": "Asia/Shanghai"}],
    }
    ids = [f"i-test{number}" for number in ("0001", "0002", "0003", "9999")]
    batch_id = api.post("/batches", {"instanceIds": ids, "exclude": {"instanceIds": ids[2:3]}, "policy": waves})["batchId"]
    dry = api.post("/batches", {"instanceIds": ids[1:2], "dryRun": True})["batchId"]
    cloud.advance_clock(1800)
    take_inventory(cloud)
    (first, *_) = api.get("/migrations", batchId=batch_id)["migrations"]
    (done,) = api.get("/migrations", batchId=moved)["migrations"]
    (failed,) = api.get("/migrations", batchId=broken)["migrations"]
    return {
        "overview": "/",
        "inventory": "/inventory",
        "batches": "/batches",
        "batch": f"/batches/{batch_id}",
        "found": f"/batches/{batch_id}?text=web",
        "sorted": f"/batches/{batch_id}?order=-changed",
        "broken": f"/batches/{broken}",
        "dry-run": f"/batches/{dry}/plan",
        "policy": f"/batches/{batch_id}/policy",
        "policy-review": f"/batches/{batch_id}/policy{ASKED}",
        "left-out": f"/batches/{batch_id}/left-out",
        "plan": f"/batches/{batch_id}/plan",
        "submit": f"/plan?like={batch_id}",
        "migration": f"/migrations/{first['migrationId']}",
        "migrated": f"/migrations/{done['migrationId']}",
        "failed": f"/migrations/{failed['migrationId']}",
        "review": f"/batches/{broken}/review?act=retry&all=1",
        "review-rollback": f"/batches/{broken}/review?act=rollback&all=1",
        "review-cancel": f"/batches/{batch_id}/review?act=cancellation&all=1",
        "ready": "/ready",
        "snapshots": "/snapshots",
        "audit": "/audit",
        "system": "/system",
        "settings": "/settings",
        "problem": "/batches/b-nothing",
    }


@pytest.fixture(params=["light", "dark"])
def ann(person: Callable[..., Person], request: pytest.FixtureRequest) -> Person:
    return person("Ann", color_scheme=request.param).visit()


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("width", [390, 1440, 2560])
def test_axe_finds_nothing(ann: Person, places: dict[str, str], width: int, locale: str) -> None:
    ann.page.goto(f"{ann.url}/console/language?to={locale[:2]}")
    assert ann.page.locator("html").get_attribute("lang") == ("zh-CN" if locale == "zh-CN" else "en")
    ann.page.set_viewport_size({"width": width, "height": 900})
    found: list[str] = []
    for name, path in places.items():
        look(ann, path)
        for add in ("windows", "blackouts", "commands") if name in ("submit", "policy") else ():
            ann.page.locator(f"button[value='add policy.{add}']").evaluate("element => element.click()")
            ann.page.locator(f"[data-rows='policy.{add}'] .row").first.wait_for(state="attached")
        found += [f"{name}: {each}" for each in faults(ann)]
    ann.page.goto(f"{ann.url}/console/sign-in")
    found += [f"sign-in: {each}" for each in faults(ann)]
    assert not found, "\n".join(found)


def faults(person: Person) -> list[str]:
    """What is wrong with the page that is shown, with all that is folded opened at once."""
    page = person.page
    page.evaluate(OPEN_ALL)
    page.evaluate((PACKAGES / "axe_playwright_python" / "axe.min.js").read_text(encoding="utf-8"))
    said = page.evaluate("rules => axe.run(document, { runOnly: rules })", RULES)
    assert len(said["passes"]) > 10, page.url
    found = [f"{each['id']} {each['nodes'][0]['html'][:150]}" for each in said["violations"]]
    found += [f"{each} is smaller than 24 px" for each in page.evaluate(SMALL)]
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [*found, f"{wide} px wider than the screen"] if wide > 0 else found


def test_hostile_names_do_nothing(person: Callable[..., Person], places: dict[str, str]) -> None:
    ann = person("Ann").visit()
    dialogs: list[str] = []

    def note(dialog: Any) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    ann.page.on("dialog", note)
    for path in places.values():
        look(ann, path, hostile_policy())
        assert "owned" not in ann.page.title()
        assert ann.page.locator("main script, main img").count() == 0
    for name in ("batch", "inventory", "ready", "policy-review", "snapshots", "settings"):
        look(ann, places[name], hostile_policy())
        assert "<script>document" in ann.text, name
    for field in ("code", "text"):
        ann.visit(places["batch"])
        ann.page.locator(f"input[name={field}]").evaluate(
            "(element, text) => { element.removeAttribute('maxlength'); element.value = text; }", HOSTILE
        )
        ann.page.get_by_role("button", name="Find", exact=True).click()
        ann.page.wait_for_load_state()
        assert ann.page.locator("main script, main img").count() == 0
    for path in (f"{places['batch']}?done={HOSTILE[:60]}", "/audit?who=%3Cscript%3E", "/language?to=xx&back=//evil.example"):
        ann.visit(path)
        assert ann.page.url.startswith(ann.url)
        assert ann.page.locator("main script").count() == 0
    ann.visit("/system")
    panel = ann.page.locator("details.act")
    panel.locator("summary").click()
    panel.locator("input[name=why]").fill(HOSTILE[:100].replace("\u202e", ""))
    panel.locator("button").click()
    ann.page.locator(".banner.bad[role=alert]").wait_for()
    assert ann.page.locator("body > .banner script").count() == 0
    ann.act("Release the hold", why="tried <b>it</b> out")
    assert dialogs == []


def hostile_policy() -> dict[str, str]:
    """Fields of a policy, as nobody kind fills them in."""
    freeze = {"from": "2026-12-24", "to": "2026-12-26", "reason": HOSTILE[:200]}
    return {**{f"blackouts.0.{name}": text for name, text in freeze.items()}, "group.0.tag": NAMED, "maxMoving": "3"}


FILL = """
(all, text) => all.forEach((each) => {
  each.removeAttribute("maxlength"); each.removeAttribute("pattern");
  if (each.type !== "date" && each.type !== "time" && each.type !== "number") each.value = text;
})
"""


@pytest.mark.parametrize(("name", "button"), [("submit", "plan"), ("policy", "review")])
def test_hostile_text_in_every_field_of_a_form_comes_back_as_text(
    person: Callable[..., Person], places: dict[str, str], name: str, button: str
) -> None:
    ann = person("Ann").visit(places[name])
    ann.page.locator("details.fold").evaluate("element => { element.open = true; }")
    for row in ann.page.locator("button[value^=add]").all():
        row.evaluate("element => element.click()")
        ann.page.locator(f"[data-rows='{row.get_attribute('value').partition(' ')[2]}'] .row").first.wait_for(state="attached")
    typed = ann.page.locator("main input:not([type=hidden]):not([type=checkbox]), main textarea")
    assert typed.count() > 25
    typed.evaluate_all(FILL, HOSTILE)
    ann.page.locator(f"button[name=step][value={button}]:not(.default)").click()
    ann.page.locator(".fault").first.wait_for()
    assert ann.page.locator(".fault").count() > 10, "what is wrong is said beside its field"
    assert ann.page.locator("input[name='policy.group.0.tag']").input_value().startswith("<script>document"), "what was typed stays"
    assert ann.page.locator("main script, main img").count() == 0
    assert "owned" not in ann.page.title()
    assert faults(ann) == []


def test_a_session_that_ends_does_nothing_and_says_so(
    cloud: RunningCloud, person: Callable[..., Person], places: dict[str, str]
) -> None:
    ann = person("Ann").visit(places["batch"])
    panel = ann.page.locator("details.act", has_text="Pause")
    panel.locator("summary").click()
    cloud.advance_clock(2 * 3600)
    panel.locator("button").click()
    ann.page.get_by_text("Nothing was done").wait_for()
    ann.sign_in()
    assert ann.page.url.endswith(places["batch"])
    assert cloud.api_client("ann").get(places["batch"])["brake"] is None


def test_a_lost_network_is_said_and_ends_by_itself(person: Callable[..., Person], places: dict[str, str]) -> None:
    ann = person("Ann").visit(places["batch"])
    ann.page.context.set_offline(True)
    ann.page.keyboard.press("r")
    ann.page.locator("#state.lost").wait_for()
    ann.page.context.set_offline(False)
    ann.page.keyboard.press("r")
    ann.page.locator("#state:not(.lost)", has_text="Updated").wait_for()


def test_acts_of_an_old_tab_do_nothing(cloud: RunningCloud, person: Callable[..., Person], places: dict[str, str]) -> None:
    """The same act again is done once; another one, by what the old tab shows, is refused."""
    ann = person("Ann").visit(places["batch"])
    same, other = ann.page.context.new_page(), ann.page.context.new_page()
    for tab in (same, other):
        tab.goto(ann.page.url)
    ann.act("Pause", why="first tab")
    panel = same.locator("details.act", has_text="Pause")
    panel.locator("summary").click()
    panel.locator("button").click()
    same.wait_for_url("**done=pause")
    panel = other.locator("details.act", has=other.locator("summary", has_text="Stop"))
    panel.locator("summary").click()
    panel.locator("input[name=typed]").fill(places["batch"].rpartition("/")[2])
    panel.locator("button").click()
    other.wait_for_url("**/acts/stop")
    assert "This did not work" in other.locator("main").inner_text()
    standing = cloud.api_client("ann").get(places["batch"])
    assert ([each["act"] for each in standing["journal"]], standing["brake"]["state"]) == (["pause"], "paused")
    ann.act("Resume", why="the test is over")


def test_what_was_done_is_said_once(person: Callable[..., Person], places: dict[str, str]) -> None:
    ann = person("Ann").visit(f"{places['batch']}?done=stop")
    said = ann.page.locator("#main > .banner.good")
    assert said.count() == 0, "an address proves nothing"
    ann.act("Pause", why="once")
    ann.page.reload()
    assert (said.count(), "done=pause" in ann.page.url) == (0, True)
    ann.act("Resume", why="seen")


def test_pause_and_stop_stay_on_the_screen_of_a_phone(person: Callable[..., Person], places: dict[str, str]) -> None:
    ann = person("Ann").visit(places["batch"])
    ann.page.set_viewport_size({"width": 390, "height": 844})
    ann.page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
    panels = [ann.page.locator("details.act", has=ann.page.locator("summary", has_text=name)).first for name in ("Pause", "Stop")]
    for panel in panels:
        box = panel.locator("summary").bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] < 422, "the lower half is for the rows"
        panel.locator("summary").click()
        button = panel.locator("button")
        button.scroll_into_view_if_needed()
        box = button.bounding_box()
        assert box is not None
        assert 0 <= box["y"] < 844
        ann.page.keyboard.press("Escape")


def test_single_keys_can_be_switched_off_for_good(person: Callable[..., Person], places: dict[str, str]) -> None:
    ann = person("Ann").visit(places["batch"])
    field, switch = ann.page.locator("input[name=text]"), ann.page.locator("#keys")
    has_focus = "element => element === document.activeElement"
    for on in (True, False, True):
        ann.page.reload()
        ann.page.keyboard.press("/")
        assert field.evaluate(has_focus) == on
        ann.page.reload()
        switch.click()


def test_the_lanes_come_after_the_batch_and_stay_through_updates(person: Callable[..., Person], places: dict[str, str]) -> None:
    ann = person("Ann").visit(places["batch"])
    lanes = ann.page.locator("[data-part] .lanes tbody tr")
    lanes.first.wait_for()
    assert (lanes.count(), ann.page.locator("meter").count()) == (2, 1)
    tab = ann.page.context.new_page()
    tab.goto(ann.page.url)
    Person(tab, ann.url, "Ann").act("Pause", why="a change to see")
    ann.page.keyboard.press("r")
    ann.page.get_by_text("a change to see").first.wait_for()
    assert lanes.count() == 2
    ann.act("Resume", why="seen")


def test_another_policy_is_seen_before_it_is_set(
    cloud: RunningCloud, person: Callable[..., Person], places: dict[str, str]
) -> None:
    ann = person("Ann", keys=True).visit(places["batch"])
    ann.activate(ann.page.get_by_role("link", name="Policy …"))
    ann.write(ann.page.get_by_label("Moving at once maxMoving", exact=True), "3")
    ann.activate(ann.page.get_by_role("button", name="See the changes"))
    ann.page.get_by_role("heading", name="Another policy?").wait_for()
    assert [each.inner_text() for each in ann.page.locator("tbody td").all()] == ["2", "3"]
    assert "persons have to approve again" in ann.text
    ann.page.set_viewport_size({"width": 390, "height": 844})
    assert ann.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, "a phone shows all of it"
    ann.write(ann.page.locator("input[name=why]"), "fewer people tonight")
    ann.activate(ann.page.get_by_role("button", name="Set the policy"))
    ann.page.wait_for_url("**done=policy")
    assert cloud.api_client("ann").get(places["batch"])["policy"]["maxMoving"] == 3


def test_signing_out_closes_every_page(person: Callable[..., Person], places: dict[str, str]) -> None:
    ann = person("Ann").visit(places["batch"])
    ann.page.locator("form[action='/console/sign-out'] button").click()
    ann.page.wait_for_url("**/sign-in")
    for path in places.values():
        answer = ann.page.goto(f"{ann.url}/console{path}")
        assert answer.status == 401, path


def test_live_updates_wait_while_somebody_types(cloud: RunningCloud, person: Callable[..., Person], places: dict[str, str]) -> None:
    ann = person("Ann").visit(places["batch"])
    box = ann.page.locator("input[name=text]")
    box.fill("half a word")
    ann.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    ann.page.locator("#state.waits").wait_for()
    assert box.input_value() == "half a word"


@pytest.mark.parametrize("size", [(390, 844), (1280, 720)])
def test_what_has_the_focus_is_never_covered(person: Callable[..., Person], places: dict[str, str], size: tuple[int, int]) -> None:
    ann = person("Ann").visit()
    ann.page.set_viewport_size({"width": size[0], "height": size[1]})
    found: list[str] = []
    for name in ("batch", "submit", "migration", "snapshots"):
        look(ann, places[name])
        for key in ("Tab", "Shift+Tab"):
            for _ in range(60):
                ann.page.keyboard.press(key)
                covered = ann.page.evaluate(HIDDEN)
                found += [f"{name}: {covered}"] if covered else []
    assert found == []


def test_live_updates_stand_still_for_who_asks(cloud: RunningCloud, person: Callable[..., Person], places: dict[str, str]) -> None:
    ann = person("Ann", keys=True).visit(places["batch"])
    ann.activate(ann.page.get_by_role("button", name="Pause updates"))
    ann.page.locator("#state.waits", has_text="Updates are paused").wait_for()
    asked: list[str] = []
    ann.page.on("request", lambda request: asked.append(request.url))
    ann.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    ann.page.reload()
    assert ann.page.get_by_role("button", name="Update again").is_visible(), "the tab keeps it"
    assert len([each for each in asked if each.endswith(places["batch"])]) == 1
    ann.activate(ann.page.get_by_role("button", name="Update again"))
    ann.page.locator("#state:not(.waits)", has_text="Updated").wait_for()


def test_the_end_of_a_session_is_told_and_put_off_without_losing_what_was_typed(
    person: Callable[..., Person], places: dict[str, str]
) -> None:
    ann = person("Ann").visit(places["batch"])
    panel = ann.page.locator("details.act", has_text="Pause").first
    panel.locator("summary").click()
    panel.locator("input[name=why]").fill("half a reason")
    assert ann.page.locator("#ends").is_hidden()
    ann.page.evaluate(
        "document.body.dataset.until = String(Math.floor(Date.now() / 1000) + 200);"
        " document.dispatchEvent(new Event('replank-session'))"
    )
    link = ann.page.locator("#ends a")
    link.wait_for()
    with ann.page.context.expect_page() as opened:
        link.click()
    other = opened.value
    other.get_by_role("link", name="Ann", exact=True).click()
    other.wait_for_url("**/console/")
    ann.page.locator("#ends").wait_for(state="hidden")
    panel.locator("button").click()
    ann.page.wait_for_url("**done=pause")
    ann.act("Resume", why="seen")


def test_windows_are_added_and_removed_by_keyboard_with_and_without_script(
    person: Callable[..., Person], places: dict[str, str]
) -> None:
    for script in (True, False):
        ann = person("Ann", keys=True, java_script_enabled=script).visit("/plan")
        ann.write(ann.page.locator("[name=names]"), "web-*")
        for number in range(2):
            ann.activate(ann.page.get_by_role("button", name="Add a window"))
            first = ann.page.locator(f"[name='policy.windows.{number}.start']")
            first.wait_for()
            ann.page.locator(f"[name='policy.windows.{number}.zone']").fill(f"Asia/Zone{number}")
        ann.activate(ann.page.get_by_role("button", name="Remove Window 1"))
        ann.page.locator("[name='policy.windows.1.zone']").wait_for(state="detached")
        assert ann.page.locator("[name='policy.windows.0.zone']").input_value() == "Asia/Zone1"
        assert ann.page.locator("[name=names]").input_value() == "web-*"


def test_hostile_reasons_of_acts_are_text(cloud: RunningCloud, person: Callable[..., Person], places: dict[str, str]) -> None:
    ann, why = person("Ann").visit(places["batch"]), NAMED.replace("\u202e", "")
    ann.act("Pause", why=why)
    for path in (places["batch"], "/", "/audit"):
        look(ann, path)
        assert ann.page.locator("main script, main img").count() == 0
    assert "<script>document" in look(ann, places["batch"]).text
    ann.act("Resume", why=why)
