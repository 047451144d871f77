"""The texts in the source that the API may show to a person: sentences, and the phrases from which sentences are made."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from shared.domain.policy import WORDS
from shared.domain.prechecks import RULES
from shared.runtime import requests
from shared.runtime.routes import ROUTES
from tests.support.repository import name_of, source_files, tree

API = (
    "callers",
    "composition",
    "gateway",
    "http_rules",
    "invocation",
    "messages",
    "rates",
    "requests",
    "router",
    "routes",
    "schema",
    "settings",
    "web",
)
"""The modules of the runtime that answer requests, or refuse to start."""
NOT_SHOWN = (
    "shared/domain/catalog/cited.py",
    "shared/domain/catalog/eol.py",
    "shared/domain/catalog/extend.py",
    "shared/domain/catalog/identify.py",
    "shared/domain/catalog/lifecycle.py",
    "shared/domain/catalog/minima.py",
    "shared/domain/catalog/model.py",
    "shared/domain/catalog/paths.py",
    "shared/domain/catalog/releases.py",
    "shared/domain/catalog/software.py",
    "shared/domain/codec.py",
    "shared/domain/durations.py",
    "shared/domain/events.py",
    "shared/domain/facts.py",
    "shared/domain/fstab.py",
    "shared/domain/guest.py",
    "shared/domain/kept_commands.py",
    "shared/domain/migration.py",
    "shared/domain/observation.py",
    "shared/domain/recipes/anolis.py",
    "shared/domain/recipes/line.py",
    "shared/domain/recipes/ours.py",
    "shared/domain/recipes/recipe.py",
    "shared/domain/recipes/windows.py",
    "shared/domain/record.py",
    "shared/domain/report.py",
    "shared/domain/retry.py",
    "shared/probes/command.py",
    "shared/probes/kept.py",
    "shared/probes/kept_digest.py",
    "shared/probes/linux.py",
    "shared/probes/linux_system.py",
    "shared/probes/marker.py",
    "shared/probes/squeeze.py",
    "shared/probes/tool.py",
    "shared/stages/api/report_page.py",
)
"""Modules whose texts reach nobody through the API's sentences: names and dates of releases, scripts, HTML, logs, rows."""
_LOGS = frozenset({"log", "logs", "re"})
_CODE = re.compile(
    r"%s|^\s*$|text/|<[a-z!]|^\n|\\S|\|.*\||^%Y|^\^|^private, |^[$]|^replank-(command|look|probe|tool) |^Accept, |^default-src "
)
"""Formats of logs and times, media types, markup and patterns."""
_KEYS = frozenset(
    {"tokens of {}", "person {} {}", "app {}", "address {}", '<{}{}{}>; rel="successor-version"', "%Y-%m-%d %H:%M UTC"}
)
"""Keys in memory, and headers."""


def shown_texts() -> dict[str, str]:
    """Each text with the file that has it. A changing part of a text is ``{}``."""
    described = _descriptions()
    found: dict[str, str] = {}
    for path in source_files("shared"):
        if _is_shown(name_of(path)):
            texts = (text for text in texts_of(path) if text not in described | _KEYS and _is_sentence(text))
            found |= {text: name_of(path) for text in texts if text not in found}
    return found


def _is_shown(name: str) -> bool:
    room = name.split("/")[1]
    if name in NOT_SHOWN:
        return False
    return room in ("adapters", "domain", "ports", "probes", "stages") or (room == "runtime" and Path(name).stem in API)


def _is_sentence(text: str) -> bool:
    return " " in text.strip() and not _CODE.search(text) and bool(re.search(r"[A-Za-z]{2}", text.replace("{}", "")))


def _descriptions() -> frozenset[str]:
    """What only the API's own description, or the field of a rule that is no sentence, says."""
    found = {text for rule in RULES for text in (rule.source, rule.command, rule.link)} | set(WORDS.values())
    found |= set(requests.SELECTING.values()) | {route.summary for route in ROUTES}
    schemas = [value for name, value in vars(requests).items() if not name.startswith("__")]
    return frozenset(found | set(_described(schemas)) | set(_described([[route.query, route.body] for route in ROUTES])))


def _described(value: Any) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for each in value:
            yield from _described(each)
    elif isinstance(value, Mapping):
        if isinstance(value.get("description"), str):
            yield value["description"]
        for each in value.values():
            yield from _described(each)


def texts_of(path: Path) -> Iterator[str]:
    """Each text of a module with a changing part as ``{}``, without docstrings and logs."""
    yield from _texts_in(tree(path))


def _texts_in(node: ast.AST) -> Iterator[str]:
    if _is_docstring(node) or _is_log_call(node):
        return
    text = _template(node)
    if text is not None:
        yield text
        for part in node.values if isinstance(node, ast.JoinedStr) else ():
            if isinstance(part, ast.FormattedValue):
                yield from _texts_in(part.value)
        return
    for child in ast.iter_child_nodes(node):
        yield from _texts_in(child)


def _template(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values)
    return None


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_log_call(node: ast.AST) -> bool:
    of = node.func if isinstance(node, ast.Call) else None
    if not isinstance(of, ast.Attribute):
        return False
    owner = of.value
    return (isinstance(owner, ast.Name) and owner.id in _LOGS) or (isinstance(owner, ast.Attribute) and owner.attr == "log")
