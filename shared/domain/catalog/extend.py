"""Checks an operator's own catalog rows, and merges them with the rows that ship with Replank. The module itself reads no file."""

# An example of a file (docs/drivers.md has a complete recipe):
#
# {"releases": [{"key": "rocky-10", "family": "rocky", "version": "10", "name": "Rocky Linux 10", "os_type": "linux",
#                "pattern": "rocky linux (?P<version>10(?:[.][0-9]+)*)", "source": "our own test, ticket 42"}],
#  "paths": [{"source": "alinux-3", "destination": "alinux-4", "architecture": "x86_64", "source_document": "ticket 42"}],
#  "lifecycle": [{"product": "rocky-10", "support_end": "2035-05-31", "source": "https://endoflife.date/rocky-linux"}],
#  "windows_regions": [{"region": "cn-nanjing", "source": "ticket 43"}],
#  "defaults": {"alinux-3": "alinux-4"},
#  "recipes": [{"key": "our-8-to-9", "tool": "leapp", ...}]}

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Any, Literal, TypeVar

from shared.domain.catalog.model import Architecture, Catalog, Lifecycle, MigrationPath, Release, Source
from shared.domain.codec import DocumentInvalid, as_list, as_object, decode
from shared.domain.record import dataclass

T = TypeVar("T")
SECTIONS = ("releases", "paths", "lifecycle", "windows_regions", "defaults", "recipes")
KEY = re.compile(r"[a-z0-9][a-z0-9.-]{1,62}")


@dataclass(frozen=True)
class _ReleaseRow:
    """A release, as the operator writes it."""

    key: str
    family: str
    version: str
    name: str
    os_type: Literal["linux", "windows"]
    pattern: str
    source: str
    product: str = ""
    os_release_id: str = ""
    edition: str = ""


@dataclass(frozen=True)
class _PathRow:
    """A path between two releases, as the operator writes it."""

    source: str
    destination: str
    architecture: Architecture
    source_document: str
    exact: str = ""
    allow_listed: bool = False
    note: str = ""
    tool_only: bool = False


@dataclass(frozen=True)
class _LifecycleRow:
    """The ends of a product's support, as the operator writes them."""

    product: str
    source: str
    mainstream_end: str | None = None
    support_end: str | None = None
    extended_end: str | None = None
    note: str = ""


@dataclass(frozen=True)
class _RegionRow:
    """A region, as the operator writes it."""

    region: str
    source: str


def extended_catalog(rows: object, base: Catalog, *, on: date) -> Catalog:
    """A catalog that adds the operator's rows to the catalog ``base``. An operator's row replaces the row of ``base`` that has the
    same key. The argument ``on`` is the date of the operator's sources.

    Raises DocumentInvalid with the name of the invalid row and field. Unknown sections and fields, invalid patterns, paths to or
    from an unknown release, and a path from a release to itself are invalid.
    """
    document = as_object(rows, "catalog")
    for section in document:
        if section not in SECTIONS:
            raise DocumentInvalid(f"catalog.{section}", f"is not a section; the sections are {', '.join(SECTIONS)}")
    extended = _catalog_with_releases(base, _decode_rows(document, "releases", _ReleaseRow), on)
    extended = _catalog_with_lifecycle_rows(extended, _decode_rows(document, "lifecycle", _LifecycleRow), on)
    extended = _catalog_with_paths(extended, _decode_rows(document, "paths", _PathRow), on)
    regions = {row.region: Source(row.source, on) for row in _decode_rows(document, "windows_regions", _RegionRow)}
    extended = replace(extended, windows_regions={**extended.windows_regions, **regions})
    extended = _catalog_with_defaults(extended, as_object(document.get("defaults", {}), "catalog.defaults"))
    return _catalog_with_recipes(extended, as_list(document.get("recipes", []), "catalog.recipes"))


def _decode_rows(document: dict[str, Any], section: str, cls: type[T]) -> list[T]:
    listed = as_list(document.get(section, []), f"catalog.{section}")
    return [decode(cls, row, f"catalog.{section}[{index}]", strict=True) for index, row in enumerate(listed)]


def _catalog_with_releases(base: Catalog, rows: list[_ReleaseRow], on: date) -> Catalog:
    own: dict[str, Release] = {}
    for index, row in enumerate(rows):
        place = f"catalog.releases[{index}]"
        if not KEY.fullmatch(row.key):
            raise DocumentInvalid(f"{place}.key", "must be lower case letters, digits, dots and dashes")
        _check_pattern(row.pattern, f"{place}.pattern")
        product = row.product or row.key
        fields = (row.key, row.family, row.version, row.name, row.os_type, row.pattern, product, Source(row.source, on))
        own[row.key] = Release(*fields, os_release_id=row.os_release_id, edition=row.edition)
    ours = {key: release for key, release in base.releases.items() if key not in own}
    return replace(base, releases={**own, **ours})


def _check_pattern(pattern: str, place: str) -> None:
    try:
        matches_everything = re.compile(pattern).search("") is not None
    except (re.error, RecursionError, OverflowError) as error:
        raise DocumentInvalid(place, f"is not a regular expression: {error}") from None
    if matches_everything:
        raise DocumentInvalid(place, "matches an empty name, so the pattern would match every name")


def _catalog_with_lifecycle_rows(base: Catalog, rows: list[_LifecycleRow], on: date) -> Catalog:
    own = {}
    for index, row in enumerate(rows):
        place = f"catalog.lifecycle[{index}]"
        mainstream = _parse_day(row.mainstream_end, f"{place}.mainstream_end")
        support = _parse_day(row.support_end, f"{place}.support_end")
        extended = _parse_day(row.extended_end, f"{place}.extended_end")
        own[row.product] = Lifecycle(row.product, mainstream, support, extended, Source(row.source, on), row.note)
    return replace(base, lifecycle={**base.lifecycle, **own})


def _parse_day(text: str | None, place: str) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise DocumentInvalid(place, "must be a day, e.g. 2029-05-31") from None


def _catalog_with_paths(base: Catalog, rows: list[_PathRow], on: date) -> Catalog:
    own = []
    for index, row in enumerate(rows):
        for name in ("source", "destination"):
            if getattr(row, name) not in base.releases:
                raise DocumentInvalid(
                    f"catalog.paths[{index}].{name}", f"names {getattr(row, name)!r}, which is not the key of a release"
                )
        if row.source == row.destination:
            raise DocumentInvalid(f"catalog.paths[{index}].destination", "is the same release as the source")
        source = Source(row.source_document, on)
        path = (row.source, row.destination, row.architecture, source, row.exact, row.allow_listed, row.note, row.tool_only)
        own.append(MigrationPath(*path))
    taken = {(path.source, path.destination, path.architecture) for path in own}
    ours = [path for path in base.paths if (path.source, path.destination, path.architecture) not in taken]
    return replace(base, paths=(*own, *ours))


def _catalog_with_recipes(base: Catalog, rows: list[Any]) -> Catalog:
    if not rows:
        return base
    # Imported here, because only deployments with their own recipes need this module.
    from shared.domain.recipes.recipe import parse_recipes

    return replace(base, own_recipes=parse_recipes(rows, base, "catalog.recipes"))


def _catalog_with_defaults(base: Catalog, rows: dict[str, Any]) -> Catalog:
    for source, destination in rows.items():
        for key in (source, destination):
            if not isinstance(key, str) or key not in base.releases:
                raise DocumentInvalid(f"catalog.defaults.{source}", f"names {str(key)[:60]!r}, which is not the key of a release")
    return replace(base, defaults={**base.defaults, **rows})
