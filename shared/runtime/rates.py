"""Limits the requests of each caller, with one token bucket per caller in the memory of each function instance.

A runaway script gets 429 with Retry-After, and cannot use up Tablestore's throughput. Function Compute limits the number of
function instances. The gateway limits the requests that reach the function instances. The page docs/gateway.md lists all limits on
requests.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.domain.caller import Caller
from shared.domain.errors import Refused, ReplankError, Transient
from shared.ports.ports import Ports
from shared.runtime.callers import token_in_headers
from shared.runtime.http_rules import headers_by_name

if TYPE_CHECKING:
    from shared.ports.sign_in import TokenVerifier

APP_HEADER = "x-replank-app-id"
"""The header with the id of the gateway app that signed the request. The file gateway.yml maps the gateway's system parameter
CaAppId to the header.
"""
MOST_CALLERS = 1000
"""Maximum number of token buckets in memory. Each caller has one bucket.

If there are more callers, the least recently used bucket is dropped. The caller of a dropped bucket starts again with a full
bucket.
"""

TOKEN_KNOWN = timedelta(minutes=10)
"""How long the result of verifying a token is cached."""
PROVIDER_REST = timedelta(minutes=1)
"""How long the verification of tokens pauses after the sign-in provider has failed to answer. Without the pause, every request
would wait for the provider.
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


class CallerRateLimiter:
    """Limits the requests of each caller. A caller is the person whom a verified token names, a gateway app, or an IP address.

    All requests from the operations page come from the console's IP address, and each request has its reader's token. The requests
    of each reader are therefore counted separately. Headers with unverified claims, such as a name or a forwarded address, are
    ignored.
    """

    def __init__(self, per_minute: int) -> None:
        self._limited = per_minute > 0
        self._rates = RateLimiter(per_minute)
        self._checked: OrderedDict[bytes, tuple[str, datetime]] = OrderedDict()
        """Maps the digest of each token to the person whom the token names, and to the time of the check.

        The person is empty if the token was refused.
        """
        self._rests_until: datetime | None = None

    def count_request(self, request: Mapping[str, Any], ports: Ports) -> None:
        """Count the request. Raises TooManyRequests if its caller has reached the limit."""
        if not self._limited:
            return
        now, origin = ports.clock.now(), caller_key(request)
        token = token_in_headers(headers_by_name(request.get("headers"))) if request.get("door") != "gateway" else ""
        person = self._person_of_token(token, origin, ports.sign_in, now) if token and ports.sign_in else ""
        self._rates.count_request(person or origin, now)

    def _person_of_token(self, token: str, origin: str, sign_in: TokenVerifier, now: datetime) -> str:
        """The key of the person whom the token names; empty if the token is refused, or cannot be verified at the moment."""
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        person, checked_at = self._checked.get(digest, ("", None))
        if checked_at is not None and timedelta(0) <= now - checked_at < TOKEN_KNOWN:
            return person
        if self._rests_until is not None and now < self._rests_until:
            return person
        # Checks have a limit of their own: invalid tokens then take no request from others at the same address.
        self._rates.count_request(f"tokens of {origin}", now)
        caller: Caller | None = None
        try:
            caller = sign_in.verify_token(token)
        except Transient:
            self._rests_until = now + PROVIDER_REST
            return person
        except ReplankError:
            pass  # the act itself, if the request is one, then reports what is wrong with the token
        person = f"person {caller.issuer} {caller.subject}" if caller is not None else ""
        self._checked[digest] = (person, now)
        self._checked.move_to_end(digest)
        if len(self._checked) > MOST_CALLERS:
            self._checked.popitem(last=False)
        return person


def caller_key(request: Mapping[str, Any]) -> str:
    """The key of a caller without a verified token: the id of the gateway's app, or the IP address.

    The operator's name is not used, because a caller could send a different name with each request.
    """
    if request.get("door") == "gateway":
        headers = {name.lower(): str(value) for name, value in request["headers"].items()}
        return f"app {headers.get(APP_HEADER, '')}"
    return f"address {request['requestContext']['http'].get('sourceIp', '')}"
