"""The matrix of docs/localcloud.md: operations, the parameters that take effect, and those that are refused or have no effect."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from localcloud import account
from localcloud.admin.mishaps import Mishaps
from localcloud.core.app import Cloud
from localcloud.core.faults import KINDS
from localcloud.eventbridge.operations import OPERATIONS as EVENT_OPERATIONS
from localcloud.fc.inprocess import InProcessInvoker
from localcloud.fc.operations import OPERATIONS as FUNCTION_OPERATIONS
from localcloud.tablestore.messages import request_of
from localcloud.tablestore.refused import REFUSED
from localcloud.wire.rpc_service import RpcService
from tools.pages.common import codes, table
from tools.pages.reading import names_read

OWNER = ("OwnerAccount", "OwnerId", "ResourceOwnerAccount", "ResourceOwnerId")
"""Parameters from before RAM existed. Every operation has them, and they have no effect."""
HARMLESS = ("AcceptLanguage", "RegionId", "RelatedJobType")
"""Parameters without effect in this emulation: the region is checked for every call, there is one language, and one kind of job."""
HEAD = ("operation", "parameters honoured", "refused as not emulated", "taken without effect")


@lru_cache(maxsize=1)
def _cloud() -> Cloud:
    return account.build(invoker=InProcessInvoker())


def ecs() -> str:
    """The table of ECS."""
    return _rpc("ecs")


def smc() -> str:
    """The table of SMC."""
    return _rpc("smc")


def tablestore() -> str:
    """The table of Tablestore, from the SDK's protocol."""
    names = account.service(_cloud(), "tablestore").operation_names()
    return table(HEAD, (_message_row(name) for name in names))


def eventbridge() -> str:
    """The table of EventBridge: first the data plane (from its SDK's models), then version 2020-04-01."""
    models = importlib.import_module("alibabacloud_eventbridge.models")
    rows = [_event_row(name, models) for name in EVENT_OPERATIONS]
    rows.append(("putEvents", "all attributes of CloudEvents 1.0 and extensions", "-", "-"))
    older = [f"{name[:-7][0].lower()}{name[:-7][1:]}" for name in vars(models) if name.endswith("Request")]
    absent = sorted(set(older) - set(EVENT_OPERATIONS) - {"putEvents"})
    newer = next(each for each in _cloud().services if each.name == "eventbridge" and isinstance(each, RpcService))
    rows += [(f"{name} (2020-04-01)", codes(newer.spec[name]), "any other", "-") for name in newer.operations]
    return table(HEAD, rows) + f"\nOperations of the SDK that are refused: {codes(absent)}.\n"


def functions() -> str:
    """The table of Function Compute."""
    rows = (
        (name, codes((*each.query, *each.headers)), codes(each.refused) if each.refused else "any other", "-")
        for name, each in FUNCTION_OPERATIONS.items()
    )
    return table(HEAD, rows)


def faults() -> str:
    """The kinds of faults and mishaps."""
    mishaps = "; ".join(f"`{name}` ({', '.join(fields)})" for name, fields in Mishaps.kinds().items())
    return f"Fault rules, by `kind`: {codes(KINDS)}.\n\nMishaps, by `kind`, with their fields: {mishaps}.\n"


def _rpc(name: str) -> str:
    service: RpcService = account.service(_cloud(), name)
    return table(HEAD, (_rpc_row(service, operation) for operation in sorted(service.operations)))


def _rpc_row(service: RpcService, operation: str) -> tuple[str, ...]:
    spec = service.spec[operation]
    given = [name for name in spec if name not in OWNER]
    refused = _idle(service, operation)
    honoured = [name for name in given if name not in refused and name not in HARMLESS]
    return operation, codes(honoured), codes(refused), codes(name for name in given if name in HARMLESS)


def not_emulated() -> str:
    """localcloud/not_emulated.json: the parameters that ECS and SMC would ignore, and that the account therefore refuses."""
    lines = []
    for name in ("ecs", "smc"):
        service: RpcService = account.service(_cloud(), name)
        found = {operation: _idle(service, operation) for operation in sorted(service.operations)}
        rows = ",\n".join(f"  {json.dumps(operation)}: {json.dumps(idle)}" for operation, idle in found.items() if idle)
        lines.append(f"{json.dumps(name)}: {{\n{rows}\n}}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _idle(service: RpcService, operation: str) -> list[str]:
    """The parameters that the operation's code does not read."""
    ignored = {*names_read(service.operations[operation].perform), *OWNER, *HARMLESS}
    return [name for name in service.spec[operation] if name not in ignored]


def _message_row(operation: str) -> tuple[str, ...]:
    fields = set(_paths(request_of(operation).DESCRIPTOR))
    refused = REFUSED.get(operation, ())
    honoured = sorted(path for path in fields if not any(path == each or path.startswith(f"{each}.") for each in _whole(refused)))
    return operation, codes(honoured), codes(refused), "-"


def _whole(refused: Iterable[str]) -> set[str]:
    """Refused fields. If a message has a switch (``sse_spec.enable``), the whole message is refused."""
    return {each.rpartition(".")[0] if each.rpartition(".")[2].startswith("enable") else each for each in refused}


def _paths(descriptor: Any) -> Iterable[str]:
    """The fields of a message. Fields of inner messages are written with a dot, one level deep."""
    for field in descriptor.fields:
        inner = [f"{field.name}.{each.name}" for each in field.message_type.fields] if field.message_type else [field.name]
        yield from inner


def _event_row(name: str, models: Any) -> tuple[str, ...]:
    fields = EVENT_OPERATIONS[name].fields
    model = getattr(models, f"{name[0].upper()}{name[1:]}Request", None)
    asked = set(_wire_names(model)) if model else set()
    return name, codes(fields), codes(sorted(asked - set(fields))), "-"


def _wire_names(model: Any) -> Iterable[str]:
    """The names that a request model of the SDK sends."""
    attributes = [name for name in vars(model()) if not name.startswith("_")]
    return ("".join(word.capitalize() for word in name.split("_")) for name in attributes)
