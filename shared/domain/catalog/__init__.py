"""The catalog: releases, migration paths, life-cycle dates, regions and minimum sizes as data. Each row names its source and the
date of the source.
"""

from __future__ import annotations

from functools import lru_cache

from shared.domain.catalog.identify import (
    ecs_spelling,
    identify_os_release_in_catalog,
    identify_release_in_catalog,
    releases_with_names_beginning_with,
    windows_language,
)
from shared.domain.catalog.lifecycle import LIFECYCLE
from shared.domain.catalog.minima import MINIMA, REGIONS, WINDOWS_REGIONS
from shared.domain.catalog.model import Catalog, Lifecycle, MigrationPath, Minimum, Release, Source
from shared.domain.catalog.paths import DEFAULTS, PATHS
from shared.domain.catalog.releases import RELEASES
from shared.domain.errors import Refused

__all__ = [
    "CATALOG",
    "DEFAULTS",
    "LIFECYCLE",
    "MINIMA",
    "PATHS",
    "REGIONS",
    "RELEASES",
    "WINDOWS_REGIONS",
    "Catalog",
    "Lifecycle",
    "MigrationPath",
    "Minimum",
    "Release",
    "Source",
    "identify_os_release",
    "identify_release",
    "release_with_name",
    "require_release",
    "windows_language",
]

CATALOG = Catalog(RELEASES, PATHS, LIFECYCLE, WINDOWS_REGIONS, MINIMA, DEFAULTS)
"""The catalog that ships with Replank, without rows of an operator."""


@lru_cache(maxsize=4096)
def identify_release(os_name: str, os_name_en: str = "") -> Release | None:
    """The release for the OSName (Chinese or English) and the OSNameEn that DescribeInstances returns; None if the catalog has no
    such release.
    """
    return identify_release_in_catalog(CATALOG, os_name, os_name_en)


def identify_os_release(os_id: str, version_id: str, name: str = "") -> Release | None:
    """The release for ID, VERSION_ID and NAME of a guest's /etc/os-release; None if the catalog has no such release."""
    return identify_os_release_in_catalog(CATALOG, os_id, version_id, name)


def release_with_name(text: str, catalog: Catalog = CATALOG) -> Release | None:
    """The release for a key, an ECS name or a common spelling, such as ``RHEL 7.9``; None if the catalog has no such release."""
    return (
        catalog.releases.get(text.strip().lower())
        or identify_release_in_catalog(catalog, text)
        or identify_release_in_catalog(catalog, ecs_spelling(text))
    )


def require_release(text: str, catalog: Catalog = CATALOG) -> Release:
    """The release for a key, an ECS name or a common spelling, such as ``RHEL 7.9``. Raises Refused (Catalog.ReleaseIncomplete,
    Catalog.ReleaseUnknown) if the catalog has no such release.
    """
    found = release_with_name(text, catalog)
    candidates = releases_with_names_beginning_with(catalog, text) if found is None else []
    if candidates:
        windows = candidates[0].os_type == "windows" and len({each.product for each in candidates}) == 1
        raise Refused(
            "Catalog.ReleaseIncomplete",
            f"{text[:100]!r} does not say which {'edition' if windows else 'version'} it is.",
            f"Name one of: {', '.join(sorted(each.key for each in candidates)[:12])}.",
        )
    if found is None:
        raise Refused(
            "Catalog.ReleaseUnknown",
            f"The catalog has no release {text[:100]!r}.",
            "Use a key that `replank catalog releases` lists, e.g. alinux-3, or add your own rows for the release.",
        )
    return found
