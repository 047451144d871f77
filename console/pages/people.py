"""Signing in and out, and the language of the pages."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from console import tickets, web
from console.desk import Desk
from console.problem import Problem
from console.session import (
    LANGUAGE,
    LARGEST,
    LONGEST_S,
    SESSION,
    SIGN_IN,
    Session,
    opened,
    sealed,
    text_of,
)
from console.signin import Provider, claims, failed
from console.texts import LANGUAGES

SIGN_IN_S = 600
YEAR_S = 365 * 24 * 3600
CALLBACK = "/sign-in/callback"


def show(desk: Desk, *, back: str, lost: bool = False, status: int = 200, problem: Problem | None = None) -> web.Answer:
    """The page that leads to the provider; ``lost`` says that an act was not done."""
    provider, trouble = "", problem
    try:
        provider = urlsplit(str(desk.api.get("/sign-in")["issuer"])).netloc
    except Problem as found:
        trouble = trouble or found
    local = desk.settings.tickets is not None
    return desk.page("sign-in", status, back=web.inner(back), provider=provider, local=local, lost=lost, problem=trouble)


def sign_in(desk: Desk) -> web.Answer:
    """The page by its own address."""
    return show(desk, back=desk.query.get("back", ""))


def start(desk: Desk) -> web.Answer:
    """Send the browser to the provider."""
    provider = _provider(desk)
    where, asked = provider.ask(_own_url(desk) + web.BASE + CALLBACK)
    known = {"session": desk.session.nonce, "name": desk.session.name} if desk.session else {}
    kept = sealed({**asked, **known, "page": web.inner(desk.query.get("back", ""))}, desk.key, SIGN_IN)
    # The provider sends the browser back from another site: a strict cookie would not come along.
    set_cookie = web.cookie(SIGN_IN, kept, request=desk.request, seconds=SIGN_IN_S, strict=False)
    return web.redirect(where, cookie=set_cookie, status=302)


def callback(desk: Desk) -> web.Answer:
    """The browser comes back from the provider with a code."""
    asked = opened(desk.request.cookies.get(SIGN_IN, ""), desk.key, SIGN_IN)
    token = _provider(desk).redeem(asked, desk.query)
    desk.api.token, now = token, desk.api.now()
    me = desk.api.get("/me")  # the API verifies the token before anybody is let in
    lasts = min(float(claims(token).get("exp", 0)) - float(claims(token).get("iat", 0)), LONGEST_S)
    name = str(me["name"])
    # Who signs in again before the session ends goes on with it: forms that are open in other tabs stay good.
    nonce = str(asked["session"]) if asked.get("name") == name else secrets.token_hex(8)
    return _entered(desk, Session(name, int(now + lasts), nonce, token), asked["page"])


def until(desk: Desk) -> web.Answer:
    """When the session ends, in seconds since 1970: a page that is open asks after somebody has signed in again elsewhere."""
    ends = desk.session.until if desk.session else 0
    return web.Answer(str(ends), content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})


def enter(desk: Desk) -> web.Answer:
    """A one-time link, on a cloud of this machine only."""
    folder = desk.settings.tickets
    name = tickets.redeem(folder, desk.query.get("ticket", "")) if folder else ""
    if not name:
        remedy = "Ask for a new link: `replank local console`."
        raise Problem("Ticket.Invalid", "This link was used before, or another cloud has made it.", remedy, status=401)
    now = desk.api.now()
    return _entered(desk, Session(name, int(now + LONGEST_S), secrets.token_hex(8)), "")


def sign_out(desk: Desk) -> web.Answer:
    """End the session in this browser."""
    gone = web.cookie(SESSION, "", request=desk.request, seconds=0)
    return web.redirect(f"{web.BASE}/sign-in", cookie=gone)


def language(desk: Desk) -> web.Answer:
    """Keep the language that the person chose."""
    to = desk.query.get("to", "")
    back = web.inner(desk.query.get("back", ""))
    if to not in LANGUAGES:
        return web.redirect(back)
    return web.redirect(back, cookie=web.cookie(LANGUAGE, to, request=desk.request, seconds=YEAR_S, strict=False))


def _entered(desk: Desk, session: Session, page: str) -> web.Answer:
    """Set the cookie, and go on by a page: after a redirect from another site, browsers send no strict cookie."""
    text = text_of(session, desk.key)
    if len(text) > LARGEST:
        raise failed("the provider's token is too long for a cookie", "Ask its administrator to leave claims out.")
    seconds = max(0, session.until - int(desk.api.now()))
    page = web.inner(page)
    answer = desk.page("entered", to=page)
    set_cookie = web.cookie(SESSION, text, request=desk.request, seconds=seconds)
    return web.Answer(answer.body, headers={"Refresh": f"0;url={page}", "Cache-Control": "no-store"}, cookie=set_cookie)


def _provider(desk: Desk) -> Provider:
    at = desk.api.get("/sign-in")
    if not at.get("issuer"):
        remedy = "Set REPLANK_OIDC_ISSUER and REPLANK_OIDC_AUDIENCE, and deploy again."
        raise Problem("SignIn.NoProvider", "This deployment verifies no names: no provider is set.", remedy, status=503)
    client_id = desk.settings.client_id or str(at["clientId"])
    return Provider(str(at["issuer"]), client_id, desk.api.send, desk.settings.client_secret)


def _own_url(desk: Desk) -> str:
    return desk.settings.own_url or f"{'https' if desk.request.secure else 'http'}://{desk.request.host}"
