"""A cloud with only Tablestore in it, and the real client on it, in one process."""

from __future__ import annotations

from typing import Any

from localcloud.core.app import INSTANCE_NAME, REGION, Cloud
from localcloud.core.identity import Key
from localcloud.tablestore import Tablestore
from localcloud.tablestore.messages import messages as _silences_the_sdk  # noqa: F401 - must come before the SDK's own import

from tablestore import OTSClient, OTSServiceError, RetryPolicy  # isort: skip


class NoRetry(RetryPolicy):
    """Every answer reaches the test."""

    def should_retry(self, retry_times: int, exception: Exception, api_name: str) -> bool:
        return False

    def get_retry_delay(self, retry_times: int, exception: Exception, api_name: str) -> float:
        return 0


def make_cloud() -> tuple[Cloud, Tablestore]:
    cloud = Cloud()
    service = Tablestore(cloud)
    cloud.services.append(service)
    return cloud, service


def make_client(
    cloud: Cloud, key: Key | None = None, *, v4: bool = False, instance: str = INSTANCE_NAME, **options: Any
) -> OTSClient:
    key = key or cloud.owner
    return OTSClient(
        "http://127.0.0.1:1",
        key.access_key_id,
        options.pop("secret", key.access_key_secret),
        instance,
        region=REGION if v4 else None,
        sts_token=options.pop("sts_token", key.token or None),
        retry_policy=NoRetry(),
        **options,
    )


__all__ = ["NoRetry", "OTSClient", "OTSServiceError", "make_client", "make_cloud"]
