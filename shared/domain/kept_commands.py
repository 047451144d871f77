"""The commands that an account keeps for the pipeline: their names, and one invocation of them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from shared.domain.record import dataclass

_SAFE_PARAMETER = re.compile(r"[A-Za-z0-9+/=_-]*")


@dataclass(frozen=True)
class KeptCall:
    """One invocation of a command that the account keeps: the command's name, and its parameters.

    Raises ValueError if a parameter has other characters than those of ids and base64. ECS pastes parameters into a script as text,
    so a quote or a line end would become part of the script.
    """

    name: str
    parameters: Mapping[str, str]
    began_with: str = ""
    """The name of the same command in the version that began the work. While the account keeps it, it is invoked instead."""

    def __post_init__(self) -> None:
        for name, value in self.parameters.items():
            if not _SAFE_PARAMETER.fullmatch(value):
                raise ValueError(f"the parameter {name} of {self.name} is not an id, a word or base64: {value[:80]!r}")
