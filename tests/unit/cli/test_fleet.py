"""Fleet files: every form DescribeInstances comes in, and what is said of one that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.fleet import read_fleet
from cli.problem import BAD_INPUT, Problem

RECORD = {
    "InstanceId": "i-a",
    "RegionId": "cn-hangzhou",
    "OSName": "CentOS  7.9 64位",
    "OSType": "linux",
    "Status": "Running",
    "Cpu": 2,
    "Memory": 4096,
}
PAGE = {"Instances": {"Instance": [RECORD]}}


def written(folder: Path, document: Any) -> Path:
    file = folder / "fleet.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return file


@pytest.mark.parametrize("document", [PAGE, [PAGE], [RECORD], {"pages": [PAGE]}], ids=["page", "pages", "records", "document"])
def test_every_form_is_read(tmp_path: Path, document: Any) -> None:
    fleet = read_fleet(written(tmp_path, document))
    assert fleet.instances == [RECORD]
    assert fleet.regions == ["cn-hangzhou"]


def test_guest_facts_are_found_beside_it(tmp_path: Path) -> None:
    (tmp_path / "guests.json").write_text('{"i-a": {"cpu": 1}}', encoding="utf-8")
    assert read_fleet(written(tmp_path, PAGE)).guests == {"i-a": {"cpu": 1}}
    (tmp_path / "fleet.guests.json").write_text("{}", encoding="utf-8")
    assert read_fleet(written(tmp_path, PAGE)).guests == {}
    assert read_fleet(written(tmp_path, {"pages": [PAGE], "guests": {"i-a": {}}})).guests == {"i-a": {}}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "is no JSON"),
        ([], "holds no page"),
        (7, "page 1: must be an object"),
        ({"Instances": []}, "page 1: the field Instances.Instance must be a list"),
        ([PAGE, {"Instances": {"Instance": [3]}}], "page 2, record 1: must be an object"),
        ([{**RECORD, "OSName": 7}], "page 1, record 1 (i-a): the field OSName must be text, is 7"),
        ([{**RECORD, "Memory": "4096"}], "the field Memory must be a whole number"),
        ([{**RECORD, "Cpu": True}], "the field Cpu must be a whole number"),
        ([{**RECORD, "OSType": "beos"}], "the field OSType must be one of linux, windows"),
        ([{k: v for k, v in RECORD.items() if k != "Status"}], "page 1, record 1 (i-a): the field Status is missing"),
        ([RECORD, RECORD], "page 1, record 2 (i-a): the field InstanceId occurs twice"),
        ({"pages": [PAGE], "guests": {"i-b": {}}}, "guest i-b: the fleet has no such instance"),
        ({"pages": [PAGE], "guests": []}, "guests: must be an object"),
    ],
)
def test_what_is_wrong_is_named_by_record_and_field(tmp_path: Path, document: Any, said: str) -> None:
    with pytest.raises(Problem) as raised:
        read_fleet(written(tmp_path, document))
    assert said in raised.value.message
    assert raised.value.exit_status == BAD_INPUT


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"Fleet\.Unreadable"):
        read_fleet(tmp_path / "none.json")
