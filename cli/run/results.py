"""Reads the results of a run from the API, compares them with the expected outcomes, prints them, and writes them to files."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli import output
from cli.client import ApiClient
from cli.run.plan import RESULTS, ExpectedOutcome, RunPlan
from shared.domain.catalog import Catalog, release_with_name
from shared.domain.catalog.identify import identify_release_in_catalog
from shared.domain.drivers import driver_traits

Json = dict[str, Any]
_FIELDS = ("instanceId", "driver", "from", "to", "hops", "restarts", "attempts", "snapshotsMade", "snapshotsSwept", "minutes")
"""The fields of the API's report that run/report.json contains for each migration."""
_SNAPSHOT_PREFIXES = ("replank-", "SMC_Backup_Snapshot_")


@dataclass(frozen=True)
class RunResults:
    """The results of a run. ``migrations`` are rows for run/report.json. ``surprises`` are sentences about unexpected outcomes."""

    migrations: list[Json]
    surprises: list[str]

    @property
    def is_as_expected(self) -> bool:
        return not self.surprises


def collect_results(
    api: ApiClient, batches: list[Json], plan: RunPlan, inventory: Json, changed: dict[str, list[str]]
) -> RunResults:
    """Read every batch's report and compare it with the plan.

    ``changed`` maps each instance id to the disks whose content changed although the content must not change.
    """
    rows, surprises = [], []
    for batch in sorted(batches, key=lambda each: str(each["createdAt"])):
        problems: list[Json] = []
        for line in _report_lines(api, batch["batchId"], problems):
            rows.append(_report_row(line))
        if batch["state"] == "planning":
            surprises.append(f"batch {batch['batchId']}: its planning has not ended; see the log of replank-intake")
        surprises += [f"{each['instanceId']}: {each['code']}: {each['message']}" for each in problems]
    rows.sort(key=lambda row: str(row["instanceId"]))
    for row in rows:
        surprises += _unexpected_outcomes(row, plan.expected)
    done = {row["instanceId"] for row in rows}
    surprises += [
        f"{each}: it has no result, expected {wanted.result}" for each, wanted in plan.expected.items() if each not in done
    ]
    return RunResults(
        rows,
        surprises
        + _unexpected_snapshots(rows, inventory)
        + _leftovers_in_smc(rows, inventory)
        + _unexpected_disk_changes(rows, changed),
    )


def _report_lines(api: ApiClient, batch_id: str, problems: list[Json]) -> list[Json]:
    lines: list[Json] = []
    token = ""
    while True:
        page = api.get(f"/batches/{batch_id}/report", limit=100, nextToken=token)
        lines += page["migrations"]
        token = page["nextToken"]
        if not token:
            problems += page["problems"]
            return lines


def _report_row(line: Json) -> Json:
    row = {name: line[name] for name in _FIELDS}
    reasons = [{name: reason[name] for name in ("code", "message", "remedy")} for reason in line["reasons"]]
    result = line["result"]
    if result not in RESULTS:
        reasons.append(
            {
                "code": "Run.NotFinished",
                "message": f"It is still {line['state']}; nothing has changed for too long.",
                "remedy": "See its journal, its batch's failure budget and its maintenance window.",
            }
        )
        result = "failed"
    row["result"] = result
    if line.get("driverWhy"):
        row["driverWhy"] = line["driverWhy"]
    if line.get("smcRollback"):
        row["smcRollback"] = line["smcRollback"]
    if result in ("refused", "failed"):
        row["reasons"] = reasons
    return row


def _unexpected_outcomes(row: Json, expected: dict[str, ExpectedOutcome]) -> list[str]:
    codes = [reason["code"] for reason in row.get("reasons", [])]
    wanted = expected.get(row["instanceId"])
    if wanted is None:
        if expected or row["result"] in ("completed", "refused"):
            return [] if not expected else [f"{row['instanceId']}: {row['result']}, but nothing was expected of it"]
        return [f"{row['instanceId']}: {row['result']} ({', '.join(codes)}), expected completed or refused"]
    if row["result"] != wanted.result:
        return [f"{row['instanceId']}: {row['result']} ({', '.join(codes)}), expected {wanted.result}"]
    if wanted.code and wanted.code not in codes:
        return [f"{row['instanceId']}: refused for {', '.join(codes)}, expected {wanted.code}"]
    return []


def _unexpected_snapshots(rows: list[Json], inventory: Json) -> list[str]:
    """Sentences about snapshots that should have been deleted or kept.

    A completed migration must leave no snapshot. A migration that was rolled back must keep all its snapshots.
    """
    held: dict[str, int] = {}
    for snapshot in inventory.get("snapshots", {}).values():
        if str(snapshot.get("SnapshotName", "")).startswith(_SNAPSHOT_PREFIXES):
            held[snapshot["InstanceId"]] = held.get(snapshot["InstanceId"], 0) + 1
    found = []
    for row in rows:
        number = held.get(row["instanceId"], 0)
        if row["result"] == "completed" and number:
            found.append(f"{row['instanceId']}: {number} snapshots are left of a confirmed migration")
        if row["result"] == "rolled_back" and number < row["snapshotsMade"]:
            found.append(f"{row['instanceId']}: {number} of {row['snapshotsMade']} snapshots are left, all should be kept")
    return found


_SMC = {"jobs": "SMC jobs", "sources": "SMC sources", "access_tokens": "SMC activation codes"}


def _leftovers_in_smc(rows: list[Json], inventory: Json) -> list[str]:
    """Sentences about jobs, sources and activation codes that remain in SMC. The list is empty if a migration failed, because a
    failed migration may keep its resources.
    """
    if any(row["result"] == "failed" and driver_traits(row["driver"]).copies_disks for row in rows):
        return []
    by_person = {row["instanceId"] for row in rows if driver_traits(row["driver"]).attended}
    left = {
        kind: [each for each in inventory.get(kind, {}).values() if not _is_resource_of_instances(each, by_person)] for kind in _SMC
    }
    return [f"{len(left[kind])} {words} are left" for kind, words in _SMC.items() if left[kind]]


def _is_resource_of_instances(resource: Any, instance_ids: set[str]) -> bool:
    """Whether a resource in SMC belongs to one of the instances.

    Resources that a person made in the console are not leftovers, because the person also deletes them.
    """
    return isinstance(resource, dict) and resource.get("InstanceId") in instance_ids


def _unexpected_disk_changes(rows: list[Json], changed: dict[str, list[str]]) -> list[str]:
    """Sentences about disks whose content changed although the content must not change.

    ``changed`` maps each instance id to the changed disks.
    """
    return [
        f"{row['instanceId']}: {disk} is not byte for byte as before" for row in rows for disk in changed.get(row["instanceId"], [])
    ]


def write_report(results: RunResults, files: Sequence[Path], facts: Json) -> None:
    """Write the report to each of the files. ``facts`` describe the run, for example its seed and its duration in seconds."""
    document = {**facts, "asExpected": results.is_as_expected, "surprises": results.surprises, "migrations": results.migrations}
    for file in files:
        write_atomically(file, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def write_atomically(file: Path, text: str) -> None:
    """Write a file atomically: readers see either the old content or the new content, never a part."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=file.parent, prefix=f".{file.name}-", delete=False) as made:
        made.write(text)
    part = Path(made.name)
    try:
        part.chmod(0o644)
        part.replace(file)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _table_cells(row: Json, catalog: Catalog) -> tuple[Any, ...]:
    """The cells of one table row. Releases are shown by their short names."""
    release = identify_release_in_catalog(catalog, row["from"])
    source = f"{release.key} ({release.exact})" if release and release.exact else release.key if release else row["from"]
    numbers = ("hops", "restarts", "attempts", "snapshotsMade", "snapshotsSwept", "minutes")
    goal = release_with_name(row["to"], catalog) if row["to"] else None
    return (
        row["instanceId"],
        row["driver"],
        source,
        goal.key if goal else row["to"],
        *(row[name] for name in numbers),
        row["result"],
    )


def print_results(results: RunResults, catalog: Catalog) -> None:
    """Print the table of migrations, the reasons for refusals and failures with remedies, and the unexpected outcomes."""
    columns = ("instance", "driver", "from", "to", "#hops", "#restarts", "#tries", "#made", "#swept", "#minutes", "result")
    output.print_table(columns, (_table_cells(row, catalog) for row in results.migrations))
    explained = [row for row in results.migrations if row.get("reasons")]
    if explained:
        print("\nRefused or failed, and what to do:")
    for row in explained:
        for reason in row["reasons"]:
            print(f"  {row['instanceId']}  {reason['code']}: {reason['message']}\n      {reason['remedy']}")
    counts: dict[str, int] = {}
    for row in results.migrations:
        counts[row["result"]] = counts.get(row["result"], 0) + 1
    print("\n" + ", ".join(f"{number} {result}" for result, number in sorted(counts.items())))
    for surprise in results.surprises:
        print(f"not as expected: {surprise}")
