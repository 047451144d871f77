"""Compiles files. Run it by path with the target's interpreter; it is never imported. Standard input: [[source, compiled,
shown name]].
"""

import json
import py_compile
import sys

for source, result, shown in json.load(sys.stdin):
    py_compile.compile(source, result, dfile=shown, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
