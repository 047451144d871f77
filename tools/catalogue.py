"""Writes the generated pages: ``python -m tools.catalogue`` (``--check``: only reports the outdated ones).

Some pages are replaced as a whole. In other documents only the text between ``<!-- begin: NAME -->`` and ``<!-- end: NAME -->`` is
replaced.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

from tools.pages import (
    api,
    cloud_errors,
    drivers,
    emulation,
    errors,
    events,
    fleet,
    gateway,
    limits,
    policy,
    recipes,
    rules,
    settings,
    states,
)
from tools.pages.common import ROOT

PAGES: dict[str, Callable[[], str]] = {
    "events/README.md": events.render,
    "docs/rules.md": rules.render,
    "gateway.yml": gateway.render,
    "docs/policy.schema.json": policy.schema,
    "localcloud/not_emulated.json": emulation.not_emulated,
}
PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "docs/architecture.md": {"states": states.render, "limits": limits.render, "drivers": drivers.render},
    "docs/drivers.md": {"recipes": recipes.render},
    "docs/localcloud.md": {
        "guest facts": fleet.render,
        "faults": emulation.faults,
        "tablestore": emulation.tablestore,
        "eventbridge": emulation.eventbridge,
        "functions": emulation.functions,
        "ecs": emulation.ecs,
        "smc": emulation.smc,
    },
    "docs/operations.md": {"policy": policy.render},
    "docs/reference.md": {
        "settings": settings.render,
        "api": api.render,
        "errors": errors.render,
        "validation": errors.render_validation,
        "cloud errors": cloud_errors.render,
    },
}


def wanted() -> dict[str, str]:
    """Every generated document with its current text, by path."""
    texts = {path: render() for path, render in PAGES.items()}
    for path, parts in PARTS.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        for name, render in parts.items():
            text = _replaced(text, name, render(), path)
        texts[path] = text
    return texts


def stale() -> list[str]:
    """The paths of the outdated documents."""
    return [path for path, text in wanted().items() if not (ROOT / path).exists() or (ROOT / path).read_text("utf-8") != text]


def main(arguments: list[str]) -> int:
    """Write the pages, or only report with ``--check``. The exit status is 1 if a document is outdated."""
    behind = stale()
    if "--check" in arguments:
        print("\n".join(f"{path} is out of date: make docs" for path in behind) or "Every generated document is up to date.")
        return bool(behind)
    texts = wanted()
    for path in behind:
        (ROOT / path).write_text(texts[path], encoding="utf-8")
        print(f"wrote {path}")
    return 0


def _replaced(text: str, name: str, part: str, path: str) -> str:
    pattern = re.compile(rf"(<!-- begin: {re.escape(name)} -->\n).*?(<!-- end: {re.escape(name)} -->)", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"{path} has no place for {name!r}: add <!-- begin: {name} --> and <!-- end: {name} -->")
    return pattern.sub(lambda found: f"{found[1]}\n{part}\n{found[2]}", text)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
