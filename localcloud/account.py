"""The whole account: a cloud with all its services, the application deployed into it, and its HTTP server."""

from __future__ import annotations

import getpass
import importlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from localcloud.admin.accounts import AccountsAdmin
from localcloud.admin.api import PREFIX, Admin
from localcloud.admin.mishaps import Mishaps
from localcloud.apigateway.api import PREFIX as GATEWAY
from localcloud.core.app import INSTANCE_NAME, Cloud
from localcloud.core.door import Door
from localcloud.core.errors import ApiError
from localcloud.core.http import Request, Response
from localcloud.core.pump import Pump
from localcloud.core.server import Server
from localcloud.core.service import Call
from localcloud.deploy import apply
from localcloud.deploy.document import DeployError
from localcloud.deploy.plan import Plan, make
from localcloud.eventbridge import EventBridge
from localcloud.eventbridge.rpc import EventBridgeRpc
from localcloud.fc import FunctionCompute
from localcloud.fc.domains import Domain, downloaded
from localcloud.fc.invoker import Invoker
from localcloud.fc.process import WorkerInvoker

OTHER_SERVICES = (
    ("apigateway", "ApiGateway"),
    ("tablestore", "Tablestore"),
    ("ecs", "Ecs"),
    ("smc", "Smc"),
    ("sts", "Sts"),
    ("sts", "Location"),
    ("oidc", "Oidc"),
)
NOT_EMULATED = Path(__file__).with_name("not_emulated.json")
"""Parameters of ECS and SMC that the emulation does not read, by service and operation. ``make docs`` writes this file."""
ENDPOINT_VARIABLES = ("TABLESTORE", "EVENTBRIDGE", "ECS", "SMC", "STS", "FC")


@dataclass
class Files:
    """What to deploy: the two files, where the code comes from, and variables for s.yaml (``{url}`` stands for the cloud's URL)."""

    template: Path
    services: Path
    code_mode: str = "source"
    env: dict[str, str] = field(default_factory=dict)
    more: tuple[Path, ...] = ()
    """Templates of further stacks, such as gateway.yml."""
    routes: dict[str, str] = field(default_factory=dict)
    """Routes of the custom domain: the function's name, by the beginning of the path."""


def build(  # noqa: PLR0913 - one parameter per option
    folder: Path | None = None,
    seed: int = 0,
    real_time: bool = False,
    *,
    invoker: Invoker | None = None,
    strict: bool = True,
    private: bool = False,
    start: datetime | None = None,
) -> Cloud:
    """Build a cloud with all services. The cloud is not served yet; its services are in ``cloud.services``.

    Functions run in worker processes unless an ``invoker`` is given. ``strict`` makes ECS and SMC refuse unknown parameters.
    ``private`` makes the secrets random; a cloud that is served on a port must have random secrets. ``start`` is the moment when
    virtual time begins.
    """
    cloud = Cloud(folder, seed=seed, real_time=real_time, private=private, start=start)
    cloud.hooks.strict = strict
    if strict:
        cloud.hooks.check_call = _refuse_not_emulated
    cloud.services.append(FunctionCompute(cloud, invoker or WorkerInvoker(folder / "logs" if folder else None)))
    eventbridge = EventBridge(cloud)
    cloud.services += [eventbridge, EventBridgeRpc(cloud, eventbridge.control, eventbridge.publisher)]
    for module, name in OTHER_SERVICES:
        cloud.services.append(getattr(importlib.import_module(f"localcloud.{module}"), name)(cloud))
    return cloud


_OFF = (
    *("ConfirmStop", "EnableNetworkEncryption", "ForceStop", "Hibernate", "InitLocalDisk", "InstantAccess", "KeepCommand"),
    *("NeedSaleCycle", "SyncData"),
)
"""Pass only the switches that are on: a switch that is absent is off, and keeps its default."""
_NOT_EMULATED: dict[str, dict[str, list[str]]] = json.loads(NOT_EMULATED.read_text(encoding="utf-8"))


def _refuse_not_emulated(name: str, call: Call) -> None:
    """Refuse a parameter that the real service obeys but this emulation would ignore. The error code is UnknownParameter's."""
    idle = _NOT_EMULATED.get(name, {}).get(call.operation, ())
    if meant := [each for each in idle if each in call.params and not (each in _OFF and call.params[each] is False)]:
        raise ApiError("ParameterNotEmulated", f"{', '.join(meant)}: not emulated, see docs/localcloud.md of localcloud.", 400)


def service(cloud: Cloud, name: str) -> Any:
    """A service of the cloud by its name (``tablestore``, ``eventbridge``, ``fc``, ``ecs`` or ``smc``)."""
    return next(each for each in cloud.services if each.name == name)


def deploy(cloud: Cloud, files: Files, url: str) -> Plan:
    """Read the files and change the account to match them. Raises DeployError."""
    endpoints = {f"REPLANK_{name}_ENDPOINT": url for name in ENDPOINT_VARIABLES}
    given = {name: value.replace("{url}", url) for name, value in files.env.items()}
    plan = make(files.template, files.services, more=files.more, env={**endpoints, **given}, code_mode=files.code_mode)
    apply.apply(plan, target(cloud))
    return plan


def target(cloud: Cloud) -> apply.Account:
    """The services of a cloud that a deployment writes to."""
    return apply.Account(cloud, *(service(cloud, name) for name in ("eventbridge", "fc", "tablestore", "apigateway")))


def _user() -> str:
    """The name of the user with whose rights the scripts in simulated guests run."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "the user who started this"


class Running:
    """A running account on a port. ``description`` is what the ready line prints. Stop the account with ``close``."""

    def __init__(
        self, cloud: Cloud, *, port: int = 0, hold: bool = False, speed: float | None = None, files: Files | None = None
    ) -> None:
        """Bind the port, deploy, serve, and start the clock. Raises OSError (port in use) or DeployError."""
        self.cloud, self._files = cloud, files
        self._domain = Domain(files.routes if files else {})
        self.server = Server(port, self._handle)
        self.door = Door(self.server.port, PREFIX, cloud.secret("admin"))
        self.plan: Plan | None = None
        self.pump = Pump(cloud, hold=hold, speed=speed)
        self.fc: FunctionCompute = service(cloud, "fc")
        AccountsAdmin(cloud, service(cloud, "eventbridge"))
        mishaps = Mishaps(service(cloud, "ecs").world)
        self._admin = Admin(cloud, self.pump, service(cloud, "eventbridge"), self.fc, mishaps, self.describe, self._deploy)
        try:
            if files:
                self.plan = deploy(cloud, files, self.server.url)
        except BaseException:
            self.server.server_close()
            raise
        self.server.start()
        self.pump.start()

    def _handle(self, request: Request) -> Response:
        refusal = self.door.refusal(request)
        if refusal is not None:
            return refusal
        if request.target.startswith(PREFIX):
            return self._admin.handle(request)
        routed = self._domain.routed(request)
        return self.cloud.handle(routed) if routed else downloaded(request, self.cloud.handle(request))

    def _deploy(self, env: dict[str, str]) -> dict[str, Any]:
        if self._files is None:
            raise ValueError("this cloud was started without --template and --services")
        self._files.env |= env
        try:
            self.plan = deploy(self.cloud, self._files, self.server.url)
        except DeployError as error:
            raise ValueError(str(error)) from error
        return self.describe()

    def describe(self) -> dict[str, Any]:
        """The endpoints, keys and names of the account, as the ready line prints them."""
        cloud, url = self.cloud, self.server.url
        instances = self.plan.template.instances if self.plan else []
        http = {
            function.name: f"{url}/http/{function.name}"
            for function in self.fc.functions.all()
            if any(trigger.type == "http" for trigger in function.triggers)
        }
        return {
            **dict.fromkeys(("tablestore", "eventbridge", "fc", "ecs", "smc"), url),
            "region": cloud.region,
            "account_id": cloud.account_id,
            "instance_name": instances[0]["InstanceName"] if instances else INSTANCE_NAME,
            "access_key_id": cloud.owner.access_key_id,
            "access_key_secret": cloud.owner.access_key_secret,
            "admin": url + PREFIX.rstrip("/"),
            "admin_token": self.door.token,
            "guests_run_as": _user(),
            "http": http,
            "gateway": self._gateway(url),
        }

    def _gateway(self, url: str) -> dict[str, Any]:
        """The groups of API Gateway by name: each group's address, and the keys of its apps by the app's name."""
        return {
            group.name: {
                "url": f"{url}{GATEWAY}{group.name}",
                "apps": {app.name: {"key": app.key, "secret": app.secret, "code": app.code} for app in group.apps},
            }
            for group in service(self.cloud, "apigateway").groups()
        }

    def close(self) -> None:
        """Stop serving, stop time, end the functions' processes and close the state."""
        self.server.shutdown()
        self.server.server_close()
        self.pump.stop()
        self.fc.runner.invoker.close()
        self.cloud.close()
