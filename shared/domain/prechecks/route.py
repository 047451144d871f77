"""Rules on the hop: whether the support matrix has the hop, which accounts may use it, and whether the destination is still
supported.
"""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.days import day_in_words
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import outcome_of_flag
from shared.domain.prechecks.rule import PASSED, PRACTICE, FactUnknown, NeededFacts, Outcome, Rule, RuleFailed


def _check_path_supported(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the matrix lacks the hop."""
    hop, architecture = facts.hop, facts.instance.architecture
    if catalog.supported_path(hop.source, hop.destination, architecture) is None:
        return RuleFailed(f"{catalog.release_name(hop.source)} to {catalog.release_name(hop.destination)} on {architecture}")
    return PASSED


def _check_allow_listing(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the account is known to be missing from the allow list. If the allow list is not known, the finding is only a
    warning, because the operator has already allowed the path in the policy.
    """
    path = catalog.supported_path(facts.hop.source, facts.hop.destination, facts.instance.architecture)
    if path is None or not path.allow_listed:
        return PASSED
    listed_user = facts.account.allow_listed if facts.account else None
    name = f"{catalog.release_name(path.source)} to {catalog.release_name(path.destination)}"
    return outcome_of_flag(
        None if listed_user is None else not listed_user,
        f"{name}; the account is not listed",
        f"{name}; it is not known whether the account is listed",
    )


def _check_destination_support(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the support of the destination has ended."""
    life = catalog.lifecycle_row(facts.hop.destination)
    if life is None or life.ends_on is None:
        return FactUnknown(f"no life-cycle date of {catalog.release_name(facts.hop.destination)} is known")
    if life.has_support_ended(facts.now.date()):
        return RuleFailed(
            f"{catalog.release_name(facts.hop.destination)}: support ended {day_in_words(life.ends_on, facts.now.date())}"
        )
    return PASSED


RULES = (
    Rule(
        code="Route.NotSupported",
        severity=Severity.ERROR,
        unknown=None,
        needs=NeededFacts.INSTANCE,
        title="The support matrix has no such path",
        why="SMC supports only the paths of the matrix.",
        remedy="Choose a destination that `replank catalog route` offers for this release.",
        source="supported paths",
        check=_check_path_supported,
        command="replank catalog paths",
        link="https://www.alibabacloud.com/help/en/smc/user-guide/migrate-an-operating-system",
    ),
    Rule(
        code="Route.AllowListed",
        severity=Severity.ERROR,
        unknown=Severity.WARNING,
        needs=NeededFacts.INSTANCE,
        title="This path is only open to users on the allow list",
        asks="the account is on the allow list for this path",
        why="SMC refuses this path for all other users.",
        remedy="Ask Alibaba Cloud by a ticket to add the account to the list. If the account is on the list, override this "
        "finding with the ticket's number.",
        source="supported paths: allow-listed users only",
        check=_check_allow_listing,
        link="https://www.alibabacloud.com/help/en/smc/user-guide/migrate-an-operating-system",
    ),
    Rule(
        code="Route.DestinationEndOfLife",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.INSTANCE,
        title="The destination of this hop is out of support",
        asks="the destination of this hop is still supported",
        why="The vendor no longer publishes security fixes for this release. A route may pass through it, but must not end there.",
        remedy="Plan the next hop, or choose a later destination.",
        source=PRACTICE,
        check=_check_destination_support,
        command="replank catalog releases",
    ),
)
