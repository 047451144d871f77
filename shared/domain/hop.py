"""One hop of a route: the step from one release to the next release."""

from __future__ import annotations

from shared.domain.record import dataclass


@dataclass(frozen=True)
class Hop:
    """``source`` and ``destination`` are release keys of the catalog, for example ``centos-7`` and ``alinux-3``."""

    source: str
    destination: str
