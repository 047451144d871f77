"""Fleet files: what DescribeInstances returned (one page, several, or a list of records), with guest facts beside them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.problem import Problem, bad_input

Json = dict[str, Any]
_REQUIRED: dict[str, type] = {
    "InstanceId": str,
    "RegionId": str,
    "OSName": str,
    "OSType": str,
    "Status": str,
    "Cpu": int,
    "Memory": int,
}
_ALLOWED = {
    "OSType": ("linux", "windows"),
    "Status": ("Running", "Stopped", "Starting", "Stopping", "Pending"),
}
_WORDS = {str: "text", int: "a whole number"}


@dataclass(frozen=True)
class Fleet:
    """``pages`` as DescribeInstances gives them; ``guests`` facts by instance id."""

    pages: list[Json]
    guests: dict[str, Json] = field(default_factory=dict)

    @property
    def instances(self) -> list[Json]:
        """All records, page after page."""
        return [record for page in self.pages for record in page["Instances"]["Instance"]]

    @property
    def regions(self) -> list[str]:
        """Every region the fleet is in, in order of appearance."""
        return list(dict.fromkeys(record["RegionId"] for record in self.instances))

    @property
    def document(self) -> Json:
        """As the local cloud loads it."""
        return {"pages": self.pages, "guests": self.guests}


def read_fleet(file: Path, guests: Path | None = None) -> Fleet:
    """Read and check a fleet file; raises Problem (Fleet.Invalid) naming the record and the field.

    Guest facts: ``guests``, else a part ``guests`` of the file, else <name>.guests.json or guests.json beside it.
    """
    document = _load(file)
    pages = _pages(document, file)
    seen: set[str] = set()
    for place, page in enumerate(pages, start=1):
        for number, record in enumerate(_records(page, place, file), start=1):
            _check(record, f"page {place}, record {number}", file, seen)
    return Fleet(pages, _guests(document, file, guests, seen))


def _load(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise bad_input("Fleet.Unreadable", f"{file} cannot be read: {error.strerror}.", "Check the path.") from None
    except (ValueError, RecursionError) as error:
        raise bad_input(
            "Fleet.Invalid", f"{file} is no JSON: {error}.", "Save what `aliyun ecs DescribeInstances` printed."
        ) from None


def _pages(document: Any, file: Path) -> list[Json]:
    if isinstance(document, dict) and "pages" in document:
        document = document["pages"]
    if isinstance(document, list) and document and all(isinstance(each, dict) and "InstanceId" in each for each in document):
        return [{"Instances": {"Instance": document}}]
    pages = document if isinstance(document, list) else [document]
    if not pages:
        raise _invalid(file, "the file", "holds no page")
    return pages


def _records(page: Any, place: int, file: Path) -> list[Any]:
    where = f"page {place}"
    if not isinstance(page, dict):
        raise _invalid(file, where, "must be an object with the field Instances")
    instances = page.get("Instances")
    if not isinstance(instances, dict) or not isinstance(instances.get("Instance"), list):
        raise _invalid(file, where, "the field Instances.Instance must be a list")
    records: list[Any] = instances["Instance"]
    return records


def _check(record: Any, where: str, file: Path, seen: set[str]) -> None:
    if not isinstance(record, dict):
        raise _invalid(file, where, "must be an object")
    if isinstance(record.get("InstanceId"), str):
        where += f" ({record['InstanceId']})"
    for name, wanted in _REQUIRED.items():
        if name not in record:
            raise _invalid(file, where, f"the field {name} is missing")
        value = record[name]
        if not isinstance(value, wanted) or isinstance(value, bool) or value in ("", 0):
            raise _invalid(file, where, f"the field {name} must be {_WORDS[wanted]}, is {json.dumps(value)[:60]}")
        if value not in _ALLOWED.get(name, (value,)):
            raise _invalid(file, where, f"the field {name} must be one of {', '.join(_ALLOWED[name])}, is {json.dumps(value)[:60]}")
    if record["InstanceId"] in seen:
        raise _invalid(file, where, "the field InstanceId occurs twice in the file")
    seen.add(record["InstanceId"])


def _guests(document: Any, file: Path, guests: Path | None, known: set[str]) -> dict[str, Json]:
    beside = (file.with_name(f"{file.stem}.guests.json"), file.with_name("guests.json"))
    chosen = guests or next((each for each in beside if each.is_file() and each != file), None)
    if isinstance(document, dict) and "guests" in document:
        found: Any = document["guests"]
        chosen = file
    elif chosen:
        found = _load(chosen)
    else:
        return {}
    if not isinstance(found, dict):
        raise _invalid(chosen, "guests", "must be an object: instance id -> facts")
    for instance_id, facts in found.items():
        if not isinstance(facts, dict):
            raise _invalid(chosen, f"guest {instance_id}", "must be an object")
        if instance_id not in known:
            raise _invalid(chosen, f"guest {instance_id}", "the fleet has no such instance")
    return found


def _invalid(file: Path, where: str, what: str) -> Problem:
    return bad_input("Fleet.Invalid", f"{file}: {where}: {what}.", "Correct the file; nothing was started.")
