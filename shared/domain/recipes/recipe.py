"""The schema of a recipe. A recipe is for one migration path and one tool. The recipes of Replank and of an operator have the same
schema.
"""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any, Literal

from shared.domain.catalog.model import Architecture, Catalog
from shared.domain.codec import DocumentInvalid, Json, decode, json_schema
from shared.domain.record import dataclass

Certainty = Literal["executed", "foreign", "assumed"]
"""The certainty of a line in a recipe. The certainty ``executed`` means that Replank's authors ran the line. The certainty
``foreign`` means that a public sample or document contains the line. ``assumed``: neither.
"""
MOST_SCRIPT = 6000
"""Maximum number of characters in all lines of a recipe together, because a command of Cloud Assistant has at most 24 KB."""
_KEY = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")


@dataclass(frozen=True)
class RecipeLine:
    """A command or a file of the guest, with its source and its certainty.

    The variable ``$R`` stands for the root of the guest's files; in a real guest the variable is empty.
    """

    text: str
    source: str
    certainty: Certainty


@dataclass(frozen=True)
class Milestone:
    """A text in the tool's log, and the progress in percent when the text appears."""

    text: str
    percent: int


@dataclass(frozen=True)
class Recipe:
    """How one tool replaces one release with another release."""

    key: str
    tool: Literal["leapp", "convert2rhel", "centos2anolis", "setup"]
    """The tool of the recipe. The tool also determines the format of the reports.

    The tool ``setup`` is Windows Setup. Its lines are PowerShell, and it needs a disk with installation media.
    """
    source: str
    destination: str
    architectures: tuple[Architecture, ...]
    repositories: tuple[RecipeLine, ...]
    """Commands that let the package manager find the tool."""
    packages: RecipeLine
    """The command that installs the tool."""
    answers: tuple[RecipeLine, ...]
    """Commands that run before the tool and answer its questions."""
    precheck: RecipeLine
    """The command for the tool's own precheck. Status 0 means that the precheck has passed. The command ``clean`` undoes all
    changes that the precheck made."""
    precheck_report: RecipeLine
    """The file into which the precheck writes its findings."""
    start: RecipeLine
    """The command that replaces the operating system. Once the command has returned status 0, only the restarts remain."""
    progress: RecipeLine
    """The log file in which the milestones appear. After a failure, people see the end of the log file."""
    milestones: tuple[Milestone, ...]
    result: RecipeLine
    """A command that runs in the restarted guest. Status 0 means that the replacement is complete."""
    result_report: RecipeLine
    """The file in which the tool records the result."""
    busy: RecipeLine
    """A command that returns status 0 while the tool is at work, no matter who started the tool."""
    clean: RecipeLine
    """The command that removes everything that the recipe has installed."""
    restarts: int
    """Number of restarts during the replacement. The pipeline itself starts the first restart."""
    irreversible_from: Literal["start", "text", "restart"]
    """The point after which the tool cannot undo its changes: the start, a text in the log, or the first restart."""
    usual_minutes: int
    irreversible_text: str = ""
    licence: str = ""
    """The licence that a person has to buy before the tool can be used; empty if no licence is necessary."""
    licence_check: RecipeLine | None = None
    """A command that returns status 0 once the licence is available. The run waits until the licence is available. The field is
    None if the run does not check for a licence.
    """
    note: str = ""

    @property
    def for_windows(self) -> bool:
        """Whether the recipe is for a Windows guest."""
        return self.tool == "setup"

    @property
    def tool_name(self) -> str:
        """The name of the tool in sentences."""
        return "Windows Setup" if self.for_windows else self.tool

    @property
    def log_in_guest(self) -> str:
        """The file in the guest with the output of the run."""
        return r"C:\ProgramData\ReplankTool\run\log" if self.for_windows else "/var/lib/replank-tool/log"

    @property
    def lines(self) -> dict[str, RecipeLine]:
        """Every line of the recipe. The key of a line is the name of its field, followed by the line's position if the field is a
        list.
        """
        found: dict[str, RecipeLine] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, RecipeLine):
                found[each.name] = value
            elif isinstance(value, tuple) and value and isinstance(value[0], RecipeLine):
                found.update({f"{each.name}[{place}]": line for place, line in enumerate(value)})
        return found

    @property
    def assumed_fields(self) -> tuple[str, ...]:
        """The names of the fields whose line has the certainty ``assumed``, out of ``start``, ``progress`` and ``result``. A recipe
        with such a field is off until the operator declares the recipe proven.
        """
        return tuple(name for name in ("start", "progress", "result") if self.lines[name].certainty == "assumed")


def parse_recipes(rows: list[Any], catalog: Catalog, place: str) -> tuple[Recipe, ...]:
    """The recipes in a list of JSON values. Raises DocumentInvalid with the name of the invalid recipe and field."""
    found: dict[str, Recipe] = {}
    for index, row in enumerate(rows):
        where = f"{place}[{index}]"
        recipe = decode(Recipe, row, where, strict=True)
        _check_recipe(recipe, catalog, where)
        if recipe.key in found:
            raise DocumentInvalid(f"{where}.key", f"is also the key of another recipe: {recipe.key}")
        found[recipe.key] = recipe
    return tuple(found.values())


def _check_recipe(recipe: Recipe, catalog: Catalog, where: str) -> None:
    if not _KEY.fullmatch(recipe.key):
        raise DocumentInvalid(f"{where}.key", "must be lower case letters, digits and dashes")
    _check_recipe_system(recipe, where)
    for architecture in recipe.architectures:
        if catalog.supported_path(recipe.source, recipe.destination, architecture) is None:
            path = f"{recipe.source} to {recipe.destination} on {architecture}"
            raise DocumentInvalid(f"{where}.destination", f"the catalog has no path from {path}; add it to paths")
    if not recipe.architectures:
        raise DocumentInvalid(f"{where}.architectures", "must name at least one architecture")
    for name, line in recipe.lines.items():
        if not line.text.strip() or not line.source.strip():
            raise DocumentInvalid(f"{where}.{name}", "must have a text and a source")
        if not line.text.isprintable():
            raise DocumentInvalid(f"{where}.{name}.text", "must be one line; put longer commands into a script in the guest")
    if recipe.licence_check is not None and not recipe.licence:
        raise DocumentInvalid(f"{where}.licence", "must say which licence a person has to buy")
    if (recipe.irreversible_from == "text") != bool(recipe.irreversible_text):
        raise DocumentInvalid(f"{where}.irreversible_text", "is only allowed, and then required, if irreversible_from is text")
    _check_recipe_numbers(recipe, where)


def _check_recipe_system(recipe: Recipe, where: str) -> None:
    if recipe.for_windows != recipe.source.startswith("windows-"):
        raise DocumentInvalid(f"{where}.tool", "the tool setup is for Windows, and no other tool is")
    if recipe.for_windows and (recipe.licence or recipe.irreversible_from != "restart" or recipe.milestones):
        raise DocumentInvalid(where, "a recipe for Windows has no licence and no milestones, and is irreversible from the restart")


def _check_recipe_numbers(recipe: Recipe, where: str) -> None:
    if sum(len(line.text) for line in recipe.lines.values()) > MOST_SCRIPT:
        raise DocumentInvalid(where, f"its lines have more than {MOST_SCRIPT} characters")
    if not 1 <= recipe.restarts <= 4 or not 1 <= recipe.usual_minutes <= 240:
        raise DocumentInvalid(where, "restarts must be 1 to 4, and usual_minutes 1 to 240")
    steps = [each.percent for each in recipe.milestones]
    if steps != sorted(steps) or any(not 0 <= each <= 99 for each in steps):
        raise DocumentInvalid(f"{where}.milestones", "percent must be 0 to 99 and rise")
    if any(not each.text.isprintable() or not each.text for each in recipe.milestones):
        raise DocumentInvalid(f"{where}.milestones", "text must be one line")


def recipe_schema() -> Json:
    """The JSON Schema of one recipe that :func:`parse_recipes` reads."""
    return {"title": "Replank recipe", **json_schema(Recipe)}
