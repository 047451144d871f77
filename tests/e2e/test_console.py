"""The operations page against the real API: people sign in at the provider, look, and act under verified names."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from console import entry
from console.http import Response
from console.signature import Credentials
from localcloud.core.http import Request
from tests.support.fleets import fleet, instance
from tests.support.forms import fields_of_form
from tests.support.signing_time import signing_time
from tests.support.world import World
from tools.deployed.product import URL

SETTINGS = {
    "REPLANK_OIDC_ISSUER": "{url}/oidc",
    "REPLANK_OIDC_AUDIENCE": "replank",
    "REPLANK_ACT_TRUST": '{"submitBatch": "claimed"}',
}
CONSOLE = {"REPLANK_API_URL": f"{URL}/http/replank-api", "REPLANK_CONSOLE_KEY": "k" * 40}


def now() -> float:
    return datetime.fromisoformat(signing_time().replace("Z", "+00:00")).timestamp()


class Browser:
    """Keeps cookies and follows what the console and the provider answer."""

    def __init__(self, world: World) -> None:
        self.world, self.cookies = world, dict[str, str]()
        key = world.cloud.identities.of("role:replank-console")
        assert key is not None
        self.role = Credentials(key.access_key_id, key.access_key_secret, key.token)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Response:
        where = urlsplit(url)
        target = where.path + (f"?{where.query}" if where.query else "")
        sent = {"host": where.netloc, **{name.lower(): value for name, value in headers.items()}}
        answer = self.world.cloud.handle(Request(method, target, sent, body))
        return Response(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.body)

    def ask(self, method: str, address: str, form: dict[str, str] | None = None) -> tuple[int, str, dict[str, str]]:
        where = urlsplit(address)
        event: dict[str, Any] = {
            "rawPath": where.path,
            "headers": {
                "Host": "127.0.0.1:9",
                "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
                "Content-Type": "application/x-www-form-urlencoded",
            },
            "queryParameters": dict(parse_qsl(where.query)),
            "body": urlencode(form or {}),
            "requestContext": {"http": {"method": method}},
        }
        found = entry.answer(event, CONSOLE, self.role, entry.Outside(self.send, now))
        name, _, value = found["headers"].get("Set-Cookie", "").partition(";")[0].partition("=")
        self.cookies |= {name: value} if name else {}
        return found["statusCode"], base64.b64decode(found["body"]).decode(), found["headers"]

    def sign_in(self, person: str) -> None:
        _, _, headers = self.ask("GET", "/console/sign-in/start?back=/console/batches")
        at = self.send("GET", f"{headers['Location']}&login_hint={person}", {}, b"")
        status, _, headers = self.ask("GET", at.headers["location"])
        assert (status, headers["Refresh"]) == (200, "0;url=/console/batches")

    def submit(self, page: str, act: str, **more: str) -> tuple[int, str, dict[str, str]]:
        """Send the form of an act as the page holds it."""
        form = re.search(rf'<form method="post" action="([^"]*/acts/{act})">(.*?)</form>', page, re.DOTALL)
        assert form, f"no form for {act}"
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form[2]))
        return self.ask("POST", form[1], {**{name: unescape(value) for name, value in fields.items()}, **more})


@pytest.fixture
def world() -> Iterator[World]:
    with World(env=SETTINGS).connected() as connected:
        connected.load_fleet(fleet(instance(1)))
        yield connected


def test_a_person_signs_in_accepts_the_risks_and_pauses(world: World) -> None:
    browser = Browser(world)
    assert browser.ask("GET", "/console/")[0] == 401
    browser.sign_in("ann")
    for page in (
        "/console/",
        "/console/inventory",
        "/console/batches",
        "/console/snapshots",
        "/console/audit",
        "/console/system",
        "/console/settings",
    ):
        assert browser.ask("GET", page)[0] == 200, page
    batch_id = world.api.post("/batches", {"instanceIds": [instance(1)["InstanceId"]]})["batchId"]
    world.run(30)
    _, page, _ = browser.ask("GET", f"/console/batches/{batch_id}")
    assert browser.submit(page, "acknowledgement", accept="yes")[0] == 303
    status, refused, _ = browser.submit(page, "pause")
    assert (status, "<h1>This did not work</h1>" in refused) == (412, True)
    _, page, _ = browser.ask("GET", f"/console/batches/{batch_id}")
    assert browser.submit(page, "pause", why="smoke")[0] == 303
    found = world.api.get(f"/batches/{batch_id}")
    assert (found["acknowledgement"]["operator"], found["acknowledgement"]["trust"]) == (found["brake"]["by"], "verified")
    assert (found["brake"]["state"], found["brake"]["why"]) == ("paused", "smoke")
    _, overview, _ = browser.ask("GET", "/console/")
    assert f"/console/batches/{batch_id}" in overview
    (row,) = world.api.get("/migrations", batchId=batch_id)["migrations"]
    status, page, _ = browser.ask("GET", f"/console/migrations/{row['migrationId']}")
    assert (status, row["instanceId"] in page) == (200, True)


def form_token(page: str) -> str:
    return str(re.findall(r'name="form" value="([^"]+)"', page)[0])


def test_the_plan_comes_before_the_batch(world: World) -> None:
    browser = Browser(world)
    browser.sign_in("ann")
    _, page, _ = browser.ask("GET", "/console/plan")
    form = {"form": form_token(page), "token": re.findall(r'name="token" value="([^"]+)"', page)[0]}
    asked = {**form, "instanceIds": instance(1)["InstanceId"], "policy.maxMoving": "3", "step": "plan"}
    status, _, headers = browser.ask("POST", "/console/plan", asked)
    assert status == 303
    _, page, _ = browser.ask("GET", headers["Location"])
    assert ("still being found" in page, "/submission" in page) == (True, False)
    world.run(30)
    _, page, _ = browser.ask("GET", headers["Location"])
    seen = re.findall(r'name="seen" value="(\w+)"', page)
    made = {browser.ask("POST", headers["Location"].replace("/plan", "/submission"), {**form, "seen": seen[0]})[2]["Location"]}
    made |= {browser.ask("POST", headers["Location"].replace("/plan", "/submission"), {**form, "seen": seen[0]})[2]["Location"]}
    (batch,) = [each for each in world.api.get("/batches")["batches"] if not each["dryRun"]]
    assert made == {f"/console/batches/{batch['batchId']}?done=submission"}
    assert (batch["selection"]["instanceIds"], batch["policy"]["maxMoving"]) == ([instance(1)["InstanceId"]], 3)


def test_the_inventory_leads_to_a_plan_in_two_clicks(world: World) -> None:
    browser = Browser(world)
    browser.sign_in("ann")
    assert "No inventory has been taken yet" in browser.ask("GET", "/console/inventory")[1]
    world.run_sparsely(24 * 60)
    browser.sign_in("ann")
    _, page, _ = browser.ask("GET", "/console/inventory")
    (address,) = re.findall(r'href="(/console/plan[?][^"]+)"', page)
    _, page, _ = browser.ask("GET", unescape(address))
    status, _, headers = browser.ask("POST", "/console/plan", {**fields_of_form(page, "/console/plan"), "step": "plan"})
    assert status == 303
    world.run(30)
    _, page, _ = browser.ask("GET", headers["Location"])
    assert "Instance.MigrationActive" in page  # the notice of the same inventory has planned the instance already
    (batch,) = [each for each in world.api.get("/batches")["batches"] if each["createdBy"] != "replank"]
    assert (batch["selection"]["releases"], batch["dryRun"]) == (["centos-7"], True)


def test_the_batch_leads_to_what_was_left_out(world: World) -> None:
    ids = [instance(number)["InstanceId"] for number in (1, 2)]
    world.load_fleet(fleet(*(instance(number) for number in (1, 2))))
    asked = {"instanceIds": ids, "exclude": {"instanceIds": ids[1:]}}
    batch_id = world.api.post("/batches", asked)["batchId"]
    world.run(30)
    browser = Browser(world)
    browser.sign_in("ann")
    _, page, _ = browser.ask("GET", f"/console/batches/{batch_id}")
    (address,) = set(re.findall(r'href="([^"]+/left-out)"', page))
    status, page, _ = browser.ask("GET", address)
    assert (status, ids[1] in page, ids[0] in page) == (200, True, False)


def test_what_is_ready_is_confirmed_by_one_act(world: World) -> None:
    browser = Browser(world)
    browser.sign_in("ann")
    asked = {"instanceIds": [instance(1)["InstanceId"]], "policy": {"confirmAfterDays": 0}}
    batch_id = world.api.post("/batches", asked)["batchId"]
    world.run(30)
    _, page, _ = browser.ask("GET", f"/console/batches/{batch_id}")
    browser.submit(page, "acknowledgement", accept="yes")
    world.run(400)
    browser.sign_in("ann")
    _, page, _ = browser.ask("GET", "/console/")
    assert "Batches ready to confirm: 1" in page
    _, page, _ = browser.ask("GET", "/console/ready")
    (listed,) = re.findall(r'name="m" value="([^"]+)"', page)
    for _ in range(2):
        _, page, _ = browser.ask("POST", "/console/ready", {"form": form_token(page), "m": listed})
        assert "<h1>Confirmed: 1</h1>" in page
    assert world.api.get(f"/batches/{batch_id}")["counts"].keys() <= {"confirmed", "completed"}


def test_another_policy_is_set_as_it_was_seen(world: World) -> None:
    browser = Browser(world)
    browser.sign_in("ann")
    windows = [{"start": "22:00", "end": "04:00", "zone": "Asia/Shanghai"}]
    policy = {"windows": windows, "waves": ["1"], "group": {"tag": "app"}, "overrides": {"Disk.Full": "known"}, "approvals": 1}
    batch_id = world.api.post("/batches", {"instanceIds": [instance(1)["InstanceId"]], "policy": policy})["batchId"]
    world.run(30)
    address = f"/console/batches/{batch_id}/policy"

    def fields(page: str) -> dict[str, str]:
        return fields_of_form(page, address)

    _, page, _ = browser.ask("GET", address)
    before = world.api.get(f"/batches/{batch_id}")
    _, page, _ = browser.ask("POST", address, {**fields(page), "step": "review", "policy.maxMoving": "9"})
    assert ("Fields that change: 1<" in page, "persons have to approve again" in page) == (True, True)
    for _ in range(2):
        assert browser.ask("POST", address, {**fields(page), "step": "set", "why": "night"})[0] == 303
    after = world.api.get(f"/batches/{batch_id}")
    assert (after["version"], after["policy"]) == (before["version"] + 1, {**before["policy"], "maxMoving": 9})
    _, page, _ = browser.ask("GET", f"/console/batches/{batch_id}")
    assert browser.submit(page, "pause")[0] == 303  # the API tells the journal of a batch once a brake or a wave was touched
    assert "maxMoving</code>: <bdi>5</bdi> → <bdi>9</bdi>" in browser.ask("GET", f"/console/batches/{batch_id}")[1]
    _, page, _ = browser.ask("GET", address)
    _, page, _ = browser.ask("POST", address, {**fields(page), "step": "review", "policy.approvals": "0"})
    status, page, _ = browser.ask("POST", address, {**fields(page), "step": "set"})
    assert (status, "Policy.Fixed" in page) == (409, True)


def test_who_signs_in_again_keeps_the_forms_that_are_open(world: World) -> None:
    browser = Browser(world)
    tokens = list[str]()
    for person in ("ann", "ann", "vera"):
        browser.sign_in(person)
        found = re.search(r'name="form" value="([^"]+)"', browser.ask("GET", "/console/system")[1])
        assert found
        tokens.append(found[1])
    assert (tokens[0] == tokens[1], tokens[1] == tokens[2]) == (True, False), "another person has other forms"


def test_another_tabs_answer_lets_nobody_in(world: World) -> None:
    first, second = Browser(world), Browser(world)
    _, _, headers = first.ask("GET", "/console/sign-in/start")
    second.ask("GET", "/console/sign-in/start")
    at = first.send("GET", f"{headers['Location']}&login_hint=ann", {}, b"")
    status, page, _ = second.ask("GET", at.headers["location"])
    assert (status, "SignIn.Failed" in page) == (401, True)
    assert second.ask("GET", "/console/")[0] == 401
