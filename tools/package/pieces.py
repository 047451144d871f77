"""Compiles generated modules in pieces. Run it by path with the target's interpreter; it is never imported.

Standard input: [[source, shown name, compile class by class], ...]. Standard output: a marshalled list of ``(code, classes)``, one
for each module. ``code`` is the marshalled bytecode of the module, without its classes if it is compiled class by class.
``classes`` maps the name of each class to its marshalled bytecode and the sorted names of the other classes that it refers to.

Annotations are compiled as text, because to evaluate them would look up every class at the start.
"""

import __future__

import ast
import json
import marshal
import sys

FLAGS = __future__.annotations.compiler_flag


def compiled(body: list[ast.stmt], shown: str) -> bytes:
    """The marshalled bytecode of some statements."""
    return marshal.dumps(compile(ast.Module(body, []), shown, "exec", FLAGS, dont_inherit=True))


found = []
for source, shown, in_pieces in json.load(sys.stdin):
    with open(source, encoding="utf-8") as file:
        body = ast.parse(file.read()).body
    own = {each.name: each for each in body if isinstance(each, ast.ClassDef)} if in_pieces else {}
    classes = {}
    for name, each in own.items():
        used = {node.id for node in ast.walk(each) if isinstance(node, ast.Name)}
        classes[name] = (compiled([each], shown), tuple(sorted(used & own.keys() - {name})))
    found.append((compiled([each for each in body if not isinstance(each, ast.ClassDef) or each.name not in own], shown), classes))
sys.stdout.buffer.write(marshal.dumps(found, 2))
