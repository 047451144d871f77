"""The served cloud does not trust requests just because they come from this machine: forged hosts, other sites' pages, no
token, known keys.
"""

from __future__ import annotations

import http.client
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud import account
from localcloud.client import AdminError, LocalCloud
from localcloud.fc.inprocess import InProcessInvoker
from tools.deployed.process import Process

EVIL = "http://evil.example"
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def running() -> Iterator[account.Running]:
    made = account.Running(account.build(invoker=InProcessInvoker(), private=True), hold=True)
    yield made
    made.close()


Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and body."""


def ask(running: account.Running, method: str, path: str, body: bytes = b"", /, **headers: str) -> Answer:
    """Send a request exactly as given: only the named headers, plus the host if none is given."""
    connection = http.client.HTTPConnection("127.0.0.1", running.server.port, timeout=20)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.putrequest(method, path, skip_host="host" in given, skip_accept_encoding=True)
    for name, value in given.items():
        connection.putheader(name, value)
    connection.putheader("content-length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


def with_token(running: account.Running, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {running.describe()['admin_token']}", **more}


PATHS = ["/_localcloud/clock", "/?Action=DescribeRegions", "/PutRow", "/http/replank-api/health", "/2023-03-30/functions", "/"]
FORGED = {
    "another name, as after DNS rebinding": {"host": "evil.example:{port}"},
    "our name at another port": {"host": "127.0.0.1:1"},
    "our name without a port, from a page": {"host": "127.0.0.1", "origin": "http://127.0.0.1"},
    "our name without a port, by a link": {"host": "127.0.0.1", "referer": "http://127.0.0.1/"},
    "our name without a port, as a browser says": {"host": "127.0.0.1", "sec_fetch_site": "same-origin"},
    "a name that begins as ours": {"host": "127.0.0.1.evil.example:{port}"},
    "no name": {"host": ""},
    "a page of another site": {"origin": EVIL},
    "a page without a site": {"origin": "null"},
    "a page of another port": {"origin": "http://127.0.0.1:1"},
    "a link on another site": {"sec_fetch_site": "cross-site"},
    "a page of another port, by what the browser says": {"sec_fetch_site": "same-site"},
    "a page that only tells where it is": {"referer": EVIL + "/page"},
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_no_web_page_reaches_any_service(running: account.Running, forged: dict[str, str], method: str, path: str) -> None:
    headers = {name: value.format(port=running.server.port) for name, value in forged.items()}
    calls = list(running.cloud.calls.newest)
    status, given, body = ask(running, method, path, **with_token(running, content_type="application/json", **headers))
    assert status == 403, body
    assert not [name for name in given if name.startswith("access-control-")]
    assert list(running.cloud.calls.newest) == calls, "no service has seen it"


def test_a_client_that_leaves_out_the_port_reaches_the_services_only(running: account.Running) -> None:
    """The Node.js client of Tablestore does this. No browser does, so such a request cannot come from a page."""
    assert ask(running, "POST", "/PutRow", host="127.0.0.1", x_ots_apiversion="2015-12-31")[0] == 400
    assert ask(running, "GET", "/_localcloud/clock", **with_token(running, host="127.0.0.1"))[0] == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_our_own_names_and_our_own_pages_come_in(running: account.Running, host: str) -> None:
    name = f"{host}:{running.server.port}"
    for more in ({}, {"origin": f"http://{name}"}, {"sec_fetch_site": "same-origin"}, {"referer": f"http://{name}/x"}):
        status, given, _ = ask(running, "GET", "/_localcloud/clock", **with_token(running, host=name, **more))
        assert status == 200
        assert not [each for each in given if each.startswith("access-control-")]


@pytest.mark.parametrize("wrong", ["", "Bearer", "Bearer x", "Basic {token}", "bearer {token}", "Bearer {token}x", "Bearer ü"])
def test_the_clouds_own_endpoint_wants_its_token(running: account.Running, wrong: str) -> None:
    more = {"authorization": wrong.format(token=running.describe()["admin_token"])} if wrong else {}
    for method, path in (
        ("GET", "health"),
        ("GET", "clock"),
        ("GET", "calls"),
        ("POST", "fleet"),
        ("POST", "deploy"),
        ("GET", "no"),
    ):
        status, _, body = ask(running, method, f"/_localcloud/{path}", b"{}", content_type="application/json", **more)
        assert status == 401, path
        assert running.describe()["access_key_secret"].encode() not in body


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_what_a_form_can_send_is_no_admin_call(running: account.Running, kind: str) -> None:
    more = {"content_type": kind} if kind else {}
    assert ask(running, "POST", "/_localcloud/clock", b"{}", **with_token(running, **more))[0] == 415
    assert (
        ask(running, "POST", "/_localcloud/clock", b"{}", **with_token(running, content_type="application/json; charset=utf-8"))[0]
        == 200
    )


def test_a_client_with_the_token_is_served_and_one_without_it_told(running: account.Running) -> None:
    line = running.describe()
    assert LocalCloud(line["admin"], line["admin_token"]).get("health")["status"] == "ok"
    with pytest.raises(AdminError, match="admin_token of the ready line"):
        LocalCloud(line["admin"], "").get("health")


def secrets_of(line: dict[str, Any]) -> set[str]:
    return {line["access_key_secret"], line["admin_token"]}


def test_two_states_share_no_secret_and_one_state_keeps_its_own(tmp_path: Path) -> None:
    lines = []
    for state in (tmp_path / "one", tmp_path / "two", tmp_path / "one", None, None):
        cloud = Process("--hold", *(("--state", state) if state else ()))
        lines.append(cloud.line)
        assert cloud.admin("/health")["status"] == "ok"
        assert cloud.stop() == 0
    one, two, again, memory, other = map(secrets_of, lines)
    assert one == again
    for this, that in ((one, two), (one, memory), (memory, other)):
        assert not this & that
    for state, line in ((tmp_path / "one", lines[0]), (tmp_path / "two", lines[1])):
        token = state / "admin.token"
        assert token.read_text().strip() == line["admin_token"]
        for each in (token, *state.glob("cloud.sqlite*")):
            assert stat.S_IMODE(each.stat().st_mode) == 0o600, each


def test_the_keys_of_an_older_state_are_void_once_it_is_served(tmp_path: Path) -> None:
    """A version before this one derived the keys from the seed, so anybody can compute them."""
    from localcloud.core.access_keys import Key

    old = account.build(tmp_path, invoker=InProcessInvoker())
    with old.db.transaction():
        old.identities.add(Key("STS.NTold", "known", "CAISold", "role:replank-api"))
    known = old.owner.access_key_secret
    old.close()
    served = account.build(tmp_path, invoker=InProcessInvoker(), private=True)
    assert served.owner.access_key_secret != known
    assert served.identities.find("STS.NTold") is None
    served.close()


def test_worlds_of_one_seed_have_the_same_keys() -> None:
    first, second = (account.build(seed=7, invoker=InProcessInvoker()) for _ in range(2))
    assert vars(first.owner) == vars(second.owner)


def test_the_start_says_whose_rights_the_guests_have() -> None:
    import getpass

    cloud = Process("--hold")
    assert cloud.line["guests_run_as"] == getpass.getuser()
    cloud.process.send_signal(15)
    _, told = cloud.process.communicate(timeout=20)
    assert f"scripts in simulated guests run on this machine, as {getpass.getuser()}" in told
    assert json.dumps(cloud.line["admin_token"]) not in told
