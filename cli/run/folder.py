"""The state folder of a run.

A mark file in the folder shows that a run made the folder. A run never writes into any other folder.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.problem import bad_input_problem

Json = dict[str, Any]
PLACE = Path("run")
MARK = "replank-run.json"
FIRST_SEED = 1
STATE = "state-"


@dataclass
class RunFolder:
    """The state folder of a run. ``mark`` is the content of the mark file: the plan's digest, the seed, and the digests of the
    original disks.
    """

    path: Path
    mark: Json = field(default_factory=dict)
    passing: bool = False
    """Whether the folder is temporary. A temporary folder is made for one run, and is deleted if the run succeeds."""

    @property
    def seed(self) -> int:
        return int(self.mark["seed"])

    @property
    def original_disks(self) -> Json | None:
        """Maps each instance id to the digests of the disks before the migration; None until the cloud is prepared."""
        found: Json | None = self.mark.get("disks")
        return found

    @property
    def report_file(self) -> Path:
        """The file for this run's report. No other run writes this file, and the file is kept when the folder is deleted."""
        own = self.path.name.removeprefix(STATE)
        return self.path.with_name(f"report-{own}.json") if self.passing else self.path / "report.json"

    def update_mark(self, **more: Any) -> None:
        """Add values to the mark and write the mark file."""
        self.mark |= more
        (self.path / MARK).write_text(json.dumps(self.mark), encoding="utf-8")

    def remove_if_temporary(self) -> None:
        """Delete the folder if it is temporary."""
        if self.passing:
            shutil.rmtree(self.path, ignore_errors=True)


def open_run_folder(state: Path | None, plan: str, seed: int | None) -> RunFolder:
    """Open the folder ``state`` for a run. If ``state`` is None, create a temporary folder.

    The folder must be empty, or belong to a run with the same seed and the same plan digest. Raises Problem (State.OtherRun,
    State.NotOurs, State.Unusable).
    """
    try:
        if state is None:
            PLACE.mkdir(exist_ok=True)
            made = RunFolder(Path(tempfile.mkdtemp(prefix=STATE, dir=PLACE)), passing=True)
        else:
            state.mkdir(parents=True, exist_ok=True)
            made = RunFolder(state, _read_mark(state))
        if made.mark:
            _require_same_run(made, plan, seed)
        else:
            made.update_mark(plan=plan, seed=FIRST_SEED if seed is None else seed)
    except OSError as error:
        remedy = "Name a folder that this user may write, on a disk with space."
        raise bad_input_problem("State.Unusable", f"{state or PLACE} cannot be used: {error}.", remedy) from error
    return made


def _read_mark(state: Path) -> Json:
    """The content of the mark file in the folder; empty if the folder is empty.

    Raises Problem (State.NotOurs) if the folder has other files, but no mark file.
    """
    if not (state / MARK).exists():
        if any(state.iterdir()):
            raise bad_input_problem(
                "State.NotOurs", f"{state} contains files, but not those of a run.", "Name an empty folder, or leave --state out."
            )
        return {}
    try:
        found: Json = json.loads((state / MARK).read_text(encoding="utf-8"))
    except ValueError:
        raise bad_input_problem(
            "State.NotOurs", f"{state / MARK} cannot be read.", "Name an empty folder, or leave --state out."
        ) from None
    return {"seed": FIRST_SEED, **found}


def _require_same_run(folder: RunFolder, plan: str, seed: int | None) -> None:
    if folder.mark.get("plan") != plan:
        raise bad_input_problem(
            "State.OtherRun", f"{folder.path} contains a run with another fleet or other notices.", "Name another folder."
        )
    if seed not in (None, folder.seed):
        sentence = f"{folder.path} contains a run with the seed {folder.seed}, which cannot be changed."
        raise bad_input_problem("State.OtherRun", sentence, "Leave --seed out to continue it, or name another folder.")
