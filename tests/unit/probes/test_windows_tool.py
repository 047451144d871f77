"""The guest driver's PowerShell through a PowerShell parser: every script that is sent, every function, call and line of a recipe.

No PowerShell engine is available, so nothing is run here. Everything that a parser can check is checked.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

import pytest
import tree_sitter
import tree_sitter_powershell

from shared.domain.recipes.choose import shipped_recipes
from shared.domain.recipes.recipe import Recipe
from shared.probes.kept import kept_tool
from shared.probes.tool import Action, parse_tool_answer, powershell_recipe, tool_script

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
WINDOWS = [each for each in shipped_recipes() if each.for_windows]
RUN, DISK = "rp-m1-0-1", "bp1a2b3c4d5e6f7a8b9c"
ACTIONS: tuple[Action, ...] = ("begin", "look", "start", "clean")
COMMANDS = {
    *("Get-WmiObject", "Get-ItemProperty", "Test-Path", "ForEach-Object", "Where-Object", "Select-Object", "New-Object"),
    *("Join-Path", "Move-Item", "Remove-Item", "New-Item", "Get-ChildItem", "Get-Content", "Start-Process", "Get-Process"),
    *("Get-Disk", "Set-Disk", "Get-Partition", "Get-WindowsImage", "cmd.exe", "shutdown.exe"),
    *("Update-HostStorageCache", "Add-PartitionAccessPath", "Start-Sleep"),
}
"""The commands that Windows Server 2012 R2 provides and the scripts may call."""


def every(node: tree_sitter.Node, kind: str) -> Iterator[tree_sitter.Node]:
    if node.type == kind:
        yield node
    for child in node.children:
        yield from every(child, kind)


def text(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode()


def root(source: str) -> tree_sitter.Node:
    return PARSER.parse(source.encode()).root_node


def defined(source: str) -> set[str]:
    return {text(next(every(node, "function_name"))) for node in every(root(source), "function_statement")}


def called(source: str) -> set[str]:
    return {text(node) for node in every(root(source), "command_name")}


def sent(action: Action, recipe: Recipe | None = None) -> str:
    return tool_script(action, RUN, recipe, os_type="windows", disk=DISK if recipe else "")


def decoded(script: str, name: str) -> str:
    found = re.search(rf"^\${name} = '([A-Za-z0-9+/=]+)'$", script, re.MULTILINE)
    assert found
    return base64.b64decode(found[1]).decode()


@pytest.mark.parametrize("action", ACTIONS)
def test_every_act_parses(action: Action) -> None:
    assert not root(sent(action)).has_error


@pytest.mark.parametrize("recipe", WINDOWS, ids=lambda each: each.key)
def test_a_beginning_and_what_it_contains_parse(recipe: Recipe) -> None:
    script = sent("begin", recipe)
    for each in (script, decoded(script, "ReplankRecipe"), decoded(script, "ReplankRunner")):
        assert not root(each).has_error
    assert decoded(script, "ReplankRecipe") == powershell_recipe(recipe)


@pytest.mark.parametrize("damage", [("exit 0\n}", "exit 0\n"), ("function Say(", "function Say)")])
def test_the_parser_sees_damage(damage: tuple[str, str]) -> None:
    script = sent("look")
    assert damage[0] in script
    assert root(script.replace(*damage, 1)).has_error


@pytest.mark.parametrize("recipe", WINDOWS, ids=lambda each: each.key)
def test_only_known_commands_and_own_functions_are_called(recipe: Recipe) -> None:
    script = sent("begin", recipe)
    own, runner = powershell_recipe(recipe), decoded(script, "ReplankRunner")
    assert called(script) - defined(script) - defined(own) - COMMANDS == set()
    assert called(runner) - defined(runner) - defined(own) - COMMANDS == set()
    assert called(own) - defined(own) - defined(runner) - defined(script) - COMMANDS == set()


def test_the_answer_has_the_fields_that_the_driver_reads() -> None:
    script = sent("look")
    of_every_run = {"word", "asked", "active", "run", "phase", "status", "started", "age", "returned"}
    told = of_every_run | {"busy", "done", "changed", "progress", "os"}
    assert told <= set(re.findall(r"(?:Say \"|Say '|Flag ')(\w+)", script))
    assert {"report", "log"} == set(re.findall(r"Packed '(\w+)'", script))


def test_a_script_is_made_of_ids_words_and_base64_only() -> None:
    """What varies stands in quotes at the beginning, and nothing in it can end the quotes."""
    heads = [line for line in sent("begin", WINDOWS[0]).splitlines() if line.startswith("$Replank")]
    assert len(heads) == 5
    assert all(re.fullmatch(r"\$Replank\w+ = '[A-Za-z0-9+/=-]+'", line) for line in heads)


def test_the_product_key_is_not_in_a_log() -> None:
    assert "-replace '/pkey \\S+', '/pkey ...'" in decoded(sent("begin", WINDOWS[0]), "ReplankRunner")


def test_the_kept_command_is_the_same_script() -> None:
    call = kept_tool("begin", RUN, WINDOWS[0], os_type="windows", disk=DISK)
    assert call.parameters == {"run": RUN, "disk": DISK}
    assert kept_tool("look", RUN, os_type="windows").name != kept_tool("look", RUN).name


def branch(script: str, action: str) -> str:
    """The part of tool.ps1 for one action."""
    return script.split(f"if ($ReplankTool -eq '{action}'", 1)[1].split("if ($ReplankTool -eq", 1)[0]


@pytest.mark.parametrize("action", ["begin", "clean"])
def test_nothing_is_removed_while_the_first_restart_is_due(action: str) -> None:
    lines = branch(sent("look"), action)
    assert f"if (Armed) {{ {'TurnAway' if action == 'begin' else 'Answer'} 'busy' }}" in lines
    after = "Move-Item" if action == "begin" else "Remove-Tool"
    assert lines.index("Armed") < lines.index(after)


def test_a_start_claims_nothing_while_the_preparation_ends() -> None:
    lines = branch(sent("look"), "start")
    assert lines.index("if (Active) { Answer '' }") < lines.index("Claim 'started'")


def test_a_start_that_was_turned_away_is_not_carried_out_later() -> None:
    lines = branch(sent("look"), "start")
    assert lines.index("if (Over) { Answer 'busy' }") < lines.index("if (Test-Busy) { TurnAway 'busy' }") < lines.index("Claim")


def test_a_process_that_did_not_start_is_no_success() -> None:
    runner = decoded(sent("begin", WINDOWS[0]), "ReplankRunner")
    body = next(text(each) for each in every(root(runner), "function_statement") if text(each).startswith("function Code("))
    assert body.index("-not $process -or $process.ExitCode -eq $null") < body.index("[int64]$process.ExitCode")
    assert "return 4294967295" in body


def test_no_restart_without_its_phase() -> None:
    runner = decoded(sent("begin", WINDOWS[0]), "ReplankRunner")
    assert runner.index("-ne 'restarting'") < runner.index("exit 1") < runner.index("shutdown.exe /r")


def test_a_name_of_a_system_is_sent_in_ascii_and_read_back() -> None:
    assert 'Say "os NAME=$(Ascii $system.Caption)"' in sent("look")
    answer = parse_tool_answer(b"replank-tool 1\nword \nos ID=windows\nos NAME=Microsoft\\u00ae Windows Server 2019\n@end\n")
    assert answer
    assert answer.os_name == "Microsoft\u00ae Windows Server 2019"


def test_the_scripts_are_sent_without_comments_and_indentation() -> None:
    sent = tool_script("clean", "m1-0-1", os_type="windows")
    assert "#" not in sent
    assert not re.search(r"^\s", sent, re.MULTILINE)
