"""Rules on the guest as a whole: what the hop changes, and whether the hop is possible for the guest."""

from __future__ import annotations

from shared.domain.catalog import Catalog, Release
from shared.domain.catalog.identify import identify_os_release_in_catalog, identify_release_in_catalog
from shared.domain.days import day_in_words
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.guest import GuestFacts
from shared.domain.prechecks.ask import outcome_of_flag
from shared.domain.prechecks.rule import PASSED, PRACTICE, FactUnknown, NeededFacts, Outcome, Rule, RuleFailed, is_windows


def is_hop_to_alinux_2(facts: Facts) -> bool:
    """Whether the hop leads from CentOS 7 to Alibaba Cloud Linux 2."""
    return (facts.hop.source, facts.hop.destination) == ("centos-7", "alinux-2")


def _check_alinux_2(facts: Facts, catalog: Catalog) -> Outcome:
    """Reports for every hop to Alibaba Cloud Linux 2 what changes in this release, and when its support ends."""
    life = catalog.lifecycle_row(facts.hop.destination)
    end = f"; its support ends {day_in_words(life.ends_on, facts.now.date())}" if life and life.ends_on else ""
    return RuleFailed(f"kernel 3.10 becomes 4.19; x86 only{end}")


def _check_edition(facts: Facts, catalog: Catalog) -> Outcome:
    """Reports if the hop changes the edition of Windows."""
    release = catalog.releases.get(facts.hop.source)
    changes = release is not None and release.edition not in ("", "datacenter")
    return outcome_of_flag(
        changes, f"{catalog.release_name(facts.hop.source)} becomes {catalog.release_name(facts.hop.destination)}", ""
    )


def _check_probe_answer(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the guest has not answered; unknown if parts of the answer are missing."""
    if facts.guest is None:
        return RuleFailed("the probe has not answered")
    gaps = [f"{part} ({why})" for part, why in (*facts.guest.unknown, *facts.guest.cut)]
    return FactUnknown("; ".join(gaps[:10])) if gaps else PASSED


def reported_release(guest: GuestFacts, os_type: str, catalog: Catalog) -> Release | None:
    """The release that the guest reports; None if the catalog lacks this release."""
    if os_type == "windows":
        return identify_release_in_catalog(catalog, guest.os_name or "")
    return identify_os_release_in_catalog(catalog, guest.os_id or "", guest.os_version or "", guest.os_name or "")


def _check_reported_release(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the guest runs a release or a minor version that the path does not support."""
    guest = facts.guest
    if guest is None or not (guest.os_id or guest.os_name):
        return FactUnknown("the guest did not report its release")
    found = reported_release(guest, facts.instance.os_type, catalog)
    spoken = " ".join(part for part in (guest.os_name, guest.os_version) if part)
    if found is not None and found.key == facts.hop.destination:
        return RuleFailed(
            f"the guest already runs {found.name}, the destination of this hop",
            remedy="Nothing to migrate: leave the instance out. ECS shows the old OSName until the OSName is calibrated.",
            why="The guest was converted before, and a second conversion would break it.",
        )
    if found is None or found.key != facts.hop.source:
        return RuleFailed(f"the guest says {spoken[:100]!r}, the hop starts at {catalog.release_name(facts.hop.source)}")
    path = catalog.supported_path(facts.hop.source, facts.hop.destination, facts.instance.architecture)
    if path is None or not path.exact:
        return PASSED
    if not found.exact:
        return FactUnknown(f"the path starts at {path.exact} exactly; the guest says {spoken[:100]!r}")
    same = found.exact == path.exact or found.exact.startswith(path.exact + ".")
    return PASSED if same else RuleFailed(f"{found.name} {found.exact}; this path starts at {path.exact} only")


def _check_architecture(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the guest and the instance have different architectures."""
    spoken = facts.guest.architecture if facts.guest else None
    if spoken is None:
        return FactUnknown("the guest did not report its architecture")
    return (
        PASSED
        if spoken == facts.instance.architecture
        else RuleFailed(f"the guest is {spoken}, the instance {facts.instance.architecture}")
    )


RULES = (
    Rule(
        code="Guest.AlinuxTwoDestination",
        severity=Severity.WARNING,
        unknown=None,
        needs=NeededFacts.INSTANCE,
        title="Alibaba Cloud Linux 2 will soon need another migration",
        why="Alibaba Cloud Linux 2 is most similar to CentOS 7, but out of support. It must soon be migrated to Alibaba "
        "Cloud Linux 3.",
        remedy="Prefer Alibaba Cloud Linux 3, unless a program needs the old libraries.",
        source="supported paths; kernels",
        check=_check_alinux_2,
        applies=is_hop_to_alinux_2,
    ),
    Rule(
        code="Guest.EditionChanges",
        severity=Severity.INFO,
        unknown=None,
        needs=NeededFacts.INSTANCE,
        title="The edition becomes Datacenter",
        why="Licences of other software may depend on the edition.",
        remedy="Check the licences of the software on the instance.",
        source="Windows matrix: destinations",
        check=_check_edition,
        applies=is_windows,
    ),
    Rule(
        code="Guest.NotProbed",
        severity=Severity.ERROR,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="The guest was not probed, or some facts could not be read",
        asks="everything in the guest is in order",
        why="Most requirements of the migration concern the guest.",
        remedy="Run the precheck on the running instance.",
        source=PRACTICE,
        check=_check_probe_answer,
        command="replank precheck INSTANCE",
    ),
    Rule(
        code="Guest.ReleaseMismatch",
        severity=Severity.ERROR,
        unknown=Severity.ERROR,
        needs=NeededFacts.GUEST,
        title="The guest runs another release than the path starts from",
        asks="the guest runs the release the path starts from",
        why="Each path is for an exact release. On another release, the migration does not start, or leaves a broken system.",
        remedy="Update to the release from which the path starts, or plan the route again from the guest's real release.",
        source="supported paths",
        check=_check_reported_release,
        command="cat /etc/os-release",
    ),
    Rule(
        code="Guest.ArchitectureMismatch",
        severity=Severity.ERROR,
        unknown=Severity.OVERRIDABLE,
        needs=NeededFacts.GUEST,
        title="The guest has another architecture",
        asks="the guest has the architecture of the path",
        why="Only 64-bit systems of the listed architectures are supported.",
        remedy="Build a new instance, because a 32-bit system cannot be migrated in place.",
        source="supported paths: architecture",
        check=_check_architecture,
    ),
)
