"""The names that ECS and guests use lead to the right release, or to no release."""

from __future__ import annotations

import pytest

from shared.domain.catalog import (
    RELEASES,
    identify_os_release,
    identify_release,
    release_with_name,
    require_release,
    windows_language,
)
from shared.domain.errors import Refused

ECS_NAMES = {
    "CentOS  7.9 64位": ("centos-7", "7.9"),
    "CentOS  7.9 64 bit": ("centos-7", "7.9"),
    "CentOS  7.9 64位 ARM版": ("centos-7", "7.9"),
    "CentOS 8.5 64 bit for ARM": ("centos-8", "8.5"),
    "CentOS 6.10 64位": ("centos-6", "6.10"),
    "CentOS Stream 8 64位": ("centos-stream-8", ""),
    "CentOS Stream 9 64 bit": ("centos-stream-9", ""),
    "Red Hat Enterprise Linux  7.9 64位": ("rhel-7", "7.9"),
    "Red Hat Enterprise Linux  8.10 64 bit": ("rhel-8", "8.10"),
    "Red Hat  9.2 64位": ("rhel-9", "9.2"),
    "Alibaba Cloud Linux  2.1903 LTS 64位": ("alinux-2", "2.1903"),
    "Alibaba Cloud Linux 2.1903 LTS 64 bit Quick Start": ("alinux-2", "2.1903"),
    "Aliyun Linux  2.1903 64位": ("alinux-2", "2.1903"),
    "Alibaba Cloud Linux  3.2104 LTS 64位 ARM版": ("alinux-3", "3.2104"),
    "Alibaba Cloud Linux 3 (OpenAnolis Edition)": ("alinux-3", ""),
    "Anolis OS  7.9 RHCK 64位": ("anolis-7", "7.9"),
    "Anolis OS 8.6 ANCK 64 bit": ("anolis-8", "8.6"),
    "Ubuntu  22.04 64位": ("ubuntu-22.04", "22.04"),
    "Debian  11.6 64位": ("debian-11", "11.6"),
    "Rocky Linux 9.3 64位": ("rocky-9", "9.3"),
    "AlmaLinux 8.9 64位": ("almalinux-8", "8.9"),
    "Windows Server  2008 R2 企业版 64位中文版": ("windows-2008r2-enterprise", ""),
    "Windows Server  2008 R2 Enterprise Edition 64 bit Chinese Edition": ("windows-2008r2-enterprise", ""),
    "Windows Server  2008 R2 标准版 64位英文版": ("windows-2008r2-standard", ""),
    "Windows Server 2008 标准版 SP2 32位中文版": ("windows-2008-standard", ""),
    "Windows Server  2012 R2 数据中心版 64位中文版": ("windows-2012r2-datacenter", ""),
    "Windows Server  2012 R2 Data Center Edition 64 bit English Edition": ("windows-2012r2-datacenter", ""),
    "Windows Server  2012 标准版 64位中文版": ("windows-2012-standard", ""),
    "Windows Server  2016 数据中心版 64位中文版": ("windows-2016-datacenter", ""),
    "Windows Server  2019 数据中心版 64位中文版（不含UI）": ("windows-2019-datacenter", ""),
    "Windows Server  2022 Datacenter 64-bit (English)": ("windows-2022-datacenter", ""),
    "Microsoft Windows Server 2016 Standard": ("windows-2016-standard", ""),
    "Microsoft® Windows Server® 2008 Standard": ("windows-2008-standard", ""),
}


@pytest.mark.parametrize("name", ECS_NAMES)
def test_every_name_that_ecs_gives_is_identified(name: str) -> None:
    found = identify_release(name)
    assert found is not None
    assert (found.key, found.exact) == ECS_NAMES[name]
    assert identify_release("", name) == found


@pytest.mark.parametrize(
    "name", ["", "   ", "FreeBSD  13.1 64位", "Fedora CoreOS 34", "CentOS", "CentOS 70", "Windows Server 2019", "深度", "Linux"]
)
def test_names_of_nothing_in_the_catalog(name: str) -> None:
    assert identify_release(name) is None


@pytest.mark.parametrize(
    ("os_id", "version", "name", "key"),
    [
        ("centos", "7", "CentOS Linux 7 (Core)", "centos-7"),
        ("centos", "7.9.2009", "CentOS Linux 7 (Core)", "centos-7"),
        ("centos", "8", "CentOS Stream 8", "centos-stream-8"),
        ("rhel", "8.10", "Red Hat Enterprise Linux 8.10 (Ootpa)", "rhel-8"),
        ("alinux", "2.1903", "Alibaba Cloud Linux (Aliyun Linux) 2.1903 LTS", "alinux-2"),
        ("alinux", "3", "Alibaba Cloud Linux 3 (OpenAnolis Edition)", "alinux-3"),
        ("anolis", "8.9", "Anolis OS 8.9", "anolis-8"),
        ("ubuntu", "22.04", "Ubuntu 22.04.4 LTS", "ubuntu-22.04"),
    ],
)
def test_a_guest_is_identified_by_os_release(os_id: str, version: str, name: str, key: str) -> None:
    found = identify_os_release(os_id, version, name)
    assert found is not None
    assert found.key == key


@pytest.mark.parametrize(("os_id", "version"), [("centos", "70"), ("centos", ""), ("", "7"), ("fedora", "40"), ("rhel", "71.2")])
def test_os_release_of_nothing_in_the_catalog(os_id: str, version: str) -> None:
    assert identify_os_release(os_id, version) is None


def test_a_person_may_name_a_release_by_key_or_name() -> None:
    assert release_with_name(" alinux-3 ") == RELEASES["alinux-3"]
    assert require_release("Windows Server 2019 Datacenter").key == "windows-2019-datacenter"
    with pytest.raises(Refused) as caught:
        require_release("BeOS 5")
    assert caught.value.code == "Catalog.ReleaseUnknown"
    assert "replank catalog releases" in caught.value.remedy


@pytest.mark.parametrize("key", RELEASES)
def test_every_release_is_found_by_its_own_name(key: str) -> None:
    found = identify_release(RELEASES[key].name)
    assert found is not None
    assert found.key == key


def test_the_name_of_a_windows_release_tells_its_language() -> None:
    assert windows_language("Windows Server 2012 R2 数据中心版 64位中文版") == "zh"
    assert windows_language("", "Windows Server 2016 Datacenter 64-bit (English)") == "en"
    assert windows_language("Windows Server 2016") == ""
