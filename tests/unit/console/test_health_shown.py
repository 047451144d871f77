"""The health of the deployment, as the API gives it, on the page of the system."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.console.test_console import ApiTable, ask

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("health", "says"),
    [
        ((404, {"Code": "Route.NotFound", "Message": "no", "Recommend": "r"}), "cannot tell the health"),
        (
            (200, {"figures": [{"name": "tick", "standing": "late", "detail": "<b>3</b> are due", "where": "the log"}]}),
            "&lt;b&gt;3",
        ),
        (
            (200, {"figures": [{"name": "deadLetters", "standing": "unknown", "detail": "d", "where": "the queue"}]}),
            "not known here",
        ),
        ((200, {"figures": [{"name": "tick", "standing": "never", "detail": "d", "where": "the timer"}]}), "never recorded"),
        (
            (
                200,
                {"figures": [{"name": "tick", "standing": "fine", "lastAt": "2026-11-23T11:49:00Z", "detail": "d", "where": "w"}]},
            ),
            'Last: <time datetime="2026-11-23T11:49:00Z"',
        ),
    ],
)
def test_the_health_is_shown_or_it_is_said_that_nobody_can_tell(health: tuple[int, Json], says: str) -> None:
    answers: Json = {f"GET /{name}": (200, {"accounts": []}) for name in ("hold", "accounts", "stuck", "me")}
    status, body, _ = ask(ApiTable(**answers, **{"GET /health": health}), "GET", "/console/system")
    assert (status, says in body) == (200, True)
