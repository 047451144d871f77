"""How many requests one caller may send: a bucket of tokens each, in the memory of one instance of the function.

This bounds one instance: a runaway script gets 429 with Retry-After instead of the store's throughput. The platform bounds how many
instances there are (reserved concurrency), and the gateway bounds how much reaches them. docs/gateway.md has the table.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.domain.errors import Refused

APP_HEADER = "x-replank-app-id"
"""In which gateway.yml has the gateway name the app that signed (its system parameter CaAppId)."""
MOST_CALLERS = 1000
"""Buckets kept; the one that was used longest ago goes first, and its caller begins with a full one."""


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
    """``per_minute`` requests for each caller, as many at once; 0 stands for no limit."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._buckets: OrderedDict[str, tuple[float, datetime]] = OrderedDict()

    def take(self, caller: str, now: datetime) -> None:
        """Count one request of a caller; raises TooMany, which counts nothing."""
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
    """Who is counted: the gateway's app, else the address. Not the operator's name: whoever calls could give another each time."""
    if request.get("door") == "gateway":
        headers = {name.lower(): str(value) for name, value in request["headers"].items()}
        return f"app {headers.get(APP_HEADER, '')}"
    return f"address {request['requestContext']['http'].get('sourceIp', '')}"
