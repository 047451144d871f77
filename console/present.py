"""From facts to HTML: the templates, and how numbers, times and states are shown. Everything of others' making is escaped."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import ChainableUndefined, Environment, FileSystemLoader
from markupsafe import Markup

ASSETS = Path(__file__).with_name("assets")
CLIP = 80
TONES = {
    "failed": "bad",
    "precheck_failed": "bad",
    "rolling_back": "warn",
    "rolled_back": "mute",
    "cancelled": "mute",
    "waiting": "warn",
    "migrated": "act",
    "confirmed": "good",
    "completed": "good",
}
SIGNS = {"bad": "✕", "warn": "▲", "act": "◆", "good": "✓", "mute": "○", "calm": "●"}
"""A sign beside each colour: no meaning is told by colour alone."""


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates, escaped always; a field that an older API does not send is empty."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(moment=moment, clip=clip, tone=tone, sign=lambda value: SIGNS[tone(value)])
    made.globals.update(asset=asset, link=link, share=share)
    return made


def moment(value: object) -> Markup | str:
    """A time: UTC in the page, to which the script adds the reader's own zone. What is no time shows as it is."""
    text = str(value or "")
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)
    except ValueError:
        return text
    return Markup('<time datetime="{}">{} UTC</time>').format(at.strftime("%Y-%m-%dT%H:%M:%SZ"), at.strftime("%Y-%m-%d %H:%M"))


def clip(value: object, most: int = CLIP) -> str:
    """A text that is not longer than a list can bear."""
    text = str(value or "")
    return text if len(text) <= most else f"{text[: most - 1]}…"


def tone(state: object) -> str:
    """How a state is coloured."""
    return TONES.get(str(state), "calm")


def asset(name: str) -> str:
    """The address of a file of ours; it changes with the file."""
    return f"/console/assets/{name}?v={digest(name)}"


@lru_cache(maxsize=16)
def digest(name: str) -> str:
    """What tells one version of an asset from another."""
    return hashlib.sha256((ASSETS / name).read_bytes()).hexdigest()[:12]


def link(path: str, **query: object) -> str:
    """An address of the console; parameters that are empty are left out."""
    given = {name: value for name, value in query.items() if value not in ("", None, 0)}
    return f"/console{path}" + (f"?{urlencode(given)}" if given else "")


def share(part: object, whole: object) -> str:
    """A part of a whole as a percentage, for the width of a bar."""
    try:
        return f"{min(100.0, 100 * float(str(part)) / float(str(whole))):.1f}%"
    except (ValueError, ZeroDivisionError):
        return "0%"


def as_csv(names: Sequence[str], rows: Iterable[dict[str, Any]]) -> str:
    """A table as CSV. A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in names])
    return "\ufeff" + written.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
