"""Fleet files: every form of DescribeInstances output, and the messages for invalid files."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cli.fleet import os_names, read_fleet
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


def test_accounts_reach_the_local_cloud_as_they_are(tmp_path: Path) -> None:
    accounts = {"2222222222222222": {"name": "shop"}}
    page = {"account": "2222222222222222", **PAGE}
    fleet = read_fleet(written(tmp_path, {"accounts": accounts, "pages": [page]}))
    assert (fleet.document_to_load["accounts"], fleet.document_to_load["pages"][0]["account"]) == (accounts, "2222222222222222")
    assert "accounts" not in read_fleet(written(tmp_path, PAGE)).document_to_load
    with pytest.raises(Problem, match="accounts: must be an object"):
        read_fleet(written(tmp_path, {"accounts": [], "pages": [page]}))


def test_guest_facts_are_found_beside_it(tmp_path: Path) -> None:
    (tmp_path / "guests.json").write_text('{"i-a": {"kernel": "4.18"}}', encoding="utf-8")
    assert read_fleet(written(tmp_path, PAGE)).guests == {"i-a": {"kernel": "4.18"}}
    (tmp_path / "fleet.guests.json").write_text("{}", encoding="utf-8")
    assert read_fleet(written(tmp_path, PAGE)).guests == {}
    assert read_fleet(written(tmp_path, {"pages": [PAGE], "guests": {"i-a": {}}})).guests == {"i-a": {}}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "is not JSON"),
        ([], "contains no page"),
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
        ({"pages": [PAGE], "guests": {"i-a": 7}}, "guest i-a: 7 is not of type 'object'"),
        ({"pages": [PAGE], "guests": {"i-a": {"kernal": "x"}}}, "guest i-a: Additional properties are not allowed ('kernal'"),
        ({"pages": [PAGE], "guests": {"i-a": {"disks": [{"size_gib": "40"}]}}}, "guest i-a: disks.0.size_gib: '40' is not of type"),
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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030"])
def test_every_encoding_that_windows_tools_write_is_read(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "fleet.json"
    file.write_bytes(json.dumps([RECORD], ensure_ascii=False).encode(encoding))
    assert read_fleet(file).instances == [RECORD]


@pytest.mark.parametrize(
    "record", [{**RECORD, "OSName": ""}, {**RECORD, "OSName": None}, {k: v for k, v in RECORD.items() if k != "OSName"}]
)
def test_an_instance_without_a_name_of_its_system_is_read(tmp_path: Path, record: dict[str, Any]) -> None:
    """ECS gives no OS name for an image that was imported without a platform. The local cloud must not invent one."""
    found = read_fleet(written(tmp_path, [record]))
    assert os_names(found.instances[0]) == ("", "")
    assert not found.document_to_load["pages"][0]["Instances"]["Instance"][0]["OSName"]


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    records = [{**RECORD, "Cpu": "2"}, {**RECORD, "InstanceId": "i-b", "Status": "Resting"}, 3]
    with pytest.raises(Problem) as raised:
        read_fleet(written(tmp_path, {"pages": [{"Instances": {"Instance": records}}], "guests": {"i-z": {}}, "takenOn": "soon"}))
    for said in ("5 problems", "field Cpu", "field Status", "record 3: must be", "guest i-z", "takenOn"):
        assert said in raised.value.message


def test_the_day_of_a_fleet_is_the_one_it_names_else_the_one_it_was_written_on(tmp_path: Path) -> None:
    file = written(tmp_path, {"pages": [PAGE], "takenOn": "2026-03-01"})
    assert read_fleet(file).on == date(2026, 3, 1)
    file = written(tmp_path, PAGE)
    os.utime(file, (1767225600, 1767225600))
    found = read_fleet(file)
    assert (found.on, found.dated) == (date(2026, 1, 1), "the day on which the fleet file was written")


def test_pages_behind_one_another_in_one_file_are_read(tmp_path: Path) -> None:
    """``aliyun ecs DescribeInstances --PageNumber 2 >> fleet.json`` writes them so."""
    pages = [{"Instances": {"Instance": [{**RECORD, "InstanceId": each}]}} for each in ("i-a", "i-b")]
    file = tmp_path / "fleet.json"
    file.write_text("\n".join(json.dumps(page, indent=2) for page in pages) + "\n", encoding="utf-8")
    assert [record["InstanceId"] for record in read_fleet(file).instances] == ["i-a", "i-b"]
    file.write_text('{"a": 1} nonsense', encoding="utf-8")
    with pytest.raises(Problem, match=r"Fleet\.Invalid"):
        read_fleet(file)
