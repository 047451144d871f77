"""The target of a build: Function Compute's interpreter and machines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from localcloud.fc.interpreter import interpreter as found_interpreter

VERSIONS = ("3.10", "3.12")
"""The built-in runtimes python3.10 and python3.12. Function Compute does not offer 3.11."""
GLIBC = 28
"""python3.10 runs on Debian 10, which has glibc 2.28. Extensions that need a newer glibc do not load."""


@dataclass(frozen=True)
class Target:
    """One runtime: ``3.10`` on Linux, x86-64."""

    version: str

    @property
    def tag(self) -> str:
        """The interpreter's tag, such as ``cp310``."""
        return "cp" + self.version.replace(".", "")

    @property
    def cache_tag(self) -> str:
        """The tag in the names of compiled files, such as ``cpython-310``."""
        return "cpython-" + self.version.replace(".", "")

    @property
    def platforms(self) -> list[str]:
        """Every platform tag whose wheels load on the target, newest first."""
        numbered = [f"manylinux_2_{minor}_x86_64" for minor in range(GLIBC, 4, -1)]
        return [*numbered, "manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64"]

    @property
    def markers(self) -> dict[str, str]:
        """The environment for requirement markers: the target's, never that of the Python that builds."""
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
    """A Python of exactly this version on this machine, or None."""
    return found_interpreter(target.version)
