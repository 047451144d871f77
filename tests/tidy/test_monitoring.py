"""monitoring.yml: the functions write where it looks, its alarms strike on lines that are really logged, and each has a remedy."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import pytest
import yaml

from localcloud.core.app import ACCOUNT_ID, REGION
from shared import __version__
from shared.runtime.composition import FUNCTIONS
from shared.runtime.logs import JsonFormatter
from tests.support.repository import ROOT, services

RESOURCES: dict[str, Any] = yaml.safe_load((ROOT / "monitoring.yml").read_text(encoding="utf-8"))["Resources"]
ALARMS = {name: each for name, each in RESOURCES.items() if each["Type"].endswith(("::Alert", "::ResourceMetricRule"))}
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")


def properties(name: str) -> dict[str, Any]:
    text = json.dumps(RESOURCES[name]["Properties"])
    for variable, value in (("${ALIYUN::TenantId}", ACCOUNT_ID), ("${ALIYUN::Region}", REGION)):
        text = text.replace(variable, value)
    found: dict[str, Any] = json.loads(text)
    return found


def sub(value: Any) -> Any:
    return value["Fn::Sub"] if isinstance(value, dict) else value


def test_the_functions_write_into_the_store_that_is_looked_at() -> None:
    project, store = sub(properties("LogProject")["Name"]), properties("LogStore")["LogstoreName"]
    for name, props in services().items():
        wanted = props["logConfig"]["project"].replace("${config('AccountID')}", ACCOUNT_ID)
        wanted = wanted.replace("${env('REPLANK_REGION', 'cn-hangzhou')}", REGION)
        assert (wanted, props["logConfig"]["logstore"]) == (project, store), name
    (statement,) = properties("WriteLogs")["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["log:PostLogStoreLogs"]
    assert [sub(each) for each in statement["Resource"]] == [f"acs:log:*:{ACCOUNT_ID}:project/{project}/logstore/{store}"]
    assert sorted(properties("WriteLogs")["Roles"]) == sorted(f"replank-{name}" for name in (*FUNCTIONS, "console"))


def line(function: str, level: int, message: str, **facts: Any) -> dict[str, Any]:
    """A line as a function writes it, in the field into which Function Compute puts it."""
    record = logging.LogRecord("replank", level, "", 0, message, (), None)
    record.facts = {"function": f"replank-{function}", **facts}
    return {"message": json.loads(JsonFormatter().format(record))}


def strikes(query: str, entry: dict[str, Any]) -> bool:
    """Whether a search (`a.b: text and c: text or d: text`) finds an entry."""
    return any(all(_is(term, entry) for term in part.split(" and ")) for part in query.split(" or "))


def _is(term: str, entry: dict[str, Any]) -> bool:
    path, _, wanted = term.strip().partition(": ")
    value: Any = entry
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return str(value) == wanted


def query_of(alarm: str) -> str:
    (asked,) = properties(alarm)["Detail"]["Configuration"]["QueryList"]
    return str(asked["Query"]).partition(" | ")[0]


TICK = line("watch", logging.INFO, "done", event="tick", result="done")
FAILED = line("watch", logging.INFO, "done", result="failed", state="failed", code="Job.TimedOut")
BUG = line("precheck", logging.ERROR, "unexpected error", result="bug", code="KeyError")
METRICS = {"functionName": "replank-api", "hasFunctionError": "true"}


@pytest.mark.parametrize(
    ("alarm", "found", "not_found"),
    [
        ("NoTick", [TICK], [BUG, METRICS, line("validate", logging.INFO, "done", result="done")]),
        ("FailedMigrations", [FAILED], [TICK, BUG, line("precheck", logging.WARNING, "no", result="refused")]),
        ("FunctionErrors", [BUG, METRICS], [TICK, FAILED, {"functionName": "replank-api", "hasFunctionError": "false"}]),
    ],
)
def test_an_alarm_strikes_on_the_lines_it_is_for(alarm: str, found: list[dict[str, Any]], not_found: list[dict[str, Any]]) -> None:
    query = query_of(alarm)
    assert [strikes(query, each) for each in found] == [True] * len(found)
    assert [strikes(query, each) for each in not_found] == [False] * len(not_found)


def test_every_field_that_is_searched_has_an_index() -> None:
    keys = {each["Name"]: each for each in properties("LogIndex")["KeyIndices"]}
    indexed = {*keys, *(f"message.{each['Name']}" for each in keys["message"]["JsonKeyIndices"])}
    searches = [query_of(name) for name, each in ALARMS.items() if each["Type"].endswith("::Alert")]
    searches += [chart["search"]["query"].partition(" | ")[0] for chart in properties("Dashboard")["Charts"]]
    searched = {term.partition(": ")[0].strip() for query in searches for term in re.split(" and | or ", query)}
    assert searched <= indexed


@pytest.mark.parametrize("name", ALARMS)
def test_the_page_says_what_to_do_about_each_alarm(name: str) -> None:
    props = properties(name)
    shown = props.get("RuleName") or props["Detail"]["DisplayName"]
    assert f"| `{shown}` |" in OPERATIONS


def test_the_registry_is_told_the_version_of_the_product() -> None:
    assert yaml.safe_load((ROOT / "publish.yaml").read_text(encoding="utf-8"))["Version"] == __version__


def test_every_command_of_the_alibaba_cloud_cli_is_in_its_original_form() -> None:
    """`aliyun ros CreateStack`, never the plug-ins' `create-stack`: docs/deploy.md says which form its commands have."""
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = path.read_text(encoding="utf-8").replace("`aliyun ros create-stack`", "")
        for product, operation in re.findall(r"\baliyun ([a-z]+) ([\w-]+)", text):
            assert re.fullmatch(r"[A-Z]\w+|get|set", operation), f"{path.name}: aliyun {product} {operation}"
