"""A reproducible zip: it depends only on the names and bytes of its files."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

MAX_BYTES = 14 * 1000 * 1000
"""A package larger than this is refused, because it must contain something unwanted."""
EPOCH = (1980, 1, 1, 0, 0, 0)


class TooLarge(RuntimeError):
    """A package is over the limit."""


def write(path: Path, content: Mapping[str, Path | bytes]) -> int:
    """Write the zip, sorted by name, with the same time and mode for every entry. Returns its size.

    Raises TooLarge. In that case the old file at ``path`` stays unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w") as archive:
        for name in sorted(content):
            data = content[name]
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data if isinstance(data, bytes) else data.read_bytes(), compresslevel=9)
    size = unfinished.stat().st_size
    if size > MAX_BYTES:
        unfinished.unlink()
        raise TooLarge(f"{path.name} has {size} bytes, more than {MAX_BYTES}.")
    unfinished.replace(path)
    return size
