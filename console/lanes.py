"""A plan as lanes over time: where each wave lies, and when windows and blackouts keep starts away. Pure.

Positions are in thousandths of the width, so that the picture needs no script and no style.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

Json = dict[str, Any]
WIDTH = 1000.0
TICKS = 4
SHORTEST = timedelta(hours=1)


@dataclass(frozen=True)
class Band:
    """A part of the width."""

    x: float
    width: float


@dataclass(frozen=True)
class Lane:
    """One wave: its usual time, and the range within which eight of ten runs end. Of a wave that has ended the forecast says
    nothing more: ``has_ended``, and both are empty.
    """

    number: int
    size: int
    names: tuple[str, ...]
    usual: Band
    spread: Band
    finish: Json
    has_ended: bool = False


@dataclass(frozen=True)
class Picture:
    """All lanes on one scale; ``closed`` are times without starts, ``blackouts`` those of them that a blackout makes."""

    lanes: tuple[Lane, ...]
    closed: tuple[Band, ...]
    blackouts: tuple[Band, ...]
    now: float
    ticks: tuple[str, ...]


def picture(plan: Json, standing: Json) -> Picture | None:
    """The picture of a plan; None if nothing of it has a time."""
    waves = plan.get("waves") or [{"number": 1, "size": plan.get("instances", 0), "names": [], "finish": plan.get("finish") or {}}]
    ends = [found for each in waves if (found := _last(each.get("finish") or {}))]
    now = moment(plan.get("madeAt"))
    if now is None or not ends:
        return None
    acknowledged = moment((standing.get("acknowledgement") or {}).get("at"))
    start = min(filter(None, (acknowledged, now)))
    end = max([*ends, now, start + SHORTEST])

    def at(when: datetime) -> float:
        return round(min(max((when - start) / (end - start), 0.0), 1.0) * WIDTH, 1)

    def band(begin: datetime, until: datetime) -> Band:
        return Band(at(begin), round(at(until) - at(begin), 1))

    lanes: list[Lane] = []
    begins, ended = start, _ended(standing)
    for each in waves:
        finish, names = each.get("finish") or {}, tuple(map(str, each.get("names") or ()))
        if each["number"] in ended:
            lanes.append(Lane(each["number"], each["size"], names, Band(0, 0), Band(0, 0), finish, has_ended=True))
            begins = now
            continue
        usual = moment(finish.get("p50")) or _last(finish) or begins
        early, late = moment(finish.get("p10")) or usual, moment(finish.get("p90")) or usual
        lanes.append(Lane(each["number"], each["size"], names, band(begins, max(usual, begins)), band(early, late), finish))
        begins = max(begins, usual)
    spans = [
        (opens, closes) for each in plan.get("openings") or [] if (opens := moment(each["from"])) and (closes := moment(each["to"]))
    ]
    black = [
        (opens, closes)
        for each in (standing.get("policy") or {}).get("blackouts") or []
        if (opens := moment(each.get("from"))) and (closes := moment(each.get("to"))) and closes > start and opens < end
    ]
    ticks = tuple((start + (end - start) * part / TICKS).isoformat() for part in range(TICKS + 1))
    closed = tuple(band(*each) for each in _between(spans, now, end))
    return Picture(tuple(lanes), closed, tuple(band(*each) for each in black), at(now), ticks)


def _ended(standing: Json) -> set[int]:
    """The numbers of the waves in which nothing moves or waits any more."""
    waves = standing.get("waves") or []
    return {each["number"] for each in waves if not each.get("moving") and not each.get("waiting")}


def moment(value: object) -> datetime | None:
    """The API's time as UTC; None if it is empty or unreadable."""
    try:
        return datetime.fromisoformat(str(value or "").replace("Z", "+00:00")).astimezone(timezone.utc)
    except ValueError:
        return None


def _last(finish: Json) -> datetime | None:
    found = (moment(finish.get(name)) for name in ("p90", "p50", "p10", "earliest"))
    return next((each for each in found if each), None)


def _between(spans: Iterable[tuple[datetime, datetime]], since: datetime, until: datetime) -> Iterable[tuple[datetime, datetime]]:
    """The gaps that the spans leave."""
    at = since
    for opens, closes in spans:
        if opens > at:
            yield at, min(opens, until)
        at = max(at, closes)
    if at < until:
        yield at, until
