"""Builds the scripts that an account keeps as commands, so that functions invoke them by id and need no right to run other text.

A kept script is constant. Whatever varies is a parameter. ECS pastes parameters into the script as text, before a shell reads it.
So a parameter is an id, a word of an enumeration, or base64 that the script decodes. The name of a kept command contains a digest
of its script, so a changed script is another command. The adapter invokes a command only if its script has this digest.
"""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from shared.domain.catalog import Catalog
from shared.domain.events import WAIT_FOR_COMMANDS, kept_command_prefix
from shared.domain.hop import Hop
from shared.domain.kept_commands import KeptCall
from shared.domain.recipes.choose import recipe_for_path
from shared.domain.recipes.recipe import Recipe
from shared.domain.record import dataclass
from shared.probes import probe_script
from shared.probes.kept_digest import COMMAND_TYPES, PACKED_BEGINS, PACKED_ENDS, script_digest
from shared.probes.marker import Action as MarkerAction
from shared.probes.marker import marker_script
from shared.probes.tool import Action as ToolAction
from shared.probes.tool import tool_script

LONGEST_KEPT = 18 * 1024
"""Maximum bytes of a kept command in base64, together with its parameters (page and SDK of CreateCommand and InvokeCommand)."""
_STAGES_THAT_PROBE = ("precheck", "validate", "")
"""A probe of a rollback wakes no stage, so its stage is empty."""
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class KeptScript:
    """A script that the account keeps as a command.

    ``source`` is the text from which ``content`` was made. The digest is made from ``source``, because two machines may compress
    the same text differently. The end of a command wakes ``stage``; if it is empty, the end wakes no stage.
    """

    key: str
    os_type: str
    content: str
    source: str
    stage: str = ""

    @property
    def name(self) -> str:
        """The name of the command, at most 128 characters."""
        return f"{kept_command_prefix(self.stage)}{self.key}-{script_digest(self.os_type, self.source)}"

    @property
    def command_type(self) -> str:
        """The type of the command, as CreateCommand names it."""
        return COMMAND_TYPES[self.os_type]

    @property
    def parameter_names(self) -> frozenset[str]:
        return frozenset(_PLACEHOLDER.findall(self.content))

    def call(self, parameters: Mapping[str, str]) -> KeptCall:
        """One invocation of the script. Raises ValueError if the parameters are not exactly those of the script."""
        if set(parameters) != self.parameter_names:
            raise ValueError(f"{self.key} takes the parameters {sorted(self.parameter_names)}, not {sorted(parameters)}")
        return KeptCall(self.name, parameters)


def kept_scripts(recipes: Sequence[Recipe]) -> tuple[KeptScript, ...]:
    """All scripts that an account keeps, given the recipes of the guest driver."""
    both = ("linux", "windows")
    return (
        *(_probe(each, stage) for each in both for stage in _STAGES_THAT_PROBE),
        *(_marker(each) for each in both),
        *(_tool(each) for each in both),
        *(_tool_beginning(each) for each in recipes),
    )


def needed_commands(os_type: str, hops: Sequence[Hop], catalog: Catalog) -> tuple[str, ...]:
    """The names of the kept commands that a migration needs. ``hops`` are those that the guest driver will carry out."""
    recipes = [recipe_for_path(catalog, hop.source, hop.destination) for hop in hops]
    beginnings = [_tool_beginning(each) for each in recipes if each is not None]
    probes = [_probe(os_type, stage) for stage in _STAGES_THAT_PROBE]
    return tuple(each.name for each in (*probes, _marker(os_type), *([_tool(os_type), *beginnings] if hops else ())))


def kept_probe(os_type: str, purpose: str, *, files: Sequence[str], updates: bool) -> KeptCall:
    """The probe without a command of the operator, for the stage ``purpose``. See ``probe_script``."""
    given = {"files": _base64_text("\n".join(files))}
    return _probe(os_type, purpose if purpose in WAIT_FOR_COMMANDS else "").call(
        {**given, "updates": "1" if updates else ""} if os_type == "linux" else given
    )


def kept_marker(os_type: str, action: MarkerAction, *, marker: str = "") -> KeptCall:
    """The script that writes, looks for or removes the marker. See ``marker_script``."""
    return _marker(os_type).call({"act": action, "marker": _base64_text(marker)})


def kept_tool(
    action: ToolAction,
    run: str,
    recipe: Recipe | None = None,
    *,
    os_type: str = "linux",
    disk: str = "",
    began_with: str = "",
) -> KeptCall:
    """The script for one action of the guest driver. See ``tool_script``. A beginning has its recipe in the script.

    ``began_with`` is the name of the command of the version that began the run. Every version's command has the same parameters.
    """
    if recipe is not None:
        return _tool_beginning(recipe).call({"run": run, "disk": disk} if recipe.for_windows else {"run": run})
    return replace(_tool(os_type).call({"act": action, "run": run}), began_with=began_with)


def tool_command_name(os_type: str) -> str:
    """The name of the kept command for all acts of the guest driver after a beginning."""
    return _tool(os_type).name


@cache
def _probe(os_type: str, stage: str) -> KeptScript:
    """The probe whose end wakes the stage.

    The one for Linux is too long for a kept command, so it is compressed, and the guest needs base64 and gzip. The shell reads the
    script from a variable and not from a file, so that a full disk does not matter.
    """
    script = probe_script(os_type)
    if os_type == "windows":
        files = "$ReplankFiles = @([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('{{files}}')) -split \"`n\""
        text = f"{files} | Where-Object {{ $_ }})\n{script}"
        return KeptScript("probe-windows", os_type, text, text, stage)
    head = "#!/bin/sh\nREPLANK_FILES=$(printf %s '{{files}}' | base64 -d)\nREPLANK_UPDATES='{{updates}}'\n"
    packed = base64.b64encode(gzip.compress(script.encode(), 9, mtime=0)).decode()
    begin, end = PACKED_BEGINS, PACKED_ENDS
    run = '[ -n "$REPLANK_SCRIPT" ] || { echo \'gzip or base64 is missing\' >&2; exit 3; }\neval "$REPLANK_SCRIPT"\n'
    return KeptScript("probe-linux", os_type, head + begin + packed + end + run, head + begin + script + end + run, stage)


@cache
def _marker(os_type: str) -> KeptScript:
    script = marker_script(os_type, "look").partition("look")[2].partition("\n")[2]
    if os_type == "windows":
        decoded = "[Text.Encoding]::ASCII.GetString([Convert]::FromBase64String('{{marker}}'))"
        text = f"$ReplankAct = '{{{{act}}}}'\n$ReplankMarker = {decoded}\n{script}"
    else:
        text = f"#!/bin/sh\nREPLANK_ACT='{{{{act}}}}'\nREPLANK_MARKER=$(printf %s '{{{{marker}}}}' | base64 -d)\n{script}"
    return KeptScript(f"marker-{os_type}", os_type, text, text)


@cache
def _tool(os_type: str) -> KeptScript:
    if os_type == "windows":
        text = tool_script("look", "{{run}}", os_type=os_type).replace("$ReplankTool = 'look'", "$ReplankTool = '{{act}}'", 1)
    else:
        text = tool_script("look", "'{{run}}'").replace("REPLANK_ACT=look", "REPLANK_ACT='{{act}}'", 1)
    return KeptScript(f"tool-{os_type}", os_type, text, text)


@cache
def _tool_beginning(recipe: Recipe) -> KeptScript:
    if recipe.for_windows:
        text, os_type = tool_script("begin", "{{run}}", recipe, os_type="windows", disk="{{disk}}"), "windows"
    else:
        text, os_type = tool_script("begin", "'{{run}}'", recipe), "linux"
    return KeptScript(f"begin-{recipe.key}", os_type, text, text, "migrate")


def _base64_text(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
