"""Compares the counts of two measurements of one figure: calls, events, invocations, capacity units and imported modules.

Counts do not depend on the machine, so a count that grew is a change of the code. Times are never compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

COUNTED = frozenset({"calls", "operations", "events", "invocations", "capacity_units", "read_units", "tablestore", "modules"})
"""The names under which results hold counts."""
LABELS = ("runtime", "function", "service", "operation", "instances", "slots", "page")
"""The fields that identify a row of a list."""
ROUNDING = 1e-9
Path = tuple[str, ...]


def counts_of(result: Mapping[str, Any]) -> dict[Path, float]:
    """All counts of a result, by their place in the document."""
    return dict(_counts(result, (), False))


def _counts(value: Any, path: Path, counted: bool) -> Iterator[tuple[Path, float]]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _counts(each, (*path, name), counted or name in COUNTED)
    elif isinstance(value, list):
        for row in value:
            label = " ".join(str(row[name]) for name in LABELS if name in row) if isinstance(row, Mapping) else ""
            if counted and "operation" in row:
                yield (*path, label), float(row["calls"])
            elif label:
                yield from _counts(row, (*path, label), counted)
    elif counted and isinstance(value, int | float):
        yield path, float(value)


def grown(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The counts that are larger after than before, in words.

    A new operation beside measured ones counts as 0 before. A new row, such as a size of fleet that was not measured before, has
    nothing to be compared with.
    """
    old, new = counts_of(before), counts_of(after)
    measured = {path[:-1] for path in old}
    found = []
    for path, count in new.items():
        least = old.get(path, 0.0 if path[:-1] in measured else count)
        if count > least + ROUNDING * max(1.0, least):
            found.append(f"{' / '.join(path)}: {least:g} -> {count:g}")
    return found
