"""A page reports the result of an act once, only in the session that acted, and never because of text in the URL."""

from __future__ import annotations

from typing import Any

import pytest

from console import session
from tests.unit.console.test_console import KEY, NOW, ApiTable, ask

SESSION = session.Session("ann", int(NOW) + 100, "n", "person-token")
STOPPED, MARK = "Stopped. What has not begun", session.DONE
PAGE = "/console/batches/b1"


def batch_api() -> ApiTable:
    listed = (200, {"migrations": [], "nextToken": ""})
    return ApiTable(**{"GET /batches/b1": (200, {"batchId": "b1"}), "GET /migrations": listed, "POST /batches/b1/stop": (200, {})})


def ask_with(mark: str, path: str) -> tuple[int, str, Any]:
    return ask(batch_api(), "GET", path, Cookie=f"{session.SESSION}={session.text_of(SESSION, KEY)}; {MARK}={mark}")


def test_the_page_after_an_act_says_so_once() -> None:
    status, _, headers = ask(batch_api(), "POST", f"{PAGE}/acts/stop", form="form=FORM&version=7&typed=b1")
    name, _, rest = headers["Set-Cookie"].partition("=")
    assert (status, headers["Location"], name) == (303, f"{PAGE}?done=stop", MARK)
    assert ("HttpOnly" in rest, "SameSite=Strict" in rest, f"Max-Age={session.DONE_S}" in rest) == (True, True, True)
    _, body, headers = ask_with(rest.partition(";")[0], headers["Location"])
    assert STOPPED in body
    assert headers["Set-Cookie"].startswith(f"{MARK}=; Path=/console; Max-Age=0"), "the page removes it"
    assert ("ETag" in headers, headers["Cache-Control"]) == (False, "no-store")


@pytest.mark.parametrize("done", ["stop", "pause", "Everything%20is%20fine", "approval"])
def test_an_address_alone_says_nothing(done: str) -> None:
    _, body, headers = ask(batch_api(), "GET", f"{PAGE}?done={done}")
    assert ('class="banner good"' in body, "is fine" in body, "Set-Cookie" in headers) == (False, False, False)


@pytest.mark.parametrize(
    ("page", "act", "who", "at"),
    [
        ("/batches/b2", "stop", SESSION, NOW),
        ("/batches/b1", "pause", SESSION, NOW),
        ("/batches/b1", "stop", session.Session("eve", int(NOW) + 100, "other"), NOW),
        ("/batches/b1", "stop", SESSION, NOW - session.DONE_S - 1),
    ],
    ids=["another page", "another act", "another session", "long ago"],
)
def test_a_mark_is_of_its_page_act_session_and_time(page: str, act: str, who: session.Session, at: float) -> None:
    _, body, _ = ask_with(session.done_mark(who, page, act, KEY, at), f"{PAGE}?done=stop")
    assert 'class="banner good"' not in body


def test_a_word_that_no_page_knows_is_not_shown() -> None:
    _, body, _ = ask_with(session.done_mark(SESSION, "/batches/b1", "nonsense", KEY, NOW), f"{PAGE}?done=nonsense")
    assert "nonsense" not in body
    assert STOPPED in ask_with(session.done_mark(SESSION, "/batches/b1", "stop", KEY, NOW), f"{PAGE}?done=stop")[1]
