"""API Gateway as a service of the cloud. The path prefix ``/gateway/GROUP`` stands for the host name of a group.

The caller signs the path as sent, ``/gateway/GROUP`` included; all else is as in the real service. The gateway runs functions
through the hook ``call_function``, in the role that the API names. RAM decides whether that role may invoke the function.
"""

from __future__ import annotations

import functools
from urllib.parse import unquote

from localcloud.apigateway import mapping
from localcloud.apigateway.errors import CODES, answer, refusal
from localcloud.apigateway.guard import Guard
from localcloud.apigateway.model import Api, App, Group
from localcloud.core.access_keys import Key
from localcloud.core.app import Cloud
from localcloud.core.errors import ApiError
from localcloud.core.hooks import offered
from localcloud.core.http import Later, Request, Response
from localcloud.core.service import Call

PREFIX = "/gateway/"


class ApiGateway:
    """The account's groups of APIs."""

    name = "apigateway"

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._groups = cloud.db.collection("apigateway.group")
        self._guard = Guard()

    def put(self, group: Group) -> None:
        """Deploy a group. A group of the same name is replaced."""
        with self._cloud.lock, self._cloud.db.transaction():
            self._groups.put(group.name, group.as_json())

    def drop_others(self, names: set[str]) -> None:
        """Remove the groups that a deployment does not name."""
        for name in {name for name, _ in self._groups.items()} - names:
            self._groups.delete(name)

    def groups(self) -> list[Group]:
        """Every group."""
        return [Group.from_json(doc) for _, doc in self._groups.items()]

    def claims(self, request: Request) -> bool:
        return request.target.startswith(PREFIX)

    def authenticate(self, request: Request) -> Key:
        group, api, _ = self._route(request)
        app = self._guard.app_of(request, api, group)
        return Key(app.key, "", "", f"app:{app.id}")

    def parse(self, request: Request) -> Call:
        group, api, raw_path = self._route(request)
        return Call(api.name, "", (), (request, group, api, raw_path), f"{request.method} {raw_path}")

    def _route(self, request: Request) -> tuple[Group, Api, str]:
        name, _, rest = request.path[len(PREFIX) :].partition("/")
        doc = self._groups.get(unquote(name))
        if doc is None:
            raise refusal("I404DO", name)
        if request.headers.get("x-ca-stage", "RELEASE").upper() != "RELEASE":
            raise refusal("I400SG")
        group, raw_path = Group.from_json(doc), f"/{rest}"
        api = next((each for each in group.apis if each.method == request.method and each.match(raw_path) is not None), None)
        if api is None:
            raise refusal("I404NF")
        return group, api, raw_path

    def perform(self, call: Call, caller: Key) -> Response | Later:
        request, group, api, raw_path = call.params
        app = next(each for each in group.apps if each.key == caller.access_key_id)
        self._guard.count(group, api, app, self._cloud.clock.now_ms())
        self._check_role(api)
        request_id = self._cloud.request_id()
        event = mapping.event(request, api, raw_path, self._system(app, request_id))
        return Later(functools.partial(self._forward, api, event, request_id))

    def _check_role(self, api: Api) -> None:
        arn = f"acs:fc:{self._cloud.region}:{self._cloud.account_id}:functions/{api.function}"
        if not self._cloud.policies.allows(f"role:{api.role}", "fc:InvokeFunction", arn):
            raise refusal("A403FC", api.role)

    def _system(self, app: App, request_id: str) -> dict[str, str]:
        now = str(self._cloud.clock.now_ms())
        return {
            "CaAppId": app.id,
            "CaClientIp": "127.0.0.1",
            "CaDomain": "127.0.0.1",
            "CaRequestHandleTime": now,
            "CaRequestId": request_id,
            "CaHttpSchema": "HTTP",
            "CaProxy": "",
        }

    def _forward(self, api: Api, event: bytes, request_id: str) -> Response:
        """Wait for the function without holding the cloud's lock."""
        try:
            result = offered(self._cloud.hooks.call_function)(api.function, event, self.name, api.timeout_ms / 1000)
            if result is None:
                raise refusal("D504TO")
            if result.error:
                raise refusal("D502FC", result.error)
            return mapping.response(result.body, request_id)
        except ApiError as error:
            if error.code not in CODES:
                error = refusal("D502FC", error.message)
            return self.refuse(Request("", "", {}), error, request_id)

    def refuse(self, request: Request, error: ApiError, request_id: str) -> Response:
        return answer(error, request_id)
