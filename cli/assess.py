"""The commands assess and precheck apply every precheck rule to facts from a file, or to instances in the cloud."""

from __future__ import annotations

import time
import uuid
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import output, states
from cli.catalog import day_from_text
from cli.client import ApiClient
from cli.files import read_json_file
from cli.findings import severity_in_words
from cli.options import AsJson
from cli.problem import Problem, bad_input_problem, option_without_effect_problem
from cli.rows import CatalogFile, catalog_from_file
from shared.domain.catalog import Catalog, require_release
from shared.domain.catalog.identify import identify_release_in_catalog
from shared.domain.errors import Refused
from shared.domain.facts import Facts, InstanceFacts, facts_schema
from shared.domain.findings import Assessment, Severity
from shared.domain.prechecks import assess as apply_rules
from shared.domain.route import plan_route

Json = dict[str, Any]
PATIENCE_S = 900


def add_commands(app: typer.Typer) -> None:
    """Add the commands assess and precheck to the command line."""
    app.command("assess")(assess_facts)
    app.command("precheck")(precheck_instances)


def assess_facts(  # noqa: PLR0913 - one parameter per option
    facts: Annotated[Path | None, typer.Option("--facts", help="JSON file with the facts of one instance.")] = None,
    to: Annotated[str, typer.Option("--to", help="Destination release; default: the hop in the facts.")] = "",
    on: Annotated[str, typer.Option(help="The day on which to judge the facts (YYYY-MM-DD); default: the time in the facts.")] = "",
    override: Annotated[
        list[str] | None, typer.Option("--override", metavar="CODE=REASON", help="Accept an overridable finding; may be repeated.")
    ] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of a facts file and exit.")] = False,
    catalog: CatalogFile = None,
    as_json: AsJson = False,
) -> None:
    """Apply every precheck rule to the facts in a file. Works offline. The exit status is 1 if a finding blocks the migration."""
    if schema:
        for name, given in (("--facts", facts), ("--to", to), ("--override", override), ("--catalog", catalog), ("--on", on)):
            if given:
                raise option_without_effect_problem(name, "with --schema", "Leave one of them out.")
        output.show_json(facts_schema())
        return
    if facts is None:
        raise bad_input_problem(
            "Option.Missing", "--facts is missing.", "Name a facts file. `replank assess --schema` describes such a file."
        )
    known = catalog_from_file(catalog)
    asked = _read_facts(facts, to, day_from_text(on) if on else None, known)
    found = apply_rules(asked, _override_reasons_by_code(override or []), catalog=known)
    if as_json:
        output.show_json(found.to_json())
    else:
        show_assessment(found)
    if found.is_blocked:
        raise typer.Exit(1)


def _override_reasons_by_code(given: list[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in given]
    if not all(code and reason.strip() for code, _, reason in pairs):
        raise bad_input_problem("Option.Invalid", "--override needs a code and a reason.", "Write Instance.Spot='our bid is high'.")
    return {code: reason for code, _, reason in pairs}


def _read_facts(file: Path, to: str, on: date | None, known: Catalog) -> Facts:
    """The facts in the file.

    ``on`` overrides the time in the facts, and ``to`` overrides the destination.
    """
    try:
        document = read_json_file(file)
    except (OSError, ValueError) as error:
        raise bad_input_problem(
            "File.Unreadable",
            f"{file}: {output.error_in_words(error)}.",
            "Name a JSON file. `replank assess --schema` describes such a file.",
        ) from None
    if on and isinstance(document, dict):
        document = {**document, "now": f"{on.isoformat()}T00:00:00Z"}
    if to and isinstance(document, dict) and isinstance(document.get("instance"), dict):
        document = {**document, "hop": _first_hop(document, to, known)}
    return Facts.from_json(document, strict=True)


def _first_hop(document: Json, to: str, known: Catalog) -> Json:
    """The first hop of the route to the destination release.

    If no route exists, the hop leads from the instance's release directly to the destination.
    """
    instance = InstanceFacts.from_json(document["instance"])
    release = identify_release_in_catalog(known, instance.os_name, instance.os_name_en)
    goal = require_release(to, known).key
    if release is None:
        return {"source": "unknown", "destination": goal}
    try:
        first = plan_route(release, instance.architecture, on=_day_of_facts(document), destination=goal, catalog=known).hops[0]
    except Refused:
        return {"source": release.key, "destination": goal}
    return {"source": first.source, "destination": first.destination}


def _day_of_facts(document: Json) -> date:
    """The day in the field ``now`` of a facts file.

    If the field is invalid, the latest possible day is returned, and `Facts.from_json` reports the fault later.
    """
    try:
        return day_from_text(str(document.get("now", ""))[:10])
    except Problem:
        return date.max


def show_assessment(found: Assessment) -> None:
    """Print the findings of an assessment, worst first, and then the verdict."""
    for finding in found.findings:
        print(f"[{finding.label}] {finding.code}: {output.title_with_details(finding.title, finding.seen)}\n  {finding.remedy}")
        if finding.command:
            print(f"  $ {finding.command}")
    print(_verdict_in_words(found.is_blocked, any(f.known and f.severity is Severity.WARNING for f in found.findings)))


def _verdict_in_words(blocked: bool, warned: bool) -> str:
    """The verdict in words: blocked, passed, or passed with warnings."""
    return "blocked" if blocked else "passed, with warnings" if warned else "passed"


def precheck_instances(
    instance: Annotated[list[str], typer.Argument(metavar="INSTANCE...", help="Instance ids.")],
    to: Annotated[str, typer.Option("--to", help="Destination release; default: the catalog's choice.")] = "",
    region: Annotated[str, typer.Option(help="Region id; default: the regions that the pipeline covers.")] = "",
    every: Annotated[int, typer.Option(help="Seconds between two requests.", min=1)] = 5,
    as_json: AsJson = False,
) -> None:
    """Run every precheck on instances as a dry-run batch, which reads facts from the cloud APIs and from the guests.

    The exit status is 1 if a finding blocks a migration.
    """
    api = ApiClient.from_environment()
    body: Json = {"clientToken": uuid.uuid4().hex, "instanceIds": instance, "dryRun": True}
    body |= {"destination": to} if to else {}
    body |= {"regionIds": [region]} if region else {}
    batch_id = api.post("/batches", body)["batchId"]
    found = _wait_for_prechecks(api, batch_id, every)
    if as_json:
        output.show_json(found[0] if len(instance) == 1 else {"migrations": found})
    else:
        for each in found:
            if len(found) > 1:
                print(f"\n{each['instanceId']} {each['instanceName']}")
            _print_precheck(each)
    if not all(map(_has_passed_precheck, found)):
        raise typer.Exit(1)


def _has_passed_precheck(found: Json) -> bool:
    """Whether the migration of a dry run passed its precheck.

    A dry run that passes its precheck ends in the state ``cancelled``.
    """
    return found["state"] in states.PASSED and not found["blocked"]


def _wait_for_prechecks(api: ApiClient, batch_id: str, every: int) -> list[Json]:
    for _ in range(max(1, PATIENCE_S // every)):
        batch = api.get(f"/batches/{batch_id}")
        if batch["problems"]:
            problem = batch["problems"][0]
            raise Problem(problem["code"], problem["message"], "Check the id and --region.")
        found = list(api.all_items("/migrations", "migrations", batchId=batch_id))
        if batch["state"] != "planning" and all(each["state"] not in states.NOT_CHECKED for each in found):
            return [api.get(f"/migrations/{each['migrationId']}") for each in found]
        time.sleep(every)
    raise Problem("Precheck.Pending", f"Batch {batch_id} is still being checked.", f"Look again: replank status {batch_id}")


def _print_precheck(found: Json) -> None:
    for finding in found["findings"]:
        print(f"[{severity_in_words(finding)}] {output.finding_headline(finding)}\n  {finding['remedy']}")
    if found["failure"]:
        print(f"{found['failure']['code']}: {found['failure']['message']}\n  {found['failure']['remedy']}")
    warned = any(finding["severity"] == "warning" and severity_in_words(finding) == "warning" for finding in found["findings"])
    print(_verdict_in_words(not _has_passed_precheck(found), warned))
