"""Who uses Python 2. Practice: /usr/bin/python is Python 2 on the old systems and missing on the new."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import listed, of_linux
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule


def old_python(facts: Facts) -> bool:
    """Sources on which ``python`` is Python 2."""
    return facts.hop.source in ("centos-7", "rhel-7", "alinux-2")


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Tells scripts, services and cron entries that name it."""
    return listed(of_linux(facts, lambda guest: guest.python2_users), "users of Python were not looked for")


RULE = Rule(
    code="Guest.Python2Users",
    severity=Severity.WARNING,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="Programs use Python 2",
    why="They fail silently in the first night when cron runs them.",
    remedy="Name python3, or python2 where it is still available.",
    source=PRACTICE,
    check=check,
    applies=old_python,
)
