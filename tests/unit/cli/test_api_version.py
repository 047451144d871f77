"""The command line names the API's version, still works with a function from before versions existed, and waits if it must."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from cli.client import ApiClient, HttpClient
from cli.problem import Problem

NOT_FOUND = {"Code": "Route.NotFound", "Message": "There is nothing at this path.", "RequestId": "R", "Recommend": "Look."}


@dataclass
class KnownPaths(HttpClient):
    """Answers the paths that it knows, and records the requests."""

    known: dict[str, tuple[int, Any]]
    asked: list[str] = field(default_factory=list)
    held: str = ""

    def send_json(self, method: str, url: str, **more: Any) -> Any:
        path = urlsplit(url).path
        self.asked.append(f"{method} {path}")
        return self.known.get(path, (404, NOT_FOUND))


def api(function: KnownPaths) -> ApiClient:
    return ApiClient("http://api", "key", "secret", operator="ann", http=function)


def test_the_version_is_in_the_path() -> None:
    function = KnownPaths({"/v1/risks": (200, {"version": "1"})})
    assert api(function).get("/risks") == {"version": "1"}
    assert function.asked == ["GET /v1/risks"]


def test_a_function_from_before_the_version_is_still_understood() -> None:
    function = KnownPaths({"/batches": (201, {"batchId": "b1"})})
    assert api(function).post("/batches", {"instanceIds": ["i-a"]}) == {"batchId": "b1"}
    assert function.asked == ["POST /v1/batches", "POST /batches"]


def test_an_act_is_never_sent_twice_for_another_reason() -> None:
    gone = {**NOT_FOUND, "Code": "Batch.NotFound"}
    function = KnownPaths({"/v1/batches": (404, gone)})
    with pytest.raises(Problem):
        api(function).post("/batches", {})
    assert function.asked == ["POST /v1/batches"]


class Busy:
    """A session that gets "too many requests" for its first ``times`` requests."""

    trust_env = False

    def __init__(self, times: int, wait: str) -> None:
        self.left, self.wait, self.asked = times, wait, 0

    def request(self, *_: Any, **__: Any) -> requests.Response:
        self.asked, self.left = self.asked + 1, self.left - 1
        answer = requests.Response()
        answer.status_code, answer._content = (429, b'{"Code": "Request.TooMany"}') if self.left >= 0 else (200, b"{}")
        if self.left >= 0:
            answer.headers["Retry-After"] = self.wait
        return answer


@pytest.mark.parametrize(
    ("times", "wait", "status", "pauses"),
    [(2, "7", 200, [7, 7]), (9, "7", 429, [7, 7, 7]), (1, "3600", 429, []), (1, "soon", 429, []), (1, "", 429, [])],
)
def test_it_comes_again_when_it_is_told_to_and_not_for_ever(times: int, wait: str, status: int, pauses: list[int]) -> None:
    http, waited = HttpClient(), list[float]()
    http._session, http.pause = Busy(times, wait), waited.append  # type: ignore[assignment]
    assert http.send_json("GET", "http://api/v1/risks")[0] == status
    assert waited == pauses
