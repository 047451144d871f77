"""Reads fleet files. Fleet files hold answers of DescribeInstances (pages, or a list of records) and facts of the guests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

from cli.events import ROOT
from cli.files import read_json_file
from cli.problem import Problem, bad_input_problem, option_without_effect_problem

Json = dict[str, Any]
_REQUIRED: dict[str, type] = {"InstanceId": str, "RegionId": str, "OSType": str, "Status": str, "Cpu": int, "Memory": int}
_OPTIONAL = ("OSName", "OSNameEn", "InstanceName", "HostName", "InstanceType")
"""Text fields of an instance record that may be empty or missing. For example, an instance has no OSName if its image was imported
without a platform.
"""
_ALLOWED = {
    "OSType": ("linux", "windows"),
    "Status": ("Running", "Stopped", "Starting", "Stopping", "Pending"),
}
_WORDS = {str: "text", int: "a whole number"}
SCHEMA = ROOT / "localcloud/ecs/fleet.schema.json"
"""The file with the JSON Schema of a fleet and its guests' facts. `replank local load --schema` prints this schema."""
SHOWN = 50
"""Maximum number of problems in one file that an error message shows. The message also says how many problems it leaves out."""


@dataclass(frozen=True)
class Fleet:
    """The content of a fleet file. ``pages`` are the pages that DescribeInstances returned. ``guests`` maps each instance id to the
    facts of the guest.

    The field ``on`` is the day that the file describes. ``dated`` says in words where the day comes from: the field ``takenOn``, or
    the time when the file was written.
    """

    pages: list[Json]
    guests: dict[str, Json] = field(default_factory=dict)
    on: date | None = None
    dated: str = ""
    accounts: Json = field(default_factory=dict)
    """Maps the id of each additional account in the local cloud to the account. An instance names its account in the field
    ``account``.
    """

    @property
    def instances(self) -> list[Json]:
        """The records of all instances, in the order of the pages."""
        return [record for page in self.pages for record in _records_on_page(page)]

    @property
    def regions(self) -> list[str]:
        """The regions of the instances, without duplicates, in the order in which they first appear."""
        return list(dict.fromkeys(record["RegionId"] for record in self.instances))

    @property
    def document_to_load(self) -> Json:
        """The fleet as a document that the local cloud can load.

        A missing OSName becomes empty text, and the local cloud then chooses a name.
        """
        pages = [
            {**page, "Instances": {"Instance": [{"OSName": "", **each} for each in _records_on_page(page)]}} for page in self.pages
        ]
        return {"pages": pages, "guests": self.guests, **({"accounts": self.accounts} if self.accounts else {})}


def _records_on_page(page: Json) -> list[Json]:
    records: list[Json] = page["Instances"]["Instance"]
    return records


def os_names(record: Json) -> tuple[str, str]:
    """The fields OSName and OSNameEn of an instance record. A name is empty if ECS returns no value for the field."""
    return record.get("OSName") or "", record.get("OSNameEn") or ""


def read_fleet(file: Path, guests: Path | None = None) -> Fleet:
    """Read and check a fleet file. Raises Problem (Fleet.Invalid), which names every wrong record and field.

    Guest facts come from the file ``guests``, or from the field ``guests`` of the fleet file. If neither exists, guest facts come
    from <name>.guests.json or guests.json in the same folder.
    """
    document = _read_fleet_json(file)
    pages, wrong = _fleet_pages(document), []
    if not pages:
        wrong.append("the file: contains no page")
    seen: set[str] = set()
    for place, page in enumerate(pages, start=1):
        wrong += _problems_in_page(page, place, seen)
    found, source = _read_guest_facts(document, file, guests)
    wrong += _guest_problems(found, seen)
    accounts = document.get("accounts", {}) if isinstance(document, dict) else {}
    wrong += [] if isinstance(accounts, dict) else ["accounts: must be an object: account id -> account"]
    on, dated, problem = _day_of_fleet_file(document, file)
    wrong += problem
    if wrong:
        raise _invalid_fleet_problem(file, wrong, source)
    return Fleet(pages, found, on, dated, accounts)


def _read_fleet_json(file: Path) -> Any:
    try:
        return read_json_file(file)
    except OSError as error:
        raise bad_input_problem("Fleet.Unreadable", f"{file} cannot be read: {error.strerror}.", "Check the path.") from None
    except ValueError as error:
        raise bad_input_problem(
            "Fleet.Invalid", f"{file} is not JSON: {error}.", "Save what `aliyun ecs DescribeInstances` printed."
        ) from None


def _fleet_pages(document: Any) -> list[Any]:
    if isinstance(document, dict) and "pages" in document:
        document = document["pages"]
    if isinstance(document, list) and document and all(isinstance(each, dict) and "InstanceId" in each for each in document):
        return [{"Instances": {"Instance": document}}]
    return document if isinstance(document, list) else [document]


def _day_of_fleet_file(document: Any, file: Path) -> tuple[date | None, str, list[str]]:
    """The day that the file describes, a phrase that says where the day comes from, and the problems of the field ``takenOn``."""
    said = document.get("takenOn") if isinstance(document, dict) else None
    if said is None:
        written = datetime.fromtimestamp(file.stat().st_mtime, timezone.utc).date()
        return written, "the day on which the fleet file was written", []
    try:
        return date.fromisoformat(said), "takenOn of the fleet file", []
    except (TypeError, ValueError):
        return None, "", [f"the field takenOn must be a day like 2026-12-01, is {json.dumps(said)[:60]}"]


def _problems_in_page(page: Any, place: int, seen: set[str]) -> Iterator[str]:
    instances = page.get("Instances") if isinstance(page, dict) else None
    if not isinstance(page, dict):
        yield f"page {place}: must be an object with the field Instances"
    elif not isinstance(instances, dict) or not isinstance(instances.get("Instance"), list):
        yield f"page {place}: the field Instances.Instance must be a list"
    else:
        for number, record in enumerate(instances["Instance"], start=1):
            yield from _faults_of_instance_record(record, f"page {place}, record {number}", seen)


def _faults_of_instance_record(record: Any, where: str, seen: set[str]) -> Iterator[str]:
    if not isinstance(record, dict):
        yield f"{where}: must be an object"
        return
    id = record.get("InstanceId")
    if isinstance(id, str):
        where += f" ({id})"
    for name, wanted in _REQUIRED.items():
        yield from _field_problems(record, name, wanted, where)
    for name in _OPTIONAL:
        if not isinstance(record.get(name) or "", str):
            yield f"{where}: the field {name} must be text, is {json.dumps(record[name])[:60]}"
    if isinstance(id, str) and id in seen:
        yield f"{where}: the field InstanceId occurs twice in the file"
    if isinstance(id, str):
        seen.add(id)


def _field_problems(record: Json, name: str, wanted: type, where: str) -> Iterator[str]:
    value = record.get(name)
    if name not in record:
        yield f"{where}: the field {name} is missing"
    elif not isinstance(value, wanted) or isinstance(value, bool) or value in ("", 0):
        yield f"{where}: the field {name} must be {_WORDS[wanted]}, is {json.dumps(value)[:60]}"
    elif value not in _ALLOWED.get(name, (value,)):
        yield f"{where}: the field {name} must be one of {', '.join(_ALLOWED[name])}, is {json.dumps(value)[:60]}"


def _read_guest_facts(document: Any, file: Path, guests: Path | None) -> tuple[Any, Path]:
    beside = (file.with_name(f"{file.stem}.guests.json"), file.with_name("guests.json"))
    chosen = guests or next((each for each in beside if each.is_file() and each != file), None)
    if isinstance(document, dict) and "guests" in document:
        if guests:
            raise option_without_effect_problem(
                "--guests", f"because {file} has a field guests of its own", "Leave one of them out."
            )
        return document["guests"], file
    return (_read_fleet_json(chosen), chosen) if chosen else ({}, file)


def _guest_problems(found: Any, known: set[str]) -> Iterator[str]:
    if not isinstance(found, dict):
        yield "guests: must be an object: instance id -> facts"
        return
    for instance_id, facts in found.items():
        for error in _guest_validator().iter_errors(facts):
            place = ".".join(map(str, error.absolute_path))
            yield f"guest {instance_id}: {f'{place}: ' if place else ''}{error.message}"
        if instance_id not in known:
            yield f"guest {instance_id}: the fleet has no such instance"


@lru_cache
def _guest_validator() -> Any:
    """The JSON Schema validator for one guest's facts, made from the schema of the local cloud."""
    from jsonschema import Draft202012Validator

    schema = read_json_file(SCHEMA)
    return Draft202012Validator({"$ref": "#/$defs/guest", "$defs": schema["$defs"]})


def _invalid_fleet_problem(file: Path, wrong: list[str], guests: Path) -> Problem:
    """The Problem that lists the faults of a fleet file, one per line."""
    of_guests = f" and {guests}" if guests != file and any(each.startswith("guest") for each in wrong) else ""
    more = [f"and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
    lines = [*wrong[:SHOWN], *more]
    told = lines[0] if len(lines) == 1 else f"{len(wrong)} problems:\n  " + "\n  ".join(lines)
    return bad_input_problem("Fleet.Invalid", f"{file}{of_guests}: {told}.", "Correct the file; nothing was started.")
