"""The invariants of the design as checkers, one class each: told of every row written, every effect in the account and every
invocation that ended, and asked once more when all is at rest. A checker answers with sentences; each is a violation.
"""

from tests.simulation.invariants.chosen import OnlyTheChosen
from tests.simulation.invariants.ends import NeverStuck
from tests.simulation.invariants.journal import JournalIsTheTruth
from tests.simulation.invariants.kept import KeptUntilReleased
from tests.simulation.invariants.limits import Limits
from tests.simulation.invariants.locks import Acknowledged, OneAtATime
from tests.simulation.invariants.meant import AsMeant
from tests.simulation.invariants.once import OnceOnly
from tests.simulation.invariants.restored import RolledBackIsTrue
from tests.simulation.invariants.scene import Checker, Found, Scene
from tests.simulation.invariants.snapshots import DeleteOnlyOurs, SnapshotsFirst
from tests.simulation.invariants.starts import EveryStart

__all__ = ["Checker", "Found", "NeverStuck", "Scene", "all_checkers"]


AWAITED = frozenset({11})
"""Invariants that the product does not keep yet: their checkers find its faults, and judge only where they are asked for."""


def all_checkers(*, awaited: bool = False) -> list[Checker]:
    """Fresh checkers for one run; with ``awaited`` also those that the product cannot satisfy yet."""
    return [each for each in _every_one() if awaited or each.number not in AWAITED]


def _every_one() -> list[Checker]:
    return [
        SnapshotsFirst(),
        DeleteOnlyOurs(),
        OneAtATime(),
        Acknowledged(),
        NeverStuck(),
        JournalIsTheTruth(),
        Limits(),
        OnceOnly(),
        OnlyTheChosen(),
        RolledBackIsTrue(),
        EveryStart(),
        KeptUntilReleased(),
        AsMeant(),
    ]
