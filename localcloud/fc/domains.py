"""A custom domain of this account: paths that lead to functions, and pages that a browser displays.

From Function Compute's own domain a browser downloads a page instead of displaying it (``Content-Disposition: attachment``). A
custom domain has routes and does not send that header; the function gets the path as the browser sent it. In this emulation both
domains are the same port: a routed path belongs to the custom domain, and ``/http/FUNCTION/`` to the platform's. Source:
help.aliyun.com, Function Compute 3.0, "Configure custom domain names".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from localcloud.core.http import Request, Response
from localcloud.fc import http_trigger


class Domain:
    """Routes from the beginning of a path, such as ``/console``, to the name of a function."""

    def __init__(self, routes: Mapping[str, str]) -> None:
        self._routes = {prefix.rstrip("/"): function for prefix, function in routes.items()}

    def routed(self, request: Request) -> Request | None:
        """The request as the trigger of the routed function gets it; None if no route matches."""
        for prefix, function in self._routes.items():
            if request.path == prefix or request.path.startswith(f"{prefix}/"):
                return replace(request, target=f"{http_trigger.PREFIX}{function}{request.target}")
        return None


def downloaded(request: Request, response: Response) -> Response:
    """The answer with the header of the platform's own domain, which makes a browser download a page."""
    kind = next((value for name, value in response.headers.items() if name.lower() == "content-type"), "")
    if request.target.startswith(http_trigger.PREFIX) and kind.startswith("text/html"):
        response.headers["Content-Disposition"] = "attachment"
    return response
