"""The repository as the tidy tests see it: its files, its deployment files, and the syntax trees of its source."""

from __future__ import annotations

import ast
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ("shared", "functions", "localcloud", "cli", "console", "tools")


@lru_cache(maxsize=1)
def files() -> tuple[Path, ...]:
    """Every file that is under version control, or will be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    return tuple(sorted({ROOT / name for name in listed if name and (ROOT / name).is_file()}))


def source_files(*folders: str) -> list[Path]:
    """The Python files of the given folders; of all source folders if none is given."""
    wanted = folders or SOURCE
    return [path for path in files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in wanted]


@lru_cache(maxsize=1024)
def tree(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def name_of(path: Path) -> str:
    """A file's path relative to the repository."""
    return path.relative_to(ROOT).as_posix()


@lru_cache(maxsize=1)
def template() -> dict[str, dict[str, Any]]:
    """The resources of template.yml."""
    resources: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "template.yml").read_text(encoding="utf-8"))["Resources"]
    return resources


def of_type(kind: str) -> list[dict[str, Any]]:
    """The properties of every resource of a ROS type."""
    return [each["Properties"] for each in template().values() if each["Type"] == kind]


@lru_cache(maxsize=1)
def services() -> dict[str, dict[str, Any]]:
    """The props of every function of s.yaml, by resource name."""
    resources = yaml.safe_load((ROOT / "s.yaml").read_text(encoding="utf-8"))["resources"]
    return {name: each["props"] for name, each in resources.items()}


def policy_actions(role: dict[str, Any]) -> set[str]:
    """Every action that a role's policies allow."""
    statements = [each for policy in role["Policies"] for each in policy["PolicyDocument"]["Statement"]]
    return {action for each in statements for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])}
