"""Rules on the hop: whether the support matrix has it, for whom, and how long its destination is supported."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.days import day_in_words
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged
from shared.domain.prechecks.rule import PASSED, PRACTICE, Failed, Needs, Outcome, Rule, Unknown


def _not_supported(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the matrix lacks the hop."""
    hop, architecture = facts.hop, facts.instance.architecture
    if catalog.supported_path(hop.source, hop.destination, architecture) is None:
        return Failed(f"{catalog.release_name(hop.source)} to {catalog.release_name(hop.destination)} on {architecture}")
    return PASSED


def _allow_listed(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the account is known not to be listed. If it is not known, the planner has already asked the operator."""
    path = catalog.supported_path(facts.hop.source, facts.hop.destination, facts.instance.architecture)
    if path is None or not path.allow_listed:
        return PASSED
    listed_user = facts.account.allow_listed if facts.account else None
    name = f"{catalog.release_name(path.source)} to {catalog.release_name(path.destination)}"
    return flagged(
        None if listed_user is None else not listed_user,
        f"{name}; the account is not listed",
        f"{name}; whether the account is listed is not known",
    )


def _destination_end_of_life(facts: Facts, catalog: Catalog) -> Outcome:
    """Compares the destination's end of support with the current day."""
    life = catalog.lifecycle_row(facts.hop.destination)
    if life is None or life.ends_on is None:
        return Unknown(f"no life-cycle date of {catalog.release_name(facts.hop.destination)} is known")
    if life.has_ended(facts.now.date()):
        return Failed(
            f"{catalog.release_name(facts.hop.destination)}: support ended {day_in_words(life.ends_on, facts.now.date())}"
        )
    return PASSED


RULES = (
    Rule(
        code="Route.NotSupported",
        severity=Severity.ERROR,
        unknown=None,
        needs=Needs.INSTANCE,
        title="The matrix holds no such path",
        why="SMC migrates along the listed paths only.",
        remedy="Choose a destination that `replank catalog route` offers for this release.",
        source="supported paths",
        check=_not_supported,
        command="replank catalog paths",
        link="https://www.alibabacloud.com/help/en/smc/user-guide/migrate-an-operating-system",
    ),
    Rule(
        code="Route.AllowListed",
        severity=Severity.ERROR,
        unknown=Severity.WARNING,
        needs=Needs.INSTANCE,
        title="This path is for allow-listed users",
        asks="the account is listed for this path",
        why="SMC refuses it for everybody else.",
        remedy="Ask Alibaba Cloud to list the account (a ticket); if it is listed, say so or override with the ticket's number.",
        source="supported paths: allow-listed users only",
        check=_allow_listed,
        link="https://www.alibabacloud.com/help/en/smc/user-guide/migrate-an-operating-system",
    ),
    Rule(
        code="Route.DestinationEndOfLife",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=Needs.INSTANCE,
        title="The destination of this hop is out of support",
        asks="the destination of this hop is still supported",
        why="No security fixes are published for it; passing through is fine, staying is not.",
        remedy="Plan the next hop, or choose a later destination.",
        source=PRACTICE,
        check=_destination_end_of_life,
        command="replank catalog releases",
    ),
)
