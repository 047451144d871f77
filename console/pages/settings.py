"""The settings in force, without secrets."""

from __future__ import annotations

from console import web
from console.desk import Desk

COLUMNS = ("name", "value", "isDefault")


def show(desk: Desk) -> web.Answer:
    """The page, or the settings as CSV."""
    found = desk.api.get("/settings")["settings"]
    if desk.wants_csv:
        return desk.csv("settings", COLUMNS, found)
    return desk.page("settings", settings=found, own=sum(not each["isDefault"] for each in found))
