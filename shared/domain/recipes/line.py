"""Lines that all recipes for leapp share, and a function that returns one line in the format of an operator's file."""

from __future__ import annotations

LEAPP_REPORT, LEAPP_LOG = "/var/log/leapp/leapp-report.json", "/var/log/leapp/leapp-upgrade.log"
LEAPP_ENDED = 'test ! -e "$R/etc/systemd/system/leapp_resume.service"'
"""The command that succeeds once the second half of the upgrade has ended, after the last restart."""
LEAPP_BUSY = 'pgrep -x leapp >/dev/null || test -e "$R/etc/systemd/system/leapp_resume.service"'
"""The command that succeeds while leapp runs, or if leapp will continue after the next restart."""


def recipe_line(text: str, source: str, certainty: str = "foreign") -> dict[str, str]:
    """A command or a file, with its source and its certainty."""
    return {"text": text, "source": source, "certainty": certainty}
