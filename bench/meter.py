"""Counts the work of the functions: invocations, their own CPU time, their calls, and the capacity units of these calls."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable

from localcloud.core.http import Request, Response
from localcloud.fc.inprocess import InProcessInvoker
from localcloud.fc.invoker import OnDone
from localcloud.fc.model import Function, Invocation
from tools.deployed.product import DeployedProduct

SERVICES = {"2014-05-26": "ecs", "2019-06-01": "smc"}
OUTSIDE = "(outside)"
Call = tuple[str, str, str]
"""Function, service, operation."""


class Meter:
    """Put ``around`` and ``invoker`` into the world, then read the counters."""

    def __init__(self) -> None:
        self.calls: Counter[Call] = Counter()
        self.units: Counter[str] = Counter()
        """Tablestore's read and write capacity units."""
        self.invocations: Counter[str] = Counter()
        self.cpu_ms: Counter[str] = Counter()
        """The CPU time by function, without the time in which the local cloud answered its calls."""
        self._in_cloud = 0.0

    def begin(self, product: DeployedProduct) -> None:
        """Start counting, before a fleet's life."""

    def end(self, product: DeployedProduct) -> None:
        """Stop counting, after a fleet's life, while the cloud still exists."""

    def around(self, handle: Callable[[Request], Response]) -> Callable[[Request], Response]:
        """The cloud's handler, with its calls counted."""

        def counted(request: Request) -> Response:
            started = time.process_time()
            response = handle(request)
            self._in_cloud += time.process_time() - started
            self._count(request, response)
            return response

        return counted

    def _count(self, request: Request, response: Response) -> None:
        service, operation = named(request)
        function = os.environ.get("FC_FUNCTION_NAME", OUTSIDE).removeprefix("replank-")
        self.calls[function, service, operation] += 1
        if service == "tablestore" and function != OUTSIDE and response.status == 200:
            self.units.update(units_of(operation, response.body))

    def invoker(self) -> InProcessInvoker:
        """An invoker that runs functions in this process and counts them."""
        return _Metered(self)

    def enter(self) -> tuple[float, float]:
        """Note the start of an invocation."""
        return time.process_time(), self._in_cloud

    def leave(self, function: str, since: tuple[float, float]) -> None:
        """Note the end of an invocation. A nested invocation (an HTTP call) counts separately."""
        cpu = time.process_time() - since[0] - (self._in_cloud - since[1])
        self.invocations[function] += 1
        self.cpu_ms[function] += cpu * 1e3  # type: ignore[assignment]  # a counter of milliseconds, not whole ones

    def by_service(self) -> Counter[str]:
        """The number of calls of the functions, by service."""
        found: Counter[str] = Counter()
        for (function, service, _), count in self.calls.items():
            if function != OUTSIDE:
                found[service] += count
        return found


class _Metered(InProcessInvoker):
    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self._meter = meter

    def start(self, function: Function, invocation: Invocation, on_done: OnDone) -> None:
        since = self._meter.enter()
        super().start(function, invocation, on_done)
        self._meter.leave(function.name.removeprefix("replank-"), since)


def named(request: Request) -> tuple[str, str]:
    """The service and the operation of a request."""
    headers = request.headers
    if "x-ots-apiversion" in headers:
        return "tablestore", request.path.lstrip("/")
    if request.path.startswith("/openapi/"):
        return "eventbridge", request.path.rpartition("/")[2]
    action = headers.get("x-acs-action", "")
    if action:
        return SERVICES.get(headers.get("x-acs-version", ""), "other"), action
    return "other", request.path


def units_of(operation: str, body: bytes) -> dict[str, int]:
    """The capacity units that an answer reports."""
    from tablestore.protobuf import table_store_pb2

    answer = getattr(table_store_pb2, f"{operation}Response")()
    answer.ParseFromString(body)
    parts = [row for table in answer.tables for row in table.rows] if operation.startswith("Batch") else [answer]
    units = [part.consumed.capacity_unit for part in parts]
    return {"read": sum(each.read for each in units), "write": sum(each.write for each in units)}
