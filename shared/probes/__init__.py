"""Builds the probes and reads their answers. A probe is a short, read-only script that runs inside an instance.

``probe_script`` returns a script for Cloud Assistant, and ``parse_probe_answer`` returns the facts in the script's answer. If the
answer is unreadable, ``parse_probe_answer`` raises ProbeUnreadable. ``finding_for_unreadable_answer`` turns ProbeUnreadable into a
finding, so that an unreadable answer never crashes a stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from shared.domain.findings import Finding, Severity
from shared.domain.guest import GuestFacts
from shared.domain.text import plain_lines
from shared.probes.frame import ProbeUnreadable
from shared.probes.linux import parse_linux_answer
from shared.probes.squeeze import shortened_script
from shared.probes.windows import parse_windows_answer

__all__ = ["MAX_ANSWER_BYTES", "ProbeUnreadable", "finding_for_unreadable_answer", "parse_probe_answer", "probe_script"]

MAX_ANSWER_BYTES = 24 * 1024
"""Maximum bytes of output that Cloud Assistant keeps. The probes print less than 20 KB."""


def probe_script(os_type: str, *, files: Sequence[str] = (), check: str = "", updates: bool = False) -> str:
    """The probe script for a Linux guest (POSIX sh) or a Windows guest (PowerShell 2.0 or later).

    The probe reports the SHA-256 digest of each file in ``files``. The probe runs the user's command ``check`` for at most 15 s,
    and reports the command's exit status. If ``updates`` is true, the probe also reports pending updates, which can prevent a move
    from CentOS to Red Hat.
    """
    head, body = _interpreter_line_and_rest(os_type)
    if os_type == "windows":
        settings = [f"$ReplankFiles = @({', '.join(_quoted_literal(f, chr(39) * 2) for f in files)})"] if files else []
        settings += [f"$ReplankCheck = {_quoted_literal(check, chr(39) * 2)}"] if check else []
    else:
        escape = "'\\''"
        settings = [f"REPLANK_FILES={_quoted_literal(chr(10).join(files), escape)}"] if files else []
        settings += [f"REPLANK_CHECK={_quoted_literal(check, escape)}"] if check else []
        settings += ["REPLANK_UPDATES=1"] if updates else []
    return "\n".join([*head, *settings, body])


def _quoted_literal(text: str, quote: str) -> str:
    return "'" + text.replace("'", quote) + "'"


@cache
def _interpreter_line_and_rest(os_type: str) -> tuple[tuple[str, ...], str]:
    """A probe script, split into its ``#!`` line (if it has one) and the rest of the script.

    The rest of the script is shortened to fit into RunCommand (24 KB).
    """
    name = {"linux": "linux.sh", "windows": "windows.ps1"}[os_type]
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    head = (lines[0],) if lines[0].startswith("#!") else ()
    text = "\n".join(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")) + "\n"
    return head, shortened_script(text)


def parse_probe_answer(os_type: str, output: bytes, *, truncated: bool = False) -> GuestFacts:
    """The facts in a probe's answer. Raises ProbeUnreadable if the answer is empty, cut off, too long, or not a probe's answer."""
    text = plain_lines(output.decode("utf-8", "replace").replace("\r\n", "\n").lstrip("\ufeff"))
    if not text.strip():
        raise ProbeUnreadable("Probe.Empty", "the guest answered nothing")
    if truncated:
        raise ProbeUnreadable("Probe.Truncated", f"Cloud Assistant cut the answer; {len(output)} bytes are left")
    if len(output) > MAX_ANSWER_BYTES:
        raise ProbeUnreadable("Probe.TooLarge", f"the answer has {len(output)} bytes, more than {MAX_ANSWER_BYTES}")
    return parse_windows_answer(text) if os_type == "windows" else parse_linux_answer(text)


_SCRIPTS_FORBIDDEN_REMEDY = (
    "Run `Get-ExecutionPolicy -List` in the guest. If MachinePolicy or UserPolicy is AllSigned or Restricted, let the group policy "
    "allow local scripts (RemoteSigned) for this instance until the migration has ended; then run the precheck again."
)


def finding_for_unreadable_answer(error: ProbeUnreadable) -> Finding:
    """A finding that says why a guest's answer cannot be read. The finding blocks the migration, because nothing is known about the
    guest.
    """
    return Finding(
        error.code,
        Severity.ERROR,
        "The guest's answer cannot be read",
        error.what,
        "Most limits of the migration lie inside the guest; without an answer nothing is known of them.",
        _SCRIPTS_FORBIDDEN_REMEDY
        if error.code == "Probe.ScriptsForbidden"
        else "Look at the command's output in the ECS console (Cloud Assistant, execution results), then run the precheck again.",
        "aliyun ecs DescribeInvocationResults --InstanceId INSTANCE",
    )
