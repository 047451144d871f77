"""Changes one expression of a room at a time and runs the tests of the room. A change that no test notices has survived.

``python -m tools.mutation shared/domain --mutants 200 --seed 7`` draws the changes by the seed. cosmic-ray makes the changes in a
copy of the tree, and the tests run with the interpreter of ``--python``. ``--minutes`` limits the run. With ``--tally``, a later
run continues where an earlier one ended.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

from tools.mutation_tally import CodeChange, MutationTally

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = ("VariableReplacer", "VariableInserter", "RemoveDecorator")
"""Operators that need the names of variables, or that break every import of the module."""
SLOW = frozenset({"test_properties.py"})
WITH_CONTRACTS = frozenset({"stages", "adapters"})
"""The rooms that act through ports. Besides their unit tests, the contract tests of the product hold their promises."""
TIMEOUT_S = 900


def mutants(room: Path) -> Iterator[CodeChange]:
    """Every change that cosmic-ray can make in the files of a room, in order."""
    names = [name for name in sorted(operator_names()) if not name.endswith(LEFT_OUT)]
    for file in sorted(room.rglob("*.py")):
        nodes = list(ast_nodes(get_ast_from_path(file)))
        for name in names:
            operator = get_operator(name)()
            places = sum(1 for node in nodes for _ in operator.mutation_positions(node))
            yield from (CodeChange(file.relative_to(ROOT).as_posix(), name, number) for number in range(places))


def changed(mutant: CodeChange, tree: Path) -> str | None:
    """The file's text with the change. None if the result is not valid Python, or differs only in type hints, which have no
    effect at run time.
    """
    before = (tree / mutant.file).read_text(encoding="utf-8")
    after = mutate_code(before, get_operator(mutant.operator)(), mutant.occurrence)
    try:
        return None if after is None or _without_hints(before) == _without_hints(after) else str(after)
    except SyntaxError:
        return None


def _without_hints(text: str) -> str:
    module = ast.parse(text)
    for node in ast.walk(module):
        if isinstance(node, ast.arg | ast.AnnAssign):
            node.annotation = ast.Constant(None)
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
    return ast.dump(module)


def tests_of(file: str) -> list[str]:
    """The unit tests of the file's room, and its contract tests if it has some. Tests with the file's name come first."""
    room = "/".join(file.split("/")[1:2])
    found = [path for path in sorted((ROOT / "tests/unit" / room).rglob("test_*.py")) if path.name not in SLOW]
    if room in WITH_CONTRACTS:
        found += sorted((ROOT / "tests/contract").glob("test_*.py"))
    stem, folder = Path(file).stem, Path(file).parent.name
    return [path.relative_to(ROOT).as_posix() for path in sorted(found, key=lambda path: _distance(path, stem, folder))]


def _distance(path: Path, stem: str, folder: str) -> int:
    if path.parent.name == "contract":
        return 1 if stem in path.stem else 3
    return 0 if path.stem == f"test_{stem}" else 1 if path.parent.name == folder else 2


def survives(mutant: CodeChange, text: str, copy: Path, python: str) -> bool:
    """Whether the room's tests pass with the change. A test that never ends counts as noticed."""
    place = copy / mutant.file
    before = place.read_text(encoding="utf-8")
    place.write_text(text, encoding="utf-8")
    command = [python, "-m", "pytest", "-x", "-q", "-n0", "-p", "no:cacheprovider", *tests_of(mutant.file)]
    try:
        return subprocess.run(command, cwd=copy, capture_output=True, timeout=TIMEOUT_S, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        place.write_text(before, encoding="utf-8")


def copied(folder: Path) -> Path:
    """A copy of all files that git tracks."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def commit() -> str:
    """The commit whose code is changed, followed by a plus sign if the tree has uncommitted changes."""
    said = subprocess.run(["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return said.strip()


def main() -> None:
    """Draw changes, try them, and print each survivor as a diff."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("room", help="for example shared/domain")
    arguments.add_argument("--mutants", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--python", default=str(ROOT / ".venv/bin/python"))
    arguments.add_argument("--minutes", type=float, default=60, help="begin no change after this many minutes (default 60)")
    arguments.add_argument("--tally", type=Path, help="file for the outcomes; what is in it is not tried again")
    given = arguments.parse_args()
    os.nice(19)
    every = list(mutants(ROOT / given.room))
    random.Random(given.seed).shuffle(every)
    drawn = {"room": given.room, "seed": given.seed, "commit": commit()}
    tally = MutationTally(given.tally, drawn)
    print(f"{len(every)} possible changes; {drawn}; {len(tally.outcomes)} tried before", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        try_each(every, given, tally, copied(Path(folder)))
    print(f"{tally.score()} {drawn}")


def try_each(every: list[CodeChange], given: argparse.Namespace, tally: MutationTally, copy: Path) -> None:
    """Try the changes in the order drawn, until enough are tried or the time is up."""
    end = time.monotonic() + given.minutes * 60
    for change in every:
        if len(tally.outcomes) >= given.mutants or time.monotonic() >= end:
            return
        text = None if change in tally.outcomes else changed(change, copy)
        if text is None:
            continue
        lives = survives(change, text, copy, os.path.abspath(given.python))
        tally.note(change, lives)
        if lives:
            print(_diff(change, text, copy), flush=True)


def _diff(mutant: CodeChange, text: str, tree: Path) -> str:
    before = (tree / mutant.file).read_text(encoding="utf-8")
    lines = unified_diff(before.splitlines(), text.splitlines(), mutant.file, mutant.operator, n=0, lineterm="")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
