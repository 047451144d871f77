"""What is built for: Function Compute's interpreter and its machines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from localcloud.fc.interpreter import interpreter as found_interpreter

VERSIONS = ("3.10", "3.12")
"""The built-in runtimes python3.10 and python3.12; 3.11 is not offered."""
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
    """A Python of exactly this version on this machine, or None."""
    return found_interpreter(target.version)
