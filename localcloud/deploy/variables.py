"""The variables of Serverless Devs: ${vars.x}, ${env('X', 'default')} and ${config('AccountID')}."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from localcloud.deploy.document import Document, Place

_EXPRESSION = re.compile(r"\$\{([^}]*)\}")
_CALL = re.compile(r"\s*(env|config)\(\s*['\"]([^'\"]*)['\"]\s*(?:,\s*(?:['\"]([^'\"]*)['\"]|([\d.]+|true|false))\s*)?\)\s*")
_PATH = re.compile(r"\s*vars\.([\w.-]+)\s*")


class Variables:
    """Replaces the variables. ``env`` comes from the caller only, never from this process's environment."""

    def __init__(self, document: Document, env: Mapping[str, str], config: Mapping[str, str]) -> None:
        self._document, self._env, self._config = document, env, config
        value = document.value.get("vars") if isinstance(document.value, dict) else None
        self._vars: dict[str, Any] = value if isinstance(value, dict) else {}

    def fill(self, value: Any, place: Place) -> Any:
        """``value`` with every expression in it replaced."""
        if isinstance(value, dict):
            return {name: self.fill(each, (*place, name)) for name, each in value.items()}
        if isinstance(value, list):
            return [self.fill(each, (*place, at)) for at, each in enumerate(value)]
        if not isinstance(value, str):
            return value
        whole = _EXPRESSION.fullmatch(value)
        if whole:
            return self._of(whole[1], place)
        return _EXPRESSION.sub(lambda found: str(self._of(found[1], place)), value)

    def _of(self, expression: str, place: Place) -> Any:
        if path := _PATH.fullmatch(expression):
            return self._var(path[1], place)
        call = _CALL.fullmatch(expression)
        if call is None:
            self._document.complain(place, f"${{{expression}}} is not emulated (vars.x, env('X', 'default') and config('X') are)")
            return ""
        known = self._env if call[1] == "env" else self._config
        default = call[3] if call[3] is not None else call[4]
        if call[2] in known:
            return known[call[2]]
        if default is None:
            self._document.complain(place, f"{call[1]}('{call[2]}') is not set and has no default")
        return default or ""

    def _var(self, path: str, place: Place) -> Any:
        found: Any = self._vars
        for name in path.split("."):
            found = found.get(name) if isinstance(found, dict) else None
        if found is None:
            self._document.complain(place, f"vars.{path} is not defined")
            return ""
        return self.fill(found, ("vars", *path.split(".")))
