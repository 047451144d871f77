"""Every call that leaves the pipeline goes through one of the real SDKs: nothing under shared/ opens a connection itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.repository import name_of, source_files, tree

WAYS_OUT = {"socket", "ssl", "http.client", "urllib.request", "requests", "urllib3", "httpx", "aiohttp", "subprocess", "websocket"}
OWN = {"shared/adapters/sign_in.py": "the provider of identities, whom no SDK serves: its published keys"}
"""Who opens a connection itself, and to what."""
SDKS = {"tablestore", "alibabacloud_eventbridge", "alibabacloud_ecs20140526", "alibabacloud_smc20190601", "fc2"}


def imports(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every import anywhere in a file: the module, and the names taken from it."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, tuple(alias.name for alias in node.names)


def leaves(module: str, names: tuple[str, ...]) -> bool:
    spelled = {module, *(f"{module}.{name}" for name in names)}
    return any(each == way or each.startswith(f"{way}.") for each in spelled for way in WAYS_OUT)


def harmless(module: str, names: tuple[str, ...]) -> bool:
    """Values that configure an SDK's own connection, and the exceptions it lets through."""
    return (module, names) == ("urllib3", ("Timeout",)) or module in ("urllib3.exceptions", "requests.exceptions")


def test_nothing_opens_a_connection_itself() -> None:
    found = [
        f"{name_of(path)}: {module} {names}"
        for path in source_files("shared", "functions")
        for module, names in imports(path)
        if leaves(module, names) and not harmless(module, names) and name_of(path) not in OWN
    ]
    assert found == []


def test_sdks_are_imported_by_adapters_only() -> None:
    found = [
        f"{name_of(path)}: {module}"
        for path in source_files("shared", "functions")
        if "adapters" not in path.parts
        for module, _ in imports(path)
        if module.partition(".")[0] in SDKS
    ]
    assert found == []
