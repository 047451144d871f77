"""Function Compute as a service of the cloud: invocations by the paths of 2016-08-15 (fc2) and 2023-03-30, and HTTP triggers."""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from urllib.parse import unquote

from localcloud.core.access_keys import Key
from localcloud.core.app import Cloud
from localcloud.core.errors import ApiError
from localcloud.core.http import Later, Request, Response
from localcloud.core.service import Call
from localcloud.fc import http_trigger, operations, shown
from localcloud.fc.invoker import Invoker
from localcloud.fc.model import Function, Result, Trigger
from localcloud.fc.queue import Queue
from localcloud.fc.runner import Runner
from localcloud.fc.store import Functions, History
from localcloud.fc.timers import Timers
from localcloud.wire import acs3, fc_sign, http_trigger_sign

LOG_TAIL_BYTES = 4096
ANONYMOUS = Key("", "", "", "anonymous")
_INVOKE = re.compile(r"/(?:2016-08-15/services/([^/]+)|2023-03-30)/functions/([^/]+)/invocations")
_GET = re.compile(r"/(?:2016-08-15/services/([^/]+)|2023-03-30)/functions(?:/([^/]+))?")
_PREFIXES = ("/2016-08-15/", "/2023-03-30/", http_trigger.PREFIX)


class FunctionCompute:
    """The account's functions. It registers the hooks ``invoke_function`` and ``call_function``."""

    name = "fc"

    def __init__(self, cloud: Cloud, invoker: Invoker) -> None:
        self._cloud = cloud
        self.functions = Functions(cloud)
        self.history = History()
        self.runner = Runner(cloud, invoker, self.history)
        self.queue = Queue(cloud, self.functions, self.runner)
        self.timers = Timers(cloud, self.functions, self.queue)
        cloud.hooks.invoke_function = lambda name, payload, info: self.queue.add(name, payload, info.get("source", "?"))
        cloud.hooks.call_function = self._call

    def _call(self, name: str, payload: bytes, source: str, patience_s: float) -> Result | None:
        """Run a function and wait for it without holding the cloud's lock. None if the function takes longer than
        ``patience_s``.
        """
        with self._cloud.lock:
            function = self.functions.need(name)
        return self.runner.run_within(function, payload, source, self._cloud.request_id(), patience_s)

    def put(self, function: Function) -> None:
        """Deploy a function. If it changed, its instances and timers are restarted."""
        former = self.functions.get(function.name)
        with self._cloud.lock, self._cloud.db.transaction():
            if former is not None and former.triggers != function.triggers:
                self.timers.cancel(former)
            if self.functions.put(function) and former is not None:
                self.runner.invoker.forget(function.name)
            self.timers.arrange(function)

    def drop(self, name: str) -> None:
        """Remove a function, its timers and its waiting invocations."""
        function = self.functions.need(name)
        with self._cloud.lock, self._cloud.db.transaction():
            self.timers.cancel(function)
            self.functions.drop(name)
            self.runner.invoker.forget(name)

    def claims(self, request: Request) -> bool:
        return request.target.startswith(_PREFIXES)

    def authenticate(self, request: Request) -> Key:
        if request.target.startswith(http_trigger.PREFIX):
            trigger = self._http_trigger(request)
            if trigger.config.get("authType") == "anonymous":
                return ANONYMOUS
            return http_trigger_sign.verify(request, self._cloud.identities)
        return self._signer(request)

    def _signer(self, request: Request) -> Key:
        if not request.headers.get("authorization", "").startswith(acs3.ALGORITHM):
            return fc_sign.verify(request, self._cloud.identities)
        return acs3.verify(request, self._cloud.identities)

    def _http_trigger(self, request: Request) -> Trigger:
        function = self.functions.need(http_trigger.function_of(request))
        trigger = next((each for each in function.triggers if each.type == "http"), None)
        if trigger is None:
            raise ApiError("TriggerNotFound", f"function '{function.name}' has no HTTP trigger", 404)
        return trigger

    def parse(self, request: Request) -> Call:
        if request.target.startswith(http_trigger.PREFIX):
            return self._parse_http(request)
        found = _INVOKE.fullmatch(request.path)
        if found and request.method == "POST":
            operations.check_service(unquote(found[1] or ""))
            return self._parse_invocation(request, unquote(found[2]))
        found = _GET.fullmatch(request.path)
        if found and request.method == "GET":
            operations.check_service(unquote(found[1] or ""))
            name = unquote(found[2] or "")
            operation = "GetFunction" if name else "ListFunctions"
            self._check(operation, request)
            params = {**dict(request.query), "name": _plain_name(name), "older": request.path.startswith(_PREFIXES[0])}
            return Call(operation, f"fc:{operation}", (self.arn(name or "*"),), params, name)
        raise ApiError("PathNotSupported", f"'{request.path}' against '{request.method}' is not supported")

    def _parse_http(self, request: Request) -> Call:
        function, trigger = self.functions.need(http_trigger.function_of(request)), self._http_trigger(request)
        methods = trigger.config.get("methods") or []
        if methods and request.method not in methods:
            raise ApiError("MethodNotAllowed", f"the HTTP trigger does not take {request.method}", 403)
        if len(request.body) > http_trigger.MAX_BODY:
            raise operations.too_large(http_trigger.MAX_BODY)
        action = "" if trigger.config.get("authType") == "anonymous" else "fc:InvokeFunction"
        return Call(
            "InvokeHTTPTrigger", action, (self.arn(function.name),), request, f"{function.name} {request.method} {request.path}"
        )

    def _parse_invocation(self, request: Request, name: str) -> Call:
        kind = request.headers.get("x-fc-invocation-type", "Sync")
        if kind not in ("Sync", "Async"):
            raise ApiError("InvalidArgument", "x-fc-invocation-type must be Sync or Async")
        self._check("InvokeFunction", request)
        if len(request.body) > http_trigger.MAX_BODY:
            raise operations.too_large(http_trigger.MAX_BODY)
        tail = request.headers.get("x-fc-log-type", "None") == "Tail"
        function = self.functions.need(_plain_name(name))
        params = {"function": function, "body": request.body, "async": kind == "Async", "tail": tail}
        return Call("InvokeFunction", "fc:InvokeFunction", (self.arn(function.name),), params, f"{function.name} {kind}")

    def _check(self, operation: str, request: Request) -> None:
        operations.check(operation, request, strict=self._cloud.hooks.strict)

    def perform(self, call: Call, caller: Key) -> Response | Later:
        if call.operation == "ListFunctions":
            listed, following = operations.page(self.functions.all(), call.params)
            functions = [self._shown(each, call.params) for each in listed]
            return _json({"functions": functions, **({"nextToken": following} if following else {})})
        if call.operation == "GetFunction":
            return _json(self._shown(self.functions.need(call.params["name"]), call.params))
        if call.operation == "InvokeHTTPTrigger":
            return self._perform_http(call.params)
        function: Function = call.params["function"]
        if call.params["async"]:
            request_id = self.queue.add(function.name, call.params["body"], "api")
            return Response(202, {"X-Fc-Request-Id": request_id})
        request_id = self._cloud.request_id()
        return Later(
            lambda: _answer(self.runner.run(function, call.params["body"], "api", request_id), request_id, call.params["tail"])
        )

    def _perform_http(self, request: Request) -> Later:
        function, request_id = self.functions.need(http_trigger.function_of(request)), self._cloud.request_id()
        now, account = self._cloud.clock.now_ms(), self._cloud.account_id
        event = http_trigger.event(request, request_id=request_id, account_id=account, now_ms=now)
        return Later(lambda: http_trigger.response(self.runner.run(function, event, "http", request_id), request_id))

    def refuse(self, request: Request, error: ApiError, request_id: str) -> Response:
        code = "AccessDenied" if error.code == "NoPermission" else error.code
        answer = _json(
            {"ErrorCode": code, "ErrorMessage": error.message, "Code": code, "Message": error.message, "RequestId": request_id}
        )
        kind = http_trigger.REFUSED if request.target.startswith(http_trigger.PREFIX) else {}
        return Response(error.status, {**answer.headers, **kind, "X-Fc-Request-Id": request_id}, answer.body)

    def _shown(self, function: Function, params: dict[str, Any]) -> dict[str, Any]:
        times, account = self.functions.times(function.name), self._cloud.account_id
        if params["older"]:
            return shown.of_2_0(function, times)
        return shown.of_3_0(function, times, self.arn(function.name), account)

    def arn(self, name: str) -> str:
        """A function's ARN."""
        return f"acs:fc:{self._cloud.region}:{self._cloud.account_id}:functions/{name}"


def _plain_name(name: str) -> str:
    """The function's name without the service: a function of 2.0 is called ``service$function`` in 3.0."""
    return name.partition("$")[2] or name


def _json(body: Any) -> Response:
    return Response(200, {"content-type": "application/json"}, json.dumps(body).encode())


def _answer(result: Result, request_id: str, tail: bool) -> Response:
    headers = {"X-Fc-Request-Id": request_id, "content-type": "application/json" if result.error else "application/octet-stream"}
    if result.error:
        headers["x-fc-error-type"] = result.error
    if tail:
        headers["x-fc-log-result"] = base64.b64encode(result.log.encode()[-LOG_TAIL_BYTES:]).decode()
    return Response(200, headers, result.body)
