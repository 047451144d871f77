"""The types of the catalog's rows. Every row names its source document and the date of the document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Literal

from shared.domain.record import dataclass

if TYPE_CHECKING:
    from shared.domain.recipes.recipe import Recipe

Architecture = Literal["x86_64", "arm64"]


@dataclass(frozen=True)
class Source:
    """The source of a row: the document and its date. If a page shows no date, ``on`` is the day on which the page was read."""

    document: str
    on: date
    link: str = ""


@dataclass(frozen=True)
class Release:
    """One release of an operating system.

    The field ``key`` is Replank's own name for the release; the key never changes. The field ``pattern`` matches ECS's name in
    lower case with single spaces. The part of the pattern that is named ``version`` matches the exact version. ``os_release_id`` is
    the value of ID in /etc/os-release, and ``version`` is the beginning of VERSION_ID. The field ``product`` is the key of the
    release's life-cycle row. The field ``exact`` is the exact version that ECS or the guest shows, such as 7.9; empty if neither
    shows an exact version.
    """

    key: str
    family: str
    version: str
    name: str
    os_type: Literal["linux", "windows"]
    pattern: str
    product: str
    source: Source
    os_release_id: str = ""
    edition: str = ""
    exact: str = ""


@dataclass(frozen=True)
class MigrationPath:
    """One supported migration path.

    If ``exact`` is not empty, the path supports only this exact version of the source release. An ``allow_listed`` path is open
    only to accounts on Alibaba Cloud's allow list.
    """

    source: str
    destination: str
    architecture: Architecture
    document: Source
    exact: str = ""
    allow_listed: bool = False
    note: str = ""
    tool_only: bool = False
    """Whether only the distribution's own tool supports the path, and SMC does not."""


@dataclass(frozen=True)
class Lifecycle:
    """The end dates of a product's mainstream support, regular support, and paid or extended support. A date is None if the source
    does not state the date.
    """

    product: str
    mainstream_end: date | None
    support_end: date | None
    extended_end: date | None
    source: Source
    note: str = ""

    @property
    def ends_on(self) -> date | None:
        """The last day of support, without paid extensions; None if unknown."""
        return self.support_end or self.mainstream_end

    def has_support_ended(self, on: date) -> bool:
        """Whether support ended before the given day. A product whose end date is unknown counts as supported."""
        return self.ends_on is not None and on > self.ends_on


@dataclass(frozen=True)
class Minimum:
    """One minimum that SMC requires of an instance, from a source document. The field ``unit`` is MiB, GiB or vCPU."""

    key: str
    value: int
    unit: str
    source: Source


@dataclass(frozen=True)
class Catalog:
    """All rows of the catalog. An operator's own rows may replace, or add to, the rows that ship with Replank."""

    releases: Mapping[str, Release]
    paths: tuple[MigrationPath, ...]
    lifecycle: Mapping[str, Lifecycle]
    windows_regions: Mapping[str, Source]
    minima: Mapping[str, Minimum]
    defaults: Mapping[str, str]
    own_recipes: tuple[Recipe, ...] = ()
    """The operator's own recipes for the tools that run inside instances."""
    proven: frozenset[str] = frozenset()
    """Keys of the recipes that the operator has tested and declared as proven."""

    def supported_path(self, source: str, destination: str, architecture: str) -> MigrationPath | None:
        """The path from one release to another on one architecture; None if the path is not supported."""
        for row in self.paths:
            if (row.source, row.destination, row.architecture) == (source, destination, architecture):
                return row
        return None

    def lifecycle_row(self, key: str) -> Lifecycle | None:
        """The life-cycle row of the release with this key; None if the catalog has no such row."""
        release = self.releases.get(key)
        return self.lifecycle.get(release.product) if release else None

    def release_name(self, key: str) -> str:
        """The display name of the release with this key; the key itself if the release is unknown."""
        release = self.releases.get(key)
        return release.name if release else key
