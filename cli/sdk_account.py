"""SDK clients of the cloud services, for the commands that do not use the pipeline's API."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cli.client import credentials_from_environment
from cli.problem import BAD_INPUT, NEGATIVE, Problem, bad_input_problem
from shared.domain.retry import CHECK_CALL

CONNECT_MS, READ_MS = 5000, 30000
INVOKE_S = 630
"""Time limit of an invocation, in seconds. The limit is a little longer than the ten minutes that a function may run (s.yaml)."""
SERVICES = ("EVENTBRIDGE", "TABLESTORE", "ECS", "SMC", "FC")


@dataclass(frozen=True)
class OperatorAccount:
    """The account's region, keys, resource names and endpoints. An endpoint is a host name, or a URL for the local cloud."""

    region: str
    bus: str
    tablestore_instance: str
    key: tuple[str, str, str]
    endpoints: dict[str, str] = field(default_factory=dict)
    """Maps a service (EVENTBRIDGE, TABLESTORE, ECS, SMC or FC) to the endpoint that replaces the service's default endpoint."""
    account_id: str = ""

    @classmethod
    def from_environment(cls) -> OperatorAccount:
        """The account that the REPLANK_ variables and the credentials in the environment describe."""
        get = os.environ.get
        endpoints = {name: get(f"REPLANK_{name}_ENDPOINT", "") for name in SERVICES}
        return cls(
            get("REPLANK_REGION") or "cn-hangzhou",
            get("REPLANK_BUS") or "replank",
            get("REPLANK_TABLESTORE_INSTANCE") or "replank",
            credentials_from_environment(),
            {name: url for name, url in endpoints.items() if url},
            get("REPLANK_ACCOUNT_ID", ""),
        )

    def service_endpoint(self, service: str) -> tuple[str, str]:
        """The protocol and host of a service, from ``endpoints`` or else from Alibaba Cloud's documented endpoint."""
        given = self.endpoints.get(service, "")
        if given:
            parts = urlsplit(given if "//" in given else f"https://{given}")
            return parts.scheme, parts.netloc
        known = {
            "EVENTBRIDGE": f"eventbridge.{self.region}.aliyuncs.com",
            "TABLESTORE": f"{self.tablestore_instance}.{self.region}.ots.aliyuncs.com",
            "ECS": f"ecs.{self.region}.aliyuncs.com",
            "SMC": "smc.aliyuncs.com",
        }
        if service not in known:
            if not self.account_id:
                raise bad_input_problem(
                    "Setting.Missing",
                    "Neither REPLANK_FC_ENDPOINT nor REPLANK_ACCOUNT_ID is set.",
                    "Set REPLANK_ACCOUNT_ID to the id of the account (shown at the top right of the console).",
                )
            return "https", f"{self.account_id}.{self.region}.fc.aliyuncs.com"
        return "https", known[service]

    def eventbridge_client(self) -> Any:
        """An SDK client of EventBridge."""
        from alibabacloud_eventbridge import models
        from alibabacloud_eventbridge.client import Client

        protocol, host = self.service_endpoint("EVENTBRIDGE")
        key_id, secret, token = self.key
        config = models.Config(
            access_key_id=key_id,
            access_key_secret=secret,
            security_token=token or None,
            endpoint=host,
            protocol=protocol,
            region_id=self.region,
            connect_timeout=CONNECT_MS,
            read_timeout=READ_MS,
            **proxy_bypass_settings(host),
        )
        return Client(config)

    def openapi_client(self, service: str) -> Any:
        """A generic SDK client that sends requests in the RPC style to ECS or SMC."""
        from alibabacloud_tea_openapi import models
        from alibabacloud_tea_openapi.client import Client

        protocol, host = self.service_endpoint(service)
        key_id, secret, token = self.key
        config = models.Config(
            access_key_id=key_id,
            access_key_secret=secret,
            security_token=token or None,
            region_id=self.region,
            endpoint=host,
            protocol=protocol,
            connect_timeout=CONNECT_MS,
            read_timeout=READ_MS,
        )
        return Client(config)

    def tablestore_client(self) -> Any:
        """An SDK client of Tablestore."""
        for name in ("tablestore.encoder", "tablestore.decoder", "tablestore-client"):
            logging.getLogger(name).setLevel(logging.ERROR)
        from tablestore import OTSClient

        from shared.adapters.sdk import tablestore_retry_policy

        protocol, host = self.service_endpoint("TABLESTORE")
        key_id, secret, token = self.key
        return OTSClient(
            f"{protocol}://{host}",
            key_id,
            secret,
            self.tablestore_instance,
            sts_token=token or None,
            socket_timeout=READ_MS / 1000,
            retry_policy=tablestore_retry_policy(CHECK_CALL),
        )

    def functions_client(self) -> Any:
        """An SDK client of Function Compute that calls version 3.0 of the API. The SDK fc2 itself supports only version 2.0."""
        import fc2

        class FunctionsClient(fc2.Client):  # type: ignore[misc]
            def invoke(self, name: str, payload: bytes) -> Any:
                path = f"/2023-03-30/functions/{name}/invocations"
                headers = self._build_common_headers("POST", path, {"x-fc-log-type": "Tail"})
                return self._do_request("POST", path, headers, body=payload)

        protocol, host = self.service_endpoint("FC")
        key_id, secret, token = self.key
        return FunctionsClient(
            endpoint=f"{protocol}://{host}", accessKeyID=key_id, accessKeySecret=secret, securityToken=token, Timeout=INVOKE_S
        )


def proxy_bypass_settings(host: str) -> dict[str, str]:
    """Client settings that bypass the environment's proxy if the host is this machine."""
    return {"no_proxy": host} if is_this_machine(host) else {}


def is_this_machine(host: str) -> bool:
    """Whether ``host``, with or without a port, is this machine."""
    return host.rsplit(":", 1)[0] in ("127.0.0.1", "localhost")


def call_rpc(client: Any, action: str, version: str, query: dict[str, Any]) -> Any:
    """Send one RPC request. Returns the body of the answer. Raises the SDK's own errors."""
    from alibabacloud_openapi_util.client import Client as OpenApiUtil
    from alibabacloud_tea_openapi import models
    from alibabacloud_tea_util import models as util

    params = models.Params(
        action=action,
        version=version,
        protocol="HTTPS",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )
    runtime = util.RuntimeOptions(autoretry=False, max_attempts=1)
    return client.call_api(params, models.OpenApiRequest(query=OpenApiUtil.query(query)), runtime)["body"]


_NO_ANSWER = re.compile(r"Pool\(host=|NewConnectionError|NameResolutionError|ProxyError")
_HOST, _PORT = re.compile(r"host=\\?'([^'\\]+)"), re.compile(r"port=(\d+)")
_CAUSE = re.compile(r"(?:Errno -?\d+\] |: )((?:Connection|Name|Network|No route|Temporary)[A-Za-z ]+|[^:]*[Tt]imed out)")
"""Patterns that find the host, port and cause in the nested error texts of urllib3 and requests."""
_DENIED = ("NoPermission", "Forbidden", "AccessDenied", "AuthFailed", "Signature", "InvalidAccessKeyId")


def problem_from_error(error: Exception, service: str) -> Problem:
    """The Problem that reports an SDK's error. The Problem's code is made from the service's error code."""
    code = str(getattr(error, "code", "") or getattr(error, "err_code", "") or type(error).__name__)
    if hasattr(error, "get_error_code"):
        code = str(error.get_error_code())
    message = str(getattr(error, "message", "") or error)[:500]
    silent = _NO_ANSWER.search(f"{error}")
    if silent:
        return Problem(
            f"{_error_code_prefix(service)}.Unreachable",
            _unreachable_message(f"{error}"),
            _endpoint_remedy(service),
            exit_status=NEGATIVE,
        )
    denied = any(word in code for word in _DENIED)
    remedy = "Check the key pair and what its RAM policies allow." if denied else _endpoint_remedy(service)
    return Problem(f"{_error_code_prefix(service)}.{code}", message, remedy, exit_status=BAD_INPUT if denied else NEGATIVE)


def _error_code_prefix(service: str) -> str:
    """A service's name as the first part of an error code. For example, ``event bus`` becomes ``EventBus``."""
    return "".join(word[:1].upper() + word[1:] for word in service.split())


def _unreachable_message(told: str) -> str:
    """One sentence made from the text of a connection error: which host does not answer, and why."""
    host, port, cause = _HOST.search(told), _PORT.search(told), _CAUSE.search(told)
    where = f"{host[1]}{f':{port[1]}' if port else ''}" if host else "The service"
    why = cause[1] if cause else "no connection"
    return f"{where} does not answer: {why[:1].lower()}{why[1:]}."


def _endpoint_remedy(service: str) -> str:
    return f"Check the endpoint of {service} (a variable REPLANK_..._ENDPOINT, if one is set), the proxy and the network."
