"""The routes of a custom domain lead to functions. From the platform's own domain a page is downloaded."""

from __future__ import annotations

import pytest

from localcloud.core.http import Request, Response
from localcloud.fc.domains import Domain, downloaded


@pytest.mark.parametrize("target", ["/console", "/console/", "/console/batches?state=failed"])
def test_a_route_keeps_the_path_as_it_was_sent(target: str) -> None:
    routed = Domain({"/console": "replank-console"}).routed(Request("GET", target, {}))
    assert routed is not None
    assert routed.target == f"/http/replank-console{target}"


@pytest.mark.parametrize("target", ["/", "/consoles", "/http/replank-console/console/"])
def test_what_no_route_names_is_left_alone(target: str) -> None:
    assert Domain({"/console/": "replank-console"}).routed(Request("GET", target, {})) is None


@pytest.mark.parametrize(
    ("target", "kind", "saved"),
    [
        ("/http/a/x", "text/html; charset=utf-8", True),
        ("/http/a/x", "application/json", False),
        ("/oidc/authorize", "text/html", False),
    ],
)
def test_a_page_of_the_platforms_own_domain_is_saved(target: str, kind: str, saved: bool) -> None:
    answer = downloaded(Request("GET", target, {}), Response(200, {"Content-Type": kind}))
    assert ("Content-Disposition" in answer.headers) == saved
