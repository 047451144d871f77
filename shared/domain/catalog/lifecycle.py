"""The life-cycle dates of each product. If sources disagree, the row has the earlier date and a note."""

from __future__ import annotations

from datetime import date

from shared.domain.catalog.cited import ALINUX, CENTOS, CENTOS_5, ENDOFLIFE, NOT_PUBLISHED, NOT_READ, UBUNTU, WINDOWS
from shared.domain.catalog.model import Lifecycle, Source


def _parse_day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _lifecycle_row(product: str, mainstream: str, support: str, extended: str, source: Source, note: str = "") -> Lifecycle:
    return Lifecycle(product, _parse_day(mainstream), _parse_day(support), _parse_day(extended), source, note)


_MONTH = "The source gives only the month; the row has the last day of this month."

LIFECYCLE: dict[str, Lifecycle] = {
    row.product: row
    for row in (
        _lifecycle_row("centos-5", "2014-01-31", "2017-03-31", "", CENTOS_5),
        _lifecycle_row("centos-6", "2017-05-10", "2020-11-30", "", CENTOS),
        _lifecycle_row("centos-7", "2020-08-06", "2024-06-30", "", CENTOS),
        _lifecycle_row("centos-8", "", "2021-12-31", "", CENTOS),
        _lifecycle_row("rhel-6", "2016-05-10", "2020-11-30", "2024-06-30", ENDOFLIFE, "Extended: ELS, paid."),
        _lifecycle_row("rhel-7", "2019-08-06", "2024-06-30", "2029-05-31", ENDOFLIFE, "Extended: ELS, paid."),
        _lifecycle_row("rhel-8", "2024-05-31", "2029-05-31", "2033-05-31", ENDOFLIFE, "Extended: ELS, paid."),
        _lifecycle_row("rhel-9", "2027-05-31", "2032-05-31", "2036-05-31", ENDOFLIFE, "Extended: ELS, paid."),
        _lifecycle_row("rhel-10", "", "", "", NOT_READ),
        _lifecycle_row(
            "alinux-2", "2024-03-31", "2026-03-31", "", ALINUX, "Support end is the end of ELS; older pages say 2025-03-31."
        ),
        _lifecycle_row("alinux-3", "2031-03-31", "", "", ALINUX),
        _lifecycle_row("anolis-7", "", "", "", NOT_PUBLISHED),
        _lifecycle_row("anolis-8", "", "", "", NOT_PUBLISHED),
        _lifecycle_row("windows-2003", "2010-07-13", "2015-07-14", "", WINDOWS),
        _lifecycle_row("windows-2008", "2015-01-13", "2020-01-14", "2023-01-10", WINDOWS, "Extended: ESU, paid."),
        _lifecycle_row("windows-2008r2", "2015-01-13", "2020-01-14", "2023-01-10", WINDOWS, "Extended: ESU, paid."),
        _lifecycle_row("windows-2012", "2018-10-09", "2023-10-10", "2026-10-13", WINDOWS, "Extended: ESU, paid."),
        _lifecycle_row("windows-2012r2", "2018-10-09", "2023-10-10", "2026-10-13", WINDOWS, "Extended: ESU, paid."),
        _lifecycle_row(
            "windows-2016", "2022-01-11", "2027-01-12", "2030-01-12", WINDOWS, "Extended: ESU, from endoflife.date only."
        ),
        _lifecycle_row("windows-2019", "2024-01-09", "2029-01-09", "", WINDOWS),
        _lifecycle_row("windows-2022", "2026-10-13", "2031-10-14", "", WINDOWS),
        _lifecycle_row("windows-2025", "2029-10-09", "2034-10-10", "", WINDOWS, "endoflife.date says 2029-11-13 and 2034-11-14."),
        _lifecycle_row("ubuntu-14.04", "2019-04-30", "", "2024-04-30", UBUNTU, _MONTH),
        _lifecycle_row("ubuntu-16.04", "2021-04-30", "", "2026-04-30", UBUNTU, _MONTH),
        _lifecycle_row("ubuntu-18.04", "2023-06-30", "", "2028-04-30", UBUNTU, _MONTH),
        _lifecycle_row("ubuntu-20.04", "2025-04-30", "", "2030-04-30", UBUNTU, _MONTH + " The English page says 2025-05."),
        _lifecycle_row("ubuntu-22.04", "2027-04-30", "", "2032-04-30", UBUNTU, _MONTH + " The English page says 2027-06."),
        _lifecycle_row("ubuntu-24.04", "2029-06-30", "", "2034-04-30", UBUNTU, _MONTH),
        _lifecycle_row("ubuntu-26.04", "2031-06-30", "", "2036-04-30", UBUNTU, _MONTH),
        _lifecycle_row("debian-8", "", "2018-06-17", "2020-06-30", ENDOFLIFE, "Extended: LTS."),
        _lifecycle_row(
            "debian-9", "", "2020-07-06", "2022-07-01", ENDOFLIFE, "Extended: LTS. endoflife.date says 2020-07-18, ECS 2020-07-06."
        ),
        _lifecycle_row("debian-10", "", "2022-09-10", "2024-06-30", ENDOFLIFE, "Extended: LTS."),
        _lifecycle_row("debian-11", "", "2024-08-14", "2026-08-31", ENDOFLIFE, "Extended: LTS."),
        _lifecycle_row("debian-12", "", "2026-07-11", "2028-06-30", ENDOFLIFE, "Extended: LTS."),
        _lifecycle_row("debian-13", "", "2028-08-09", "2030-06-30", ENDOFLIFE, "Extended: LTS."),
    )
}
"""For each product, its life-cycle row. Each date in a row is the last day of one kind of support."""
