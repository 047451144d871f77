"""What a run is to do: fleet, notices, batches, and what is expected of each instance. All is checked before anything starts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli import events
from cli.fleet import Fleet, read_fleet
from cli.problem import bad_input
from shared.domain import events as known
from shared.domain.catalog import CATALOG, identify
from shared.domain.notice import read_notice

Json = dict[str, Any]
EXAMPLES = events.ROOT / "examples"
RESULTS = ("completed", "refused", "failed", "rolled_back")
AT_ONCE = 1000
"""A batch names at most so many instances."""


@dataclass(frozen=True)
class Expected:
    """What is to become of one instance; ``code``, if given, is among the reasons."""

    result: str
    code: str = ""


@dataclass(frozen=True)
class Plan:
    """Everything a run needs to know."""

    fleet: Fleet
    notices: list[Json]
    batches: list[Json]
    """Bodies of POST /batches."""
    roll_back: frozenset[str] = frozenset()
    """Instances that the operator rolls back after their migration."""
    expected: dict[str, Expected] = field(default_factory=dict)
    """Empty: every migration is to be completed or refused."""
    faults: Json = field(default_factory=dict)
    """Settings of the local cloud's ECS and SMC."""

    @property
    def sources(self) -> list[str]:
        """Who sends the notices."""
        return sorted({str(notice["source"]) for notice in self.notices})

    @property
    def digest(self) -> str:
        """Tells whether a state belongs to this very plan."""
        parts = (self.fleet.document, self.notices, self.batches, self.faults)
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def sample() -> Plan:
    """The fleet and scenario that ship with Replank."""
    notices = sorted((EXAMPLES / "notices").glob("*.json"))
    return _plan(EXAMPLES / "fleet.json", None, notices, _object(EXAMPLES / "scenario.json"))


def given(fleet: Path, guests: Path | None, notices: list[Path], expect: Path | None) -> Plan:
    """The user's own; without a notice, one batch for all instances whose release is out of support."""
    return _plan(fleet, guests, notices, _object(expect) if expect else {})


def _plan(fleet_file: Path, guests: Path | None, notice_files: list[Path], scenario: Json) -> Plan:
    fleet = read_fleet(fleet_file, guests)
    notices = [notice for file in notice_files for notice in _notices(file)]
    batches = scenario.get("batches", [])
    if not notices and not batches:
        batches = _for_all(fleet)
    ids = {record["InstanceId"] for record in fleet.instances}
    expected = {each: _expected(each, value, ids) for each, value in scenario.get("expected", {}).items()}
    return Plan(fleet, notices, batches, frozenset(scenario.get("rollBack", ())), expected, scenario.get("faults", {}))


def _for_all(fleet: Fleet) -> list[Json]:
    ids = [record["InstanceId"] for record in fleet.instances if _ends(record)]
    if not ids:
        raise bad_input(
            "Fleet.NothingToDo", "No instance of the fleet runs a release the catalog has a date for.", "Give a notice."
        )
    policy = {"retentionDays": 1, "maxMoving": 20, "failureBudget": len(ids)}
    return [{"instanceIds": ids[at : at + AT_ONCE], "policy": policy} for at in range(0, len(ids), AT_ONCE)]


def _ends(record: Json) -> bool:
    release = identify(record["OSName"], record.get("OSNameEn") or "")
    life = CATALOG.life(release.key) if release else None
    return life is not None and life.ends_on is not None


def _notices(file: Path) -> list[Json]:
    found = events.read(file)
    for place, notice in enumerate(found):
        problems = events.problems_of(notice)
        if notice.get("type") != known.END_OF_LIFE:
            problems.append(f"type: must be {known.END_OF_LIFE}")
        if "," in str(notice.get("source", "")):
            problems.append("source: a comma cannot be part of REPLANK_NOTICE_SOURCES")
        if problems:
            raise bad_input("Notice.Invalid", f"{file}, event {place}: {problems[0]}.", "Correct the file; nothing was started.")
        read_notice(notice["data"])
    return found


def _object(file: Path) -> Json:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise bad_input("File.Unreadable", f"{file}: {error}.", "Give a JSON file; examples/scenario.json is one.") from None
    if not isinstance(found, dict) or not isinstance(found.get("expected", {}), dict):
        raise bad_input(
            "Scenario.Invalid", f"{file}: expected must be an object: instance id -> result.", "See examples/scenario.json."
        )
    return found


def _expected(instance_id: str, value: Any, known_ids: set[str]) -> Expected:
    fields = {"result": value} if isinstance(value, str) else value
    if instance_id not in known_ids:
        raise bad_input("Scenario.Invalid", f"expected.{instance_id}: the fleet has no such instance.", "Correct the file.")
    if not isinstance(fields, dict) or fields.get("result") not in RESULTS:
        raise bad_input("Scenario.Invalid", f"expected.{instance_id}: must be one of {', '.join(RESULTS)}.", "Correct the file.")
    return Expected(fields["result"], str(fields.get("code", "")))
