"""Every row of the catalog has a source with a date, and is consistent with the other rows."""

from __future__ import annotations

from datetime import date

import pytest

from shared.domain.catalog import CATALOG, DEFAULTS, LIFECYCLE, MINIMA, PATHS, RELEASES, WINDOWS_REGIONS, Source
from shared.domain.catalog.eol import SOON_DAYS, support_status_of_system
from shared.domain.catalog.extend import extended_catalog
from shared.domain.catalog.software import MYSQL, OTHERS
from shared.domain.codec import DocumentInvalid
from shared.domain.route import plan_route

TODAY = date(2026, 9, 1)


def test_every_row_has_a_source_and_a_date() -> None:
    sources: list[Source] = [
        *(row.source for row in RELEASES.values()),
        *(row.document for row in PATHS),
        *(row.source for row in LIFECYCLE.values()),
        *(row.source for row in MINIMA.values()),
        *WINDOWS_REGIONS.values(),
        *(row.sources[key] for row in (MYSQL, *OTHERS) for key in row.ships),
    ]
    assert [source for source in sources if not source.document or not isinstance(source.on, date)] == []


def test_paths_and_defaults_name_releases() -> None:
    assert {key for path in PATHS for key in (path.source, path.destination)} <= set(RELEASES)
    assert {*DEFAULTS, *DEFAULTS.values()} <= set(RELEASES)
    assert {RELEASES[path.destination].product for path in PATHS} <= set(LIFECYCLE)
    assert len({(p.source, p.destination, p.architecture) for p in PATHS}) == len(PATHS)


def test_the_regions_for_windows_are_complete() -> None:
    assert len(WINDOWS_REGIONS) == 25


@pytest.mark.parametrize("row", LIFECYCLE.values(), ids=lambda row: row.product)
def test_dates_are_in_order(row: object) -> None:
    dates = [day for day in (row.mainstream_end, row.support_end, row.extended_end) if day]  # type: ignore[attr-defined]
    assert dates == sorted(dates)


@pytest.mark.parametrize(
    ("name", "on", "standing", "left"),
    [
        ("CentOS  7.9 64位", date(2024, 6, 30), "ending", 0),
        ("CentOS  7.9 64位", date(2024, 7, 1), "ended", -1),
        ("Red Hat Enterprise Linux 7.9", TODAY, "extended", -793),
        ("Alibaba Cloud Linux 3.2104", TODAY, "supported", 1672),
        ("Windows Server 2016 Datacenter", TODAY, "ending", 133),
        ("Anolis OS 8.6", TODAY, "unknown", None),
        ("BeOS", TODAY, "unknown", None),
    ],
)
def test_a_release_has_its_standing_on_a_day(name: str, on: date, standing: str, left: int | None) -> None:
    life = support_status_of_system(name, "", on)
    assert (life.standing, life.days_left) == (standing, left)
    assert life.to_json()["standing"] == standing


def test_an_end_is_told_half_a_year_ahead() -> None:
    assert SOON_DAYS == 180


OWN = {
    "releases": [
        {
            "key": "acme-9",
            "family": "acme",
            "version": "9",
            "name": "Acme OS 9",
            "os_type": "linux",
            "pattern": r"acme os (?P<version>9(?:[.]\d+)*)",
            "source": "ticket 42",
        }
    ],
    "paths": [{"source": "alinux-3", "destination": "acme-9", "architecture": "x86_64", "source_document": "ticket 42"}],
    "lifecycle": [{"product": "acme-9", "support_end": "2039-01-01", "source": "acme.example"}],
    "windows_regions": [{"region": "cn-nanjing", "source": "ticket 43"}],
    "defaults": {"alinux-3": "acme-9"},
}


def test_own_rows_are_laid_over_ours() -> None:
    catalog = extended_catalog(OWN, CATALOG, on=TODAY)
    route = plan_route(catalog.releases["alinux-3"], "x86_64", on=TODAY, catalog=catalog)
    assert [hop.destination for hop in route.hops] == ["acme-9"]
    assert support_status_of_system("Acme OS 9.4", "", TODAY, catalog).standing == "supported"
    assert "cn-nanjing" in catalog.windows_regions
    assert catalog.releases["acme-9"].source == Source("ticket 42", TODAY)
    assert "acme-9" not in CATALOG.releases
    assert extended_catalog({}, CATALOG, on=TODAY) == CATALOG


def _with(section: str, **changes: object) -> dict[str, object]:
    row = OWN[section][0]  # type: ignore[index]
    return {**OWN, section: [{k: v for k, v in {**row, **changes}.items() if v is not None}]}


@pytest.mark.parametrize(
    ("rows", "field"),
    [
        ([], "catalog"),
        ({"relases": []}, "catalog.relases"),
        ({"paths": {}}, "catalog.paths"),
        (_with("releases", key="Acme 9"), "catalog.releases[0].key"),
        (_with("releases", pattern="("), "catalog.releases[0].pattern"),
        (_with("releases", pattern=".*"), "catalog.releases[0].pattern"),
        (_with("releases", source=None), "catalog.releases[0].source"),
        (_with("releases", os_type="beos"), "catalog.releases[0].os_type"),
        (_with("releases", colour="red"), "catalog.releases[0].colour"),
        (_with("paths", destination="acme-10"), "catalog.paths[0].destination"),
        (_with("paths", destination="alinux-3"), "catalog.paths[0].destination"),
        (_with("paths", architecture="mips"), "catalog.paths[0].architecture"),
        (_with("lifecycle", support_end="soon"), "catalog.lifecycle[0].support_end"),
        ({"defaults": {"centos-7": "acme-9"}}, "catalog.defaults.centos-7"),
        ({"defaults": {"centos-7": ["x"]}}, "catalog.defaults.centos-7"),
    ],
)
def test_a_wrong_row_is_named(rows: object, field: str) -> None:
    with pytest.raises(DocumentInvalid) as caught:
        extended_catalog(rows, CATALOG, on=TODAY)
    assert caught.value.field == field
