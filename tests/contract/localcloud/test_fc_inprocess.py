"""Functions in this process: each has its own modules and environment, and leaves nothing behind."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from localcloud.fc.inprocess import InProcessInvoker
from localcloud.fc.model import Function, Invocation, Result

CODE = """
import os
count = 0
def handler(event, context):
    global count
    count += 1
    import helper
    return {"count": count, "who": helper.WHO, "env": os.environ["WHO"]}
"""


def make(folder: Path, name: str) -> Function:
    home = folder / name
    home.mkdir()
    (home / "index.py").write_text(CODE)
    (home / "helper.py").write_text(f"WHO = {name!r}\n")
    return Function(name, "index.handler", (str(home),), environment={"WHO": name})


def test_modules_and_environment_are_each_functions_own(tmp_path: Path) -> None:
    invoker, invocation = InProcessInvoker(), Invocation("r", b"", None, "cn-hangzhou", "1")
    results: list[Result] = []
    modules, variables = set(sys.modules), dict(os.environ)
    one, two = make(tmp_path, "one"), make(tmp_path, "two")
    for function in (one, two, one):
        invoker.start(function, invocation, results.append)
    assert [result.body for result in results] == [
        b'{"count": 1, "who": "one", "env": "one"}',
        b'{"count": 1, "who": "two", "env": "two"}',
        b'{"count": 2, "who": "one", "env": "one"}',
    ]
    assert set(sys.modules) == modules
    assert dict(os.environ) == variables


def test_a_forgotten_function_starts_again(tmp_path: Path) -> None:
    invoker, invocation = InProcessInvoker(), Invocation("r", b"", None, "cn-hangzhou", "1")
    results: list[Result] = []
    function = make(tmp_path, "one")
    invoker.start(function, invocation, results.append)
    invoker.forget("one")
    invoker.start(function, invocation, results.append)
    assert [result.body[:11] for result in results] == [b'{"count": 1', b'{"count": 1']
