"""The support status of an operating system on a given day. Pure."""

from __future__ import annotations

from datetime import date
from typing import Literal

from shared.domain.catalog import CATALOG, Catalog
from shared.domain.catalog.identify import identify_release_in_catalog
from shared.domain.catalog.model import Release
from shared.domain.codec import Json
from shared.domain.record import dataclass

Standing = Literal["ended", "extended", "ending", "supported", "unknown"]
SOON_DAYS = 180
"""The support of a release counts as ending soon if at most this number of days is left."""


@dataclass(frozen=True)
class SupportStatus:
    """The support status of one operating system. The field ``ends_on`` is the last day with support. After the last day with
    support, ``days_left`` is negative.
    """

    name: str
    release: str
    standing: Standing
    ends_on: date | None
    days_left: int | None
    source: str

    def to_json(self) -> Json:
        """The JSON object that ``replank eol --json`` prints."""
        ends_on = self.ends_on.isoformat() if self.ends_on else None
        return {**self.__dict__, "ends_on": ends_on}


def support_status_of_system(os_name: str, os_name_en: str, on: date, catalog: Catalog = CATALOG) -> SupportStatus:
    """The support status of an operating system on the given day. The arguments ``os_name`` and ``os_name_en`` are the names that
    ECS shows for the system.
    """
    release = identify_release_in_catalog(catalog, os_name, os_name_en)
    shown = os_name_en or os_name
    if release is None:
        return SupportStatus(shown, "", "unknown", None, None, "")
    return support_status_of_release(release, shown, on, catalog)


def support_status_of_release(release: Release, shown: str, on: date, catalog: Catalog = CATALOG) -> SupportStatus:
    """The support status of a release on the given day. The argument ``shown`` is the release's name that people see."""
    life = catalog.lifecycle.get(release.product)
    if life is None or life.ends_on is None:
        return SupportStatus(shown, release.key, "unknown", None, None, life.source.document if life else "")
    left = (life.ends_on - on).days
    standing: Standing = "supported" if left > SOON_DAYS else "ending"
    if left < 0:
        standing = "extended" if life.extended_end and on <= life.extended_end else "ended"
    return SupportStatus(shown, release.key, standing, life.ends_on, left, life.source.document)
