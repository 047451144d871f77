"""The prechecks turn facts about an instance into findings. Each rule is one row in a table of rules with the same subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from shared.domain.catalog import CATALOG, Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Assessment, sorted_assessment
from shared.domain.prechecks.registry import RULES
from shared.domain.prechecks.rule import NeededFacts, Rule

__all__ = ["RULES", "NeededFacts", "Rule", "assess", "cheap_rules"]

cheap_rules: tuple[Rule, ...] = tuple(rule for rule in RULES if rule.needs is not NeededFacts.GUEST)
"""The rules that need no facts of the guest. Rules without guest facts can refuse an instance before anything runs in the guest."""

_NONE: Mapping[str, str] = MappingProxyType({})


def assess(
    facts: Facts, overrides: Mapping[str, str] = _NONE, *, rules: Sequence[Rule] = RULES, catalog: Catalog = CATALOG
) -> Assessment:
    """Apply the rules to the facts, and return all findings as an assessment. For each finding code, ``overrides`` may contain a
    person's reason, which counts only for an overridable finding.

    If all rules run, missing facts of the guest block the migration (Guest.NotProbed). Pass ``rules=cheap_rules`` for a check
    without the guest.
    """
    return sorted_assessment([finding for rule in rules for finding in rule.findings(facts, catalog)], overrides)
