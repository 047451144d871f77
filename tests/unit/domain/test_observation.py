"""Observations are stored rows: their bytes must not change, and rows of earlier versions can still be read."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from shared.domain.codec import DocumentInvalid
from shared.domain.facts import DiskFacts, InstanceFacts, user_disks
from shared.domain.findings import Assessment, Finding, Severity
from shared.domain.guest import GuestFacts
from shared.domain.ledger import retention_end
from shared.domain.observation import Observation, baseline_document_name, instance_document_name, validation_document_name

INSTANCE: dict[str, Any] = {
    "instance_id": "i-1",
    "region_id": "cn-hangzhou",
    "name": "web",
    "os_name": "CentOS  7.9 64 bit",
    "os_name_en": "CentOS  7.9 64 bit",
    "os_type": "linux",
    "architecture": "x86_64",
    "status": "Running",
    "cpu": 2,
    "memory_mib": 4096,
    "image_id": "centos_7_9",
    "hostname": "web-1",
    "private_ips": ["10.0.0.5"],
    "public_ips": [],
    "vpc_id": "vpc-1",
    "serial_number": "s-1",
    "disks": [
        {
            "disk_id": "d-1",
            "kind": "system",
            "device": "/dev/xvda",
            "category": "cloud_essd",
            "size_gib": 40,
            "encrypted": False,
            "multi_attach": False,
            "status": "In_use",
        }
    ],
}
STORED: dict[str, Any] = {
    "instance": INSTANCE,
    "guest": {"os_id": "centos", "os_version": "7.9", "hostname": "shop"},
    "assessment": {"blocked": False, "findings": [], "overrides": {}},
}
"""As the version before this dataclass wrote the row."""


def test_a_row_of_the_version_before_is_read_and_written_with_the_same_bytes() -> None:
    read = Observation.from_json(json.loads(json.dumps(STORED)))
    assert read.instance is not None
    assert read.guest is not None
    assert (read.instance.hostname, read.guest.hostname, read.assessment) == ("web-1", "shop", Assessment())
    assert json.dumps(read.to_json()) == json.dumps(STORED)


@pytest.mark.parametrize("document", [None, {}, {"later": "a field of a later version"}])
def test_what_was_not_stored_is_none(document: dict[str, Any] | None) -> None:
    assert Observation.from_json(document) == Observation()


@pytest.mark.parametrize(
    ("document", "lacks"), [({}, "instance"), ({"instance": INSTANCE}, "guest"), ({"instance": INSTANCE, "guest": None}, "guest")]
)
def test_a_comparison_without_a_baseline_is_refused_by_name(document: dict[str, Any], lacks: str) -> None:
    with pytest.raises(DocumentInvalid, match=f"has no {lacks}"):
        Observation.from_json(document).facts_of_instance_and_guest()


def test_a_guest_that_answered_nothing_is_not_a_guest_that_was_not_asked() -> None:
    assert Observation.from_json({"guest": {}}).guest == GuestFacts()


def test_an_assessment_alone_is_stored_alone() -> None:
    """So the validation can store its finding if the differences persist."""
    found = Assessment((Finding("Disk.Lost", Severity.ERROR, "A disk is gone", "d-1", "", ""),))
    assert Observation(assessment=found).to_json() == {"assessment": found.to_json()}


def test_the_names_of_stored_documents_stay() -> None:
    assert (instance_document_name(0), baseline_document_name(1), validation_document_name(2)) == (
        "instance-0",
        "baseline-1",
        "after-2",
    )


def test_the_transit_disk_is_not_the_users() -> None:
    disk = DiskFacts("d-1", "data", "/dev/xvdb", "cloud_essd", 20, False, False, "In_use")
    transit = DiskFacts("d-2", "data", "/dev/xvdc", "cloud_essd", 20, False, False, "In_use", used_by_smc_transit=True)
    assert user_disks((disk, transit)) == [disk]
    assert InstanceFacts.from_json(INSTANCE).user_disks[0].disk_id == "d-1"


def test_snapshots_are_due_their_retention_after_the_release() -> None:
    released = datetime(2026, 2, 27, 12, tzinfo=timezone.utc)
    assert retention_end(released, 7) == datetime(2026, 3, 6, 12, tzinfo=timezone.utc)
