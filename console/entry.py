"""What the function does with each request: who asks, which page or act, and how it ends if something is wrong."""

from __future__ import annotations

import json
import logging
import os
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from console import present, routes, settings, tickets, web
from console.api import PersonApi
from console.desk import Desk
from console.http import Connections, Send
from console.problem import Problem
from console.session import LANGUAGE, is_ours, session_of
from console.signature import Credentials
from console.texts import LOCALES, language_of

Json = dict[str, Any]
log = logging.getLogger("console")


@dataclass(frozen=True)
class Outside:
    """What lies outside the function: where its requests go, and what time it is."""

    send: Send
    now: Callable[[], float]


def initialize() -> None:
    """Load the templates' engine before the first request."""
    present.environment()


def handle(event: bytes, context: object) -> Json:
    """One request."""
    connections = Connections()
    try:
        return answer(json.loads(event), os.environ, role_of(os.environ, context), Outside(connections.send, time.time))
    finally:
        connections.close()


def answer(event: Mapping[str, Any], environment: Mapping[str, str], role: Credentials, outside: Outside) -> Json:
    """The answer to the event of an HTTP trigger; whatever goes wrong becomes a page."""
    request = web.Request("GET", "/", {}, {})
    try:
        request = web.read(event)
        if request.path.startswith("/assets/"):
            return web.response(routes.asset(request), request)
        desk = _desk(request, settings.read(environment), role, outside)
    except Problem as problem:
        return web.response(_bare(problem), request)
    try:
        return web.response(_answered(desk), request)
    except Problem as problem:
        return web.response(routes.problem(desk, problem), request)
    except Exception as error:
        trace = "".join(traceback.format_exception(error))
        log.error(json.dumps({"level": "ERROR", "function": "replank-console", "message": "unexpected error", "trace": trace}))
        what = "An unexpected error of the console."
        remedy = "Reload the page. If it stays, report it with the time: the log of replank-console has the details."
        return web.response(routes.problem(desk, Problem("Internal.Bug", what, remedy, status=500)), request)


def _desk(request: web.Request, given: settings.Settings, role: Credentials, outside: Outside) -> Desk:
    try:
        key = given.key if given.tickets is None else tickets.key_of(given.tickets)
    except OSError as error:
        raise Problem(
            "Tickets.Unreadable", f"The folder of links cannot be used: {error}.", "Start the local cloud again."
        ) from error
    session = session_of(request.cookies, key, outside.now())
    api = PersonApi(given.api_url, role, outside.send, outside.now)
    if session is not None:
        api.token, api.person = session.token, session.name
    language = language_of(request.cookies.get(LANGUAGE, ""), request.headers.get("accept-language", ""))
    api.language = LOCALES[language]
    return Desk(request, given, key, api, language, session)


def _answered(desk: Desk) -> web.Answer:
    found = routes.find(desk.request)
    if desk.session is None and not found.open:
        return routes.ask_to_sign_in(desk)
    if desk.request.method == "POST":
        _check_form(desk)
    return found.page(desk, **found.parameters)


def _check_form(desk: Desk) -> None:
    """Raise Problem (Form.Foreign) unless a page of ours, shown in this session, has sent the form."""
    origin = desk.request.headers.get("origin", "")
    foreign = origin.partition("://")[2] != desk.request.host if origin else False
    if desk.session is None or foreign or not is_ours(desk.request.field("form"), desk.session, desk.key):
        what = "The form was not sent from a page of this session. Nothing was done."
        raise Problem("Form.Foreign", what, "Go back, reload the page, and try again.", status=403)


def role_of(environment: Mapping[str, str], context: object) -> Credentials:
    """The function's role: from the environment, else from the context."""
    names = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN")
    found = [environment.get(name, "") for name in names]
    if not all(found[:2]):
        given = getattr(context, "credentials", None)
        found = [str(getattr(given, name, "") or "") for name in ("access_key_id", "access_key_secret", "security_token")]
    return Credentials(*found)


def _bare(problem: Problem) -> web.Answer:
    """A problem that comes before there is a page to show it on."""
    text = f"{problem.code}: {problem.message}\n{problem.remedy}\n"
    return web.Answer(text, problem.status, "text/plain; charset=utf-8", {"Cache-Control": "no-store"})
