"""Database servers: the names of their packages, and the versions that each destination ships."""

from __future__ import annotations

import re
from datetime import date

from shared.domain.catalog.model import Source
from shared.domain.record import dataclass

Version = tuple[int, ...]


@dataclass(frozen=True)
class DatabaseServer:
    """One kind of database server. The pattern ``packages`` matches the names of the server's packages from any vendor.

    The field ``parts`` is the number of leading version numbers that name a series, such as 2 for 10.3. If ``patch_counts`` is
    true, a server also refuses data that a server with a later patch of the same series wrote. If ``only_same`` is true, a server
    reads only data of its own series. ``ships`` lists the series that each destination ships, the default first; the list is empty
    if the destination ships no server of this kind. For each destination, ``sources`` names the document that
    the series come from.
    """

    name: str
    packages: re.Pattern[str]
    ships: dict[str, tuple[Version, ...]]
    sources: dict[str, Source]
    parts: int = 2
    patch_counts: bool = False
    only_same: bool = False


LIKE_7, LIKE_8 = ("alinux-2", "anolis-7"), ("alinux-3", "anolis-8")
"""The destinations that count as compatible with Red Hat Enterprise Linux 7, and those that count as compatible with Red Hat
Enterprise Linux 8.
"""
_READ_ON = date(2026, 11, 28)
_BY_ANALOGY = Source("by analogy with Red Hat's release; nobody checked the vendor's repository", _READ_ON)
_SEVEN = Source("Red Hat Enterprise Linux 7: base channel, which CentOS 7 rebuilt", _READ_ON)
_POSTGRESQL = Source(
    "Red Hat's PostgreSQL containers and release notes (8: 9.6 to 16; 9: 13, since 9.2 15, since 9.4 16)",
    _READ_ON,
    "https://github.com/sclorg/postgresql-container",
)
_MARIADB = Source("Red Hat's MariaDB containers", _READ_ON, "https://github.com/sclorg/mariadb-container")
_MYSQL = Source(
    "CentOS Stream's MySQL modules: 8.0, and 8.4 for 8.10 and later 9",
    _READ_ON,
    "https://gitlab.com/redhat/centos-stream/modules/mysql",
)
_REMEMBERED = Source("from memory, because no public list was found", _READ_ON)


def _sources_by_destination(release_7: Source, release_8: Source) -> dict[str, Source]:
    """For each destination, the document that shows which versions of a database server the destination ships."""
    similar = dict.fromkeys((*LIKE_7, *LIKE_8), _BY_ANALOGY)
    return {"rhel-7": release_7, "rhel-8": release_8, "rhel-9": release_8, **similar}


def _name_pattern(*words: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{'|'.join(words)})\Z", re.IGNORECASE)


MYSQL = DatabaseServer(
    "MySQL",
    _name_pattern(
        r"mysql(-community|-commercial|-enterprise|-wsrep)?-server(-[\d.]+)?(-minimal|-debug)?",
        r"greatsql-server",
        r"rh-mysql\d+-mysql-server",
        r"mysql\d+-(mysql|community)-server",
        r"mysql-cluster-(community|commercial|gpl)-server",
        r"percona-server-server(-pro)?(-[\d.]+)?",
        r"percona-xtradb-cluster-(full-)?(server-)?[\d.]*",
        r"percona-xtradb-cluster-server(-[\d.]+)?",
    ),
    {
        **dict.fromkeys(("rhel-7", *LIKE_7), ()),
        **dict.fromkeys(LIKE_8, ((8, 0),)),
        **dict.fromkeys(("rhel-8", "rhel-9"), ((8, 0), (8, 4))),
    },
    _sources_by_destination(_SEVEN, _MYSQL),
    patch_counts=True,
)
"""Percona Server and Percona XtraDB Cluster count as MySQL, because their data format and version numbers are the same as MySQL's.
Red Hat Enterprise Linux 7 ships MariaDB, but no MySQL.
"""

OTHERS = (
    DatabaseServer(
        "MariaDB",
        _name_pattern(r"mariadb(\d*|[\d.]+)-server", r"rh-mariadb\d+-mariadb-server", r"mariadb-galera-server"),
        {
            **dict.fromkeys(("rhel-7", "alinux-2", "anolis-7"), ((5, 5),)),
            **dict.fromkeys(("alinux-3", "anolis-8"), ((10, 3), (10, 5))),
            "rhel-8": ((10, 3), (10, 5), (10, 11)),
            "rhel-9": ((10, 5), (10, 11)),
        },
        _sources_by_destination(_SEVEN, _MARIADB),
    ),
    DatabaseServer(
        "PostgreSQL",
        _name_pattern(r"postgresql[\d.]*-server", r"rh-postgresql\d+-postgresql-server"),
        {
            **dict.fromkeys(("rhel-7", "alinux-2", "anolis-7"), ((9, 2),)),
            **dict.fromkeys(("alinux-3", "anolis-8"), ((10,), (9, 6), (12,), (13,))),
            "rhel-8": ((10,), (9, 6), (12,), (13,), (15,), (16,)),
            "rhel-9": ((13,), (15,), (16,)),
        },
        _sources_by_destination(_SEVEN, _POSTGRESQL),
        only_same=True,
    ),
    DatabaseServer("MongoDB", _name_pattern(r"mongodb(-org|-enterprise)?-server(-\d.*)?", r"rh-mongodb\d+-mongodb-server"), {}, {}),
    DatabaseServer(
        "Redis",
        _name_pattern(r"redis\d*", r"rh-redis\d+-redis"),
        {**dict.fromkeys(("alinux-3", "anolis-8", "rhel-8"), ((5, 0), (6, 2))), "rhel-9": ((6, 2), (7, 2))},
        _sources_by_destination(_SEVEN, _REMEMBERED),
    ),
    DatabaseServer("Valkey", _name_pattern(r"valkey\d*"), {}, {}),
)
"""All database servers except MySQL. A destination is missing from ``ships`` if nobody has checked the destination, or if the
destination ships no such server.
"""


def version_numbers(text: str) -> Version:
    """The numbers of an rpm package's version, without the epoch and without the part after the dash; for example,
    ``1:10.3.28-1.module`` gives 10, 3, 28.
    """
    plain = text.partition(":")[2] or text
    return tuple(int(number) for number in re.findall(r"\d+", plain.partition("-")[0])[:4])


def version_series(server: DatabaseServer, version: Version) -> Version:
    """The leading numbers of a version, which name the version's series. From version 10 on, one number names a series of
    PostgreSQL. In all other cases, two numbers name a series.
    """
    one = server.only_same and version[:1] >= (10,)
    return version[: 1 if one else server.parts]
