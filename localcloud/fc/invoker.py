"""The port between Function Compute and the code that runs functions: worker processes, or the current process in a simulation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from localcloud.core.access_keys import Key
from localcloud.fc.model import Function, Invocation, Result

OnDone = Callable[[Result], None]


class Invoker(Protocol):
    """Runs functions. Each instance handles one request at a time."""

    def start(self, function: Function, invocation: Invocation, on_done: OnDone) -> None:
        """Begin an invocation. ``on_done`` is called once, from any thread, possibly before ``start`` returns."""

    def forget(self, name: str) -> None:
        """Retire the instances of a function, because its code or configuration changed."""

    def close(self) -> None:
        """End all instances at once."""


def environment(function: Function, invocation: Invocation, instance_id: str) -> dict[str, str]:
    """The variables that a function sees beside the machine's: its own, the platform's and its role's credentials."""
    platform = {
        "FC_REGION": invocation.region,
        "FC_ACCOUNT_ID": invocation.account_id,
        "FC_FUNCTION_NAME": function.name,
        "FC_FUNCTION_HANDLER": function.handler,
        "FC_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "FC_QUALIFIER": "LATEST",
        "FC_INSTANCE_ID": instance_id,
        "FC_FUNC_CODE_PATH": function.code[0] if function.code else "",
    }
    return {**function.environment, **platform, **credentials(invocation.key)}


def credentials(key: Key | None) -> dict[str, str]:
    """The three variables that hold a role's temporary credentials for a function."""
    if key is None:
        return {}
    return {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": key.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": key.access_key_secret,
        "ALIBABA_CLOUD_SECURITY_TOKEN": key.token,
    }


def context(function: Function, invocation: Invocation) -> dict[str, object]:
    """The fields of the handler's ``context`` argument, as JSON."""
    return {
        "request_id": invocation.request_id,
        "region": invocation.region,
        "account_id": invocation.account_id,
        "function": {
            "name": function.name,
            "handler": function.handler,
            "memory": function.memory_mb,
            "timeout": function.timeout_s,
            "initializer": function.initializer,
            "initialization_timeout": function.initializer_timeout_s,
        },
        "service": {"name": "", "log_project": "", "log_store": "", "qualifier": "LATEST", "version_id": ""},
        "credentials": {name.rpartition("CLOUD_")[2].lower(): value for name, value in credentials(invocation.key).items()},
    }
