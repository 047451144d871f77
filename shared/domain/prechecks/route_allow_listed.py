"""CentOS to Red Hat is for allow-listed users only. Source: supported paths."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flagged
from shared.domain.prechecks.rule import PASSED, Needs, Outcome, Rule


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when the account is known not to be listed; when nobody said, the planner has asked the operator already."""
    path = catalog.path(facts.hop.source, facts.hop.destination, facts.instance.architecture)
    if path is None or not path.allow_listed:
        return PASSED
    listed_user = facts.account.allow_listed if facts.account else None
    name = f"{catalog.name(path.source)} to {catalog.name(path.destination)}"
    return flagged(
        None if listed_user is None else not listed_user,
        f"{name}; the account is not listed",
        f"{name}; whether the account is listed is not known",
    )


RULE = Rule(
    code="Route.AllowListed",
    severity=Severity.ERROR,
    unknown=Severity.WARNING,
    needs=Needs.INSTANCE,
    title="This path is for allow-listed users",
    why="SMC refuses it for everybody else.",
    remedy="Ask Alibaba Cloud to list the account (a ticket); if it is listed, say so or override with the ticket's number.",
    source="supported paths: allow-listed users only",
    check=check,
    link="https://www.alibabacloud.com/help/en/smc/user-guide/migrate-an-operating-system",
)
