"""A cloud with only Tablestore, and the real client for it, in one process."""

from __future__ import annotations

from typing import Any

from localcloud.core.access_keys import Key
from localcloud.core.app import INSTANCE_NAME, REGION, Cloud
from localcloud.core.http import Request, Response
from localcloud.tablestore import Tablestore
from localcloud.tablestore.messages import messages  # first, because it silences the SDK's warnings at import
from localcloud.wire import ots_sign
from tests.support.signing_time import signing_time

from tablestore import OTSClient, OTSServiceError, RetryPolicy  # isort: skip


class NoRetry(RetryPolicy):  # type: ignore[misc]  # the SDK has no types
    """No retries, so that every answer reaches the test."""

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


def send(cloud: Cloud, operation: str, body: bytes, **headers: str) -> Response:
    """Send one signed request with these bytes as its body, for messages that the SDK cannot build."""
    now = signing_time(millis=True)
    sent = {
        "x-ots-date": now,
        "x-ots-apiversion": "2015-12-31",
        "x-ots-accesskeyid": cloud.owner.access_key_id,
        "x-ots-instancename": INSTANCE_NAME,
        "x-ots-contentmd5": ots_sign.content_md5(body),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    sent["x-ots-signature"] = ots_sign.request_signature(f"/{operation}", sent, cloud.owner.access_key_secret)
    return cloud.handle(Request("POST", f"/{operation}", sent, body))


def call(cloud: Cloud, operation: str, message: Any) -> Any:
    """The parsed answer to a message: the operation's response, or Error."""
    response = send(cloud, operation, message.SerializeToString())
    answer = getattr(messages, f"{operation}Response" if response.status == 200 else "Error")()
    answer.ParseFromString(response.body)
    return answer


__all__ = ["NoRetry", "OTSClient", "OTSServiceError", "call", "make_client", "make_cloud", "messages", "send"]
