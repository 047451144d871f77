"""Limits the requests of each caller: one bucket of tokens per caller, in the memory of one function instance.

So a runaway script gets 429 with Retry-After instead of using up the store's throughput. The platform limits the number of
instances (reserved concurrency), and the gateway limits what reaches them. docs/gateway.md has the table.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.domain.errors import Refused

APP_HEADER = "x-replank-app-id"
"""The header in which the gateway names the app that signed (system parameter CaAppId, see gateway.yml)."""
MOST_CALLERS = 1000
"""Maximum buckets kept; the least recently used one goes first, and its caller starts again with a full one."""


class TooMany(Refused):
    """The caller has used up what it may send for now."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(
            "Request.TooMany",
            "This caller sends more requests than it may.",
            f"Send the next one in {wait_s} s. REPLANK_API_RATE says how many a minute are allowed.",
            status=429,
        )
        self.wait_s = wait_s


class Rates:
    """Allows each caller ``per_minute`` requests, also all at once; 0 means no limit."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._buckets: OrderedDict[str, tuple[float, datetime]] = OrderedDict()

    def take(self, caller: str, now: datetime) -> None:
        """Count one request of a caller; raises TooMany without counting it."""
        if not self._per_minute:
            return
        left, since = self._buckets.get(caller, (float(self._per_minute), now))
        passed_s = max(0.0, (now - since).total_seconds())
        left = min(self._per_minute, left + passed_s * self._per_minute / 60)
        if left < 1:
            raise TooMany(math.ceil((1 - left) * 60 / self._per_minute))
        self._buckets[caller] = (left - 1, now)
        self._buckets.move_to_end(caller)
        if len(self._buckets) > MOST_CALLERS:
            self._buckets.popitem(last=False)


def caller_of(request: Mapping[str, Any]) -> str:
    """The key by which a caller is counted: the gateway's app, else the address.

    Not the operator's name, because a caller could give another name each time.
    """
    if request.get("door") == "gateway":
        headers = {name.lower(): str(value) for name, value in request["headers"].items()}
        return f"app {headers.get(APP_HEADER, '')}"
    return f"address {request['requestContext']['http'].get('sourceIp', '')}"
