"""The guest's own os-release (or Windows caption) must be exactly the hop's source. Source: supported paths."""

from __future__ import annotations

from shared.domain.catalog import Catalog, Release
from shared.domain.catalog.identify import identify_in, identify_os_release_in
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.guest import GuestFacts
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown


def release_of(guest: GuestFacts, os_type: str, catalog: Catalog) -> Release | None:
    """The release the guest says it runs, or None when the catalog has none such."""
    if os_type == "windows":
        return identify_in(catalog, guest.os_name or "")
    return identify_os_release_in(catalog, guest.os_id or "", guest.os_version or "", guest.os_name or "")


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails when the guest is another release, or another minor version than the path asks for."""
    guest = facts.guest
    if guest is None or not (guest.os_id or guest.os_name):
        return Unknown("the guest did not say which release it runs")
    found = release_of(guest, facts.instance.os_type, catalog)
    spoken = " ".join(part for part in (guest.os_name, guest.os_version) if part)
    if found is None or found.key != facts.hop.source:
        return Failed(f"the guest says {spoken[:100]!r}, the hop starts at {catalog.name(facts.hop.source)}")
    path = catalog.path(facts.hop.source, facts.hop.destination, facts.instance.architecture)
    if path is None or not path.exact:
        return PASSED
    if not found.exact:
        return Unknown(f"the path starts at {path.exact} exactly; the guest says {spoken[:100]!r}")
    same = found.exact == path.exact or found.exact.startswith(path.exact + ".")
    return PASSED if same else Failed(f"{found.name} {found.exact}; this path starts at {path.exact} only")


RULE = Rule(
    code="Guest.ReleaseMismatch",
    severity=Severity.ERROR,
    unknown=Severity.ERROR,
    needs=Needs.GUEST,
    title="The guest runs another release than the path starts from",
    why="The paths are for exact releases; on any other the migration does not start, or leaves a broken system.",
    remedy="Update to the release the path starts from, or plan the route again from what the guest runs.",
    source="supported paths",
    check=check,
    command="cat /etc/os-release",
)
