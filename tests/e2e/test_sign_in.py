"""People sign in at a provider that the local cloud plays, act under verified names, and are found in the audit."""

from __future__ import annotations

import csv
import http.client
import io
import json
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from cli.main import run
from cli.problem import Problem
from cli.signin import kept
from cli.signin.loopback import LoopbackServer
from cli.signin.provider import OpenIdProvider, unverified_claims
from tests.support.fleets import fleet, instance
from tests.support.world import World
from tools.deployed.product import URL

ISSUER = f"{URL}/oidc"
ROLES = [
    {"role": "operator", "who": ["groups=operators"]},
    {"role": "approver", "who": ["groups=approvers"]},
    {"role": "admin", "who": ["groups=admins"]},
]
SETTINGS = {"REPLANK_OIDC_ISSUER": "{url}/oidc", "REPLANK_OIDC_AUDIENCE": "replank", "REPLANK_ROLES": json.dumps(ROLES)}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("REPLANK_OPERATOR", "somebody")
    with World(env=SETTINGS).connected() as connected:
        monkeypatch.setattr("cli.signin.kept._current_time_s", lambda: connected.cloud.clock.now_ms() / 1000)
        yield connected


def tokens(person: str) -> dict[str, Any]:
    """Code with PKCE, as a browser and the command line do it together."""
    provider = OpenIdProvider(ISSUER, "replank")
    asked = provider.make_code_request("http://127.0.0.1:8400/callback", hint=person)
    answer = requests.get(asked.url, allow_redirects=False, timeout=5)
    return provider.redeem_code(asked, answer.headers["location"])


def signed_in(world: World, person: str) -> None:
    kept.store_tokens(f"{URL}/http/replank-api", OpenIdProvider(ISSUER, "replank"), tokens(person))


def said(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert run(list(arguments)) == status, capsys.readouterr().err
    shown = capsys.readouterr()
    return shown.out if not status else shown.err


def admin(world: World, **body: Any) -> Any:
    from localcloud.core.http import Request

    return world.cloud.hooks.admin["oidc"](Request("POST", "/_localcloud/oidc", {}, json.dumps(body).encode()))


def test_two_persons_submit_and_approve_each_in_their_role(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.load_fleet(fleet(instance(1)))
    assert "Caller.NotVerified" in said(capsys, "submit", "-i", "i-test0001", "--to", "alinux-3", status=2)
    signed_in(world, "ann")
    batch = json.loads(said(capsys, "submit", "-i", "i-test0001", "--to", "alinux-3", "--json"))["batchId"]
    world.run(30)
    assert "Role.Missing" in said(capsys, "acknowledge", batch, "--yes", status=2)
    signed_in(world, "zhangsan")
    given = json.loads(said(capsys, "acknowledge", batch, "--yes", "--json"))["acknowledgement"]
    assert (given["operator"], given["trust"]) == ("zhangsan@1234567890123456.onaliyun.com", "verified") or given[
        "trust"
    ] == "verified"
    lines = json.loads(said(capsys, "audit", "--json"))["lines"]
    assert sorted((line["act"], line["status"]) for line in lines) == [
        ("acknowledgeBatch", 200),
        ("acknowledgeBatch", 403),
        ("submitBatch", 201),
        ("submitBatch", 401),
    ]
    assert [line["issuer"] for line in lines if line["status"] in (200, 201)] == [ISSUER, ISSUER]
    rows = list(csv.DictReader(io.StringIO(said(capsys, "audit", "--csv", "--refused"))))
    assert sorted((row["code"] for row in rows), reverse=True) == ["Role.Missing", "Caller.NotVerified"]
    assert "acknowledgeBatch" in said(capsys, "audit", "--act", "acknowledgeBatch")


def test_whoami_says_how_the_name_is_known(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setenv("REPLANK_OPERATOR", "张三")
    assert "张三, claimed" in said(capsys, "whoami")
    signed_in(world, "root")
    assert json.loads(said(capsys, "whoami", "--json"))["roles"] == ["admin", "viewer"]
    assert "Signed out" in said(capsys, "logout")
    assert "Nobody was signed in" in said(capsys, "logout")
    assert "claimed" in said(capsys, "whoami")


def test_what_is_kept_is_readable_by_its_owner_alone(world: World) -> None:
    signed_in(world, "ann")
    assert stat.S_IMODE(kept.tokens_file().stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.tokens_file().parent.stat().st_mode) == 0o700


def test_an_ended_token_is_renewed_and_without_a_way_the_person_is_asked(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    signed_in(world, "ann")
    before = kept.read_tokens(f"{URL}/http/replank-api")["id_token"]
    world.skip_ms(3_600_000)
    assert "verified" in said(capsys, "whoami")
    assert kept.read_tokens(f"{URL}/http/replank-api")["id_token"] != before
    admin(world, people=[])
    world.skip_ms(3_600_000)
    assert "SignIn.Expired" in said(capsys, "whoami", status=2)


def test_keys_rotate_in_the_middle(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in(world, "ann")
    old = kept.read_tokens(f"{URL}/http/replank-api")["id_token"]
    assert "verified" in said(capsys, "whoami")
    admin(world, rotate=True)
    world.skip_ms(11_000)
    signed_in(world, "ann")
    assert "verified" in said(capsys, "whoami")
    monkeypatch.setenv("REPLANK_TOKEN", old)
    assert "verified" in said(capsys, "whoami")
    admin(world, rotate=True, withdraw=True)
    world.skip_ms(600_000)
    assert "Token.Invalid" in said(capsys, "whoami", status=2)


def test_a_device_signs_in_while_a_person_enters_its_code(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def person_acts(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            code = capsys.readouterr().err.split("enter the code ")[1].split(".")[0]
            requests.get(f"{ISSUER}/activate?user_code={code}&login_hint=zhangsan", timeout=5)

    monkeypatch.setattr("time.sleep", person_acts)
    assert "verified" not in said(capsys, "whoami")
    assert json.loads(said(capsys, "login", "--device", "--json"))["trust"] == "verified"
    assert len(pauses) == 2


def test_an_address_pasted_back_signs_in(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def person_pastes(_: str) -> str:
        url = next(line for line in capsys.readouterr().err.splitlines() if line.startswith("http"))
        return requests.get(f"{url}&login_hint=root", allow_redirects=False, timeout=5).headers["location"]

    monkeypatch.setattr("builtins.input", person_pastes)
    assert "admin" in said(capsys, "login", "--paste")
    monkeypatch.setattr("builtins.input", lambda _: "")
    assert "Argument.Missing" in said(capsys, "login", "--paste", status=2)
    assert "Option.Conflict" in said(capsys, "login", "--paste", "--device", status=2)


def test_the_browser_comes_back_to_a_server_on_this_machine() -> None:
    with LoopbackServer() as loopback:
        port = urlsplit(loopback.redirect_uri).port or 0

        def browse(path: str) -> int:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", path)
            return connection.getresponse().status

        assert browse("/favicon.ico") == 404
        thread = threading.Thread(target=browse, args=("/callback?code=c&state=s",))
        thread.start()
        assert loopback.wait_for_answer(5) == "code=c&state=s"
        thread.join()


@pytest.mark.parametrize(
    "change", [{"state": "other"}, {"iss": "https://evil.test"}, {"code": "other"}, {"error": "access_denied", "code": None}]
)
def test_an_answer_that_is_not_to_this_sign_in_is_refused(world: World, change: dict[str, str | None]) -> None:
    provider = OpenIdProvider(ISSUER, "replank")
    asked = provider.make_code_request("http://127.0.0.1:8400/callback", hint="ann")
    location = requests.get(asked.url, allow_redirects=False, timeout=5).headers["location"]
    given = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    given = {name: value for name, value in {**given, **change}.items() if value is not None}
    with pytest.raises(Problem, match="Signing in failed"):
        provider.redeem_code(asked, requests.Request("GET", "http://127.0.0.1/", params=given).prepare().url or "")


def test_a_code_is_good_once_and_with_its_verifier_only(world: World) -> None:
    provider = OpenIdProvider(ISSUER, "replank")
    asked = provider.make_code_request("http://127.0.0.1:8400/callback", hint="ann")
    location = requests.get(asked.url, allow_redirects=False, timeout=5).headers["location"]
    provider.redeem_code(asked, location)
    with pytest.raises(Problem, match="invalid_grant"):
        provider.redeem_code(asked, location)


def test_the_claims_of_the_provider_have_the_shape_of_rams(world: World) -> None:
    found = unverified_claims(tokens("zhangsan")["id_token"])
    assert {"iss", "aud", "sub", "aid", "uid", "upn", "login_name", "name", "iat", "exp", "nonce"} <= set(found)


def test_without_a_provider_login_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with World().connected():
        assert "SignIn.NoProvider" in said(capsys, "login", status=1)
