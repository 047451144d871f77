"""Finds a Python interpreter of a certain version on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

_QUESTION = "import sys; print(sys.implementation.name, '%d.%d' % sys.version_info[:2], sys.executable)"


def interpreter(version: str) -> Path | None:
    """A CPython of exactly this version (``3.10``): the running one, one on the PATH, or one installed by pyenv or uv. None if
    there is no such CPython.
    """
    name = f"python{version}"
    tries: list[tuple[list[str], dict[str, str]]] = [([sys.executable], {}), ([name], {})]
    tries += [([name], {"PYENV_VERSION": each}) for each in _of_pyenv(version)]
    if shutil.which("uv"):
        tries.append((["uv", "run", "--no-project", "--offline", "--python", version, "python"], {}))
    return next((found for command, more in tries if (found := _answers(command, more, version)) is not None), None)


def _of_pyenv(version: str) -> list[str]:
    if not shutil.which("pyenv"):
        return []
    listed = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True, check=False, timeout=20).stdout.split()
    return [each for each in listed if each.startswith(f"{version}.")]


def _answers(command: list[str], more: dict[str, str], version: str) -> Path | None:
    """The real path of the interpreter, if it runs and has the right version. An installed name may be an empty shim."""
    try:
        said = subprocess.run(
            [*command, "-I", "-c", _QUESTION], capture_output=True, text=True, check=True, timeout=20, env={**os.environ, **more}
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    kind, found, path = said.split(" ", 2)
    return Path(path) if (kind, found) == ("cpython", version) else None
