"""Downloads the wheels that a set of packages needs on the target, at the pins of requirements/. If only sources are published, it
builds the wheel.

Nothing is resolved here: every version is pinned. A package's requirements are read from its wheel, with markers evaluated for the
target. pip would evaluate the markers for the running Python, and would leave out async-timeout when 3.11 builds for 3.10.
"""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Collection, Iterable
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from tools.package.target import Target

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 600
UNUSED = {
    "numpy": "flatbuffers looks for it; only the time-series calls of the Tablestore SDK use it",
    "future": "declared by the Tablestore SDK for Python 2",
    "pycparser": "cffi uses it to build extensions",
    "cryptography": "signs with RSA key pairs, which a role of a function never has; shared/runtime/lazy.py stands in for it",
}
"""Packages that the SDKs declare but that no code imports here. The trial run of every package proves it."""


class NotAvailable(RuntimeError):
    """A wheel is not available: the registry is out of reach, or has none for the target."""


def pins(folder: Path = ROOT / "requirements") -> dict[str, str]:
    """The version of every package that requirements/ pins, by normalised name. If a name is pinned several times, the first
    pin counts.
    """
    found: dict[str, str] = {}
    for name in ("functions.txt", "constraints.txt"):
        for line in (folder / name).read_text(encoding="utf-8").splitlines():
            if pinned := re.match(r"([\w.-]+)==([\w.]+)", line):
                found.setdefault(canonicalize_name(pinned[1]), pinned[2])
    return found


class Wheelhouse:
    """A folder of wheels for one target. ``built`` names the packages that were built on this machine from sources."""

    def __init__(self, folder: Path, target: Target, *, unused: Collection[str] = tuple(UNUSED)) -> None:
        self.folder, self.target, self._unused = folder, target, set(unused)
        self.sources = folder / "sources"
        self.sources.mkdir(parents=True, exist_ok=True)
        self._pins = pins()

    @property
    def built(self) -> set[str]:
        """The names of the packages that publish only sources."""
        return {canonicalize_name(path.name.removesuffix(".tar.gz").rpartition("-")[0]) for path in self.sources.glob("*.tar.gz")}

    def closure(self, roots: Iterable[str]) -> dict[str, Path]:
        """The wheels of these packages and of all their requirements, by normalised name. Raises NotAvailable."""
        found: dict[str, Path] = {}
        wanted: set[str] = {canonicalize_name(root) for root in roots}
        while wanted:
            wheels = self._fetch(wanted)
            found.update(wheels)
            needed = {name for wheel in wheels.values() for name in self.needs(wheel)}
            wanted = needed - set(found) - self._unused
        return dict(sorted(found.items()))

    def needs(self, wheel: Path) -> set[str]:
        """The names of a wheel's requirements on the target."""
        with zipfile.ZipFile(wheel) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            declared = HeaderParser().parsestr(archive.read(name).decode()).get_all("Requires-Dist") or []
        needed = [Requirement(each) for each in declared]
        return {canonicalize_name(each.name) for each in needed if not each.marker or each.marker.evaluate(self.target.markers)}

    def _fetch(self, names: Iterable[str]) -> dict[str, Path]:
        missing = [name for name in sorted(names) if self._here(name) is None]
        if missing:
            self._download(missing)
            self._build()
        found = {name: self._here(name) for name in names}
        if absent := [name for name, wheel in found.items() if wheel is None]:
            raise NotAvailable(f"No wheel for {', '.join(absent)} that loads on Python {self.target.version} and this glibc.")
        return {name: wheel for name, wheel in found.items() if wheel is not None}

    def _here(self, name: str) -> Path | None:
        if name not in self._pins:
            raise NotAvailable(f"{name} is needed but not pinned: add it to requirements/constraints.txt.")
        wanted = Version(self._pins[name])
        return next(
            (path for path in sorted(self.folder.glob("*.whl")) if parse_wheel_filename(path.name)[:2] == (name, wanted)), None
        )

    def _download(self, names: list[str]) -> None:
        """Download wheels for the target. If there is no wheel, download the sources (with --no-deps pip accepts sources for
        any target).
        """
        platforms = [part for platform in self.target.platforms for part in ("--platform", platform)]
        kind = ["--implementation", "cp", "--python-version", self.target.version]
        wanted = [f"{name}=={self._pins[name]}" for name in names]
        self._pip("download", "--no-deps", *platforms, *kind, "-d", str(self.folder), *wanted)
        for source in self.folder.glob("*.tar.gz"):
            source.rename(self.sources / source.name)

    def _build(self) -> None:
        made = {parse_wheel_filename(path.name)[0] for path in self.folder.glob("*.whl")}
        sources = sorted(self.sources.glob("*.tar.gz"))
        todo = [path for path in sources if canonicalize_name(path.name.removesuffix(".tar.gz").rpartition("-")[0]) not in made]
        if not todo:
            return
        self._pip("wheel", "--no-deps", "--use-pep517", "-w", str(self.folder), *map(str, todo))
        bound = [path.name for path in self.folder.glob("*.whl") if "-linux_" in path.name]
        if bound:
            raise NotAvailable(f"Built for this machine only, so of no use elsewhere: {', '.join(bound)}.")

    def _pip(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "pip", *arguments, "--quiet", "--no-input", "--disable-pip-version-check"]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT_S)
        except subprocess.CalledProcessError as error:
            raise NotAvailable(error.stderr.strip()[-2000:]) from error
        except subprocess.TimeoutExpired as error:
            raise NotAvailable(f"pip took longer than {TIMEOUT_S} s: {' '.join(arguments[:1])}") from error
