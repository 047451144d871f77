"""The command report: shows the findings of a batch as text, as JSON, or as one HTML file for a change advisory board."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import output
from cli.client import ApiClient
from cli.options import AsJson
from cli.planning import plan_if_supported
from cli.problem import bad_input_problem, option_without_effect_problem
from shared.domain.findings import Assessment
from shared.domain.report import PlanAndOutcome, Report, ReportRow, common_unchecked_findings, verdict_counts, verdict_sort_key
from shared.domain.validation.summary import ComparisonRow
from shared.stages.api.judgement_views import ReportDocument
from shared.stages.api.report_page import report_html
from shared.stages.api.views import as_json as plain

Json = dict[str, Any]


def add_commands(app: typer.Typer) -> None:
    """Add the command `report` to the command line."""
    app.command("report")(show_batch_report)


def show_batch_report(
    batch: Annotated[str, typer.Argument(metavar="[BATCH]", help="Id of a batch, as `replank status` shows it.")] = "",
    html: Annotated[Path | None, typer.Option("--html", help="Write the report to this file, as one self-contained page.")] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the output of --json, and exit.")] = False,
    as_json: AsJson = False,
) -> None:
    """Report what the prechecks and validations of a batch found, and how each migration changed its guest."""
    if schema and (batch or html):
        raise option_without_effect_problem("A batch" if batch else "--html", "with --schema", "Leave one of them out.")
    if schema:
        output.show_json(report_schema())
        return
    if not batch:
        raise bad_input_problem("Option.Missing", "The batch is missing.", "`replank status` lists the batches.")
    api = ApiClient.from_environment()
    judged = list(api.all_items(f"/batches/{batch}/judgements", "instances"))
    plan = plan_if_supported(api, batch)
    found = _batch_report(batch, judged, plan)
    if html is not None:
        try:
            html.write_text(report_html(found), encoding="utf-8")
        except OSError as error:
            raise bad_input_problem("File.NotWritable", f"{html}: {error}.", "Name a file in a folder that exists.") from None
    if as_json:
        output.show_json(report_document(found, judged, plan))
    elif html is not None:
        print(f"Wrote {html}: {_verdict_counts_in_words(found)}")
    else:
        _print_report(found)


def report_document(found: Report, judged: list[Json], plan: Json | None = None) -> Json:
    """The report as JSON: the API's findings for each instance, with a summary. The function ``report_schema`` returns the JSON
    Schema.
    """
    told = plan or {}
    course = {"digest": told.get("digest", ""), "outcomes": told.get("outcomes", {})}
    course |= {name: told.get(name) for name in ("planned", "finishedAt")}
    head = {"batchId": found.batch_id, "title": found.title, "madeAt": plain(found.made_at), "summary": verdict_counts(found)}
    return {**head, **course, "instances": [{"smcRollback": "", **each} for each in judged]}


def report_schema() -> Json:
    """The JSON Schema of the report, made from the API's views."""
    from shared.runtime.openapi import schema_of_type

    schemas: Json = {}
    whole = schema_of_type(ReportDocument, schemas)
    return {"title": "Replank report of one batch", **whole, "components": {"schemas": schemas}}


def _batch_report(batch_id: str, judged: list[Json], plan: Json | None) -> Report:
    rows = tuple(map(_report_row, judged))
    return Report(batch_id, f"Batch {batch_id}", datetime.now(timezone.utc), rows, _plan_and_outcome(plan) if plan else None)


def _plan_and_outcome(plan: Json) -> PlanAndOutcome:
    planned = plan["planned"] or {}
    low, usual, high = (_parsed_time(planned.get(name)) for name in ("p10", "p50", "p90"))
    return PlanAndOutcome(plan.get("digest", ""), (low, usual, high), _parsed_time(plan["finishedAt"]), plan["outcomes"])


def _parsed_time(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written.replace("Z", "+00:00")) if written else None


def _report_row(found: Json) -> ReportRow:
    return ReportRow(
        instance_id=found["instanceId"],
        name=found["name"],
        route=tuple(found["route"]),
        state=found["state"],
        precheck=Assessment.from_json(found["precheck"]) if found["precheck"] else None,
        validation=Assessment.from_json(found["validation"]) if found["validation"] else None,
        aspects=tuple(ComparisonRow(each["what"], each["before"], each["after"], each["standing"]) for each in found["aspects"]),
        smc_rollback=found.get("smcRollback", ""),
    )


def _verdict_counts_in_words(found: Report) -> str:
    return ", ".join(f"{number} {verdict}" for verdict, number in sorted(verdict_counts(found).items())) or "no instances"


def _print_report(found: Report) -> None:
    rows = []
    for row in sorted(found.rows, key=verdict_sort_key):
        last = row.validation or row.precheck
        minor = ("info", "not checked")
        told = ", ".join(dict.fromkeys(f.code for f in (last.findings if last else ()) if f.label not in minor))
        rows.append((row.instance_id, row.name, " -> ".join(row.route), row.state, row.verdict, told))
    output.print_table(("instance", "name", "route", "state", "verdict", "findings"), rows)
    shared = common_unchecked_findings(found)
    if shared:
        print("\nNot checked on any instance:")
        for finding in shared:
            print(f"  {finding.code}: {finding.title}: {finding.seen}")
    print(f"\n{_verdict_counts_in_words(found)}")
    for name, value in found.course.lines_of_plan_and_outcome if found.course else ():
        print(f"{name}: {value}")
