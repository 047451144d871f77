"""The side-by-side rows: each code of a validation belongs to exactly one row."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from shared.domain.facts import GuestFacts, Hop
from shared.domain.validation import compare_after_hop
from shared.domain.validation.summary import ASPECTS, _belongs_to_aspect, comparison_rows
from tests.support.facts import LINUX_GUEST, LINUX_INSTANCE

HOP = Hop("centos-7", "alinux-3")
AFTER = replace(LINUX_GUEST, os_id="alinux", os_version="3", os_name="Alibaba Cloud Linux 3", kernel="5.10.134")

CHANGED = {"Release": "expected", "Kernel": "expected"}
"""Differences that every migration has and that are no problem."""


def test_one_row_per_aspect() -> None:
    result = compare_after_hop(LINUX_INSTANCE, LINUX_GUEST, LINUX_INSTANCE, AFTER, HOP)
    rows = {row.what: row for row in comparison_rows(LINUX_INSTANCE, LINUX_GUEST, LINUX_INSTANCE, AFTER, result)}
    assert {what: row.standing for what, row in rows.items() if row.standing != "same"} == CHANGED
    assert rows["Release"].before == "CentOS Linux 7 (Core) 7.9.2009"
    assert rows["Release"].after == "Alibaba Cloud Linux 3 3"
    assert rows["Services"].before == "3 enabled, 3 running"
    assert rows["Disks"].to_json() == {
        "what": "Disks",
        "before": "d-data 100 GiB, d-system 40 GiB",
        "after": "d-data 100 GiB, d-system 40 GiB",
        "standing": "same",
    }


def test_the_worst_finding_judges_its_row() -> None:
    worse = replace(AFTER, services=(), dns=("8.8.8.8",), listening=None)
    result = compare_after_hop(LINUX_INSTANCE, LINUX_GUEST, LINUX_INSTANCE, worse, HOP)
    rows = {row.what: row for row in comparison_rows(LINUX_INSTANCE, LINUX_GUEST, LINUX_INSTANCE, worse, result)}
    assert {what: row.standing for what, row in rows.items() if row.standing != "same"} == {
        **CHANGED,
        "Services": "failure",
        "Name servers": "warning",
        "Ports": "warning",
    }
    assert rows["Ports"].after == "not known"


def test_nothing_known_is_said_so() -> None:
    empty = GuestFacts()
    rows = comparison_rows(
        LINUX_INSTANCE, empty, LINUX_INSTANCE, empty, compare_after_hop(LINUX_INSTANCE, empty, LINUX_INSTANCE, empty, HOP)
    )
    assert {row.after for row in rows} >= {"not known"}


def test_every_code_judges_exactly_one_row() -> None:
    folder = Path(__file__).parents[4] / "shared/domain/validation"
    source = "".join(path.read_text() for path in folder.glob("*.py") if path.name not in ("view.py", "summary.py"))
    codes = set(re.findall(r'(?:failure|warning|expected|not_compared)_finding\(\s*"(\w+)"', source))
    codes |= {
        "ImageIdChanged",
        "VpcChanged",
        "UserLost",
        "GroupLost",
        "SystemUserLost",
        "SystemGroupLost",
        "UserChanged",
        "UsersUnknown",
    }
    for code in codes:
        assert [what for what, beginnings, _ in ASPECTS if _belongs_to_aspect(code, beginnings)] != [], code
        assert len([what for what, beginnings, _ in ASPECTS if _belongs_to_aspect(code, beginnings)]) == 1, code
