"""The options of a submission, and the request that they produce."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli.problem import Problem
from cli.submission import add_submission_options
from shared.runtime import requests, schema


def body_of(*options: str) -> dict[str, Any]:
    """The request body of a command line."""
    found: list[dict[str, Any]] = []
    app = typer.Typer()

    @add_submission_options
    def command(body: dict[str, Any], loud: bool = False) -> None:
        found.append(body)

    app.command()(command)
    answer = CliRunner().invoke(app, list(options))
    if answer.exception is not None and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    assert answer.exit_code == 0, answer.output
    return found[0]


def test_each_option_is_a_field_that_the_api_accepts(tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("i-two\ni-one # again\n")
    body = body_of(
        *("-i", "i-one", "--ids-from", str(ids), "--release", "centos-7", "--tag", "env=prod", "--tag", "部门"),
        *("--resource-group", "rg-a", "--vpc", "vpc-a", "--name", "web-*", "--region", "cn-hangzhou"),
        *("--exclude", "i-two", "--exclude-ids-from", str(ids), "--exclude-release", "rhel-7", "--exclude-tag", "keep"),
        *("--exclude-resource-group", "rg-b", "--exclude-vpc", "vpc-b", "--exclude-name", "*-db", "--loud"),
    )
    schema.check_value(body, requests.BATCH, "body")
    assert {name: body[name] for name in ("instanceIds", "releases", "tags", "resourceGroupIds", "vpcIds", "names")} == {
        "instanceIds": ["i-one", "i-two"],
        "releases": ["centos-7"],
        "tags": ["env=prod", "部门"],
        "resourceGroupIds": ["rg-a"],
        "vpcIds": ["vpc-a"],
        "names": ["web-*"],
    }
    assert body["exclude"] == {
        "instanceIds": ["i-two", "i-one"],
        "releases": ["rhel-7"],
        "tags": ["keep"],
        "resourceGroupIds": ["rg-b"],
        "vpcIds": ["vpc-b"],
        "names": ["*-db"],
    }
    assert body["regionIds"] == ["cn-hangzhou"]


def test_what_is_not_given_is_not_asked_for() -> None:
    assert body_of("--tag", "env=prod") == {"tags": ["env=prod"]}
    assert body_of("--client-token", "once", "--max-moving", "3") == {"clientToken": "once", "policy": {"maxMoving": 3}}


def test_too_many_ids_are_told_before_anything_is_sent(tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("".join(f"i-{number}\n" for number in range(10_001)))
    with pytest.raises(Problem, match=r"Option.Invalid: 10001 instance ids are more than the maximum of 10000"):
        body_of("--ids-from", str(ids))
