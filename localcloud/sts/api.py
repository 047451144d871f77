"""GetCallerIdentity of STS, DescribeEndpoints of Location; each is an RPC service with a version of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from localcloud.core.access_keys import OWNER, Key
from localcloud.core.app import Cloud
from localcloud.core.http import Request, Response
from localcloud.core.service import Call
from localcloud.wire.rpc_service import Operation, Params, RpcService, answer, xml_answer

_LOCATION = {"DescribeEndpoints": {"Id": "str!", "ServiceCode": "str!", "Type": "str", "RegionId": "str"}}


class _Open(RpcService):
    """A service that anybody with a valid key may use: RAM is not asked."""

    def parse(self, request: Request) -> Call:
        return replace(super().parse(request), action="")


class Sts(_Open):
    """Security Token Service; anybody with a valid key may ask who they are."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud, "sts", "2015-04-01", {"GetCallerIdentity": {}})
        self.operations = {"GetCallerIdentity": Operation(lambda params: {})}

    def perform(self, call: Call, caller: Key) -> Response:
        """The account and the caller's name in it."""
        account = self.cloud.account_id
        role = caller.principal.removeprefix("role:")
        owner = caller.principal == OWNER
        arn = f"acs:ram::{account}:root" if owner else f"acs:ram::{account}:assumed-role/{role.lower()}/localcloud"
        kind = "Account" if owner else "AssumedRoleUser"
        body = {
            "AccountId": account,
            "Arn": arn,
            "IdentityType": kind,
            "PrincipalId": account if owner else role,
            "UserId": account,
        }
        shown = {"RequestId": self.cloud.request_id(), **body}
        return xml_answer(200, "GetCallerIdentityResponse", shown) if call.extra.get("xml") else answer(200, shown)


class Location(_Open):
    """Where services are: the public names, since a client that asks must be told this cloud's own address anyway."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud, "location", "2015-06-12", _LOCATION)
        self.operations = {"DescribeEndpoints": Operation(self._endpoints)}

    def _endpoints(self, params: Params) -> dict[str, Any]:
        """The region's name for a service, as the real Location answers it."""
        code = params["ServiceCode"]
        host = f"{code}.aliyuncs.com" if code == "smc" else f"{code}.{self.cloud.region}.aliyuncs.com"
        row = {
            "Endpoint": host,
            "Id": params["Id"],
            "Namespace": "",
            "SerivceCode": code,
            "Type": "openAPI",
            "Protocols": {"Protocols": ["HTTP"]},
        }
        return {"Success": True, "Endpoints": {"Endpoint": [row]}}
