"""Which address leads to which page or act."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from console import present, web
from console.desk import Desk
from console.pages import (
    acts,
    audit,
    batch,
    batches,
    inventory,
    left_out,
    many,
    migration,
    overview,
    people,
    plan,
    policy,
    ready,
    settings,
    snapshots,
    submit,
    system,
)
from console.problem import Problem

Page = Callable[..., web.Answer]
_ID = r"[A-Za-z0-9_-]{1,64}"


@dataclass(frozen=True)
class Route:
    """An address and its page. ``open`` ones need nobody signed in."""

    method: str
    path: re.Pattern[str]
    page: Page
    open: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)


def _route(method: str, path: str, page: Page, *, open: bool = False) -> Route:
    return Route(method, re.compile(re.sub(r"<(\w+)>", rf"(?P<\1>{_ID})", path)), page, open)


ROUTES = (
    _route("GET", "/", overview.show),
    _route("GET", "/inventory", inventory.show),
    _route("GET", "/plan", submit.show),
    _route("POST", "/plan", submit.submit),
    _route("GET", "/batches", batches.show),
    _route("GET", "/batches/<batch_id>", batch.show),
    _route("GET", "/batches/<batch_id>/plan", plan.show),
    _route("GET", "/batches/<batch_id>/forecast", plan.forecast),
    _route("GET", "/batches/<batch_id>/left-out", left_out.show),
    _route("POST", "/batches/<batch_id>/submission", submit.submit_planned),
    _route("GET", "/batches/<batch_id>/policy", policy.show),
    _route("POST", "/batches/<batch_id>/policy", policy.change),
    _route("GET", "/batches/<batch_id>/review", many.review),
    _route("POST", "/batches/<batch_id>/many", many.act),
    _route("POST", "/batches/<batch_id>/acts/<name>", acts.on_batch),
    _route("GET", "/ready", ready.show),
    _route("POST", "/ready", ready.confirm),
    _route("GET", "/migrations/<migration_id>", migration.show),
    _route("POST", "/migrations/<migration_id>/acts/<name>", acts.on_migration),
    _route("GET", "/snapshots", snapshots.show),
    _route("GET", "/snapshots/groups", snapshots.sums),
    _route("GET", "/audit", audit.show),
    _route("GET", "/settings", settings.show),
    _route("GET", "/system", system.show),
    _route("POST", "/system/acts/<name>", acts.on_everything),
    _route("GET", "/sign-in", people.sign_in, open=True),
    _route("GET", "/sign-in/start", people.start, open=True),
    _route("GET", "/sign-in/callback", people.callback, open=True),
    _route("GET", "/enter", people.enter, open=True),
    _route("GET", "/session", people.until),
    _route("GET", "/language", people.language, open=True),
    _route("POST", "/sign-out", people.sign_out),
)


def find(request: web.Request) -> Route:
    """The route of a request; raises Problem (Page.NotFound, Method.NotAllowed)."""
    reads = "GET" if request.method == "HEAD" else request.method
    path = request.path.rstrip("/") or "/"
    there = [(route, found) for route in ROUTES if (found := route.path.fullmatch(path))]
    for route, found in there:
        if route.method == reads:
            return replace(route, parameters=found.groupdict())
    if there:
        raise Problem("Method.NotAllowed", f"This address takes no {request.method[:10]}.", "Go back to the page.", status=405)
    raise Problem("Page.NotFound", "There is no such page.", "Begin at the overview.", status=404)


def asset(request: web.Request) -> web.Answer:
    """A file of ours: a style, a script or a picture; its address changes with it."""
    name = request.path.removeprefix("/assets/")
    known = {each.name for each in present.ASSETS.iterdir() if each.is_file()}
    if request.method not in ("GET", "HEAD") or name not in known:
        raise Problem("Page.NotFound", "There is no such file.", "Reload the page.", status=404)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    cached = "public, max-age=31536000, immutable" if request.query.get("v") == present.digest(name) else "no-cache"
    return web.Answer(
        (present.ASSETS / name).read_bytes(), content_type=f"{kind}; charset=utf-8", headers={"Cache-Control": cached}
    )


def ask_to_sign_in(desk: Desk) -> web.Answer:
    """The page for whom is not signed in. An act that came too late was not done, and it says so."""
    lost = desk.request.method == "POST"
    return people.show(desk, back=desk.here if not lost else web.inner(desk.request.field("back")), lost=lost, status=401)


def problem(desk: Desk, problem: Problem) -> web.Answer:
    """A problem as a page: its code, sentence and remedy, and a link back. If the token was refused, the page of sign-in."""
    acted = desk.request.method == "POST"
    back = web.inner(desk.request.field("back")) if acted else web.BASE + "/"
    if problem.status == 401 and problem.code.startswith("Token."):
        return people.show(desk, back=back if acted else desk.here, lost=acted, status=401, problem=problem)
    return desk.page("problem", problem.status, problem=problem, back=back, acted=acted)
