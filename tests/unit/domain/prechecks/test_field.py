"""Situations from the field, as data: the facts of one instance, and the expected findings."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.facts import Facts
from shared.domain.prechecks import assess
from tests.support.facts import LINUX, WINDOWS, with_guest
from tests.support.repository import ROOT

SITUATIONS: list[dict[str, Any]] = json.loads((ROOT / "tests/field/facts.json").read_text(encoding="utf-8"))


def facts_of(situation: dict[str, Any]) -> Facts:
    """A healthy instance with the changes of the situation."""
    base = WINDOWS if situation.get("system") == "windows" else LINUX
    document = base.to_json()
    document["guest"].update(situation.get("guest", {}))
    for part in ("linux", "windows"):
        if part in situation:
            document["guest"][part].update(situation[part])
    if "packages" in situation:
        document["guest"]["packages"] = situation["packages"]
    if "to" in situation:
        document["hop"] = {"source": situation["from"], "destination": situation["to"]}
    return Facts.from_json(document, strict=True)


@pytest.mark.parametrize("situation", SITUATIONS, ids=[each["title"] for each in SITUATIONS])
def test_what_must_come_out(situation: dict[str, Any]) -> None:
    found = {finding.code: finding.severity.value for finding in assess(facts_of(situation)).findings}
    assert {code: found.get(code, "absent") for code in situation["is"]} == situation["is"]


def test_what_could_not_be_checked_says_so_and_is_no_failure() -> None:
    blind = replace(LINUX, guest=replace(LINUX.guest, firewall=None))  # type: ignore[type-var]
    (finding,) = assess(blind).findings
    assert finding.title == "Could not check whether a firewall is running"
    assert (finding.known, finding.label) == (False, "not checked")
    assert "run the precheck again" not in finding.remedy


def test_a_fact_that_must_be_known_still_blocks() -> None:
    blind = replace(LINUX, guest=replace(LINUX.guest, memory_available_mib=None))  # type: ignore[type-var]
    (finding,) = assess(blind).blocking_findings
    assert (finding.known, finding.label) == (False, "overridable")


def test_a_guest_that_is_converted_already_is_not_offered_again() -> None:
    """ECS keeps the old OSName after a conversion, so only the guest can tell."""
    converted = with_guest(LINUX, os_id="alinux", os_version="3", os_name="Alibaba Cloud Linux 3 (Soaring Falcon)")
    (finding,) = [each for each in assess(converted).blocking_findings if each.code == "Guest.ReleaseMismatch"]
    assert "already runs Alibaba Cloud Linux 3" in finding.seen
    assert finding.remedy.startswith("Nothing to migrate")


def test_facts_of_the_account_that_nobody_asks_for_any_more_are_left_out() -> None:
    document = LINUX.to_json()
    document["account"] |= {"smc_role": True, "smc_jobs": 3, "snapshots_per_disk_quota": 256}
    assert Facts.from_json(document, strict=True) == LINUX
