"""Plans routes. A route is the shortest chain of allowed hops to a destination that still has support on the given day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from shared.domain.catalog import CATALOG, Catalog, Release, require_release
from shared.domain.catalog.model import MigrationPath
from shared.domain.days import day_in_words
from shared.domain.drivers import DEFAULT_DRIVER, driver_traits
from shared.domain.errors import Refused
from shared.domain.findings import Finding, Severity
from shared.domain.hop import Hop
from shared.domain.record import dataclass

__all__ = ["Hop", "PlannedRoute", "plan_route"]

MAX_HOPS = 4
"""Maximum number of hops in a route. Each hop is a migration of its own, with its own snapshots and restarts."""
FAR_FUTURE = date.max
"""The date that stands for an unknown end of support when chains are compared."""


@dataclass(frozen=True)
class PlannedRoute:
    """The hops in order, with warnings for the operator."""

    hops: tuple[Hop, ...]
    warnings: tuple[Finding, ...] = ()


def plan_route(  # noqa: PLR0913 - each argument is a decision of the operator, which the caller names
    source: Release,
    architecture: str,
    *,
    on: date,
    destination: str | None = None,
    allow_end_of_life: bool = False,
    allow_listed: bool = False,
    driver: str = DEFAULT_DRIVER,
    catalog: Catalog = CATALOG,
) -> PlannedRoute:
    """Plan a route from ``source`` to ``destination``, which is a key or a name; None stands for the default destination.

    The exact version of ``source`` must fit the path. Only paths that the driver supports are used.

    Raises Refused (Catalog.ReleaseUnknown, Route.NotSupported, Route.DestinationEndOfLife) with a remedy.
    """
    whole, catalog = catalog, replace(catalog, paths=driver_traits(driver).paths(catalog))
    chains = _possible_chains(source, architecture, allow_listed, catalog)
    if destination is not None:
        goal = require_release(destination, catalog).key
        chosen = _shortest_chain([c for c in chains if c[-1].destination == goal], catalog)
        if chosen is None:
            own = driver_traits(driver).why_not(whole, source.key, goal)
            raise _driver_refusal(source, goal, own) or _unsupported_refusal(source, architecture, goal, allow_listed, on, catalog)
        if _is_past_support(goal, on, catalog) and not allow_end_of_life:
            raise _end_of_life_refusal(goal, on, catalog)
    else:
        own = driver_traits(driver).why_not(whole, source.key, catalog.defaults.get(source.key, ""))
        refusal = _driver_refusal(source, "", own) if not chains else None
        if refusal:
            raise refusal
        chosen = _default_chain(source, architecture, chains, on, catalog)
    return PlannedRoute(tuple(Hop(path.source, path.destination) for path in chosen), _route_warnings(chosen, on, catalog))


def _possible_chains(source: Release, architecture: str, listed: bool, catalog: Catalog) -> list[tuple[MigrationPath, ...]]:
    """Every chain of at most MAX_HOPS hops that contains no release twice."""
    complete: list[tuple[MigrationPath, ...]] = []
    open_chains: list[tuple[MigrationPath, ...]] = [
        (p,) for p in _next_paths(source.key, architecture, listed, catalog) if _is_version_allowed(source, p)
    ]
    while open_chains:
        chain = open_chains.pop()
        complete.append(chain)
        seen = {source.key, *(path.destination for path in chain)}
        if len(chain) < MAX_HOPS:
            following = _next_paths(chain[-1].destination, architecture, listed, catalog)
            open_chains += [(*chain, path) for path in following if path.destination not in seen]
    return complete


def _next_paths(key: str, architecture: str, listed: bool, catalog: Catalog) -> list[MigrationPath]:
    return [p for p in catalog.paths if p.source == key and p.architecture == architecture and (listed or not p.allow_listed)]


def _is_version_allowed(source: Release, path: MigrationPath) -> bool:
    """Whether a path allows the exact version. An unknown version counts as allowed, because the precheck reads the version in the
    guest.
    """
    return not path.exact or not source.exact or source.exact == path.exact or source.exact.startswith(path.exact + ".")


def _support_end(key: str, catalog: Catalog) -> date:
    life = catalog.lifecycle_row(key)
    return (life.ends_on if life else None) or FAR_FUTURE


def _is_past_support(key: str, on: date, catalog: Catalog) -> bool:
    return on > _support_end(key, catalog)


def _shortest_chain(chains: list[tuple[MigrationPath, ...]], catalog: Catalog) -> tuple[MigrationPath, ...] | None:
    """The chain with the fewest hops. Of equally short chains, the result is the chain whose intermediate releases have the longest
    support, or else the first by name. The result is None if there is no chain.
    """

    def chain_sort_key(chain: tuple[MigrationPath, ...]) -> tuple[int, tuple[int, ...], tuple[str, ...]]:
        between = sorted(_support_end(path.destination, catalog).toordinal() for path in chain[:-1])
        return len(chain), tuple(-end for end in between), tuple(path.destination for path in chain)

    return min(chains, key=chain_sort_key, default=None)


def _default_chain(
    source: Release, architecture: str, chains: list[tuple[MigrationPath, ...]], on: date, catalog: Catalog
) -> tuple[MigrationPath, ...]:
    supported = [chain for chain in chains if not _is_past_support(chain[-1].destination, on, catalog)]
    preferred = [chain for chain in supported if chain[-1].destination == catalog.defaults.get(source.key)]
    chosen = _shortest_chain(preferred, catalog) or _shortest_chain(supported, catalog)
    if chosen is None and chains:
        raise _end_of_life_refusal(chains[0][-1].destination, on, catalog)
    if chosen is None:
        raise _unsupported_refusal(source, architecture, None, False, on, catalog)
    return chosen


def _driver_refusal(source: Release, goal: str, why: tuple[str, str]) -> Refused | None:
    """The refusal of a path that the driver does not support; None if the driver gives no reason."""
    sentence, remedy = why
    return Refused("Route.NotFollowed", sentence, remedy) if sentence and goal != source.key else None


def _unsupported_refusal(source: Release, architecture: str, goal: str | None, listed: bool, on: date, catalog: Catalog) -> Refused:
    name = source.name + (f" ({source.exact})" if source.exact and source.exact not in source.name else "")
    target = f" to {catalog.release_name(goal)}" if goal else ""
    if goal == source.key:
        return Refused(
            "Route.NotSupported",
            f"{name} is already the destination.",
            "There is nothing to migrate. If you want a later release, name it.",
        )
    reachable = sorted({chain[-1].destination for chain in _possible_chains(source, architecture, True, catalog)})
    if goal in reachable and not listed:
        remedy = (
            "Alibaba Cloud opens this path only to users on its allow list. Ask for the path by a ticket. Then set allowListed in "
            "the policy, or use --allow-listed of `replank catalog route`."
        )
    elif reachable:
        remedy = f"From this release, the matrix has paths to: {', '.join(reachable)}. Choose one of these."
    else:
        remedy = _remedy_without_path(source, architecture, on, catalog)
    return Refused("Route.NotSupported", f"The matrix has no path from {name} on {architecture}{target}.", remedy)


def _remedy_without_path(source: Release, architecture: str, on: date, catalog: Catalog) -> str:
    rows = [path for path in catalog.paths if path.source == source.key]
    exact = sorted({path.exact for path in rows if path.exact and path.architecture == architecture})
    if exact:
        return (
            f"Only {source.family} {' or '.join(exact)} can be migrated: update to that version first, then plan the route again."
        )
    if rows:
        return (
            f"This release can be migrated on {rows[0].architecture} only. Build a new instance with a supported image "
            "and move the workload."
        )
    end = _support_end(source.key, catalog)
    until = "" if end is FAR_FUTURE else f" Its support ends on {day_in_words(end, on)}; until then you need not act."
    if end < on:
        until = f" Its support ended on {day_in_words(end, on)}."
    return f"Build a new instance with a supported image and move the workload; the instance cannot be migrated in place.{until}"


def _end_of_life_refusal(goal: str, on: date, catalog: Catalog) -> Refused:
    return Refused(
        "Route.DestinationEndOfLife",
        f"{catalog.release_name(goal)} is itself out of support: its support ended on "
        f"{day_in_words(_support_end(goal, catalog), on)}.",
        "Choose a later destination. If you need this one, allow end-of-life destinations explicitly.",
    )


def _route_warnings(chain: tuple[MigrationPath, ...], on: date, catalog: Catalog) -> tuple[Finding, ...]:
    goal = chain[-1].destination
    found = []
    if _is_past_support(goal, on, catalog):
        found.append(
            _end_of_support_finding(
                goal, Severity.WARNING, "Route.DestinationEndOfLife", "The destination is out of support", on, catalog
            )
        )
    elif _support_end(goal, catalog) is FAR_FUTURE:
        found.append(_unknown_lifecycle_finding(goal, catalog))
    for path in chain[:-1]:
        if _is_past_support(path.destination, on, catalog):
            title = "An intermediate release is out of support"
            found.append(
                _end_of_support_finding(path.destination, Severity.INFO, "Route.IntermediateEndOfLife", title, on, catalog)
            )
    return tuple(found)


def _end_of_support_finding(key: str, severity: Severity, code: str, title: str, on: date, catalog: Catalog) -> Finding:
    seen = f"{catalog.release_name(key)}: support ended {day_in_words(_support_end(key, catalog), on)}"
    life = catalog.lifecycle_row(key)
    why = (
        "The vendor no longer publishes security fixes for this release."
        if severity is Severity.WARNING
        else "The route only passes through this release; do not stop there."
    )
    return Finding(
        code, severity, title, seen, why, "Plan the next hop to a supported release.", link=life.source.link if life else ""
    )


def _unknown_lifecycle_finding(key: str, catalog: Catalog) -> Finding:
    return Finding(
        "Route.DestinationLifecycleUnknown",
        Severity.WARNING,
        "No life-cycle date is known for the destination",
        f"{catalog.release_name(key)}: no date found",
        "Nobody knows here how long this release will get security fixes.",
        "Ask the vendor for the date, and add the date as your own catalog row.",
    )
