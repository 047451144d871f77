"""Shows what the guest driver did, as the account sees it: the commands sent, and the guest's record and operating system."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any

_RUN = r"rp-([0-9a-z]+)-(\d+)-(\d+)"
_ACT = re.compile(rf"^REPLANK_ACT='?(\w+)'?\nREPLANK_RUN='?{_RUN}'?$", re.MULTILINE)
_ACT_IN_WINDOWS = re.compile(rf"^\$ReplankTool = '(\w+)'\n\$ReplankToolRun = '{_RUN}'$", re.MULTILINE)


@dataclass(frozen=True)
class ToolAct:
    """One act of the guest driver, with the hop and the attempt that it belongs to."""

    verb: str
    migration_id: str
    hop: int
    attempt: int

    @property
    def run(self) -> tuple[str, int, int]:
        return self.migration_id, self.hop, self.attempt


def act_in(script: str) -> ToolAct | None:
    """The act that a script carries out; None if the script is not the guest driver's."""
    found = _ACT.search(script) or _ACT_IN_WINDOWS.search(script)
    return ToolAct(found[1], found[2], int(found[3]), int(found[4])) if found else None


def act_of(params: dict[str, Any]) -> ToolAct | None:
    """The act that the parameters of a RunCommand call send to a guest."""
    return act_in(decoded(params.get("CommandContent", "")))


def decoded(content: str) -> str:
    """The text of a command, which the call may send plain or in base64."""
    try:
        return base64.b64decode(content, validate=True).decode()
    except ValueError:
        return content
