"""A healthy guest on any path passes: nothing blocks it, whatever tool the path uses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.catalog import PATHS, RELEASES
from shared.domain.catalog.model import MigrationPath
from shared.domain.facts import Facts, Hop
from shared.domain.guest import PackageSummary
from shared.domain.prechecks import assess
from tests.support.facts import LINUX, WINDOWS, with_boot, with_guest, with_instance

KERNELS = {"centos-8": "4.18.0-348.7.1.el8_5.x86_64", "rhel-8": "4.18.0-553.el8_10.x86_64", "alinux-2": "4.19.91-27.al7.x86_64"}


def healthy(path: MigrationPath) -> Facts:
    """An instance on that path without problems."""
    hop, release = Hop(path.source, path.destination), RELEASES[path.source]
    if release.os_type == "windows":
        shown = with_instance(WINDOWS, os_name=release.name, os_name_en=release.name)
        return replace(with_guest(shown, os_name=f"Microsoft {release.name}"), hop=hop)
    version = release.version if release.family == "alinux" else path.exact or f"{release.version}.9"
    named = release.name.replace(release.version, version)
    facts = with_instance(LINUX, os_name=named, os_name_en=named, architecture=path.architecture)
    facts = with_guest(facts, os_id=release.os_release_id, os_name=release.name, architecture=path.architecture)
    facts = with_guest(facts, os_version=version, packages=PackageSummary(420))
    kernel = KERNELS.get(path.source)
    if kernel:
        facts = with_boot(with_guest(facts, kernel=kernel), default_kernel=kernel, images=(kernel,))
    return replace(facts, hop=hop)


@pytest.mark.parametrize("path", PATHS, ids=[f"{path.source}-{path.destination}-{path.architecture}" for path in PATHS])
def test_a_healthy_guest_is_let_through(path: MigrationPath) -> None:
    found = assess(healthy(path))
    assert [f"{finding.code}: {finding.seen}" for finding in found.blocking_findings] == []
    codes = {finding.code for finding in found.findings}
    assert codes <= {"Route.DestinationEndOfLife", "Guest.AlinuxTwoDestination", "Guest.EditionChanges"}
