"""The support status of instances in a fleet file.

The status takes into account that a guest may have been converted, which only the guest's facts show.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from cli.fleet import Fleet, os_names
from shared.domain.catalog import Catalog
from shared.domain.catalog.eol import SupportStatus, support_status_of_release, support_status_of_system
from shared.domain.catalog.identify import identify_os_release_in_catalog, identify_release_in_catalog
from shared.domain.catalog.model import Release

Json = dict[str, Any]
SUPPORT_ENDED = ("ended", "extended")
"""The support statuses of a release whose support has ended. ``extended`` means that paid support still exists."""


def support_status(fleet: Fleet, record: Json, on: date, catalog: Catalog) -> SupportStatus:
    """The support status of the operating system that the instance runs.

    The argument ``on`` is the day on which support is judged.
    """
    converted = release_of_converted_guest(fleet, record, catalog)
    name, name_en = os_names(record)
    return (
        support_status_of_release(converted, converted.name, on, catalog)
        if converted
        else support_status_of_system(name, name_en, on, catalog)
    )


def release_of_converted_guest(fleet: Fleet, record: Json, catalog: Catalog) -> Release | None:
    """The release that a converted guest runs; None if the guest was not converted. ECS keeps the old OSName after a conversion."""
    said = fleet.guests.get(record["InstanceId"], {}).get("os_release")
    named = identify_release_in_catalog(catalog, *os_names(record))
    if named is None or not isinstance(said, dict):
        return None
    words = (str(said.get(part, "")) for part in ("id", "version", "pretty_name"))
    runs = identify_os_release_in_catalog(catalog, *words)
    return runs if runs is not None and runs.product != named.product else None


def conversion_in_words(fleet: Fleet, record: Json, catalog: Catalog) -> str:
    """A phrase that names the release to which the guest was converted; empty if the guest was not converted."""
    converted = release_of_converted_guest(fleet, record, catalog)
    name, name_en = os_names(record)
    return f"converted: the guest runs {converted.name}; ECS still shows {name_en or name}" if converted else ""
