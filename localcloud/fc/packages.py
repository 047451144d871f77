"""Unpacks the zips of deployed functions, each version once. Function Compute unpacks them into ``/code``."""

from __future__ import annotations

import hashlib
import shutil
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

from localcloud.fc.model import Function


def digest_of(package: Path) -> str:
    """A digest that differs for each version of a zip."""
    return hashlib.sha256(package.read_bytes()).hexdigest()


class Packages:
    """The unpacked zips below ``folder``. The leftovers of an earlier process are deleted first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        shutil.rmtree(folder, ignore_errors=True)

    def unpacked(self, function: Function) -> Function:
        """The function with its unpacked zip as its code. A function without a zip is returned unchanged. Raises OSError."""
        if not function.package:
            return function
        place = self._folder / f"{function.name}-{function.package[:16]}"
        with self._lock:
            if not place.exists():
                self._unpack(Path(function.code[0]), function.package, place)
        return replace(function, code=(str(place),))

    def _unpack(self, package: Path, digest: str, place: Path) -> None:
        if digest_of(package) != digest:
            raise OSError(f"{package} is not what was deployed: deploy again")
        unfinished = place.with_name(f"{place.name}.part")
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            with zipfile.ZipFile(package) as archive:
                archive.extractall(unfinished)
        except zipfile.BadZipFile as error:
            raise OSError(f"{package} is no zip: {error}") from error
        unfinished.rename(place)
