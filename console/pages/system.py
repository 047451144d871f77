"""The deployment itself: the hold on everything, the accounts, what stands still, and who one is here."""

from __future__ import annotations

from console import web
from console.desk import Desk
from console.pages.overview import Parts


def show(desk: Desk) -> web.Answer:
    """The page. Where the API cannot tell the health, the page says so and shows the rest."""
    parts = Parts(desk.api.get)
    return desk.page(
        "system",
        live=True,
        health=parts.get("health", "/health"),
        missing=parts.missing,
        hold=desk.api.get("/hold"),
        accounts=desk.api.get("/accounts")["accounts"],
        stuck=desk.api.get("/stuck"),
        me=desk.api.get("/me"),
    )
