"""The values that describe a gateway: a group of APIs, the apps that may call these APIs, and the limits."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import unquote


@dataclass(frozen=True)
class Parameter:
    """A parameter of a request: its place in the request, and its place in the function's event. ``location`` is PATH, QUERY or
    HEAD.
    """

    name: str
    location: str
    required: bool
    service_name: str
    service_location: str


@dataclass(frozen=True)
class Api:
    """One operation. ``app_codes`` is DISABLE, HEADER or HEADER_QUERY; ``system`` names the headers of system parameters."""

    id: str
    name: str
    method: str
    path: str
    app_codes: str
    nonce_required: bool
    timeout_ms: int
    function: str
    role: str
    parameters: tuple[Parameter, ...] = ()
    system: dict[str, str] = field(default_factory=dict)

    def match(self, raw_path: str) -> dict[str, str] | None:
        """The decoded parameters of a path, or None if the path does not belong to this API."""
        pattern = "".join(
            f"(?P<{part[1:-1]}>[^/]+)" if part.startswith("[") else re.escape(part) for part in re.split(r"(\[\w+\])", self.path)
        )
        found = re.fullmatch(pattern, raw_path)
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else None


@dataclass(frozen=True)
class Limit:
    """Maximum requests per minute: of all callers of an API together, and of each app. 0 means no limit."""

    per_api: int = 0
    per_app: int = 0


@dataclass(frozen=True)
class App:
    """An app that may call. ``apis`` are the ids of the APIs that the app is authorised for."""

    id: str
    name: str
    key: str
    secret: str
    code: str
    apis: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """All APIs under one host name. ``limits`` are by the id of an API."""

    name: str
    apis: tuple[Api, ...] = ()
    apps: tuple[App, ...] = ()
    limits: dict[str, Limit] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The group as JSON, for storage."""
        return asdict(self)

    @staticmethod
    def from_json(doc: dict[str, Any]) -> Group:
        """The group that ``as_json`` made this JSON from."""
        apis = tuple(Api(**{**each, "parameters": _all(Parameter, each["parameters"])}) for each in doc["apis"])
        apps = tuple(App(**{**each, "apis": tuple(each["apis"])}) for each in doc["apps"])
        return Group(doc["name"], apis, apps, {id: Limit(**each) for id, each in doc["limits"].items()})


def _all(kind: type[Any], docs: Iterable[dict[str, Any]]) -> tuple[Any, ...]:
    return tuple(kind(**each) for each in docs)
