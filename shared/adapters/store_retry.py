"""How often the Tablestore SDK may repeat a request by itself (its own default is 20 times)."""

from __future__ import annotations

from typing import Any


def retry_policy(attempts: int, pause_s: float) -> Any:
    """The SDK's retry policy: up to ``attempts`` calls for throttling and failed reads. Writes in doubt are not repeated."""
    from tablestore.retry import DefaultRetryPolicy

    class Bounded(DefaultRetryPolicy):  # type: ignore[misc]  # the SDK carries no types
        def should_retry(self, retry_times: int, exception: Any, api_name: str) -> bool:
            return retry_times + 1 < attempts and bool(self._can_retry(retry_times, exception, api_name))

        def get_retry_delay(self, retry_times: int, exception: Any, api_name: str) -> float:
            return float(pause_s * 2**retry_times)

    return Bounded()
