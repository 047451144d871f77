"""Software of the destinations that limits what may be migrated to them."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.catalog.model import Source
from shared.domain.catalog.sources import READ_ON


@dataclass(frozen=True)
class Shipped:
    """The newest version (major, minor) of a server in a release's own repositories."""

    release: str
    version: tuple[int, int]
    source: Source


_APPSTREAM = Source(
    "AppStream repository of the release, module mysql:8.0 (our reading; no document of the migration says)", READ_ON
)

MYSQL: dict[str, Shipped] = {
    row.release: row
    for row in (
        Shipped("alinux-3", (8, 0), _APPSTREAM),
        Shipped("anolis-8", (8, 0), _APPSTREAM),
        Shipped("rhel-8", (8, 0), _APPSTREAM),
        Shipped("rhel-9", (8, 0), _APPSTREAM),
    )
}
"""MySQL by destination. Releases that are missing here ship MariaDB only, or nobody has looked."""
