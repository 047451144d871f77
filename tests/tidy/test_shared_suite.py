"""What several processes that share the tests hand over: the permissions that each of them saw granted and used."""

from __future__ import annotations

import pytest

from tests import conftest
from tests.support import permissions


class Worker:
    """One of several processes, as the process that started it sees it."""

    def __init__(self, **output: object) -> None:
        self.workeroutput = output


@pytest.fixture(autouse=True)
def _nothing_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permissions, "granted", set())
    monkeypatch.setattr(permissions, "used", set())


def noted_by_another(granted: set[tuple[str, str]], used: set[tuple[str, str]]) -> Worker:
    permissions.granted.update(granted)
    permissions.used.update(used)
    told = permissions.gathered()
    permissions.granted.clear()
    permissions.used.clear()
    return Worker(permissions=told)


def test_a_permission_is_used_if_one_process_used_it() -> None:
    both = {("replank-watch", "ecs:StopInstance"), ("replank-watch", "ecs:StartInstance"), ("replank-api", "ots:GetRow")}
    workers = [
        noted_by_another(both, {("replank-api", "ots:GetRow")}),
        noted_by_another(both, {("replank-watch", "ecs:StopInstance")}),
    ]
    for worker in workers:
        conftest.pytest_testnodedown(worker)
    assert permissions.report() == ["replank-watch: ecs:StartInstance"]


def test_a_process_that_crashed_hands_over_nothing() -> None:
    conftest.pytest_testnodedown(object())
    assert permissions.report() == []
