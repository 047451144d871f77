"""The HTTP API's operations, from its table of routes."""

from __future__ import annotations

from shared.runtime.http_rules import VERSION
from shared.runtime.routes import ROUTES
from tools.pages.common import table


def render() -> str:
    """The table of operations. /openapi.json of a running api describes everything else."""
    rows = [(f"`{route.method} {VERSION}{route.path}`", route.name, route.summary, "yes" if route.act else "-") for route in ROUTES]
    rows.append(("`GET /openapi.json`", "-", "This API as an OpenAPI 3.1 document.", "-"))
    return table(("request", "operation", "does", "needs an operator"), rows)
