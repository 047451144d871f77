"""Lines that all recipes for leapp share, and a function that returns one line in the format of an operator's file."""

from __future__ import annotations

LEAPP_REPORT, LEAPP_LOG = "/var/log/leapp/leapp-report.json", "/var/log/leapp/leapp-upgrade.log"
LEAPP_ENDED = 'test ! -e "$R/etc/systemd/system/leapp_resume.service"'
"""The command that succeeds once the second half of the upgrade has ended, after the last restart."""
LEAPP_BUSY = (
    "pgrep -x leapp >/dev/null || "
    '{ test -e "$R/etc/systemd/system/leapp_resume.service" && ! systemctl is-failed leapp_resume.service >/dev/null; }'
)
"""The command that succeeds while leapp runs, or while its second half is still due in the present start of the system.

Red Hat's own check asks only for the process and the service's file. leapp deletes the file in its very last step. If the second
half fails or is killed, the file therefore stays for ever. Then systemd shows the service as failed, until the next restart runs it
again. A service of the type oneshot counts as failed after every error and every signal.
"""
LEAPP_BUSY_SOURCE = "leapp-repository: createresumeservice, removeresumeservice; systemd.service(5): oneshot"
LEAPP_FORGET = 'systemctl disable leapp_resume.service >/dev/null 2>&1; rm -f "$R/etc/systemd/system/leapp_resume.service"; '
"""The command that removes what would run leapp's second half at every start, as leapp's own last step does. Without leapp's
packages the second half can only fail.
"""


def recipe_line(text: str, source: str, certainty: str = "foreign") -> dict[str, str]:
    """A command or a file, with its source and its certainty."""
    return {"text": text, "source": source, "certainty": certainty}
