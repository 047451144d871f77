"""The plan of a run: fleet, notices, batches, and the expected outcome of each instance.

All files are read and checked before the run starts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from cli import events, output
from cli.catalog import day_to_judge_support
from cli.files import read_json_file
from cli.fleet import SHOWN, Fleet, read_fleet
from cli.problem import bad_input_problem
from cli.rows import catalog_with_rows, read_catalog_rows
from cli.standing import SUPPORT_ENDED, conversion_in_words, support_status
from cli.today import today_in_utc
from shared.domain import events as known
from shared.domain.catalog import CATALOG, Catalog
from shared.domain.days import day_in_words
from shared.domain.errors import Refused
from shared.domain.notice import parse_notice

Json = dict[str, Any]
EXAMPLES = events.ROOT / "examples"
RESULTS = ("completed", "refused", "failed", "rolled_back")
AT_ONCE = 1000
"""Maximum number of instances in one batch."""


@dataclass(frozen=True)
class ExpectedOutcome:
    """The expected outcome of one instance. If ``code`` is set, one of the outcome's reasons must have this code."""

    result: str
    code: str = ""


@dataclass(frozen=True)
class RunPlan:
    """The input of a run: the fleet, its notices and batches, and the expected outcomes."""

    fleet: Fleet
    notices: list[Json]
    batches: list[Json]
    """The bodies of the requests POST /batches."""
    roll_back: frozenset[str] = frozenset()
    """Ids of the instances that the simulated operator rolls back once their migration has succeeded or failed."""
    expected: dict[str, ExpectedOutcome] = field(default_factory=dict)
    """Maps each instance id to the expected outcome of the migration.

    If empty, every migration is expected to be completed or refused.
    """
    faults: Json = field(default_factory=dict)
    """The faults that the local cloud's ECS and SMC simulate."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Maps the id of each instance that is in no batch to the reason. Empty if notices or the scenario select the instances."""
    on: date | None = None
    """The day on which virtual time begins. None means the local cloud's default day."""
    rows: Any = None
    """The user's own catalog rows, which the functions use too; None if the user gave no rows."""

    @property
    def catalog(self) -> Catalog:
        """The built-in catalog, with the user's own rows if there are any."""
        return CATALOG if self.rows is None else catalog_with_rows(self.rows)

    @property
    def notice_sources(self) -> list[str]:
        """The event sources of the notices, without duplicates."""
        return sorted({str(notice["source"]) for notice in self.notices})

    @property
    def digest(self) -> str:
        """A digest that identifies the plan.

        A state folder with another digest belongs to another plan, so the run may not continue in that folder.
        """
        own = () if self.rows is None else (self.rows,)
        parts = (self.fleet.document_to_load, self.notices, self.batches, self.faults, *own)
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def sample_plan() -> RunPlan:
    """The plan for the sample fleet and scenario that ship with Replank."""
    notices = sorted((EXAMPLES / "notices").glob("*.json"))
    return _read_plan(EXAMPLES / "fleet.json", None, notices, _read_scenario(EXAMPLES / "scenario.json"))


def plan_from_files(
    fleet: Path, guests: Path | None, notices: list[Path], expect: Path | None, on: str = "", catalog: Path | None = None
) -> RunPlan:
    """The run plan made from the user's own files.

    Without a notice, the plan's batches contain all instances that are out of support. The argument ``on`` is the day on which
    support is judged.
    """
    rows = read_catalog_rows(catalog) if catalog else None
    return _read_plan(fleet, guests, notices, _read_scenario(expect) if expect else {}, on, rows)


def _read_plan(
    fleet_file: Path, guests: Path | None, notice_files: list[Path], scenario: Json, on: str | None = None, rows: Any = None
) -> RunPlan:
    """The run plan that the files describe.

    The argument ``on`` is the day that the user chose. None means the local cloud's default day.
    """
    catalog = CATALOG if rows is None else catalog_with_rows(rows)
    fleet = read_fleet(fleet_file, guests)
    begins = None if on is None else day_to_judge_support(fleet, on)[0]
    notices = [notice for file in notice_files for notice in _read_notices(file, catalog)]
    batches, left_out = scenario.get("batches", []), dict[str, str]()
    if not notices and not batches:
        batches, left_out = _end_of_life_batches(fleet, begins or today_in_utc(), catalog)
    ids = {record["InstanceId"] for record in fleet.instances}
    expected = {each: _expected_outcome(each, value, ids) for each, value in scenario.get("expected", {}).items()}
    roll_back = frozenset(scenario.get("rollBack", ()))
    return RunPlan(fleet, notices, batches, roll_back, expected, scenario.get("faults", {}), left_out, begins, rows)


def _end_of_life_batches(fleet: Fleet, on: date, catalog: Catalog) -> tuple[list[Json], dict[str, str]]:
    """Batches of all instances that are out of support. The argument ``on`` is the day on which support is judged.

    The second return value maps the id of each instance that is in no batch to the reason.
    """
    reasons = {record["InstanceId"]: _reason_for_leaving_out(fleet, record, on, catalog) for record in fleet.instances}
    ids = [each for each, reason in reasons.items() if not reason]
    if not ids:
        raise bad_input_problem(
            "Fleet.NothingToDo",
            f"No instance of the fleet runs a release that is out of support on {on.isoformat()}.",
            "Give a notice, or another day with --on; `replank eol --fleet FILE` names each instance.",
        )
    policy = {"retentionDays": 1, "maxMoving": 20, "failureBudget": len(ids)}
    batches = [{"instanceIds": ids[at : at + AT_ONCE], "policy": policy} for at in range(0, len(ids), AT_ONCE)]
    return batches, {each: reason for each, reason in reasons.items() if reason}


def _reason_for_leaving_out(fleet: Fleet, record: Json, on: date, catalog: Catalog) -> str:
    """The reason why an instance is left out of the batches; empty if the instance is out of support and therefore in a batch."""
    life = support_status(fleet, record, on, catalog)
    if life.standing in SUPPORT_ENDED:
        return ""
    said = conversion_in_words(fleet, record, catalog)
    if not life.release:
        return f"the catalog has no release {life.name!r}" if life.name else "ECS shows no OSName"
    name = catalog.release_name(life.release)
    stays = (
        f"{name} is supported until {day_in_words(life.ends_on, on)}" if life.ends_on else f"no end of support is known for {name}"
    )
    return f"{said}; {stays}" if said else stays


def _read_notices(file: Path, catalog: Catalog) -> list[Json]:
    """The end-of-life notices in a file. Raises Problem (Notice.Invalid), which names every fault."""
    found = events.read_events(file)
    wrong = [f"event {place}: {problem}" for place, notice in enumerate(found) for problem in _notice_problems(notice, catalog)]
    if wrong:
        told = wrong[0] if len(wrong) == 1 else f"{len(wrong)} problems:\n  " + "\n  ".join(wrong[:SHOWN])
        raise bad_input_problem("Notice.Invalid", f"{file}: {told}.", "Correct the file; nothing was started.")
    return found


def _notice_problems(notice: Json, catalog: Catalog) -> Iterator[str]:
    problems = events.problems_in_event(notice)
    yield from problems
    if notice.get("type") != known.END_OF_LIFE:
        yield f"type: must be {known.END_OF_LIFE}"
    if "," in str(notice.get("source", "")):
        yield "source: a comma cannot be part of REPLANK_NOTICE_SOURCES"
    try:
        if not problems:
            parse_notice(notice["data"], catalog)
    except Refused as refused:
        yield f"data: {refused.code}: {refused.message} {refused.remedy}"


def _read_scenario(file: Path) -> Json:
    try:
        found = read_json_file(file)
    except (OSError, ValueError) as error:
        raise bad_input_problem(
            "File.Unreadable", f"{file}: {output.error_in_words(error)}.", "Name a JSON file. examples/scenario.json is an example."
        ) from None
    if not isinstance(found, dict) or not isinstance(found.get("expected", {}), dict):
        raise bad_input_problem(
            "Scenario.Invalid", f"{file}: expected must be an object: instance id -> result.", "See examples/scenario.json."
        )
    return found


def _expected_outcome(instance_id: str, value: Any, known_ids: set[str]) -> ExpectedOutcome:
    fields = {"result": value} if isinstance(value, str) else value
    if instance_id not in known_ids:
        raise bad_input_problem("Scenario.Invalid", f"expected.{instance_id}: the fleet has no such instance.", "Correct the file.")
    if not isinstance(fields, dict) or fields.get("result") not in RESULTS:
        raise bad_input_problem(
            "Scenario.Invalid", f"expected.{instance_id}: must be one of {', '.join(RESULTS)}.", "Correct the file."
        )
    return ExpectedOutcome(fields["result"], str(fields.get("code", "")))
