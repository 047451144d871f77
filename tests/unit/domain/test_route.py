"""The route planner against the whole matrix: every path in it, and every path that is not in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from shared.domain.catalog import CATALOG, DEFAULTS, PATHS, RELEASES, identify_release
from shared.domain.errors import Refused
from shared.domain.findings import Severity
from shared.domain.route import MAX_HOPS, Hop, PlannedRoute, plan_route

TODAY = date(2026, 9, 1)
ARCHITECTURES = ("x86_64", "arm64")
MATRIX = {
    "x86_64": {
        "centos-7": {"anolis-7", "anolis-8", "alinux-2", "alinux-3", "rhel-7"},
        "centos-8": {"anolis-8", "alinux-3", "rhel-8"},
        "rhel-7": {"alinux-3", "rhel-8"},
        "rhel-8": {"alinux-3", "rhel-9"},
        "alinux-2": {"alinux-3"},
        "windows-2008r2-standard": {"windows-2012r2-datacenter"},
        "windows-2008r2-enterprise": {"windows-2012r2-datacenter"},
        "windows-2012r2-standard": {"windows-2016-datacenter", "windows-2019-datacenter"},
        "windows-2012r2-datacenter": {"windows-2016-datacenter", "windows-2019-datacenter"},
        "windows-2016-standard": {"windows-2019-datacenter", "windows-2022-datacenter"},
        "windows-2016-datacenter": {"windows-2019-datacenter", "windows-2022-datacenter"},
        "windows-2019-datacenter": {"windows-2022-datacenter"},
    },
    "arm64": {"centos-7": {"anolis-7", "anolis-8", "alinux-3"}, "centos-8": {"anolis-8", "alinux-3"}},
}
"""The matrix of the two published documents, written down a second time."""


def plan(source: str, architecture: str = "x86_64", **more: object) -> PlannedRoute:
    return plan_route(RELEASES[source], architecture, **{"on": TODAY, **more})  # type: ignore[arg-type]


def refusal(source: str, architecture: str = "x86_64", **more: object) -> Refused:
    with pytest.raises(Refused) as caught:
        plan(source, architecture, **more)
    return caught.value


def reachable(architecture: str, source: str) -> dict[str, int]:
    """The number of hops to every destination, computed from the matrix above."""
    found: dict[str, int] = {}
    edge, hops = {source}, 0
    while edge:
        hops += 1
        edge = {d for s in edge for d in MATRIX[architecture].get(s, ())} - set(found) - {source}
        found |= dict.fromkeys(edge, hops)
    return found


def test_the_catalog_holds_the_matrix() -> None:
    assert {(p.architecture, p.source, p.destination) for p in PATHS if not p.tool_only} == {
        (a, s, d) for a, rows in MATRIX.items() for s, destinations in rows.items() for d in destinations
    }


@pytest.mark.parametrize(
    "path", [path for path in PATHS if not path.tool_only], ids=lambda p: f"{p.source} to {p.destination} {p.architecture}"
)
def test_every_path_of_the_matrix(path: object) -> None:
    route = plan(path.source, path.architecture, destination=path.destination, allow_end_of_life=True, allow_listed=True)  # type: ignore[attr-defined]
    assert route.hops == (Hop(path.source, path.destination),)  # type: ignore[attr-defined]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("source", RELEASES)
def test_every_other_pair_is_a_chain_or_a_reason(architecture: str, source: str) -> None:
    distances = reachable(architecture, source)
    for destination in RELEASES:
        if destination in distances and distances[destination] <= MAX_HOPS:
            route = plan(source, architecture, destination=destination, allow_end_of_life=True, allow_listed=True)
            assert len(route.hops) == distances[destination]
            assert (route.hops[0].source, route.hops[-1].destination) == (source, destination)
            assert all(a.destination == b.source for a, b in zip(route.hops, route.hops[1:], strict=False))
            assert all(CATALOG.supported_path(hop.source, hop.destination, architecture) for hop in route.hops)
        else:
            error = refusal(source, architecture, destination=destination, allow_end_of_life=True, allow_listed=True)
            by_tool = (source, destination) in {(path.source, path.destination) for path in PATHS if path.tool_only}
            assert error.code == ("Route.NotFollowed" if by_tool else "Route.NotSupported")
            assert error.remedy.endswith(".")


@pytest.mark.parametrize("source", DEFAULTS)
def test_a_route_without_a_destination_ends_at_the_default(source: str) -> None:
    route = plan(source)
    assert route.hops[-1].destination == DEFAULTS[source]
    assert all(finding.severity is Severity.INFO for finding in route.warnings)


def test_windows_2008_r2_goes_through_2012_r2_datacenter() -> None:
    route = plan("windows-2008r2-enterprise")
    assert route.hops == (
        Hop("windows-2008r2-enterprise", "windows-2012r2-datacenter"),
        Hop("windows-2012r2-datacenter", "windows-2019-datacenter"),
    )
    assert [finding.code for finding in route.warnings] == ["Route.IntermediateEndOfLife"]
    to_2022 = plan("windows-2008r2-enterprise", destination="windows-2022-datacenter")
    assert [hop.destination for hop in to_2022.hops][1:] == ["windows-2019-datacenter", "windows-2022-datacenter"]


@pytest.mark.parametrize(
    ("source", "destination", "on"),
    [
        ("centos-7", "alinux-2", date(2026, 4, 1)),
        ("centos-7", "rhel-7", TODAY),
        ("windows-2012r2-datacenter", "windows-2016-datacenter", date(2027, 1, 13)),
        ("windows-2008r2-standard", "windows-2012r2-datacenter", TODAY),
    ],
)
def test_destinations_out_of_support_need_a_word(source: str, destination: str, on: date) -> None:
    error = refusal(source, destination=destination, on=on, allow_listed=True)
    assert error.code == "Route.DestinationEndOfLife"
    assert CATALOG.release_name(destination) in error.message
    allowed = plan(source, destination=destination, on=on, allow_listed=True, allow_end_of_life=True)
    told = {finding.code: finding.why for finding in allowed.warnings}
    assert told["Route.DestinationEndOfLife"] == "The vendor no longer publishes security fixes for this release."


def test_the_last_supported_day_counts() -> None:
    assert plan("windows-2012r2-datacenter", destination="windows-2016-datacenter", on=date(2027, 1, 12)).warnings == ()
    assert plan("centos-7", destination="alinux-2", on=date(2026, 3, 31)).warnings == ()


def test_when_the_default_is_out_of_support_another_is_chosen() -> None:
    late = plan("windows-2012r2-datacenter", on=date(2030, 1, 1))
    assert [hop.destination for hop in late.hops] == ["windows-2019-datacenter", "windows-2022-datacenter"]
    assert refusal("windows-2012r2-datacenter", on=date(2040, 1, 1)).code == "Route.DestinationEndOfLife"


def test_listed_paths_need_a_word() -> None:
    error = refusal("centos-8", destination="rhel-8")
    assert (error.code, "ticket" in error.remedy) == ("Route.NotSupported", True)
    assert plan("centos-8", destination="rhel-9", allow_listed=True).hops[-1] == Hop("rhel-8", "rhel-9")


def test_the_exact_version_counts() -> None:
    old, new, bare = (replace(RELEASES["rhel-7"], exact=exact) for exact in ("7.6", "7.9", ""))
    for source in (new, bare):
        assert plan_route(source, "x86_64", on=TODAY).hops == (Hop("rhel-7", "alinux-3"),)
    with pytest.raises(Refused) as caught:
        plan_route(old, "x86_64", on=TODAY)
    assert "update to that version first" in caught.value.remedy
    centos = identify_release("CentOS  7.6 64位")
    assert centos is not None
    with pytest.raises(Refused):
        plan_route(centos, "x86_64", on=TODAY, destination="rhel-7", allow_listed=True, allow_end_of_life=True)


def test_a_refused_route_says_why_and_what_helps() -> None:
    assert refusal("rhel-8", "arm64").remedy.startswith("This release can be migrated on x86_64 only.")
    assert refusal("ubuntu-18.04").remedy.startswith("Build a new instance")
    assert "2031-03-31" in refusal("alinux-3").remedy
    assert refusal("centos-7", destination="centos-7").message == "CentOS 7 is already the destination."
    assert refusal("centos-7", destination="windows-2019-datacenter").remedy.startswith(
        "From this release, the matrix has paths to: "
    )
    assert refusal("centos-7", destination="OS/2").code == "Catalog.ReleaseUnknown"
    assert refusal("centos-7", "arm64", destination="alinux-2").code == "Route.NotSupported"


def test_an_unknown_end_of_support_is_told() -> None:
    (finding,) = plan("centos-7", destination="anolis-8").warnings
    assert (finding.code, finding.severity) == ("Route.DestinationLifecycleUnknown", Severity.WARNING)
