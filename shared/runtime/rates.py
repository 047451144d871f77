"""Limits the requests of each caller, with one token bucket per caller in the memory of each function instance.

A runaway script gets 429 with Retry-After, and cannot use up Tablestore's throughput. Function Compute limits the number of
function instances. The gateway limits the requests that reach the instances. The page docs/gateway.md lists all limits on
requests.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.domain.errors import Refused

APP_HEADER = "x-replank-app-id"
"""The header with the id of the gateway app that signed the request. The file gateway.yml maps the gateway's system parameter
CaAppId to the header.
"""
MOST_CALLERS = 1000
"""Maximum token buckets in memory, one per caller.

If there are more callers, the least recently used bucket is dropped. The caller of a dropped bucket starts again with a full
bucket.
"""


class TooManyRequests(Refused):
    """Raised if a caller has sent as many requests as the limit allows. The next request is allowed after ``wait_s`` seconds."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(
            "Request.TooMany",
            "This caller sends more requests than are allowed.",
            f"Send the next request in {wait_s} s. REPLANK_API_RATE sets how many are allowed per minute.",
            status=429,
        )
        self.wait_s = wait_s


class RateLimiter:
    """Allows each caller ``per_minute`` requests per minute.

    A caller may send all requests of a minute at once. If ``per_minute`` is 0, there is no limit.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._buckets: OrderedDict[str, tuple[float, datetime]] = OrderedDict()

    def count_request(self, caller: str, now: datetime) -> None:
        """Count one request of a caller. If the limit is reached, raises TooManyRequests and does not count the request."""
        if not self._per_minute:
            return
        left, since = self._buckets.get(caller, (float(self._per_minute), now))
        passed_s = max(0.0, (now - since).total_seconds())
        left = min(self._per_minute, left + passed_s * self._per_minute / 60)
        if left < 1:
            raise TooManyRequests(math.ceil((1 - left) * 60 / self._per_minute))
        self._buckets[caller] = (left - 1, now)
        self._buckets.move_to_end(caller)
        if len(self._buckets) > MOST_CALLERS:
            self._buckets.popitem(last=False)


def caller_key(request: Mapping[str, Any]) -> str:
    """The key under which a caller's requests are counted: the id of the gateway's app, or the caller's IP address.

    The operator's name is not used, because a caller could send a different name with each request.
    """
    if request.get("door") == "gateway":
        headers = {name.lower(): str(value) for name, value in request["headers"].items()}
        return f"app {headers.get(APP_HEADER, '')}"
    return f"address {request['requestContext']['http'].get('sourceIp', '')}"
