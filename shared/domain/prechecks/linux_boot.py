"""GRUB's configuration and the initramfs of the running kernel must be there. Practice; the drill warns of the same."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import listed, of_linux
from shared.domain.prechecks.rule import PRACTICE, Needs, Outcome, Rule, Unknown, linux


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails on the first thing that would not boot."""
    boot = of_linux(facts, lambda guest: guest.boot)
    kernel = facts.guest.kernel if facts.guest else None
    if boot is None or boot.grub_config is None:
        return Unknown("the guest did not tell how it boots")
    problems = [] if boot.grub_config else ["no GRUB configuration was found"]
    problems += [] if boot.images else ["/boot holds no kernel"]
    problems += [f"no initramfs for {v}" for v in boot.missing_initramfs if v in (kernel, boot.default_kernel)]
    return listed(problems, "")


RULE = Rule(
    code="Guest.BootNotReady",
    severity=Severity.OVERRIDABLE,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="The system may not boot again",
    why="The migration restarts several times; a system that could not boot before will not boot after.",
    remedy="Rebuild what is missing, and restart once to prove it.",
    source=PRACTICE,
    check=check,
    applies=linux,
    command="dracut -f; grub2-mkconfig -o /boot/grub2/grub.cfg",
)
