"""Makes the clients of the real SDKs. Each client is made once per process, when it is first needed.

Timeouts are short, and the SDKs repeat a call only a few times. A call that takes too long fails, and Function Compute then
delivers the message that invoked the function again.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from shared.adapters import redact
from shared.domain.record import dataclass
from shared.domain.retry import CLOUD_CALL, RetryPolicy

if TYPE_CHECKING:
    from shared.adapters.sdk_errors import CloudError
    from shared.domain.errors import ReplankError

CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 10
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_NOISY = {"tablestore.encoder": logging.ERROR, "tablestore.decoder": logging.ERROR, "tablestore-client": logging.CRITICAL}
"""The log levels that silence the Tablestore SDK.

The SDK logs a missing codec and every request. The SDK also logs failed conditions as errors, although conditions fail in normal
operation.
"""


@dataclass(frozen=True)
class Endpoint:
    """Protocol and host of a service, for example ``https`` and ``ecs.cn-hangzhou.aliyuncs.com``."""

    protocol: str
    host: str

    @classmethod
    def from_address(cls, address: str) -> Endpoint:
        """The endpoint that an address names. The protocol is https if the address has no scheme."""
        parts = urlsplit(address if "://" in address else f"https://{address}")
        return cls(parts.scheme, parts.netloc)

    @property
    def is_loopback(self) -> bool:
        return urlsplit(f"//{self.host}").hostname in _LOOPBACK


@dataclass(frozen=True)
class Credentials:
    """The access key that signs the calls. If the access key belongs to a role, there is also a security token."""

    key_id: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Account:
    """The account whose services the clients call. An empty endpoint means Alibaba Cloud's public endpoint."""

    region: str
    account_id: str
    credentials: Credentials
    tablestore_instance: str
    tablestore_endpoint: str = ""
    eventbridge_endpoint: str = ""
    ecs_endpoint: str = ""
    smc_endpoint: str = ""
    sts_endpoint: str = ""


class RoleCredentials(Protocol):
    """Gives the SDKs the credentials of an assumed role, and recognises errors that concern the role."""

    def get_credential(self) -> Any:
        """Valid credentials with the attributes ``type``, ``access_key_id``, ``access_key_secret`` and ``security_token``.

        Raises AccountUnusable.
        """

    def assume_again(self) -> None:
        """Ask STS for new credentials at once, so that the answer is about the role as it is now. Raises AccountUnusable."""

    def renew_expired_credentials(self, error: CloudError) -> bool:
        """Renew the credentials if the error means that they have expired. Returns whether the call should be repeated."""

    def unusable_account_error(self, error: CloudError) -> ReplankError | None:
        """The error for an account that refuses every call of the pipeline; None if the error concerns only one call."""


class Clients:
    """The clients of one account, and the retry policy of their calls.

    The argument ``assumed`` provides the credentials of a role in a member account. Only calls to ECS and SMC use these
    credentials.
    """

    def __init__(self, account: Account, *, retry: RetryPolicy = CLOUD_CALL, assumed: RoleCredentials | None = None) -> None:
        self.account = account
        self.retry = retry
        self.assumed = assumed
        self.sleep: Callable[[float], None] = time.sleep  # noqa: TID251 - short and bounded; longer waits are the tick's affair
        self._made: dict[str, Any] = {}
        redact.add_secret(account.credentials.secret)
        redact.add_secret(account.credentials.token)

    @property
    def role_or_account(self) -> str:
        """What tells the accounts apart whose ECS these clients call."""
        return str(getattr(self.assumed, "role_arn", "")) or self.account.account_id

    @property
    def account_id(self) -> str:
        """The id of the account whose ECS these clients call."""
        arn = str(getattr(self.assumed, "role_arn", ""))
        return arn.split(":")[3] if arn else self.account.account_id

    def tablestore_client(self) -> Any:
        """The client of the pipeline's Tablestore instance."""
        return self._make_client_once("tablestore", self._make_tablestore_client)

    def eventbridge_client(self) -> Any:
        """The EventBridge client for the account's own endpoint."""
        return self._make_client_once("eventbridge", self._make_eventbridge_client)

    def ecs_client(self, region_id: str) -> Any:
        """The ECS client for a region."""
        return self._make_client_once(f"ecs:{region_id}", lambda: self._make_ecs_client(region_id))

    def smc_client(self) -> Any:
        """The SMC client. SMC has one endpoint for all regions."""
        return self._make_client_once("smc", self._make_smc_client)

    def runtime_options(self) -> Any:
        """The runtime options for one call through a generated client. The options turn off the client's own retries."""
        from alibabacloud_tea_util import models

        return models.RuntimeOptions(autoretry=False, connect_timeout=CONNECT_TIMEOUT_S * 1000, read_timeout=READ_TIMEOUT_S * 1000)

    def _make_client_once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def _make_tablestore_client(self) -> Any:
        for name, level in _NOISY.items():
            logging.getLogger(name).setLevel(level)
        from tablestore import OTSClient
        from urllib3 import Timeout

        account, key = self.account, self.account.credentials
        default = f"https://{account.tablestore_instance}.{account.region}.ots.aliyuncs.com"
        endpoint = _disable_proxies_for_loopback(account.tablestore_endpoint or default)
        return OTSClient(
            f"{endpoint.protocol}://{endpoint.host}",
            key.key_id,
            key.secret,
            account.tablestore_instance,
            sts_token=key.token or None,
            socket_timeout=Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
            max_connection=4,
            retry_policy=tablestore_retry_policy(self.retry),
        )

    def _make_eventbridge_client(self) -> Any:
        from alibabacloud_eventbridge import models
        from alibabacloud_eventbridge.client import Client

        account = self.account
        address = account.eventbridge_endpoint or f"{account.account_id}.eventbridge.{account.region}.aliyuncs.com"
        return Client(models.Config(region_id=account.region, **self._common_client_options(address)))

    def _make_ecs_client(self, region_id: str) -> Any:
        from alibabacloud_ecs20140526.client import Client
        from alibabacloud_tea_openapi import models

        address = self.account.ecs_endpoint or f"ecs.{region_id}.aliyuncs.com"
        return Client(models.Config(region_id=region_id, **self._common_client_options(address)))

    def _make_smc_client(self) -> Any:
        from alibabacloud_smc20190601.client import Client
        from alibabacloud_tea_openapi import models

        address = self.account.smc_endpoint or "smc.aliyuncs.com"
        return Client(models.Config(region_id=self.account.region, **self._common_client_options(address)))

    def sts_client(self) -> Any:
        """A generic client for STS, because none of the SDKs in use has a client for STS."""
        return self._make_client_once("sts", self._make_sts_client)

    def _make_sts_client(self) -> Any:
        from alibabacloud_tea_openapi import models
        from alibabacloud_tea_openapi.client import Client

        address = self.account.sts_endpoint or f"sts.{self.account.region}.aliyuncs.com"
        return Client(models.Config(region_id=self.account.region, **self._common_client_options(address)))

    def _common_client_options(self, address: str) -> dict[str, Any]:
        endpoint, key = _disable_proxies_for_loopback(address), self.account.credentials
        # the SDK requests the credentials for every call, so that a client never uses expired credentials
        if self.assumed is not None:
            return {"credential": self.assumed, "endpoint": endpoint.host, "protocol": endpoint.protocol}
        return {
            "access_key_id": key.key_id,
            "access_key_secret": key.secret,
            "security_token": key.token or None,
            "endpoint": endpoint.host,
            "protocol": endpoint.protocol,
        }


def _disable_proxies_for_loopback(address: str) -> Endpoint:
    """Remove the process's proxy settings if the address is loopback, because the Tea SDKs ignore NO_PROXY.

    Returns the protocol and host of the address.
    """
    endpoint = Endpoint.from_address(address)
    if endpoint.is_loopback:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            os.environ.pop(name, None)
            os.environ.pop(name.upper(), None)
    return endpoint


def tablestore_retry_policy(policy: RetryPolicy) -> Any:
    """The retry policy as an object of the Tablestore SDK. The policy limits the SDK's retries after throttling and after failed
    reads.

    By default the SDK retries 20 times. The SDK never repeats a write whose outcome is unknown.
    """
    from tablestore.retry import DefaultRetryPolicy

    class BoundedRetryPolicy(DefaultRetryPolicy):  # type: ignore[misc]  # the SDK carries no types
        def should_retry(self, retry_times: int, exception: Any, api_name: str) -> bool:
            again = policy.interval_after_failures(retry_times + 1) is not None
            return again and bool(self._can_retry(retry_times, exception, api_name))

        def get_retry_delay(self, retry_times: int, exception: Any, api_name: str) -> float:
            return policy.interval_after_failures(retry_times + 1) or 0.0

    return BoundedRetryPolicy()
