"""The common part of ECS and SMC: an RPC service, from the request to the answer in JSON.

A service is a table of operations. Each operation is a function of its parameters, and names the resources that RAM checks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

from localcloud.core.access_keys import Key
from localcloud.core.app import Cloud
from localcloud.core.errors import ApiError
from localcloud.core.http import Request, Response
from localcloud.core.regions import REGIONS
from localcloud.core.service import Call
from localcloud.wire import acs3, enums, rpc, rpc_v1, rpc_xml

Params = dict[str, Any]
_SUMMARY_LENGTH = 400


@dataclass(frozen=True)
class Operation:
    """An operation. ``perform`` returns the answer's body without RequestId. ``resources`` returns its resources as relative ARNs
    (``disk/d-1``).
    """

    perform: Callable[[Params], dict[str, Any]]
    resources: Callable[[Params], tuple[str, ...]] = lambda params: ("*",)


def load_spec(package: str) -> dict[str, rpc.Spec]:
    """A service's parameter table, from ``spec.json`` in its folder."""
    table: dict[str, rpc.Spec] = json.loads(resources.files(package).joinpath("spec.json").read_text(encoding="utf-8"))
    return table


class RpcService:
    """The part of core.service.Service that is the same for every RPC service."""

    def __init__(self, cloud: Cloud, name: str, version: str, spec: Mapping[str, rpc.Spec]) -> None:
        self.cloud, self.name, self.version, self.spec = cloud, name, version, spec
        self.operations: dict[str, Operation] = {}
        self._nonces = acs3.Nonces()

    def claims(self, request: Request) -> bool:
        """Whether the API version is this service's. Each service has its own version, in a header or in the older signature's
        parameter.
        """
        version = request.headers.get("x-acs-version")
        return (version or rpc_v1.plain(request).get("Version")) == self.version

    def authenticate(self, request: Request) -> Key:
        """The key that signed the request, with either kind of signature."""
        if rpc_v1.signed_so(request):
            return rpc_v1.verify(request.method, rpc_v1.plain(request), self.cloud.identities, self._nonces)
        return acs3.verify(request, self.cloud.identities, self._nonces)

    def parse(self, request: Request) -> Call:
        """The operation with its parameters, from the query and a form body."""
        if not rpc_v1.signed_so(request):
            return self.call_of(request.headers.get("x-acs-action", ""), request.query + rpc_v1.form(request))
        params = rpc_v1.plain(request)
        operation = params.get("Action", "")
        # Older SDKs send RegionId with every call, even if the operation has no such parameter.
        unasked = {*rpc_v1.COMMON, *({"RegionId"} - set(self.spec.get(operation, {})))}
        call = self.call_of(operation, [(name, value) for name, value in params.items() if name not in unasked])
        return replace(call, extra={"xml": _wants_xml(request)})

    def call_of(self, operation: str, pairs: list[tuple[str, str]]) -> Call:
        """The call for an operation's name and flat parameters. Raises InvalidAction.NotFound, MissingParameter and the like."""
        if operation not in self.operations or operation not in self.spec:
            raise ApiError(
                "InvalidAction.NotFound", f"Specified api {operation!r} is not found, please check your url and method.", 404
            )
        params = rpc.decode(pairs, self.spec[operation], strict=self.cloud.hooks.strict)
        enums.check(self.name, operation, params)
        region = params.get("RegionId", self.cloud.region)
        if region not in REGIONS:
            raise ApiError("InvalidRegionId.NotFound", f"The specified RegionId {region} does not exist.", 404)
        owner = f"acs:{self.name}:{region}:{self.cloud.account_id}"
        relative = self.operations[operation].resources(params)
        summary = " ".join(f"{name}={value}" for name, value in params.items())[:_SUMMARY_LENGTH]
        arns = tuple(f"{owner}:{each}" for each in relative)
        return Call(operation, f"{self.name}:{operation}", arns, params, summary)

    def perform(self, call: Call, caller: Key) -> Response:
        """Carry out the call and add the RequestId."""
        body = self.operations[call.operation].perform(call.params)
        shown = {"RequestId": self.cloud.request_id(), **body}
        return xml_answer(200, f"{call.operation}Response", shown) if call.extra.get("xml") else answer(200, shown)

    def refuse(self, request: Request, error: ApiError, request_id: str) -> Response:
        """The error object that every RPC service answers with."""
        return self.refusal(request, error, request_id, "Forbidden.RAM" if error.code == "NoPermission" else error.code)

    def refusal(self, request: Request, error: ApiError, request_id: str, code: str) -> Response:
        """The same error object with a code of the service's own."""
        host = request.headers.get("host", "")
        recommend = f"https://api.aliyun.com/troubleshoot?q={code}&product={self.name.capitalize()}&requestId={request_id}"
        body = {"RequestId": request_id, "HostId": host, "Code": code, "Message": error.message, "Recommend": recommend}
        if rpc_v1.signed_so(request) and _wants_xml(request):
            return xml_answer(error.status, "Error", body)
        return answer(error.status, body)


def _wants_xml(request: Request) -> bool:
    return rpc_v1.plain(request).get("Format", "XML").upper() == "XML"


def xml_answer(status: int, root: str, body: Mapping[str, Any]) -> Response:
    """An XML answer, with the content type that the SDKs recognise."""
    return Response(status, {"content-type": "text/xml;charset=utf-8"}, rpc_xml.document(root, body))


_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""The same as ``json.dumps``, which would make such an encoder for each answer."""


def answer(status: int, body: Mapping[str, Any]) -> Response:
    """A JSON answer."""
    return Response(status, {"content-type": "application/json;charset=utf-8"}, _as_json(body).encode())
