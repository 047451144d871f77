"""Names that people write for a release, and the message if a word is missing."""

from __future__ import annotations

import pytest

from shared.domain.catalog import release_with_name, require_release
from shared.domain.errors import Refused


@pytest.mark.parametrize(
    ("written", "key", "exact"),
    [
        ("RHEL 7.9", "rhel-7", "7.9"),
        ("rhel8", "rhel-8", ""),
        ("centos7", "centos-7", ""),
        ("centos-7.9", "centos-7", "7.9"),
        ("CentOS Linux release 7.9.2009 (Core)", "centos-7", "7.9.2009"),
        ("Red Hat Enterprise Linux Server release 7.9 (Maipo)", "rhel-7", "7.9"),
        ("alinux3", "alinux-3", ""),
        ("Alibaba Cloud Linux 2", "alinux-2", ""),
        ("windows 2016 datacenter", "windows-2016-datacenter", ""),
        ("Windows Server 2012R2 Standard", "windows-2012r2-standard", ""),
        ("Windows Web Server 2008 R2", "windows-2008r2-web", ""),
        ("Windows Server 2019 Datacentre", "windows-2019-datacenter", ""),
    ],
)
def test_a_name_that_people_write_is_understood(written: str, key: str, exact: str) -> None:
    found = release_with_name(written)
    assert found is not None
    assert (found.key, found.exact) == (key, exact)


@pytest.mark.parametrize(
    ("written", "word", "offered"),
    [
        ("Windows Server 2012 R2", "edition", "windows-2012r2-datacenter, windows-2012r2-standard"),
        ("win2019", "edition", "windows-2019-datacenter, windows-2019-standard"),
        ("CentOS", "version", "centos-5, centos-6, centos-7, centos-8"),
    ],
)
def test_what_is_missing_is_said(written: str, word: str, offered: str) -> None:
    with pytest.raises(Refused) as raised:
        require_release(written)
    assert raised.value.code == "Catalog.ReleaseIncomplete"
    assert f"which {word} it is" in raised.value.message
    assert offered in raised.value.remedy


def test_other_words_are_no_release() -> None:
    for written in ("Plan 9", "7", "linux", ""):
        with pytest.raises(Refused, match="ReleaseUnknown"):
            require_release(written)
