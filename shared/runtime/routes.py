"""The table of the API's operations, with the parameters, answers and error statuses of each operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.domain.errors import Refused
from shared.domain.policy import Policy
from shared.domain.roles import MAY
from shared.runtime import requests
from shared.runtime.deployment_routes import DEPLOYMENT_ROUTES
from shared.runtime.overview_routes import OVERVIEW_ROUTES
from shared.runtime.plan_routes import PLAN_ROUTES
from shared.runtime.requests import BRAKE, RESUME
from shared.runtime.router import ApiCall, Reply, Route
from shared.stages.api import batches, hold, migrations, show

_PAGE = {"limit": requests.LIMIT, "nextToken": requests.TOKEN}
_MIGRATION = "/migrations/{migrationId}"
_BATCH = "/batches/{batchId}"


def _submit_batch(call: ApiCall) -> Reply:
    view, created = batches.submit_batch(call.ports, dict(call.body), call.caller)
    return Reply(view, 201 if created else 200)


def _list_batches(call: ApiCall) -> Reply:
    given, ready = call.query, call.query.get("readyToConfirm") == "true"
    return Reply(batches.batch_page(call.ports, limit=given["limit"], token=given.get("nextToken", ""), ready_to_confirm=ready))


def _list_migrations(call: ApiCall) -> Reply:
    given = call.query
    if "instanceId" in given and "nextToken" in given:
        raise Refused("Token.Invalid", "The migrations of one instance come as one page.", "Leave out nextToken.")
    if "order" in given and "batchId" not in given:
        raise Refused("Order.NeedsBatch", "Only the list of a batch can be sorted.", "Add batchId, or leave out order.")
    names = ("batchId", "state", "instanceId", "accountId", "code", "text", "group", "order")
    wanted = migrations.MigrationFilter(*(given.get(name, "") for name in names))
    return Reply(migrations.migration_page(call.ports, wanted, limit=given["limit"], token=given.get("nextToken", "")))


def _list_audit(call: ApiCall) -> Reply:
    from shared.stages.api import audit_lines  # asked for seldom

    found = audit_lines.audit_line_page(call.ports, call.query, limit=call.query["limit"], token=call.query.get("nextToken", ""))
    if "text/csv" in call.accept:
        return Reply(
            audit_lines.audit_csv_text(found),
            content_type="text/csv; charset=utf-8",
            headers={"X-Replank-Next-Token": found.next_token},
        )
    return Reply(found)


def _pause_batch(call: ApiCall) -> Reply:
    from shared.stages.api import brakes  # acts on a whole batch are few

    return Reply(brakes.pause_batch(call.ports, call.path["batchId"], call.caller, call.body.get("why", ""), call.seen))


def _resume_batch(call: ApiCall) -> Reply:
    from shared.stages.api import brakes

    given = call.body
    return Reply(brakes.resume_batch(call.ports, call.path["batchId"], call.caller, given["why"], given["failed"], call.seen))


def _set_policy(call: ApiCall) -> Reply:
    from shared.stages.api import policies

    return Reply(policies.set_policy(call.ports, call.path["batchId"], call.caller, call.body, call.seen))


def _begin_next_wave(call: ApiCall) -> Reply:
    from shared.stages.api import brakes

    return Reply(brakes.begin_next_wave(call.ports, call.path["batchId"], call.caller, call.seen))


def _approve_batch(call: ApiCall) -> Reply:
    from shared.stages.api import approving

    who = approving.Approver(call.caller, call.access, call.account)
    given = call.body
    return Reply(
        approving.approve_batch(call.ports, call.path["batchId"], who, given["seen"], given.get("wave", 0), given.get("why", ""))
    )


def _approve_rollback(call: ApiCall) -> Reply:
    from shared.stages.api import approving

    who = approving.Approver(call.caller, call.access, call.account)
    given = call.body
    return Reply(
        approving.approve_rollback(call.ports, call.path["migrationId"], who, call.seen, given["seen"], given.get("why", ""))
    )


def _stop_batch(call: ApiCall) -> Reply:
    from shared.stages.api import brakes

    return Reply(brakes.stop_batch(call.ports, call.path["batchId"], call.caller, call.body.get("why", ""), call.seen))


def _acknowledge_batch(call: ApiCall) -> Reply:
    return Reply(batches.acknowledge_batch(call.ports, call.path["batchId"], call.caller, call.body["risksVersion"], call.seen))


def _hold_account(call: ApiCall) -> Reply:
    return Reply(hold.set_hold(call.ports, call.caller, call.body.get("why", "")))


def _release_hold(call: ApiCall) -> Reply:
    return Reply(hold.release_hold(call.ports, call.caller, call.body["why"], call.body["version"]))


def _get_batch_report(call: ApiCall) -> Reply:
    from shared.stages.api import pages, reports  # asked for seldom, and what they import is much

    batch_id, given = call.path["batchId"], call.query
    if _prefers_html(call):
        return Reply(pages.batch_report_html(call.ports, batch_id), content_type=HTML)
    return Reply(reports.batch_report(call.ports, batch_id, limit=given["limit"], token=given.get("nextToken", "")))


def _list_findings_of_batch(call: ApiCall) -> Reply:
    from shared.stages.api import pages

    given = call.query
    return Reply(pages.judgement_page(call.ports, call.path["batchId"], limit=given["limit"], token=given.get("nextToken", "")))


def _get_migration_report(call: ApiCall) -> Reply:
    from shared.stages.api import pages, reports

    migration_id = call.path["migrationId"]
    if _prefers_html(call):
        return Reply(pages.migration_report_html(call.ports, migration_id), content_type=HTML)
    prices = call.prices
    return Reply(reports.migration_report(call.ports, migration_id, price=prices.snapshot_price, currency=prices.currency))


HTML = "text/html; charset=utf-8"


def _prefers_html(call: ApiCall) -> bool:
    """Whether the Accept header names HTML before JSON, as browsers do."""
    accepted = [each.partition(";")[0].strip() for each in call.accept.split(",")]
    page = accepted.index("text/html") if "text/html" in accepted else len(accepted)
    data = accepted.index("application/json") if "application/json" in accepted else len(accepted)
    return page < data


def _route_of_migration_act(name: str) -> Route:
    verb, summary = _ACTS[name]
    return Route(
        "POST",
        f"{_MIGRATION}/{name}",
        f"{verb.__name__.removesuffix('_migration').replace('_', '')}Migration",
        summary,
        lambda call: Reply(verb(call.ports, call.path["migrationId"], call.caller, call.seen)),
        "views.MigrationDetail",
        act=True,
        on_version=True,
        refusals=(404, 409),
    )


_ACTS = {
    "confirmation": (
        migrations.confirm_migration,
        "Accept the outcome of a migration. Its snapshots are deleted after the batch's retention.",
    ),
    "retry": (migrations.retry_migration, "Retry a refused or failed migration, beginning where it stopped."),
    "cancellation": (migrations.cancel_migration, "Cancel a migration before its instance is changed."),
    "rollback": (migrations.roll_back_migration, "Reset every disk of the instance to its snapshot from before the migration."),
}


def _route_of_batch_act(name: str, operation: str, summary: str, answer: Callable[[ApiCall], Reply], body: dict[str, Any]) -> Route:
    return Route(
        "POST",
        f"{_BATCH}/{name}",
        operation,
        summary,
        answer,
        "views.BatchView",
        body=body,
        act=True,
        on_version=True,
        refusals=(404, 409),
    )


_PAUSE = "Pause the batch: no first try and no retry starts. Running migrations finish, including their next hops."
_STOP = "Stop the batch, and cancel its migrations that have not begun. Running migrations finish, including their next hops."
_RESUME = "Resume a paused or stopped batch. After a pause at the budget, its failures until now no longer count."
_POLICY = "Replace the batch's policy. Approvals of the old policy no longer count."
_ACCEPT = "Accept the risks and the snapshots of all disks. Afterwards the batch's instances can migrate."
_BATCH_ACTS = (
    ("acknowledgement", "acknowledgeBatch", _ACCEPT, _acknowledge_batch, requests.ACKNOWLEDGEMENT),
    ("pause", "pauseBatch", _PAUSE, _pause_batch, BRAKE),
    ("resume", "resumeBatch", _RESUME, _resume_batch, RESUME),
    ("stop", "stopBatch", _STOP, _stop_batch, BRAKE),
    ("policy", "setPolicy", _POLICY, _set_policy, requests.SET_POLICY),
)

_MANY_ACTS = {
    "confirmation": (
        "confirmBatch",
        "Confirm at most 100 migrations of the batch, each at the version that the caller saw.",
        "views.ConfirmationResult",
        "confirm_migrations",
    ),
    "retry": (
        "retryBatch",
        "Retry at most 100 failed migrations of the batch, each at the version that the caller saw.",
        "views.RetryResult",
        "retry_migrations",
    ),
    "rollback": (
        "rollbackBatch",
        "Roll back at most 100 migrations of the batch, each at the version that the caller saw.",
        "views.RollbackResult",
        "roll_back_migrations",
    ),
    "cancellation": (
        "cancelBatch",
        "Cancel at most 100 migrations of the batch before their instances are changed, each at the version that the caller saw.",
        "views.CancellationResult",
        "cancel_migrations",
    ),
}


def _route_of_bulk_act(name: str) -> Route:
    operation, summary, view, verb = _MANY_ACTS[name]

    def answer_bulk_act(call: ApiCall) -> Reply:
        from shared.stages.api import many  # acts on many are few

        versions = {each["migrationId"]: each["version"] for each in call.body["migrations"]}
        return Reply(getattr(many, verb)(call.ports, call.path["batchId"], call.caller, versions))

    body = requests.MIGRATIONS_SEEN
    return Route("POST", f"{_BATCH}/{name}", operation, summary, answer_bulk_act, view, body=body, act=True, refusals=(404,))


ROUTES: tuple[Route, ...] = (
    *PLAN_ROUTES,
    *OVERVIEW_ROUTES,
    Route(
        "GET",
        "/risks",
        "getRisks",
        "The risks that a person must accept before an instance migrates.",
        lambda call: Reply(show.risks_view(Policy())),
        "views.Risks",
    ),
    Route(
        "POST",
        "/batches",
        "submitBatch",
        "Submit a batch. Its instances are found, routed and prechecked. No instance migrates before the acknowledgement.",
        _submit_batch,
        "views.BatchView",
        body=requests.BATCH,
        act=True,
        created=True,
        refusals=(409,),
    ),
    Route(
        "GET",
        "/batches",
        "listBatches",
        "Batches, newest first; with readyToConfirm=true, only batches that were clean for the policy's confirmAfterDays.",
        _list_batches,
        "views.BatchList",
        query={"readyToConfirm": requests.YES_OR_NO, **_PAGE},
    ),
    Route(
        "GET",
        _BATCH,
        "getBatch",
        "A batch, the number of its migrations by state, and the risks to acknowledge.",
        lambda call: Reply(batches.get_batch(call.ports, call.path["batchId"])),
        "views.BatchDetail",
        refusals=(404,),
    ),
    *(_route_of_batch_act(*each) for each in _BATCH_ACTS[:1]),
    *map(_route_of_bulk_act, _MANY_ACTS),
    *(_route_of_batch_act(*each) for each in _BATCH_ACTS[1:]),
    Route(
        "POST",
        f"{_BATCH}/approvals",
        "approveBatch",
        "Approve the batch or its next wave, if the policy requires it. An approval does not acknowledge the risks.",
        _approve_batch,
        "views.BatchView",
        body=requests.APPROVAL,
        act=True,
        refusals=(404, 409, 412),
    ),
    Route(
        "POST",
        f"{_MIGRATION}/approvals",
        "approveRollback",
        "Approve the rollback of a migration, if the policy requires it. The rollback begins only when a person requests it.",
        _approve_rollback,
        "views.MigrationDetail",
        body=requests.ROLLBACK_APPROVAL,
        act=True,
        on_version=True,
        refusals=(404, 409, 412),
    ),
    Route(
        "POST",
        f"{_BATCH}/waves/next",
        "nextWave",
        "Begin the next wave, if the wave before has ended, its soak is over, and the policy's gate is approval.",
        _begin_next_wave,
        "views.BatchView",
        act=True,
        on_version=True,
        refusals=(404, 409),
    ),
    Route(
        "GET",
        f"{_BATCH}/report",
        "reportBatch",
        "The outcome of each migration of the batch, one line per migration.",
        _get_batch_report,
        "report_views.BatchReport",
        query=_PAGE,
        html=True,
        refusals=(404,),
    ),
    Route(
        "GET",
        f"{_BATCH}/judgements",
        "judgeBatch",
        "The findings of precheck and validation on each instance, and the guest before and after, for a change board.",
        _list_findings_of_batch,
        "judgement_views.JudgementList",
        query=_PAGE,
        refusals=(404,),
    ),
    Route(
        "GET",
        "/migrations",
        "listMigrations",
        "Migrations that match every given filter. Those of a batch are in the order given, else by state.",
        _list_migrations,
        "views.MigrationList",
        query={
            "batchId": requests.ID,
            "state": requests.STATE,
            "instanceId": requests.INSTANCE_ID,
            "accountId": requests.ACCOUNT_ID,
            "code": requests.PART_OF_CODE,
            "text": requests.PART_OF_TEXT,
            "group": requests.GROUP,
            "order": requests.MIGRATION_ORDER,
            **_PAGE,
        },
    ),
    Route(
        "GET",
        _MIGRATION,
        "getMigration",
        "One migration with its route, its findings and the acts that are possible now.",
        lambda call: Reply(migrations.get_migration(call.ports, call.path["migrationId"])),
        "views.MigrationDetail",
        refusals=(404,),
    ),
    Route(
        "GET",
        f"{_MIGRATION}/journal",
        "getJournal",
        "The complete journal of a migration, oldest line first.",
        lambda call: Reply(migrations.migration_journal(call.ports, call.path["migrationId"])),
        "views.Journal",
        refusals=(404,),
    ),
    Route(
        "GET",
        f"{_MIGRATION}/report",
        "reportMigration",
        "The complete report of one migration.",
        _get_migration_report,
        "report_views.MigrationReport",
        html=True,
        refusals=(404,),
    ),
    *(_route_of_migration_act(name) for name in _ACTS),
    Route(
        "GET",
        "/hold",
        "getHold",
        "Whether the account is on hold, and why.",
        lambda call: Reply(hold.get_hold(call.ports)),
        "views.HoldView",
    ),
    Route(
        "POST",
        "/hold",
        "hold",
        "Hold the account: no snapshots, jobs, next hops or retries start. Running work finishes.",
        _hold_account,
        "views.HoldView",
        body=requests.HOLD,
        act=True,
        refusals=(409,),
    ),
    Route(
        "POST",
        "/hold/release",
        "releaseHold",
        "Release the hold, with the reason and the version of the hold that the caller saw.",
        _release_hold,
        "views.HoldView",
        body=requests.RELEASE_HOLD,
        act=True,
        refusals=(409,),
    ),
    Route(
        "GET",
        "/audit",
        "listAudit",
        "Acts and refused requests of some days (UTC), newest first; also as CSV.",
        _list_audit,
        "people_views.AuditLineList",
        query={
            "from": requests.DAY,
            "to": requests.DAY,
            "who": requests.NAME,
            "act": {"type": "string", "enum": sorted(MAY)},
            "target": requests.ID,
            "refused": {"type": "string", "enum": ["true", "false"]},
            **_PAGE,
        },
        csv=True,
    ),
    *DEPLOYMENT_ROUTES,
)
