"""The deployment itself: the hold on everything, the accounts, what stands still, and who one is here."""

from __future__ import annotations

from console import web
from console.desk import Desk


def show(desk: Desk) -> web.Answer:
    """The page."""
    return desk.page(
        "system",
        live=True,
        hold=desk.api.get("/hold"),
        accounts=desk.api.get("/accounts")["accounts"],
        stuck=desk.api.get("/stuck"),
        me=desk.api.get("/me"),
    )
