"""Lists the instances that a batch's selection left out, with the reasons."""

from __future__ import annotations

from shared.ports.batches import LEFT_OUT_PAGE
from shared.ports.ports import Ports
from shared.stages.api.selection_views import LeftOutInstanceList, LeftOutInstanceView


def page_of_left_out_instances(ports: Ports, batch_id: str, *, limit: int, token: str) -> LeftOutInstanceList:
    """Return a page of the instances that the batch left out, sorted by account, region and id.

    Raises Refused (Batch.NotFound).
    """
    batch = ports.batches.load(batch_id)
    start = int(token) if token.isdecimal() else 0
    stored = ports.batches.left_out_instance_page(batch_id, start // LEFT_OUT_PAGE)
    found = stored[start % LEFT_OUT_PAGE :][:limit]
    rows = tuple(
        LeftOutInstanceView(
            each.instance_id, each.account_id or ports.account_id, each.region_id, each.name, each.code, each.message
        )
        for each in found
    )
    following = start + len(found)
    is_more = (
        following % LEFT_OUT_PAGE < len(stored)
        if following % LEFT_OUT_PAGE
        else _has_page_of_left_out_instances(ports, batch_id, following)
    )
    return LeftOutInstanceList(batch_id, batch.left_out, rows, str(following) if found and is_more else "")


def _has_page_of_left_out_instances(ports: Ports, batch_id: str, start: int) -> bool:
    return bool(ports.batches.left_out_instance_page(batch_id, start // LEFT_OUT_PAGE))
