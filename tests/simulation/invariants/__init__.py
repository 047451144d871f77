"""The invariants of the design as checkers, one class each (three for the tenth).

The checkers see every written row, every effect in the account and every ended invocation, and are called once more at the end. A
checker returns sentences; each sentence is a violation.
"""

from tests.simulation.invariants.asked import ComparedAsAsked, OnlyAllowedWays, RemindedInTime, WavesAsAsked
from tests.simulation.invariants.chosen import OnlyTheChosen
from tests.simulation.invariants.commands import OwnCommands
from tests.simulation.invariants.ends import NeverStuck
from tests.simulation.invariants.grouped import OneOfAGroup
from tests.simulation.invariants.half import HalfRolledBack
from tests.simulation.invariants.journal import JournalIsTheTruth
from tests.simulation.invariants.kept import KeptUntilReleased
from tests.simulation.invariants.kept_commands import KeptOnly, MissingIsTold, RunKeepsItsCommand
from tests.simulation.invariants.limits import LimitsHeld
from tests.simulation.invariants.locks import AcknowledgedFirst, OneAtATime
from tests.simulation.invariants.meant import AsMeant
from tests.simulation.invariants.noticed import DisturbancesNoticed
from tests.simulation.invariants.once import OnceOnly
from tests.simulation.invariants.ordered import InOrder
from tests.simulation.invariants.parts import PartsLimited
from tests.simulation.invariants.protected import ProtectionPutBack
from tests.simulation.invariants.restored import RolledBackIsTrue
from tests.simulation.invariants.rollbacks import RollbacksAllowed
from tests.simulation.invariants.scene import Checker, Found, Sight
from tests.simulation.invariants.sent import SentBeforeGone
from tests.simulation.invariants.snapshots import DeleteOnlyOurs, SnapshotsFirst
from tests.simulation.invariants.starts import EveryStart
from tests.simulation.invariants.told import SmcIsToldTruly
from tests.simulation.invariants.told_policy import PolicyInJournal
from tests.simulation.invariants.tools import DriverStays, LeavesNothing, LogKept, MediaDisksGo, ToolsMayRun, ToolsOnce

__all__ = ["Checker", "Found", "NeverStuck", "Sight", "all_checkers"]


def all_checkers() -> list[Checker]:
    """New checkers for one run."""
    return [
        SnapshotsFirst(),
        DeleteOnlyOurs(),
        OneAtATime(),
        AcknowledgedFirst(),
        NeverStuck(),
        JournalIsTheTruth(),
        LimitsHeld(),
        PartsLimited(),
        OneOfAGroup(),
        InOrder(),
        OnceOnly(),
        SentBeforeGone(),
        OnlyTheChosen(),
        RolledBackIsTrue(),
        HalfRolledBack(),
        SmcIsToldTruly(),
        EveryStart(),
        KeptUntilReleased(),
        AsMeant(),
        OwnCommands(),
        RollbacksAllowed(),
        ToolsOnce(),
        ToolsMayRun(),
        LeavesNothing(),
        MediaDisksGo(),
        LogKept(),
        DriverStays(),
        KeptOnly(),
        RunKeepsItsCommand(),
        MissingIsTold(),
        DisturbancesNoticed(),
        ProtectionPutBack(),
        ComparedAsAsked(),
        OnlyAllowedWays(),
        WavesAsAsked(),
        RemindedInTime(),
        PolicyInJournal(),
    ]
