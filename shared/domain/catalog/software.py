"""Database servers: how their packages are called, and which data the destinations' own servers read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.domain.catalog.model import Source
from shared.domain.catalog.sources import READ_ON

Version = tuple[int, ...]


@dataclass(frozen=True)
class Server:
    """One kind of server. ``packages`` matches the names of its packages, whoever built them.

    ``parts``: how many numbers of a version name a series. ``patch_counts``: data of a later patch of one series is refused too.
    ``only_same``: the server reads data of its own series only. ``ships``: series by destination, the default one first.
    """

    name: str
    packages: re.Pattern[str]
    ships: dict[str, tuple[Version, ...]]
    source: Source
    parts: int = 2
    patch_counts: bool = False
    only_same: bool = False


_REPOSITORIES = Source(
    "the release's own repositories and module streams (our reading; no document of the migration says)", READ_ON
)


def _names(*words: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{'|'.join(words)})\Z", re.IGNORECASE)


MYSQL = Server(
    "MySQL",
    _names(
        r"mysql(-community|-commercial|-enterprise)?-server(-[\d.]+)?",
        r"rh-mysql\d+-mysql-server",
        r"mysql\d+-(mysql|community)-server",
        r"mysql-cluster-(community|commercial|gpl)-server",
        r"percona-server-server(-[\d.]+)?",
        r"percona-xtradb-cluster-(full-)?(server-)?[\d.]*",
        r"percona-xtradb-cluster-server(-[\d.]+)?",
    ),
    dict.fromkeys(("alinux-3", "anolis-8", "rhel-8", "rhel-9"), ((8, 0),)),
    _REPOSITORIES,
    patch_counts=True,
)
"""Percona Server and Percona XtraDB Cluster keep MySQL's data under MySQL's version numbers. Release 7 ships MariaDB only."""

OTHERS = (
    Server(
        "MariaDB",
        _names(r"mariadb(\d*|[\d.]+)-server", r"rh-mariadb\d+-mariadb-server", r"mariadb-galera-server"),
        {
            **dict.fromkeys(("rhel-7", "alinux-2", "anolis-7"), ((5, 5),)),
            **dict.fromkeys(("alinux-3", "anolis-8"), ((10, 3), (10, 5))),
            "rhel-8": ((10, 3), (10, 5), (10, 11)),
            "rhel-9": ((10, 5), (10, 11)),
        },
        _REPOSITORIES,
    ),
    Server(
        "PostgreSQL",
        _names(r"postgresql[\d.]*-server", r"rh-postgresql\d+-postgresql-server"),
        {
            **dict.fromkeys(("rhel-7", "alinux-2", "anolis-7"), ((9, 2),)),
            **dict.fromkeys(("alinux-3", "anolis-8"), ((10,), (9, 6), (12,), (13,))),
            "rhel-8": ((10,), (9, 6), (12,), (13,), (15,), (16,)),
            "rhel-9": ((13,), (15,), (16,)),
        },
        _REPOSITORIES,
        only_same=True,
    ),
    Server("MongoDB", _names(r"mongodb(-org|-enterprise)?-server(-\d.*)?", r"rh-mongodb\d+-mongodb-server"), {}, _REPOSITORIES),
    Server(
        "Redis",
        _names(r"redis\d*", r"rh-redis\d+-redis"),
        {**dict.fromkeys(("alinux-3", "anolis-8", "rhel-8"), ((5, 0), (6, 2))), "rhel-9": ((6, 2), (7, 2))},
        _REPOSITORIES,
    ),
)
"""The rest. A destination that is missing ships no such server, or nobody has looked."""


def version_of(text: str) -> Version:
    """The numbers of a version, without epoch and release: ``1:10.3.28-1.module`` is 10, 3, 28."""
    plain = text.partition(":")[2] or text
    return tuple(int(number) for number in re.findall(r"\d+", plain.partition("-")[0])[:4])


def series_of(server: Server, version: Version) -> Version:
    """The numbers that name the series: PostgreSQL counts one from 10 on, the others two."""
    one = server.only_same and version[:1] >= (10,)
    return version[: 1 if one else server.parts]
