"""Builds the guest driver's scripts for Linux (tool.sh, tool_runner.sh) and for Windows (tool.ps1, tool_runner.ps1), and reads the
scripts' answers.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Literal

from shared.domain.recipes.recipe import Recipe
from shared.domain.text import plain_line
from shared.domain.toolrun import ToolAnswer
from shared.probes.frame import AnswerSection
from shared.probes.linux import system_version

Action = Literal["begin", "check", "look", "start", "clean"]
_FIRST, _END = "replank-tool 1", "@end"
_POWERSHELL_COMMENT = re.compile(r"(^|\s)#\s.*")
_MOST_TEXT = 2_000_000
"""Maximum characters of one decompressed file."""


def tool_script(action: Action, run: str, recipe: Recipe | None = None, *, os_type: str = "linux", disk: str = "") -> str:
    """The script for one action in the guest. The run id ``run`` may contain only letters, digits and dashes.

    The script contains the recipe, encoded in base64. ``disk`` is the serial number of the media disk, for a beginning in Windows.
    """
    if os_type == "windows":
        head = [f"$ReplankTool = '{action}'", f"$ReplankToolRun = '{run}'"]
        if recipe is not None:
            head += [
                f"$ReplankDisk = '{disk}'",
                f"$ReplankRecipe = '{_base64_text(powershell_recipe(recipe))}'",
                f"$ReplankRunner = '{_base64_text(_short_powershell('tool_runner.ps1'))}'",
            ]
        return "\n".join([*head, _short_powershell("tool.ps1")])
    head = [f"#!/bin/sh\nREPLANK_ACT={action}", f"REPLANK_RUN={run}"]
    if recipe is not None:
        head += [
            f"REPLANK_RECIPE={_base64_text(recipe_script(recipe))}",
            f"REPLANK_RUNNER={_base64_text(_script_text('tool_runner.sh'))}",
        ]
    return "\n".join([*head, _script_text("tool.sh")])


@cache
def _short_powershell(name: str) -> str:
    """A PowerShell script without comments and indentation, because a command has at most 18 KB. No string may have a hash."""
    lines = (_POWERSHELL_COMMENT.sub("", line).strip() for line in _script_text(name).splitlines())
    return "\n".join(filter(None, lines))


def is_tool_cleanup_reported(output: bytes, run: str) -> bool:
    """Whether the guest reports that it has removed everything that the run installed."""
    return f"replank-tool cleaned {run}" in output.decode("utf-8", "replace").splitlines()


def recipe_script(recipe: Recipe) -> str:
    """The recipe as shell functions and shell variables."""
    install = (*recipe.repositories, recipe.packages, *recipe.answers)
    functions = {
        "tool_install": "\n".join(f"{{ {line.text}\n}} || return" for line in install),
        "tool_licence": recipe.licence_check.text if recipe.licence_check else ":",
        "tool_precheck": recipe.precheck.text,
        "tool_start": recipe.start.text,
        "tool_done": recipe.result.text,
        "tool_busy": recipe.busy.text,
        "tool_clean": recipe.clean.text,
        "tool_progress": "\n".join(
            f'grep -qF -e {_shell_literal(each.text)} "$1" && p={each.percent}' for each in recipe.milestones
        )
        or ":",
    }
    variables = {
        "T_PRECHECK_REPORT": recipe.precheck_report.text,
        "T_RESULT_REPORT": recipe.result_report.text,
        "T_LOG": recipe.progress.text,
        "T_IRREVERSIBLE": recipe.irreversible_from,
        "T_TEXT": recipe.irreversible_text,
    }
    told = [f"{name}={_shell_literal(value)}" for name, value in variables.items()]
    return "\n".join([*told, *(f"{name}() {{\n{body}\n}}" for name, body in functions.items())]) + "\n"


def powershell_recipe(recipe: Recipe) -> str:
    """A recipe for Windows as PowerShell functions and variables."""
    install = (*recipe.repositories, recipe.packages, *recipe.answers)
    functions = {
        "Install-Tool": "\n".join(line.text for line in install),
        "Test-Upgrade": recipe.precheck.text,
        "Start-Upgrade": recipe.start.text,
        "Test-Done": recipe.result.text,
        "Test-Busy": recipe.busy.text,
        "Remove-Tool": recipe.clean.text,
    }
    variables = {"ResultReport": recipe.result_report.text, "SetupErrors": recipe.progress.text}
    told = ["${} = '{}'".format(name, value.replace("'", "''")) for name, value in variables.items()]
    return "\n".join([*told, *(f"function {name} {{\n{body}\n}}" for name, body in functions.items())]) + "\n"


def _shell_literal(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _base64_text(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@cache
def _script_text(name: str) -> str:
    """The text of a script file, without comments, indentation and empty lines."""
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    return "\n".join(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")) + "\n"


def parse_tool_answer(output: bytes, at: datetime | None = None) -> ToolAnswer | None:
    """The answer of a tool script; None if the answer is incomplete. The argument ``at`` is the time when the script began."""
    lines = output.decode("utf-8", "replace").replace("\r\n", "\n").rstrip().split("\n")
    starts = [place for place, line in enumerate(lines) if line == _FIRST]
    if not starts or lines[-1].strip() != _END:
        return None
    told = AnswerSection("tool", [plain_line(line) for line in lines[starts[-1] + 1 : -1]])
    system = dict(line.split("=", 1) for line in told.values_for_key("os") if "=" in line)
    system = {name: value.strip("\"'") for name, value in system.items()}
    version = AnswerSection(
        "os", [f"version_id {system.get('VERSION_ID', '')}", *(f"release {each}" for each in told.values_for_key("release"))]
    )
    return ToolAnswer(
        run=_field_text(told, "run"),
        word=_field_text(told, "word"),
        asked=_field_text(told, "asked"),
        phase=_field_text(told, "phase"),
        status=_field_number(told, "status"),
        started=_is_field_yes(told, "started"),
        active=_is_field_yes(told, "active"),
        returned=_is_field_yes(told, "returned"),
        busy=_is_field_yes(told, "busy"),
        done=_is_field_yes(told, "done"),
        changed=_is_field_yes(told, "changed"),
        age_s=_field_number(told, "age") or 0,
        progress=min(_field_number(told, "progress") or 0, 99),
        report=_decompressed_file(told, "report"),
        results=_decompressed_file(told, "results"),
        log=_decompressed_file(told, "log"),
        os_id=system.get("ID", ""),
        os_version=system_version(version) or "",
        os_name=re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), system.get("NAME", "")),
        at=at,
    )


def _field_text(told: AnswerSection, name: str) -> str:
    return (told.first_value_for_key(name) or "").strip()


def _is_field_yes(told: AnswerSection, name: str) -> bool:
    return _field_text(told, name) == "yes"


def _field_number(told: AnswerSection, name: str) -> int | None:
    text = _field_text(told, name)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None


def _decompressed_file(told: AnswerSection, name: str) -> str:
    """The text of a compressed file, or of the part that arrived; empty if the file cannot be decompressed."""
    text = _field_text(told, name)
    try:
        raw = base64.b64decode(text[: len(text) // 4 * 4])
        return zlib.decompressobj(wbits=31).decompress(raw, _MOST_TEXT).decode("utf-8", "replace")
    except (binascii.Error, ValueError, zlib.error):
        return ""
