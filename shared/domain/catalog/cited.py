"""The documents that the catalog cites as the sources of its rows."""

from __future__ import annotations

from datetime import date

from shared.domain.catalog.model import Source

READ_ON = date(2026, 8, 22)
"""The day on which the cited pages were read. If a page shows no date, the day on which it was read counts as its date."""

MATRIX_LINUX = Source(
    'SMC "Migrate CentOS 7/8, Red Hat 7/8, Alibaba Cloud Linux 2", supported paths',
    READ_ON,
    "https://www.alibabacloud.com/help/en/smc/user-guide/migrate-an-operating-system",
)
MATRIX_WINDOWS = Source(
    "SMC Windows operating system migration, supported paths",
    READ_ON,
    "https://www.alibabacloud.com/help/en/smc/user-guide/windows-operating-system-migration",
)
RED_HAT_TOOL = Source(
    "Red Hat, Upgrading from RHEL 9 to RHEL 10; oamg/leapp-repository, pull request 1383 (RHUI on Alibaba Cloud)",
    date(2026, 11, 29),
    "https://github.com/oamg/leapp-repository/pull/1383",
)
LIMITS = Source(
    'ECS "Operating system migration", limits',
    READ_ON,
    "https://www.alibabacloud.com/help/en/ecs/user-guide/migrate-the-operating-system-of-an-ecs-instance",
)
NAMES = Source("DescribeInstances/DescribeImages OSName and OSNameEn; os-release(5) of the distribution", READ_ON)
CENTOS = Source(
    "ECS end-of-life migration plan for CentOS Linux",
    READ_ON,
    "https://alibabacloud.com/help/en/ecs/end-of-life-migration-plan-for-centos-linux",
)
CENTOS_5 = Source("ECS end of support", date(2021, 6, 30), "https://endoflife.date/centos")
WINDOWS = Source(
    "ECS Windows Server end-of-life guide",
    date(2026, 4, 30),
    "https://www.alibabacloud.com/help/en/ecs/user-guide/windows-server-eol-guide",
)
ALINUX = Source(
    "ECS solution for Alibaba Cloud Linux 2 entering the ELS phase",
    date(2025, 11, 13),
    "https://www.alibabacloud.com/help/en/ecs/user-guide/solution-for-alibaba-cloud-linux-2-entering-the-els-phase",
)
UBUNTU = Source(
    "ECS Ubuntu end-of-life solution", READ_ON, "https://www.alibabacloud.com/help/en/ecs/user-guide/ubuntu-eol-solution"
)
ENDOFLIFE = Source("endoflife.date (secondary)", date(2026, 8, 22), "https://endoflife.date")
NOT_READ = Source("the vendor's life-cycle page was not read", date(2026, 11, 29), "https://access.redhat.com/product-life-cycles")
NOT_PUBLISHED = Source("no life-cycle date was found in the vendor's pages", READ_ON, "https://openanolis.cn")
