"""The PowerShell probe through a PowerShell parser: each function, each call of a function, each command and each variable.

The package registries offer no PowerShell engine, so nothing is run here. Everything that a parser can check is checked.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import tree_sitter
import tree_sitter_powershell

from shared.probes import probe_script

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
SENT = probe_script("windows", files=["C:\\it's.txt", "D:\\b"], check="echo 'x'")
FUNCTIONS = {"Quote": 1, "Value": 1, "Object": 1, "List": 1, "Ask": 2, "Mib": 1, "Json": 1}
"""The script's own functions with their numbers of parameters."""
COMMANDS = {"Get-WmiObject", "Get-ItemProperty", "Test-Path", "ForEach-Object", "Where-Object", "Sort-Object", "Select-Object"} | {
    *("Measure-Object", "New-Object", "robocopy.exe", "netstat.exe", "cmd.exe", "w32tm.exe")
}
"""The commands that PowerShell 2.0 and Windows Server 2008 R2 provide and the script may call."""
AUTOMATIC = {"$_", "$true", "$false", "$null", "$matches", "$lastexitcode", "$env:computername", "$env:systemroot"}


def every(node: tree_sitter.Node, kind: str) -> Iterator[tree_sitter.Node]:
    if node.type == kind:
        yield node
    for child in node.children:
        yield from every(child, kind)


def text(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode()


def root(source: str) -> tree_sitter.Node:
    return PARSER.parse(source.encode()).root_node


def functions(source: str) -> dict[str, tree_sitter.Node]:
    return {text(next(every(node, "function_name"))): node for node in every(root(source), "function_statement")}


def test_the_script_parses() -> None:
    assert not root(SENT).has_error


@pytest.mark.parametrize(
    "damage",
    [
        ("{ return 'null' }", "{ return 'null' "),
        ("function List($items)", "function List($items"),
        ("@end replank", "@end' replank"),
    ],
)
def test_the_parser_sees_damage(damage: tuple[str, str]) -> None:
    assert damage[0] in SENT
    assert root(SENT.replace(*damage, 1)).has_error


def test_each_function_is_there_with_its_parameters_and_gives_something_back() -> None:
    found = functions(SENT)
    assert {name: len(list(every(node, "script_parameter"))) for name, node in found.items()} == FUNCTIONS
    for name, node in found.items():
        assert any(text(word).lower().startswith("return") for word in every(node, "flow_control_statement")), name


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_uses_its_parameters_and_nothing_of_the_scripts(name: str) -> None:
    node = functions(SENT)[name]
    parameters = {text(next(every(one, "variable"))).lower() for one in every(node, "script_parameter")}
    body = next(every(node, "script_block"))
    used = {text(one).lower() for one in every(body, "variable")}
    assert parameters <= used
    made = {text(one).lower() for one in every(body, "left_assignment_expression")}
    made |= {text(next(every(one, "variable"))).lower() for one in every(body, "foreach_statement")}
    assert used - parameters - made - AUTOMATIC - {"$script:unknown"} == set()


def arguments(command: tree_sitter.Node) -> list[str]:
    return [
        text(word)
        for elements in command.children
        if elements.type == "command_elements"
        for word in elements.children
        if word.type != "command_argument_sep" or text(word).strip()
    ]


def test_each_call_of_a_function_gives_as_many_arguments_as_it_takes() -> None:
    calls = [
        (text(next(every(node, "command_name"))), node)
        for node in every(root(SENT), "command")
        if list(every(node, "command_name"))
    ]
    wrong = [text(node)[:80] for name, node in calls if name in FUNCTIONS and len(arguments(node)) != FUNCTIONS[name]]
    assert wrong == []
    assert {name for name, _ in calls} & set(FUNCTIONS) == set(FUNCTIONS), "a function that nobody calls"


def test_only_commands_of_powershell_2_are_called() -> None:
    called = {text(node) for node in every(root(SENT), "command_name")}
    assert called - set(FUNCTIONS) - COMMANDS == set()


def test_no_variable_is_read_that_nobody_sets() -> None:
    tree = root(SENT)
    made = {text(node).lower() for node in every(tree, "left_assignment_expression")}
    made |= {
        text(next(every(node, "variable"))).lower()
        for kind in ("foreach_statement", "script_parameter")
        for node in every(tree, kind)
    }
    for node in every(tree, "for_statement"):
        made |= {text(one).lower() for one in every(node, "left_assignment_expression")}
    read = {text(node).lower() for node in every(tree, "variable")}
    assert read - made - AUTOMATIC - {"$script:unknown", "$erroractionpreference"} == set()
