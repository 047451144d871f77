"""The API's operations that help a person to plan a batch: the inventory, the plan, and the instances that a selection left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.runtime import requests
from shared.runtime.router import ApiCall, Reply, Route
from shared.stages.api import batches

if TYPE_CHECKING:
    from shared.stages.api.plan_views import PlanView

_PAGE = {"limit": requests.LIMIT, "nextToken": requests.TOKEN}
_BATCH = "/batches/{batchId}"


def _create_plan(call: ApiCall) -> Reply:
    made, created = batches.submit_batch(call.ports, {**call.body, "dryRun": True}, call.caller)
    return Reply(_plan_view(call, made.batch_id), 201 if created else 200)


def _plan_view(call: ApiCall, batch_id: str) -> PlanView:
    from shared.stages.api import planning  # asked for seldom, and it runs the scheduler ahead

    prices = (call.prices.snapshot_price, call.prices.currency)
    return planning.batch_plan(call.ports, batch_id, seed=call.query.get("seed", "1"), prices=prices)


def _get_plan(call: ApiCall) -> Reply:
    return Reply(_plan_view(call, call.path["batchId"]))


def _get_inventory(call: ApiCall) -> Reply:
    from shared.stages.api import inventory  # asked for seldom

    return Reply(inventory.inventory_view(call.ports))


def _list_left_out_instances(call: ApiCall) -> Reply:
    from shared.stages.api import left_out  # asked for seldom

    given = call.query
    return Reply(
        left_out.page_of_left_out_instances(
            call.ports, call.path["batchId"], limit=given["limit"], token=given.get("nextToken", "")
        )
    )


PLAN_ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/inventory",
        "getInventory",
        "The releases in use with their end of support, by region and account, as the last daily inventory counted them.",
        _get_inventory,
        "plan_views.InventoryView",
    ),
    Route(
        "POST",
        "/plans",
        "makePlan",
        "Plan a submission as a dry run, in which no instance can migrate. Ask for the plan again until no instance is unassessed.",
        _create_plan,
        "plan_views.PlanView",
        query={"seed": requests.NAME},
        body=requests.PLAN,
        act=True,
        created=True,
        refusals=(409,),
    ),
    Route(
        "GET",
        f"{_BATCH}/plan",
        "planBatch",
        "The plan of a batch or dry run: routes, findings, waves, finish, cost, what needs a person, and what has happened.",
        _get_plan,
        "plan_views.PlanView",
        query={"seed": requests.NAME},
        refusals=(404,),
    ),
    Route(
        "GET",
        f"{_BATCH}/left-out",
        "listLeftOut",
        "The instances that the batch's selection left out, and why.",
        _list_left_out_instances,
        "selection_views.LeftOutInstanceList",
        query=_PAGE,
        refusals=(404,),
    ),
)
