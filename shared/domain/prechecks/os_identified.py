"""The name ECS gives the instance must be the hop's source. Source: supported paths.

After the first hop of a chain ECS may still show the old name (whether OSName changes is not documented), so a name of
another release counts as unknown here and the guest's own word, rule Guest.ReleaseMismatch, decides.
"""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.catalog.identify import identify_in
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when the name belongs to another kind of system; unknown when it names another release."""
    instance = facts.instance
    source = catalog.releases.get(facts.hop.source)
    if source is not None and source.os_type != instance.os_type:
        return Failed(f"OSType {instance.os_type}, but the hop starts at {source.name}")
    named = identify_in(catalog, instance.os_name, instance.os_name_en)
    if named is None or named.key != facts.hop.source:
        shown = instance.os_name_en or instance.os_name or "nothing"
        return Unknown(f"ECS shows {shown[:100]!r}, the hop starts at {catalog.name(facts.hop.source)}")
    return PASSED


RULE = Rule(
    code="Instance.ReleaseMismatch",
    severity=Severity.ERROR,
    unknown=Severity.WARNING,
    needs=Needs.INSTANCE,
    title="The instance is not what the hop starts from",
    why="A migration planned for another system would not start, or would break this one.",
    remedy="Plan the route again from the release the guest itself names.",
    source="supported paths",
    check=check,
)
