"""What is built for: Function Compute's interpreter and its machines."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

VERSIONS = ("3.10", "3.12")
"""The built-in runtimes python3.10 and python3.12; there is none for 3.11."""
GLIBC = 28
"""Debian 10, on which python3.10 runs, has glibc 2.28: nothing newer loads."""


@dataclass(frozen=True)
class Target:
    """One runtime: ``3.10`` on Linux, x86-64."""

    version: str

    @property
    def tag(self) -> str:
        """``cp310``."""
        return "cp" + self.version.replace(".", "")

    @property
    def cache_tag(self) -> str:
        """What its compiled files are named by: ``cpython-310``."""
        return "cpython-" + self.version.replace(".", "")

    @property
    def platforms(self) -> list[str]:
        """Every platform tag whose wheels load there, newest first."""
        numbered = [f"manylinux_2_{minor}_x86_64" for minor in range(GLIBC, 4, -1)]
        return [*numbered, "manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64"]

    @property
    def markers(self) -> dict[str, str]:
        """The environment its requirements are judged by: the target's, never that of the Python that builds."""
        return {
            "python_version": self.version,
            "python_full_version": f"{self.version}.0",
            "implementation_name": "cpython",
            "implementation_version": f"{self.version}.0",
            "platform_python_implementation": "CPython",
            "os_name": "posix",
            "sys_platform": "linux",
            "platform_system": "Linux",
            "platform_machine": "x86_64",
            "platform_release": "",
            "platform_version": "",
            "extra": "",
        }


def interpreter(target: Target) -> Path | None:
    """A Python of exactly this version on this machine: this one, one on the PATH, one that pyenv or uv keeps; else None."""
    name = f"python{target.version}"
    tries: list[tuple[list[str], dict[str, str]]] = [([sys.executable], {}), ([name], {})]
    tries += [([name], {"PYENV_VERSION": version}) for version in _of_pyenv(target)]
    if shutil.which("uv"):
        tries.append((["uv", "run", "--no-project", "--offline", "--python", target.version, "python"], {}))
    return next((found for command, more in tries if (found := _answers(command, more, target)) is not None), None)


def _of_pyenv(target: Target) -> list[str]:
    if not shutil.which("pyenv"):
        return []
    listed = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True, check=False, timeout=20).stdout.split()
    return [version for version in listed if version.startswith(f"{target.version}.")]


def _answers(command: list[str], more: dict[str, str], target: Target) -> Path | None:
    """Where the interpreter really is, if it runs and is what was asked for (an installed name may be an empty shim)."""
    question = "import sys; print(sys.implementation.name, '%d.%d' % sys.version_info[:2], sys.executable)"
    try:
        said = subprocess.run(
            [*command, "-I", "-c", question], capture_output=True, text=True, check=True, timeout=20, env={**os.environ, **more}
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    kind, version, path = said.split(" ", 2)
    return Path(path) if (kind, version) == ("cpython", target.version) else None
