"""The console without a cloud: signatures, sessions, links, tasks for persons, texts, and pages with hostile facts."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_openapi_util.client import Client
from Tea.request import TeaRequest

from console import entry, session, tickets, web
from console.attention import RANKS, of_batch, sorted_items, wave_to_begin
from console.http import Response
from console.pages.batch import worst_wave
from console.pages.migration import line, reach
from console.present import as_csv, environment
from console.signature import Credentials, authorization
from console.texts import FOLDER, LANGUAGES, language_of, messages

KEY = b"k" * 32
ROLE = Credentials("id", "secret", "token")
ENVIRONMENT = {"REPLANK_API_URL": "http://api", "REPLANK_CONSOLE_KEY": KEY.decode()}
HOSTILE = "<script>alert(1)</script>\u202e😀" + "x" * 4000
NOW = 1_000_000.0


class ApiTable:
    """Answers the API's calls from a table, and records them."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.sent = answers, list[tuple[str, str, dict[str, str], bytes]]()

    def send(self, method: str, url: str, headers: Any, body: bytes) -> Response:
        self.sent.append((method, url, dict(headers), body))
        path = url.partition("/v1")[2].partition("?")[0]
        status, found = self.answers.get(f"{method} {path}", (404, {"Code": "Route.NotFound", "Message": "no", "Recommend": "r"}))
        return Response(status, {}, json.dumps(found).encode())


def ask(api: ApiTable, method: str, path: str, *, form: str = "", signed_in: bool = True, **headers: str) -> tuple[int, str, Any]:
    who = session.Session("ann", int(NOW) + 100, "n", "person-token")
    cookie = f"{session.SESSION}={session.text_of(who, KEY)}" if signed_in else ""
    path, _, query = path.partition("?")
    event = {
        "rawPath": path,
        "headers": {
            "Cookie": cookie,
            "Host": "ops.example.com",
            "Content-Type": "application/x-www-form-urlencoded",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        },
        "queryParameters": dict(each.split("=") for each in query.split("&") if each),
        "body": form.replace("FORM", session.form_token(who, KEY)),
        "requestContext": {"http": {"method": method}},
    }
    found = entry.answer(event, ENVIRONMENT, ROLE, entry.Outside(api.send, lambda: NOW))
    return found["statusCode"], base64.b64decode(found["body"]).decode(), found["headers"]


def test_the_signature_is_that_of_the_sdk() -> None:
    headers, query = {"x-acs-date": "2026-01-01T00:00:00Z", "x-acs-security-token": "t"}, {"b": "a b/ü~", "a": "1"}
    asked = TeaRequest()
    asked.method, asked.pathname, asked.query, asked.headers = "GET", "/http/api/v1/me", query, headers
    wanted = Client.get_authorization(asked, "ACS3-HMAC-SHA256", "", "id", "secret")
    assert authorization("GET", "/http/api/v1/me", query, headers, ROLE) == wanted


def test_a_session_opens_with_its_key_and_before_its_end_only() -> None:
    made = session.Session("张三", 100, "n", "t")
    text = session.text_of(made, KEY)
    assert session.session_of({session.SESSION: text}, KEY, 99) == made
    assert session.session_of({session.SESSION: text}, KEY, 100) is None
    assert session.session_of({session.SESSION: text}, b"other" * 8, 99) is None
    assert session.opened(text, KEY, session.SIGN_IN) == {}


def test_a_ticket_lets_one_in_once(tmp_path: Path) -> None:
    import hashlib

    secret = "s" * 43
    (tmp_path / hashlib.sha256(secret.encode()).hexdigest()).write_text("ann")
    assert [tickets.redeem(tmp_path, each) for each in (secret, secret, "../key", "")] == ["ann", "", "", ""]
    assert tickets.key_of(tmp_path) == tickets.key_of(tmp_path)


def test_without_a_session_nothing_is_asked_but_where_to_sign_in() -> None:
    api = ApiTable(**{"GET /sign-in": (200, {"issuer": "https://idp", "clientId": "c"})})
    status, body, _ = ask(api, "GET", "/console/batches", signed_in=False)
    assert (status, [each[1] for each in api.sent]) == (401, ["http://api/v1/sign-in"])
    assert "/console/sign-in/start?back=%2Fconsole%2Fbatches" in body


@pytest.mark.parametrize(
    ("form", "headers"), [("version=3", {}), ("form=wrong&version=3", {}), ("form=FORM&version=3", {"Origin": "https://evil"})]
)
def test_a_foreign_form_does_nothing(form: str, headers: dict[str, Any]) -> None:
    api = ApiTable()
    status, body, _ = ask(api, "POST", "/console/batches/b1/acts/pause", form=form, **headers)
    assert (status, "Form.Foreign" in body, api.sent) == (403, True, [])


@pytest.mark.parametrize(("accepted", "asked"), [("zh-CN,en;q=0.5", "zh-CN"), ("en-GB", "en"), ("fr", "en")])
def test_the_api_is_asked_in_the_readers_language(accepted: str, asked: str) -> None:
    api = ApiTable()
    ask(api, "GET", "/console/batches/b1", Accept_Language=accepted)
    assert {sent["accept-language"] for _, _, sent, _ in api.sent} == {asked}


def test_an_act_carries_the_version_and_the_persons_token() -> None:
    api = ApiTable(**{"POST /batches/b1/pause": (200, {})})
    status, _, headers = ask(api, "POST", "/console/batches/b1/acts/pause", form="form=FORM&version=7&why=smoke")
    ((_, _, sent, body),) = api.sent
    assert (status, headers["Location"]) == (303, "/console/batches/b1?done=pause")
    assert (sent["if-match"], sent["x-replank-token"], json.loads(body)) == ('"7"', "person-token", {"why": "smoke"})


def test_a_stop_without_the_typed_name_does_nothing() -> None:
    api = ApiTable()
    status, body, _ = ask(api, "POST", "/console/batches/b1/acts/stop", form="form=FORM&version=7&typed=b2")
    assert (status, "Form.NotTyped" in body, api.sent) == (400, True, [])


def test_an_approval_names_what_was_seen() -> None:
    api = ApiTable(**{"POST /batches/b1/approvals": (200, {})})
    digest = "a" * 32
    form = f"form=FORM&version=7&seen={digest}&wave=2&why=ok"
    assert ask(api, "POST", "/console/batches/b1/acts/approval", form=form)[0] == 400
    assert api.sent == []
    status, _, headers = ask(api, "POST", "/console/batches/b1/acts/approval", form=f"{form}&accept=yes")
    ((_, _, _, body),) = api.sent
    assert (status, headers["Location"]) == (303, "/console/batches/b1?done=approval")
    assert json.loads(body) == {"seen": digest, "wave": 2, "why": "ok"}


def test_who_has_to_approve_reads_the_risks_first() -> None:
    asked = {"about": "wave 2", "needed": 2, "missing": 1, "seen": "d" * 32, "given": [{"by": "vera", "standing": "overtaken"}]}
    standing = {"batchId": "b1", "version": 1, "state": "open", "acknowledgement": {"operator": "ann"}, "approvals": [asked]}
    standing["risks"] = {"version": "1", "text": ["Disks are replaced."]}
    listed = (200, {"migrations": [], "nextToken": ""})
    api = ApiTable(**{"GET /batches/b1": (200, standing), "GET /migrations": listed})
    _, body, _ = ask(api, "GET", "/console/batches/b1")
    assert re.search(r"Disks are replaced.*name=.accept.*</form>", body, re.DOTALL)
    assert 'name="wave" value="2"' in body
    assert "vera" in body


def test_a_session_that_ended_in_the_middle_of_an_act_says_that_nothing_was_done() -> None:
    refusal = (401, {"Code": "Token.Expired", "Message": "over", "Recommend": "again"})
    api = ApiTable(**{"POST /batches/b1/pause": refusal, "GET /sign-in": (200, {"issuer": "https://idp", "clientId": "c"})})
    status, body, _ = ask(api, "POST", "/console/batches/b1/acts/pause", form="form=FORM&version=7&back=/console/batches/b1")
    assert (status, "Nothing was done" in body, "back=%2Fconsole%2Fbatches%2Fb1" in body) == (401, True, True)


def test_hostile_names_are_shown_as_text_and_pages_stay_small() -> None:
    row = {"migrationId": "m1", "version": 1, "instanceId": "i-1", "instanceName": HOSTILE, "state": "failed", "source": HOSTILE}
    rows = [{**row, "failure": {"code": "A.B", "message": HOSTILE}, "unknownField": {"more": 1}}] * 50
    standing = {"batchId": "b1", "version": 1, "state": "open", "size": 50, "counts": {"failed": 50}, "policy": {}}
    api = ApiTable(**{"GET /batches/b1": (200, standing), "GET /migrations": (200, {"migrations": rows, "nextToken": ""})})
    status, body, headers = ask(api, "GET", "/console/batches/b1")
    assert (status, "<script>alert" in body, "&lt;script&gt;alert" in body) == (200, False, True)
    assert len(body.encode()) < 150_000
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert ask(api, "GET", "/console/batches/b1", If_None_Match=headers["ETag"])[0] == 304


def test_what_was_left_out_is_listed_in_pages_with_the_reason() -> None:
    row = {"instanceId": "i-9", "accountId": "1" * 16, "regionId": "cn-hangzhou", "name": HOSTILE, "code": "Selection.Excluded"}
    listed = {"batchId": "b1", "total": 120, "leftOut": [{**row, "message": "=a tag"}], "nextToken": "50"}
    standing = {"batchId": "b1", "version": 1, "state": "open", "leftOut": 120}
    api = ApiTable(**{"GET /batches/b1/left-out": (200, listed), "GET /batches/b1": (200, standing)})
    api.answers["GET /migrations"] = (200, {"migrations": [], "nextToken": ""})
    assert 'href="/console/batches/b1/left-out">120 instances' in ask(api, "GET", "/console/batches/b1")[1]
    _, body, _ = ask(api, "GET", "/console/batches/b1/left-out")
    assert ("Selection.Excluded" in body, "<script>alert" in body, "left-out?after=50" in body) == (True, False, True)
    listed["nextToken"] = ""
    _, body, _ = ask(api, "GET", "/console/batches/b1/left-out?after=50&format=csv")
    assert api.sent[-1][1].endswith("/left-out?limit=100"), "all of it, not the page"
    assert "Selection.Excluded,'=a tag" in body


def test_what_is_looked_for_is_looked_for_by_the_api_and_acted_on_as_a_whole() -> None:
    row = {"migrationId": "m1", "version": 3, "instanceId": "i-1", "state": "failed"}
    listed = (200, {"migrations": [row], "nextToken": ""})
    api = ApiTable(**{"GET /batches/b1": (200, {"batchId": "b1", "counts": {"failed": 9}}), "GET /migrations": listed})
    _, body, _ = ask(api, "GET", "/console/batches/b1?state=failed&code=Job&text=web&group=app")
    wanted = "batchId=b1&state=failed&code=Job&text=web&group=app&limit=50"
    assert [each[1] for each in api.sent if "/migrations" in each[1]] == [f"http://api/v1/migrations?{wanted}"]
    assert "review?act=retry&amp;all=1&amp;code=Job&amp;text=web&amp;group=app" in body
    _, body, _ = ask(api, "GET", "/console/batches/b1/review?act=retry&all=1&code=Job&group=app")
    assert api.sent[-1][1] == "http://api/v1/migrations?batchId=b1&state=failed&code=Job&group=app&limit=100"
    assert 'value="m1@3"' in body


def test_one_act_confirms_what_is_ready_in_every_batch_after_the_list_and_the_number() -> None:
    rows = {"b1": ["m1", "m2"], "b2": ["m3"]}
    api = ApiTable(**{"GET /batches": (200, {"batches": [{"batchId": each} for each in rows], "nextToken": ""})})

    def send(method: str, url: str, headers: Any, body: bytes) -> Response:
        batch_id = url.partition("batchId=")[2].partition("&")[0]
        listed = [{"migrationId": each, "version": 4, "instanceId": f"i-{each}"} for each in rows.get(batch_id, [])]
        api.answers["GET /migrations"] = (200, {"migrations": listed, "nextToken": ""})
        return ApiTable.send(api, method, url, headers, body)

    api.send = send  # type: ignore[method-assign]
    _, body, _ = ask(api, "GET", "/console/ready")
    assert "http://api/v1/batches?readyToConfirm=true&limit=100" in [each[1] for each in api.sent]
    assert ("Confirm these 3" in body, all(f"i-{each}" in body for each in ("m1", "m2", "m3"))) == (True, True)
    (first, second) = re.findall(r'name="m" value="([^"]+)"', body)
    api.answers["POST /batches/b1/confirmation"] = (200, {"confirmed": ["m1", "m2"], "refused": []})
    api.answers["POST /batches/b2/confirmation"] = (409, {"Code": "A.B", "Message": "no", "Recommend": "r"})
    _, body, _ = ask(api, "POST", "/console/ready", form=f"form=FORM&m={first}&m={second}")
    sent = [(each[1].rpartition("/v1")[2], json.loads(each[3])) for each in api.sent if each[0] == "POST"]
    seen = [{"migrationId": each, "version": 4} for each in ("m1", "m2", "m3")]
    assert sent == [("/batches/b1/confirmation", {"migrations": seen[:2]}), ("/batches/b2/confirmation", {"migrations": seen[2:]})]
    assert ("Confirmed: 2" in body, "Not asked for: 1" in body, "A.B" in body) == (True, True, True)
    assert ask(api, "POST", "/console/ready", form="form=FORM&m=b1")[0] == 400


def test_what_is_ready_is_one_thing_to_do_on_the_overview() -> None:
    batch = {"batchId": "b1", "state": "closed", "size": 2, "counts": {"migrated": 2}}
    api = ApiTable(**{"GET /batches": (200, {"batches": [batch], "nextToken": ""}), "GET /batches/b1": (200, batch)})
    for path in ("hold", "stuck", "accounts"):
        api.answers[f"GET /{path}"] = (200, {})
    api.answers["GET /needs"] = (200, {"batches": [batch], "nextToken": "", "lookedInto": 1})
    _, body, _ = ask(api, "GET", "/console/")
    assert ('href="/console/ready"' in body, "state=migrated" in body) == (True, False)


def test_pages_hold_no_inline_style_or_script() -> None:
    for name in environment().list_templates():
        text = (FOLDER.parent / "templates" / name).read_text(encoding="utf-8")
        assert not re.search(r"<style|\sstyle=|\son\w+=|https?://(?!')", text), name
        assert all("src=" in each for each in re.findall(r"<script[^>]*>", text)), name


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_every_message_is_in_both_languages_with_the_same_values(path: Path) -> None:
    for key, found in messages(path.stem).items():
        assert set(found) == set(LANGUAGES), key
        assert len({tuple(sorted(re.findall(r"\{\w+\}", text))) for text in found.values()}) == 1, key
        assert all(found.values()), key


def test_every_message_that_a_template_names_is_there() -> None:
    shared = {*messages("common")}
    for path in sorted((FOLDER.parent / "templates").glob("*.html")):
        if path.stem in ("base", "parts"):
            continue
        own = messages(path.stem) if (FOLDER / f"{path.stem}.json").is_file() else {}
        known = shared | {*own}
        wanted = set(re.findall(r"\bt\('([\w.-]+)'\s*[,)]", path.read_text(encoding="utf-8")))
        assert wanted - known == set(), path.stem


def test_a_pause_at_the_budget_of_a_wave_says_so_on_the_overview() -> None:
    why = "2 migrations of wave 1 failed, the budget of each wave is 1"
    standing = {"batchId": "b", "state": "open", "failed": 2, "brake": {"state": "paused at budget", "why": why}}
    assert [each.note for each in of_batch(standing) if each.kind == "budget"] == [why]


@pytest.mark.parametrize(("budget", "counts", "worst"), [(1, [0, 2, 2], 2), (0, [0, 0], 1), (None, [3, 0], None), (1, [], None)])
def test_the_gauge_shows_the_wave_with_the_most_failures(budget: int | None, counts: list[int], worst: int | None) -> None:
    waves = [{"number": number, "againstBudget": failed} for number, failed in enumerate(counts, 1)]
    found = worst_wave({"policy": {"waveFailureBudget": budget}, "waves": waves})
    assert (found and found["number"]) == worst


def test_the_most_urgent_comes_first() -> None:
    standing = {"batchId": "b", "state": "open", "size": 9, "failed": 4, "counts": {"failed": 4, "migrated": 2}}
    asked = {"approvals": [{"missing": 2}], "brake": {"state": "paused at budget"}}
    items = sorted_items(of_batch({**standing, **asked}))
    assert [each.kind for each in items] == ["budget", "failed", "acknowledge", "approve", "confirm"]
    assert {each.kind for each in items} <= set(RANKS)


@pytest.mark.parametrize(
    ("policy", "over", "waits"),
    [
        ({"gate": "approval"}, True, True),
        ({"waveApprovals": 2}, True, True),
        ({"gate": "approval"}, False, False),
        ({"gate": "automatic"}, True, False),
    ],
)
def test_a_wave_waits_for_a_person_once_the_one_before_is_over(policy: dict[str, Any], over: bool, waits: bool) -> None:
    waves = [{"number": 1, "waitsFor": "", "soakOver": False}, {"number": 2, "waitsFor": "any words", "soakOver": over}]
    assert (wave_to_begin({"policy": policy, "waves": waves}).get("number") == 2) == waits


def test_the_way_back_is_never_promised_beyond_what_holds() -> None:
    journal = [{"to": "migrating"}]
    assert reach({"state": "ready"}, []) == "untouched"
    assert reach({"state": "failed"}, journal) == reach({"state": "snapshotted", "driver": "console"}, []) == "rollback"
    assert (reach({"state": "confirmed"}, journal), reach({"state": "rolled_back"}, journal)) == ("confirmed", "rolled_back")


def test_the_line_shows_where_the_way_was_left() -> None:
    journal = [
        {"to": each} for each in ("accepted", "prechecking", "ready", "failed", "accepted", "prechecking", "ready", "snapshotting")
    ]
    found = line({"state": "failed"}, [*journal, {"to": "failed"}])
    assert found.index(("failed", "now")) == found.index(("snapshotting", "done")) + 1
    assert found[-1] == ("completed", "ahead")
    assert line({"state": "migrating"}, journal)[5] == ("migrating", "now")


def test_a_spreadsheet_runs_nothing() -> None:
    assert as_csv(("a",), [{"a": "=1+1"}, {"a": "x"}]).splitlines()[1:] == ["'=1+1", "x"]


@pytest.mark.parametrize("path", ["//evil", "https://evil", "/console//evil", "/console\\evil", "/other", "/console/\nx", ""])
def test_nobody_is_sent_elsewhere(path: str) -> None:
    assert web.inner(path) == "/console/"


def test_the_language_is_the_chosen_one_or_the_browsers() -> None:
    asked = [("", "zh-CN,en"), ("en", "zh"), ("", "fr"), ("xx", "")]
    assert [language_of(*each) for each in asked] == ["zh", "en", "en", "en"]
