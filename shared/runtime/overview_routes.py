"""The API's operations that cover all batches: they list the batches that may need a person's action, and list and total the
snapshots.
"""

from __future__ import annotations

from shared.domain.snapshot_groups import GROUPS
from shared.runtime import requests
from shared.runtime.router import ApiCall, Reply, Route

_PAGE = {"limit": requests.LIMIT, "nextToken": requests.TOKEN}


def _list_batches_needing_person(call: ApiCall) -> Reply:
    from shared.stages.api import attention

    return Reply(
        attention.page_of_batches_needing_person(call.ports, limit=call.query["limit"], token=call.query.get("nextToken", ""))
    )


def _list_snapshots(call: ApiCall) -> Reply:
    from shared.stages.api import snapshots  # asked for seldom

    prices, given = call.prices, call.query
    return Reply(
        snapshots.snapshot_page(
            call.ports,
            price=prices.snapshot_price,
            currency=prices.currency,
            limit=given["limit"],
            token=given.get("nextToken", ""),
            group=given.get("group", ""),
        )
    )


def _sum_snapshot_groups(call: ApiCall) -> Reply:
    from shared.stages.api import snapshots

    prices, token = call.prices, call.query.get("nextToken", "")
    return Reply(snapshots.snapshot_group_sums(call.ports, price=prices.snapshot_price, currency=prices.currency, token=token))


OVERVIEW_ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/needs",
        "listNeeds",
        "Batches that may need a person now, with their counts by state. One page checks at most 100 batches, newest first.",
        _list_batches_needing_person,
        "attention_views.BatchesNeedingPerson",
        query=_PAGE,
    ),
    Route(
        "GET",
        "/snapshots",
        "listSnapshots",
        "Snapshots that are kept, with their cost; with group, only snapshots in use, held, due within a day, or orphans.",
        _list_snapshots,
        "snapshot_views.SnapshotList",
        query={"group": {"type": "string", "enum": list(GROUPS)}, **_PAGE},
    ),
    Route(
        "GET",
        "/snapshots/groups",
        "sumSnapshots",
        "Number, size and cost of the snapshots in each group. An answer covers one part of the ledger; add the parts.",
        _sum_snapshot_groups,
        "snapshot_views.SnapshotGroups",
        query={"nextToken": requests.TOKEN},
    ),
)
