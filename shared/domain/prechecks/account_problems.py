"""Balance, real-name and permission problems as the API reported them. Source: their error codes."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import listed
from shared.domain.prechecks.rule import Needs, Outcome, Rule


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when the API answered with any."""
    return listed(facts.account.problems if facts.account else None, "the account was not asked")


RULE = Rule(
    code="Account.ProblemReported",
    severity=Severity.ERROR,
    unknown=Severity.INFO,
    needs=Needs.ACCOUNT,
    title="The account has a problem",
    why="The API refuses snapshots or jobs until it is solved; better now than in the middle.",
    remedy="Solve what the code says: top up, finish real-name registration, or grant the permission.",
    source="error codes: NotEnoughBalance, RealNameAuthenticationError, Forbidden",
    check=check,
)
