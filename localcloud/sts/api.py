"""GetCallerIdentity and AssumeRole of STS, and DescribeEndpoints of Location. Each of the two is an RPC service with its own
version.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from localcloud.core.access_keys import OWNER, Key
from localcloud.core.app import Cloud
from localcloud.core.errors import ApiError
from localcloud.core.http import Request, Response
from localcloud.core.service import Call
from localcloud.sts.assume import SPEC, AssumeRole, role_id, user_id
from localcloud.wire.rpc_service import Operation, Params, RpcService, answer, xml_answer

_LOCATION = {"DescribeEndpoints": {"Id": "str!", "ServiceCode": "str!", "Type": "str", "RegionId": "str"}}


class _Open(RpcService):
    """A service that everybody with a valid key may use. RAM does not check its calls."""

    def parse(self, request: Request) -> Call:
        return replace(super().parse(request), action="")


class Sts(_Open):
    """Security Token Service. Everybody with a valid key may ask for their identity; AssumeRole checks RAM itself."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud, "sts", "2015-04-01", {"GetCallerIdentity": {}, "AssumeRole": SPEC})
        self.operations = {name: Operation(lambda params: {}) for name in self.spec}
        self._assume = AssumeRole(cloud)

    def perform(self, call: Call, caller: Key) -> Response:
        """The requested credentials, or the caller's account and name."""
        body = self._assume.perform(call.params, caller) if call.operation == "AssumeRole" else self._identity(caller)
        shown = {"RequestId": self.cloud.request_id(), **body}
        return xml_answer(200, f"{call.operation}Response", shown) if call.extra.get("xml") else answer(200, shown)

    def _identity(self, caller: Key) -> dict[str, str]:
        account, name = self.cloud.account_id, caller.principal.removeprefix("role:")
        if caller.principal == OWNER:
            arn = f"acs:ram::{account}:root"
            return {"AccountId": account, "Arn": arn, "IdentityType": "Account", "PrincipalId": account, "UserId": account}
        if caller.principal.startswith("user:"):
            user = caller.principal.removeprefix("user:")
            id = user_id(self.cloud, account, user)
            shown = {"AccountId": account, "Arn": f"acs:ram::{account}:user/{user}", "IdentityType": "RAMUser"}
            return {**shown, "PrincipalId": id, "UserId": id}
        arn = f"acs:ram::{account}:assumed-role/{name.lower()}/{caller.session or 'localcloud'}"
        known = {"AccountId": account, "Arn": arn, "IdentityType": "AssumedRoleUser"}
        if not caller.session:
            return {**known, "PrincipalId": name, "UserId": account}
        id = role_id(self.cloud, account, name)
        return {**known, "PrincipalId": f"{id}:{caller.session}", "RoleId": id}

    def refuse(self, request: Request, error: ApiError, request_id: str) -> Response:
        """The error of an RPC service, except that STS calls a refused permission NoPermission."""
        return self.refusal(request, error, request_id, error.code)


class Location(_Open):
    """Addresses of services. The real service's public names are returned, because a client must be given this cloud's address by
    other means.
    """

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud, "location", "2015-06-12", _LOCATION)
        self.operations = {"DescribeEndpoints": Operation(self._endpoints)}

    def _endpoints(self, params: Params) -> dict[str, Any]:
        """The host name of a service in a region, as the real Location returns it."""
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
