"""The emulated operations of Function Compute, and their query parameters and headers.

Sources: request models of alibabacloud-fc20230330 4.1.3 and aliyun-fc2 2.5.2; alibabacloud.com/help/en/functioncompute/error-codes.
"""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.core.errors import ApiError
from localcloud.core.http import Request
from localcloud.fc.model import Function

MAX_PAGE, PAGE = 100, 20
_INVOCATION = ("x-fc-invocation-type", "x-fc-log-type")
_TASKS = ("x-fc-async-task-id", "x-fc-stateful-async-invocation-id", "x-fc-async-delay", "x-fc-session-id")


@dataclass(frozen=True)
class Operation:
    """An operation. ``query`` and ``headers`` take effect. ``refused`` are headers with a meaning that is not emulated."""

    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


OPERATIONS = {
    "InvokeFunction": Operation(("qualifier",), _INVOCATION, _TASKS),
    "GetFunction": Operation(("qualifier",)),
    "ListFunctions": Operation(("limit", "nextToken", "prefix", "startKey")),
}
"""By operation. Any other path is refused with PathNotSupported. Requests to HTTP triggers are not checked here: the function
handles them.
"""


def check(operation: str, request: Request, *, strict: bool = True) -> None:
    """Refuse headers that are not emulated, and, if ``strict``, unknown query parameters."""
    known = OPERATIONS[operation]
    given = dict(request.query)
    unknown = sorted(set(given) - set(known.query)) if strict else []
    if meant := [*unknown, *(name for name in known.refused if name in request.headers)]:
        raise ApiError("InvalidArgument", f"{', '.join(meant)}: not a parameter of {operation}, or not emulated")
    if given.get("qualifier", "LATEST") != "LATEST":
        raise ApiError("QualifierNotFound", f"qualifier '{given['qualifier']}' does not exist; only LATEST is emulated", 404)


def too_large(limit: int) -> ApiError:
    """The error of the real service for a body that is too large."""
    return ApiError("EntityTooLarge", f"payload size exceeds maximum allowed size ({limit} bytes)")


def check_service(name: str) -> None:
    """Services of 2.0 are not emulated, but ``service.qualifier`` names a version or an alias. Raises ApiError unless it is
    LATEST.
    """
    service, _, qualifier = name.partition(".")
    if qualifier in ("", "LATEST"):
        return
    kind, code = ("version", "VersionNotFound") if qualifier.isdigit() else ("alias", "AliasNotFound")
    raise ApiError(code, f"{kind} '{qualifier}' of service '{service}' does not exist", 404)


def page(functions: list[Function], query: dict[str, str]) -> tuple[list[Function], str]:
    """The functions on a page of a listing, sorted by name, and the token of the next page. Raises InvalidArgument."""
    limit = query.get("limit", str(PAGE))
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit) <= MAX_PAGE:
        raise ApiError("InvalidArgument", f"limit must be a number from 1 to {MAX_PAGE}")
    start = max(query.get("startKey", ""), query.get("nextToken", ""))
    found = [each for each in functions if each.name.startswith(query.get("prefix", "")) and each.name >= start]
    shown, rest = found[: int(limit)], found[int(limit) :]
    return shown, rest[0].name if rest else ""
