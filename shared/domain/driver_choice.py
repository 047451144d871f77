"""Chooses the driver if the policy says ``auto``: the best driver that is ready for one instance and its route. All functions in
this module are pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shared.domain.drivers import SHARED_HOSTNAMES, driver_traits, drivers_in_order_of_rank
from shared.domain.errors import Refused
from shared.domain.facts import InstanceFacts
from shared.domain.hop import Hop
from shared.domain.record import dataclass

LONGEST = 900
"""Maximum number of characters in the reason for the choice, which the migration's row stores."""
NOT_FOLLOWED = "Route.NotFollowed"
"""The error code if a driver does not support the route, although another driver may support the route."""


@dataclass(frozen=True)
class DriverChoice:
    """The chosen driver, the reason for the choice in words, and the driver's route."""

    driver: str
    why: str
    hops: tuple[Hop, ...]


def choose_driver(
    plan_hops: Callable[[str], tuple[Hop, ...]], why_unready: Callable[[str, tuple[Hop, ...]], str], *, goal: str
) -> DriverChoice:
    """Choose the best driver that is ready.

    The function ``plan_hops`` plans a driver's route, or raises Refused. The function ``why_unready`` says why a driver cannot
    carry out its route now; its result is empty if the driver is ready. The argument ``goal`` is the requested or the default
    destination. The destination never depends on which drivers are ready. The destination is the goal if any driver has a route to
    the goal. If no driver has a route to the goal, the destination is the end of the best driver's route.

    Raises a driver's own refusal if no driver has a route and all refusals have the same cause. In every other case without a ready
    driver, raises Refused (Driver.NoneReady) with the reason against each driver.
    """
    routes, refusals = _routes_by_driver(plan_hops)
    shared = {each.code for each in refusals.values()} - {NOT_FOLLOWED}
    if not routes and len(shared) == 1:
        raise next(each for each in refusals.values() if each.code in shared)
    ends = [hops[-1].destination for hops in routes.values()]
    destination = goal if goal in ends else next(iter(ends), goal)
    passed_over = dict[str, str]()
    for name in (each.name for each in drivers_in_order_of_rank()):
        why = refusals[name].message if name in refusals else _why_driver_not_chosen(name, routes[name], destination, why_unready)
        if not why:
            return DriverChoice(name, _reason_for_choice(name, passed_over), routes[name])
        passed_over[name] = why
    remedy = "Make one of them ready (docs/drivers.md), or name another destination. Then retry."
    raise Refused("Driver.NoneReady", f"No driver is ready for this instance. {_reasons_against_drivers(passed_over)}", remedy)


def why_instance_unrecognisable(instance: InstanceFacts) -> str:
    """Why a driver cannot recognise the instance by address and hostname; empty if the driver can recognise the instance.

    At the time of the choice, the precheck has not read the guest yet, so only the hostname in ECS counts.
    """
    if not instance.private_ips:
        return "This driver finds a job by address and hostname, but the instance has no private address."
    if instance.hostname.strip().partition(".")[0].lower() in SHARED_HOSTNAMES:
        return "This driver finds a job by address and hostname, but the instance has no hostname of its own in ECS."
    return ""


def _routes_by_driver(plan_hops: Callable[[str], tuple[Hop, ...]]) -> tuple[dict[str, tuple[Hop, ...]], dict[str, Refused]]:
    """For each driver, its route, or the refusal if the driver has no route. The best driver comes first."""
    routes, refusals = dict[str, tuple[Hop, ...]](), dict[str, Refused]()
    for each in drivers_in_order_of_rank():
        try:
            routes[each.name] = plan_hops(each.name)
        except Refused as error:
            refusals[each.name] = error
    return routes, refusals


def _why_driver_not_chosen(
    name: str, hops: tuple[Hop, ...], destination: str, why_unready: Callable[[str, tuple[Hop, ...]], str]
) -> str:
    if hops[-1].destination != destination:
        return f"It does not lead to {destination}."
    return why_unready(name, hops)


def _reason_for_choice(name: str, passed_over: Mapping[str, str]) -> str:
    first = f"{name} is the best that is ready: {driver_traits(name).merit}."
    return f"{first} {_reasons_against_drivers(passed_over)}".strip()[:LONGEST]


def _reasons_against_drivers(passed_over: Mapping[str, str]) -> str:
    """The reasons against the drivers that were not chosen, with one sentence for all drivers that have the same reason."""
    names = dict[str, list[str]]()
    for name, why in passed_over.items():
        names.setdefault(why, []).append(name)
    return " ".join(f"Not {' and '.join(drivers)}: {why}" for why, drivers in names.items())
