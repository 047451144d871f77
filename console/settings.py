"""What the deployment tells the console. docs/console.md explains each setting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from console.problem import Problem

SHORTEST_KEY = 32


@dataclass(frozen=True)
class Settings:
    """Where the API is, how people sign in, and what signs the cookies."""

    api_url: str
    """Of the HTTP trigger of replank-api, without a slash at the end."""
    own_url: str = ""
    """Where people find the console, such as https://ops.example.com; empty: as the request's Host header says."""
    key: bytes = b""
    client_id: str = ""
    """Of the provider's application; empty: the one that the API names."""
    client_secret: str = ""
    tickets: Path | None = None
    """The folder of one-time links; only a cloud on this machine has one."""


def read(environment: Mapping[str, str]) -> Settings:
    """The settings of this function; raises Problem (Setting.Missing, Setting.Invalid)."""
    given = {name: environment.get(f"REPLANK_{name}", "").strip() for name in NAMES}
    if not given["API_URL"]:
        remedy = "Set it to the URL of the HTTP trigger of replank-api, and deploy the function console again."
        raise Problem("Setting.Missing", "REPLANK_API_URL is not set.", remedy, status=503)
    tickets = Path(given["CONSOLE_TICKETS"]) if given["CONSOLE_TICKETS"] else None
    key = given["CONSOLE_KEY"].encode()
    if tickets is None and len(key) < SHORTEST_KEY:
        what = f"REPLANK_CONSOLE_KEY has fewer than {SHORTEST_KEY} characters."
        raise Problem("Setting.Invalid", what, "Set it to a long random text, and deploy the function console again.", status=503)
    return Settings(
        given["API_URL"].rstrip("/"),
        given["CONSOLE_URL"].rstrip("/"),
        key,
        given["CONSOLE_CLIENT_ID"],
        given["CONSOLE_CLIENT_SECRET"],
        tickets,
    )


NAMES = ("API_URL", "CONSOLE_URL", "CONSOLE_KEY", "CONSOLE_CLIENT_ID", "CONSOLE_CLIENT_SECRET", "CONSOLE_TICKETS")
"""The variables that are read, each with REPLANK_ before it."""
