"""Two versions of the product's code in one process: during an upgrade, each invocation runs one or the other.

The older code comes from the repository's history. Its modules have the same names as ours, so the two take turns in
``sys.modules``.
"""

from __future__ import annotations

import importlib
import io
import json
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from types import ModuleType

from localcloud.fc.model import Function, Invocation, Result
from tests.simulation.invoker import SimInvoker
from tests.simulation.scenario import BatchPlan, Scenario

ROOT = Path(__file__).resolve().parents[2]
OLDER = "f3f39d1"
"""The last release, 0.2.0. It has no waves, accounts, pauses or hold, only one window per batch, and no marker in the guest."""
PACKAGES = ("functions", "shared")
ALWAYS_NEW = frozenset({"api"})
"""Functions that always run the newer version. The command line uses features that only the newer API has, so an older API is
not mixed in.
"""


class NoHistory(Exception):
    """This clone does not contain the older commit, or git is not installed."""


def fitting(scenario: Scenario) -> Scenario:
    """The scenario without what the older version does not know.

    Nobody pauses, stops, holds or changes a policy, no budget is used up, and no rule has files or a check of its own. An order is
    that of the names: an older intake stores no sort keys, and the acknowledgement then takes the names. The functions run their
    scripts themselves, because an older version knows no kept commands.
    """
    batches = tuple(_without_newer_choices(each) for each in scenario.batches)
    return replace(scenario, holds=0, brakes=0, changes=0, keeps_commands=False, run_role=False, batches=batches)


def _without_newer_choices(plan: BatchPlan) -> BatchPlan:
    policy = {name: value for name, value in plan.request["policy"].items() if name not in ("failurePercent", "waveFailureBudget")}
    if "order" in policy:
        policy["order"] = "name"
    if "commands" in policy:
        rules = policy["commands"]
        policy["commands"] = [{name: rule[name] for name in rule if name not in ("check", "files")} for rule in rules]
    return replace(plan, request={**plan.request, "policy": {**policy, "failureBudget": 1000}})


def extract(commit: str, folder: Path) -> Path:
    """Write the product's code of a commit into a folder. Raises NoHistory."""
    try:
        packed = subprocess.run(["git", "archive", commit, *PACKAGES], cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoHistory(f"git has no commit {commit} here") from error
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@dataclass
class Code:
    """The modules of one version. Without a folder, the modules that are already loaded."""

    folder: Path | None = None
    modules: dict[str, ModuleType] = field(default_factory=dict)


class Turns:
    """Decides whose modules are in ``sys.modules``."""

    def __init__(self, older: Path) -> None:
        self.newer, self.older = Code(), Code(older)
        self._current = self.newer

    @contextmanager
    def of(self, code: Code) -> Iterator[None]:
        """Within the block, imports find the modules of this version."""
        before = self._current
        self._switch(code)
        try:
            yield
        finally:
            self._switch(before)

    def _switch(self, code: Code) -> None:
        if code is self._current:
            return
        ours = [name for name in sys.modules if name.partition(".")[0] in PACKAGES]
        self._current.modules = {name: sys.modules.pop(name) for name in ours}
        sys.modules.update(code.modules)
        sys.path[:] = [each for each in sys.path if each != str(self.older.folder)]
        if code.folder is not None:
            sys.path.insert(0, str(code.folder))
        self._current = code

    def forget(self, name: str = "") -> None:
        """Delete what the older version's instances hold in memory: of one function, or of all."""
        modules = self.older.modules
        module = modules.get("shared.runtime.invocation") or modules.get("shared.runtime.entrypoint")  # the name in 0.2.0
        running = getattr(module, "_running", {})
        for each in [name] if name else list(running):
            running.pop(each, None)


@dataclass
class MixedInvoker(SimInvoker):
    """Each invocation runs the older version with the probability ``share``."""

    turns: Turns = field(kw_only=True)
    chance: Random = field(kw_only=True)
    share: float = 0.5
    knows_protection = False
    ran: Counter[tuple[str, bool]] = field(default_factory=Counter)
    """How often a function ran, by function and by whether it was the older version."""

    def _run(self, name: str, function: Function, invocation: Invocation) -> Result:
        is_older = name not in ALWAYS_NEW and self.chance.random() < self.share
        self.ran[name, is_older] += 1
        with self.turns.of(self.turns.older if is_older else self.turns.newer):
            if is_older and not _knows_event(name, invocation.payload):
                return Result(b"null")
            if is_older:
                _quiet()
            return super()._run(name, function, invocation)

    def kill(self, name: str) -> None:
        super().kill(name)
        self.turns.forget(name)

    def heal(self) -> None:
        """End the upgrade together with the storm. Whatever the older version held back must now continue."""
        self.share = 0.0

    def close(self) -> None:
        super().close()
        self.turns.forget()

    @contextmanager
    def outside(self) -> Iterator[None]:
        with self.turns.of(self.turns.newer), super().outside():
            yield


def _knows_event(function: str, payload: bytes) -> bool:
    """Whether the older version, whose modules are loaded, knows what to do with the payload's event.

    It refuses an event of a newer version before it reads anything, and the event becomes a dead letter. The tick then does its
    work. docs/deploy.md tells operators.
    """
    try:
        document = json.loads(payload)
    except ValueError:
        return True  # a timer's or an API's payload may be anything
    if not isinstance(document, dict) or not {"type", "source"} <= document.keys():
        return True
    is_for = importlib.import_module("shared.domain.events").is_for
    return bool(is_for(function, document["type"], document["source"]))


def _quiet() -> None:
    """Stop the older version from writing its own log."""
    logs = importlib.import_module("shared.runtime.logs")
    setattr(logs, "configure", lambda *_, **__: None)  # noqa: B010 - the older module is of no type that is known here
