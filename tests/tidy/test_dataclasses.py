"""The decorator of shared/domain/record.py is for shared/, and shared/ has no other (decision 26)."""

from __future__ import annotations

import ast

from tests.support.repository import ROOT, files, name_of, tree

OURS = "shared.domain.record"
RECORD = ROOT / "shared" / "domain" / "record.py"
FIELD_OPTIONS = {"default", "default_factory", "repr", "compare", "metadata"}
"""What ``_compiled_init`` and the standard methods handle."""
UNKNOWN = {"InitVar", "KW_ONLY", "ClassVar", "make_dataclass"}
"""Names of the standard library that the decorator of shared/ does not support, so shared/ must not use them."""


def imports_of(name: str, within: str = "") -> dict[str, set[str]]:
    """For each file of a folder, the names that it imports from the module."""
    found: dict[str, set[str]] = {}
    for path in files():
        named = path.suffix == ".py" and name_of(path).startswith(within) and name in path.read_text(encoding="utf-8")
        if named and path != RECORD:
            for node in ast.walk(tree(path)):
                if isinstance(node, ast.ImportFrom) and node.module == name:
                    found.setdefault(name_of(path), set()).update(each.name for each in node.names)
                if isinstance(node, ast.Import) and any(each.name == name for each in node.names):
                    found.setdefault(name_of(path), set()).add("*")
    return found


def test_shared_has_no_other_decorator() -> None:
    forbidden = {"dataclass", "*", *UNKNOWN}
    assert {name: names for name, names in imports_of("dataclasses", "shared/").items() if names & forbidden} == {}
    assert [name for name, names in imports_of("typing", "shared/").items() if "ClassVar" in names] == []


def test_only_shared_uses_it() -> None:
    assert {name.partition("/")[0] for name in imports_of(OURS)} == {"shared"}


def test_each_field_has_options_that_it_knows() -> None:
    unknown = []
    for path in files():
        if path.suffix == ".py" and name_of(path).startswith("shared/"):
            for node in ast.walk(tree(path)):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "field":
                    unknown += [f"{name_of(path)}: {each.arg}" for each in node.keywords if each.arg not in FIELD_OPTIONS]
    assert unknown == []


def test_each_class_has_a_description() -> None:
    """Without one, the standard decorator would ask for the signature at import, which compiles ``__init__``."""
    bare = []
    for path in files():
        if path.suffix == ".py" and name_of(path).startswith("shared/"):
            for node in ast.walk(tree(path)):
                if isinstance(node, ast.ClassDef) and _is_decorated(node) and ast.get_docstring(node) is None:
                    bare.append(f"{name_of(path)}: {node.name}")
    assert bare == []


def _is_decorated(node: ast.ClassDef) -> bool:
    return any(ast.unparse(each).startswith("dataclass") for each in node.decorator_list)
