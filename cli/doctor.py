"""The command doctor: checks the settings, credentials and services that Replank needs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from typing import Any

import typer

from cli import output
from cli.client import ApiClient
from cli.options import AsJson
from cli.problem import Problem
from cli.sdk_account import OperatorAccount, call_rpc, problem_from_error

TABLES = ("migrations", "batches", "locks", "snapshots")
SMC_SETTINGS = {
    "REPLANK_SMC_IMPORT_LINUX": "the import command that the SMC console shows for Linux (docs/operations.md)",
    "REPLANK_SMC_IMPORT_WINDOWS": "the import command that the SMC console shows for Windows (docs/operations.md)",
    "REPLANK_SMC_TARGET_PARAMETER": "the parameter of CreateReplicationJob that names the destination (ask SMC support)",
    "REPLANK_SMC_TARGET_VALUES": "what SMC calls each destination, by release key (docs/operations.md)",
}


@dataclass(frozen=True)
class CheckResult:
    """The result of one check. ``ok`` is None if the check was skipped."""

    name: str
    ok: bool | None
    seen: str
    remedy: str = ""


def add_commands(app: typer.Typer) -> None:
    """Add the command doctor to the command line."""
    app.command("doctor")(run_doctor)


def run_doctor(as_json: AsJson = False) -> None:
    """Check the credentials, permissions, services and settings of the account or of a local cloud.

    The exit status is 1 if a check fails.
    """
    checks = run_all_checks()
    if as_json:
        output.show_json({"checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            mark = {True: "ok     ", False: "FAILED ", None: "skipped"}[check.ok]
            print(f"{mark}  {check.name}: {check.seen}")
            if check.ok is not True and check.remedy:
                print(f"         {check.remedy}")
    if any(check.ok is False for check in checks):
        raise typer.Exit(1)


def run_all_checks() -> list[CheckResult]:
    """Run every check. Returns the results in the order in which a person should correct failures."""
    checks = _check_settings()
    try:
        account = OperatorAccount.from_environment()
    except Problem as problem:
        return [CheckResult("credentials", False, problem.message, problem.remedy), *checks]
    checks.insert(0, CheckResult("credentials", True, f"access key {account.key[0][:8]}..."))
    deployed = _DeployedAccounts()
    looks: list[tuple[str, Callable[[OperatorAccount], str]]] = [
        ("event bus", _check_event_bus),
        ("tables", _check_tables),
        ("ECS", _check_ecs),
        ("Cloud Assistant", _check_cloud_assistant),
        ("kept commands", _check_kept_commands),
        ("snapshots", _check_snapshots),
        ("Windows media", _check_windows_media),
        ("SMC", _check_smc),
        ("functions", _check_api),
        ("member accounts", deployed.check_roles),
        ("second roles", deployed.check_run_command_roles),
        ("kept commands of all accounts", deployed.check_commands),
        ("nothing stands still", _check_for_stuck_rows),
    ]
    return checks + [_run_check(name, look, account) for name, look in looks]


def _check_settings() -> list[CheckResult]:
    found = []
    url = os.environ.get("REPLANK_API_URL", "")
    found.append(
        CheckResult(
            "REPLANK_API_URL", bool(url), url or "not set", "" if url else "Set it to the URL of replank-api's HTTP trigger."
        )
    )
    for name, where in SMC_SETTINGS.items():
        value = os.environ.get(name, "")
        found.append(
            CheckResult(
                name,
                True if value else None,
                "set" if value else "not set",
                "" if value else f"Only the smc driver needs it: {where}.",
            )
        )
    return found


def _run_check(name: str, look: Callable[[OperatorAccount], str], account: OperatorAccount) -> CheckResult:
    try:
        return CheckResult(name, True, look(account))
    except Problem as problem:
        return CheckResult(name, False, f"{problem.code}: {problem.message}", problem.remedy)
    except Exception as error:  # an SDK may raise any error, and each is reported
        found = problem_from_error(error, name)
        return CheckResult(name, False, f"{found.code}: {found.message}", found.remedy)


def _check_event_bus(account: OperatorAccount) -> str:
    from alibabacloud_eventbridge import models

    answer = account.eventbridge_client().list_event_buses(models.ListEventBusesRequest(limit=100))
    names = [bus.event_bus_name for bus in answer.event_buses or ()]
    if account.bus not in names:
        raise Problem(
            "Bus.Missing", f"There is no event bus {account.bus} (there are {', '.join(names)}).", "Run `replank bootstrap`."
        )
    return f"{account.bus} exists"


def _check_tables(account: OperatorAccount) -> str:
    names = list(account.tablestore_client().list_table())
    missing = [name for name in TABLES if name not in names]
    if missing:
        raise Problem(
            "Table.Missing", f"Instance {account.tablestore_instance} lacks {', '.join(missing)}.", "Deploy template.yml with ROS."
        )
    return f"{len(TABLES)} in instance {account.tablestore_instance}"


def _check_ecs(account: OperatorAccount) -> str:
    call_rpc(account.openapi_client("ECS"), "DescribeInstances", "2014-05-26", {"RegionId": account.region, "MaxResults": 1})
    return f"DescribeInstances works in {account.region}"


def _check_cloud_assistant(account: OperatorAccount) -> str:
    call_rpc(
        account.openapi_client("ECS"), "DescribeCloudAssistantStatus", "2014-05-26", {"RegionId": account.region, "MaxResults": 1}
    )
    return "DescribeCloudAssistantStatus works"


def _check_kept_commands(account: OperatorAccount) -> str:
    if os.environ.get("REPLANK_COMMANDS", "run") != "kept":
        return "none needed: REPLANK_COMMANDS is not kept"
    from cli.kept_commands import missing_commands, regions_from_environment

    lacking = missing_commands(account)
    if lacking:
        first, more = lacking[0], f" And {len(lacking) - 1} more." if len(lacking) > 1 else ""
        remedy = "Run `replank bootstrap --commands` with this version of Replank."
        if first.changed:
            what = f"{first.region} has the command {first.name} only with another script.{more}"
            raise Problem("Command.ScriptChanged", what, f"Find out who changed it, and delete it. {remedy}")
        raise Problem("Command.NotKept", f"{first.region} lacks the command {first.name}.{more}", remedy)
    regions = ", ".join(regions_from_environment(account))
    return f"{regions}: the commands of this version are there"


def _check_snapshots(account: OperatorAccount) -> str:
    call_rpc(account.openapi_client("ECS"), "DescribeSnapshots", "2014-05-26", {"RegionId": account.region, "MaxResults": 1})
    return "DescribeSnapshots works"


def _check_windows_media(account: OperatorAccount) -> str:
    """Check that each snapshot of REPLANK_WINDOWS_MEDIA is there, in its region and finished."""
    given = os.environ.get("REPLANK_WINDOWS_MEDIA", "")
    if not given:
        return "none named: the guest driver moves no Windows"
    named = [(region, snapshot) for by_region in json.loads(given).values() for region, snapshot in by_region.items()]
    for region, snapshot in sorted(set(named)):
        wanted = {"RegionId": region, "SnapshotIds": json.dumps([snapshot]), "MaxResults": 10}
        client = replace(account, region=region).openapi_client("ECS")
        found = call_rpc(client, "DescribeSnapshots", "2014-05-26", wanted)["Snapshots"]["Snapshot"]
        if not found or found[0]["Status"] != "accomplished":
            raise Problem(
                "Media.SnapshotMissing",
                f"There is no finished snapshot {snapshot} in {region}.",
                "Name another snapshot in REPLANK_WINDOWS_MEDIA (docs/drivers.md), and deploy.",
            )
    return f"{len(set(named))} snapshots are there"


def _check_smc(account: OperatorAccount) -> str:
    call_rpc(account.openapi_client("SMC"), "DescribeReplicationJobs", "2019-06-01", {"PageNumber": 1, "PageSize": 1})
    return "DescribeReplicationJobs works"


def _check_api(account: OperatorAccount) -> str:
    risks = ApiClient.from_environment().get("/risks")
    return f"replank-api answers (risks {risks['version']})"


class _DeployedAccounts:
    """What the deployed functions find in the main account and in each member account.

    The watch function looks, because only Replank's functions may assume the roles. It is asked once for all three checks.
    """

    def __init__(self) -> None:
        self._found: dict[str, Any] | None = None

    def check_roles(self, _account: OperatorAccount) -> str:
        """Check that each member account's role can be assumed."""
        members = _member_accounts()
        if not members:
            return "REPLANK_ACCOUNTS names none"
        self._require_no_problem("role")
        # An older version of the functions tells only here which accounts refuse.
        refusing = [each["trouble"] for each in _member_accounts() if each["trouble"]]
        _raise_first(refusing, len(refusing))
        shown = (f"{each['name']} ({each['accountId']})" if each["name"] else each["accountId"] for each in members)
        return f"each role can be assumed: {', '.join(shown)}"

    def check_run_command_roles(self, _account: OperatorAccount) -> str:
        """Check that the separate role for RunCommand can be assumed in each account that has one."""
        if not _deployed_setting("REPLANK_RUN_COMMAND_ROLE") and not _member_accounts():
            return "REPLANK_RUN_COMMAND_ROLE names none"
        found = self._require_no_problem("runCommandRole")["runCommandRoles"]
        return f"each can be assumed: {', '.join(found)}" if found else "the settings name none"

    def check_commands(self, _account: OperatorAccount) -> str:
        """Check that each account keeps the commands of the deployed version, with their scripts, in each region in use."""
        if _deployed_setting("REPLANK_COMMANDS") != "kept":
            return "none needed: the functions' REPLANK_COMMANDS is not kept"
        found = self._require_no_problem("commands")["commandRegions"]
        shown = "; ".join(f"{account_id}: {', '.join(regions)}" for account_id, regions in found.items())
        return f"the commands of the deployed version are there ({shown})"

    def _require_no_problem(self, about: str) -> dict[str, Any]:
        """What the functions have found. Raises Problem if something of this kind is wrong."""
        if self._found is None:
            self._found = _ask_deployed_functions()
        if about != "role" and "problems" not in self._found:
            what = "The deployed functions are of an older version, which does not look at this."
            raise Problem("Function.Older", what, "Deploy this version of Replank, then run `replank doctor` again.")
        problems = [each for each in self._found.get("problems", ()) if each["about"] == about]
        _raise_first(problems, len(problems) + (self._found.get("more", 0) if problems else 0))
        return self._found


def _ask_deployed_functions() -> dict[str, Any]:
    from cli.invoke import invoke_function

    now = datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
    event = {"triggerTime": now, "triggerName": "by-hand", "payload": "accounts"}
    result = str(invoke_function("watch", json.dumps(event).encode())["result"]["result"])
    return dict(json.loads(result)) if result.startswith("{") else {}


def _raise_first(problems: list[dict[str, Any]], count: int) -> None:
    """Raise the first problem, with the number of the others. An empty list raises nothing."""
    if problems:
        first, more = problems[0], f" And {count - 1} more." if count > 1 else ""
        raise Problem(first["code"], f"{first['accountId']}: {first['message']}{more}", first["remedy"])


def _member_accounts() -> list[dict[str, Any]]:
    return [each for each in ApiClient.from_environment().get("/accounts")["accounts"] if each["roleArn"]]


def _deployed_setting(name: str) -> str:
    settings = ApiClient.from_environment().get("/settings")["settings"]
    return next((str(each["value"]) for each in settings if each["name"] == name), "")


def _check_for_stuck_rows(account: OperatorAccount) -> str:
    found = ApiClient.from_environment().get("/stuck")
    if found["stuck"]:
        first = found["stuck"][0]
        more = f" And {len(found['stuck']) - 1} more: GET /v1/stuck." if len(found["stuck"]) > 1 else ""
        raise Problem(
            "Pipeline.Stuck", f"{first['kind']} {first['id']}: {first['cause']}{more}", first["remedy"] or "See its cause."
        )
    return "no row that cannot be read, nothing owed for long"
