"""Who signs in again before the session ends keeps it: forms that are open stay good, but only for the same person."""

from __future__ import annotations

import pytest

from console import session
from tests.unit.console.test_console import KEY, NOW, ApiTable, ask


def test_a_page_knows_when_its_session_ends_and_may_ask_again() -> None:
    api = ApiTable(**{"GET /audit": (200, {"lines": [], "nextToken": ""})})
    _, body, _ = ask(api, "GET", "/console/audit")
    assert f'data-until="{int(NOW) + 100}"' in body
    status, ends, headers = ask(api, "GET", "/console/session")
    assert (status, ends, headers["Cache-Control"]) == (200, str(int(NOW) + 100), "no-store")
    api.answers["GET /sign-in"] = (200, {"issuer": "https://idp", "clientId": "c"})
    assert ask(api, "GET", "/console/session", signed_in=False)[0] == 401


@pytest.mark.parametrize("signed_in", [True, False])
def test_the_way_to_the_provider_takes_the_session_along(signed_in: bool) -> None:
    found = "https://idp/.well-known/openid-configuration"
    api = ApiTable(**{"GET /sign-in": (200, {"issuer": "https://idp", "clientId": "c"})})
    api.answers[f"GET {found.partition('/v1')[2]}"] = (200, {"authorization_endpoint": "https://idp/a", "issuer": "https://idp"})
    status, _, headers = ask(api, "GET", "/console/sign-in/start", signed_in=signed_in)
    assert status == 302
    kept = headers["Set-Cookie"].partition("=")[2].partition(";")[0]
    known = session.opened(kept, KEY, session.SIGN_IN)
    assert (known.get("session"), known.get("name")) == (("n", "ann") if signed_in else (None, None))
    assert f"nonce={known['nonce']}&" in headers["Location"], "the provider's nonce is another thing"
