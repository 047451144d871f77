"""Builds the scripts for the marker, a small file in the guest that shows whether SMC has reset the disks.

The scripts are marker.sh and marker.ps1. The scripts contain no text that a person submitted with a batch. The module also reads
the scripts' answers.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Literal

from shared.domain.after_job import MarkerAnswer
from shared.domain.text import plain_line
from shared.probes.frame import AnswerSection
from shared.probes.linux import system_version

Action = Literal["write", "look", "remove"]
_LOOK, _END = "replank-look 1", "@end"


def marker_script(os_type: str, action: Action, *, marker: str = "") -> str:
    """The script that writes, looks for or removes the marker.

    The text ``marker`` may contain only letters, digits, spaces and dashes.
    """
    head, sign = (
        (f"#!/bin/sh\nREPLANK_ACT={action}", "REPLANK_MARKER=")
        if os_type == "linux"
        else (f"$ReplankAct = '{action}'", "$ReplankMarker = ")
    )
    return "\n".join([head, *([f"{sign}'{marker}'"] if action == "write" else []), _script_text(os_type)])


@cache
def _script_text(os_type: str) -> str:
    """The text of marker.sh or marker.ps1, without comments, indentation and empty lines."""
    name = {"linux": "marker.sh", "windows": "marker.ps1"}[os_type]
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    return "\n".join(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")) + "\n"


def parse_marker_answer(os_type: str, output: bytes) -> MarkerAnswer | None:
    """The marker and the operating system that the guest reports; None if the answer is incomplete."""
    lines = output.decode("utf-8", "replace").replace("\r\n", "\n").lstrip("\ufeff").rstrip().split("\n")
    starts = [at for at, line in enumerate(lines) if line == _LOOK]
    if not starts or lines[-1].strip() != _END:
        return None
    told = AnswerSection("look", [plain_line(line) for line in lines[starts[-1] + 1 : -1]])
    system = dict(line.split("=", 1) for line in told.values_for_key("os") if "=" in line)
    system = {name: value.strip("\"'") for name, value in system.items()}
    short = [f"version_id {system['VERSION_ID']}"] if "VERSION_ID" in system else []
    version = AnswerSection("os", [*short, *(f"release {each}" for each in told.values_for_key("release"))])
    return MarkerAnswer(
        os_id=system.get("ID"),
        os_version=system_version(version) if os_type == "linux" else system.get("VERSION_ID"),
        os_name=system.get("PRETTY_NAME"),
        marker=(told.first_value_for_key("marker") or "").strip(),
        up=_parsed_uptime(told.first_value_for_key("up") or ""),
    )


def _parsed_uptime(text: str) -> timedelta | None:
    whole = text.split(".")[0].strip()
    known = whole.isascii() and whole.isdigit() and len(whole) <= 10
    return timedelta(seconds=int(whole)) if known else None
