"""Every error code that the pipeline can return, read from the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tools.pages.common import table
from tools.pages.source import CallSite, calls, functions, text_of

FATES = {
    "Stale": "stale",
    "Refused": "refused",
    "Transient": "transient",
    "AccountUnusable": "transient",
    "Permanent": "permanent",
}
_WAIT = "Wait; the pipeline tries again by itself."
_PROBE = "Look at the command's output in the ECS console (Cloud Assistant, execution results), then retry."
_GRADES = {
    "failure_finding": "fails",
    "warning_finding": "warning",
    "expected_finding": "expected",
    "not_compared_finding": "warning",
}


@dataclass(frozen=True)
class Raised:
    """One place in the code that creates an error. ``message`` and ``remedy`` are empty if they are composed elsewhere."""

    code: str
    fate: str
    message: str
    remedy: str
    where: str


def found() -> list[Raised]:
    """All such places under shared/, by code. Codes composed of parts (``Migration.{reason}``) are resolved within a module."""
    places = [each for place in calls("shared") for each in _at(place)]
    return sorted(places, key=lambda each: (each.code, each.where))


def codes() -> set[str]:
    """Every code of an error or of a finding of the validation."""
    return {each.code for each in found()} | {f"Validation.{place.text(0)}" for place in _comparisons()}


def render() -> str:
    """The table of errors: one line per code."""
    first: dict[str, Raised] = {}
    for each in found():
        if each.code not in first or (each.remedy and not first[each.code].remedy):
            first[each.code] = each
    return table(("code", "fate", "what happened", "what to do"), (_row(each) for each in first.values()))


def render_validation() -> str:
    """The table of the findings that a validation can have."""
    rows: dict[str, tuple[str, ...]] = {}
    for place in _comparisons():
        remedy = place.text(3, "remedy") if place.name in ("failure_finding", "warning_finding") else "-"
        title = f"Not compared: {place.text(1)}" if place.name == "not_compared_finding" else place.text(1)
        rows.setdefault(f"`Validation.{place.text(0)}`", (_GRADES[place.name], title or "-", remedy or "-"))
    return table(("code", "grade", "what differs", "what to do"), ((code, *rows[code]) for code in sorted(rows)))


def _comparisons() -> list[CallSite]:
    here = (place for place in calls("shared/domain/validation") if place.name in _GRADES)
    return [place for place in here if place.text(0) and "{" not in place.text(0)]


def _row(each: Raised) -> tuple[str, ...]:
    remedy = each.remedy or (_WAIT if each.fate == "transient" else "-")
    return (f"`{each.code}`", each.fate, each.message or "-", remedy)


def _at(place: CallSite) -> Iterator[Raised]:
    code = place.text(0)
    if place.name == "JobEnd" and "." in code:
        yield Raised(code, "permanent", place.text(1), place.text(2), place.where)
    elif place.name in FATES and "." in code and "{" not in code:
        yield Raised(code, FATES[place.name], place.text(1), place.text(2, "remedy"), place.where)
    elif place.name == "super" and re.fullmatch(r"[A-Z]\w+[.][A-Z]\w+", code):  # a Refused with more arguments than its text
        yield Raised(code, "refused", place.text(1), place.text(2, "remedy"), place.where)
    elif place.name == "ProbeUnreadable" and "." in code:
        yield Raised(code, "permanent", place.text(1), _PROBE, place.where)
    elif place.name == "JobReport" and _is_code(place.text(3, "code")):
        message, remedy = place.text(4, "message"), place.text(5, "remedy")
        yield Raised(place.text(3, "code"), "permanent", message, remedy, place.where)
    elif place.name == "FailureKind" and _is_code(code):  # a kind of failure that is recognised by a tool's own output
        yield Raised(code, "permanent", "", place.text(2, "remedy"), place.where)
    elif place.name in functions(place.where):
        yield from _built(functions(place.where)[place.name], place)


def _built(builder: ast.FunctionDef, place: CallSite) -> Iterator[Raised]:
    """An error whose code is composed of the arguments of a function in the module."""
    names = [argument.arg for argument in builder.args.args]
    given = {name: text_of(value, place.texts) for name, value in zip(names, place.call.args, strict=False)}
    if _is_code(given.get("code", "")) and any(getattr(node, "id", "") == "JobReport" for node in ast.walk(builder)):
        yield Raised(given["code"], "permanent", "", "", place.where)
    texts = {each.name: each for each in calls("shared") if each.where == place.where}
    for inner in (node for node in ast.walk(builder) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        fate = FATES.get(getattr(inner.func, "id", ""))
        template = text_of(inner.args[0], {}) if fate and inner.args else ""
        code = _filled(template, given)
        if fate and "{" in template and "{" not in code and "." in code:
            local = next((each.texts for each in texts.values() if each.call is inner), {})
            message, remedy = (text_of(each, {**local, **given}) for each in (*inner.args[1:3], *[ast.Constant("")] * 2)[:2])
            yield Raised(code, fate, _filled(message, given), _filled(remedy, given), place.where)


def _is_code(text: str) -> bool:
    return re.fullmatch(r"[A-Z]\w+[.][A-Z]\w+", text) is not None


def _filled(text: str, given: dict[str, str]) -> str:
    for name, value in given.items():
        if value:
            text = text.replace("{" + name + "}", value)
    return text
