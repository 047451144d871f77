"""Starts one function from the files of its package, by path in an isolated interpreter. It is never imported.

Argument: the folder of the package. The last line of standard output is a JSON object. ``modules`` has each module that the start
imports from the package, after the entrypoint itself, with the name of its source. ``magic`` and ``patterns`` are those of the
bundle (shared/runtime/bundle.py); the patterns are marshalled, in hexadecimal digits.
"""

import _sre  # type: ignore[import-not-found]
import array
import marshal
import os
import re
import sys
from typing import Any

folder = sys.argv[1]
sys.path[:] = [
    folder,
    *(path for path in sys.path if "site-packages" not in path and path != os.path.dirname(os.path.abspath(__file__))),
]
os.environ.update(
    REPLANK_REGION="cn-hangzhou",
    FC_ACCOUNT_ID="1",
    ALIBABA_CLOUD_ACCESS_KEY_ID="key",
    ALIBABA_CLOUD_ACCESS_KEY_SECRET="secret",
)
import index  # type: ignore[import-not-found]  # noqa: E402 - found in the package's folder

compiler = getattr(re, "_compiler", None) or vars(re)["sre_compile"]  # the second is its name in Python 3.10
compile_pattern, make_pattern = compiler.compile, _sre.compile
made: list[tuple[Any, ...]] = []
patterns: dict[tuple[Any, int], tuple[Any, ...]] = {}


def make_and_note(*parts: object) -> object:
    """Note what the compiler makes a pattern of."""
    made.append(parts)
    return make_pattern(*parts)


def compile_and_note(pattern: object, flags: int = 0) -> object:
    """Note the pattern that was asked for, with what the compiler made of it."""
    compiled = compile_pattern(pattern, flags)
    if type(pattern) in (str, bytes) and not flags & re.DEBUG:
        _, all_flags, code, *groups = made[-1]
        patterns[pattern, int(flags)] = (int(all_flags), array.array("I", code).tobytes(), *groups)
    return compiled


_sre.compile, compiler.compile = make_and_note, compile_and_note
before = set(sys.modules)
index.initialize(None)
_sre.compile, compiler.compile = make_pattern, compile_pattern
found = {}
for name, module in sys.modules.items():
    file = getattr(module, "__dict__", {}).get("__file__") or ""
    is_alias = getattr(module, "__name__", name) != name  # requests.packages.idna is idna
    if name not in before and not is_alias and file.startswith(folder + os.sep) and file.endswith(".py"):
        found[name] = os.path.relpath(file, folder)
import json  # noqa: E402 - not earlier, because a start may be the first to import it, and then it compiles patterns

print("\n" + json.dumps({"modules": found, "magic": _sre.MAGIC, "patterns": marshal.dumps(patterns, 2).hex()}))
