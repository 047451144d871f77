"""The choice of ``auto``: the best ready driver, its reason in words, and a destination that does not depend on readiness."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from shared.domain.catalog import CATALOG, require_release
from shared.domain.driver_choice import DriverChoice, choose_driver, why_instance_unrecognisable
from shared.domain.drivers import AUTO, DRIVERS, driver_choices, driver_traits, drivers_in_order_of_rank
from shared.domain.errors import Refused
from shared.domain.hop import Hop
from shared.domain.policy import parse_policy
from shared.domain.route import plan_route
from tests.support.facts import LINUX_INSTANCE

PROVEN = replace(CATALOG, proven=frozenset({"rhel-8-to-rhel-9", "rhel-9-to-rhel-10", "centos-7-to-anolis-7"}))


def choice(source: str, destination: str = "", *, unready: dict[str, str] | None = None, proven: bool = True) -> DriverChoice:
    release, catalog = require_release(source, CATALOG), PROVEN if proven else CATALOG

    def plan(driver: str) -> tuple[Hop, ...]:
        return plan_route(
            release, "x86_64", on=date(2026, 1, 1), destination=destination or None, driver=driver, catalog=catalog
        ).hops

    goal = destination or catalog.defaults.get(source, "")
    return choose_driver(plan, lambda name, hops: (unready or {}).get(name, ""), goal=goal)


@pytest.mark.parametrize(
    ("source", "destination", "unready", "chosen"),
    [
        ("centos-7", "", {}, "smc"),
        ("centos-7", "", {"smc": "It lacks a value."}, "console"),
        ("rhel-8", "rhel-9", {}, "smc"),
        ("rhel-8", "rhel-9", {"smc": "It lacks a value."}, "guest"),
        ("rhel-9", "rhel-10", {}, "guest"),
        ("centos-7", "anolis-7", {"smc": "It lacks a value.", "guest": "Off."}, "console"),
    ],
)
def test_the_best_driver_that_is_ready_is_chosen(source: str, destination: str, unready: dict[str, str], chosen: str) -> None:
    found = choice(source, destination, unready=unready)
    assert found.driver == chosen
    assert found.why.startswith(f"{chosen} is the best that is ready: ")
    assert all(why in found.why for name, why in unready.items() if DRIVERS[name].rank < DRIVERS[chosen].rank)


@pytest.mark.parametrize("missing", [(), ("smc",), ("console",)])
def test_readiness_never_changes_where_an_instance_goes(missing: tuple[str, ...]) -> None:
    found = choice("centos-7", unready=dict.fromkeys(missing, "It is not ready."))
    assert [hop.destination for hop in found.hops] == ["alinux-3"]


def test_what_no_driver_is_ready_for_is_refused_with_the_reason_of_each() -> None:
    with pytest.raises(Refused) as refused:
        choice("centos-7", unready={"smc": "It lacks a value.", "console": "It lacks a hostname."})
    assert refused.value.code == "Driver.NoneReady"
    said = refused.value.message
    assert [said.count(each) for each in ("It lacks a value.", "Not guest: ", "It lacks a hostname.")] == [1, 1, 1]
    assert refused.value.remedy


def test_a_recipe_that_is_not_proven_is_named_as_the_reason() -> None:
    with pytest.raises(Refused) as refused:
        choice("rhel-9", "rhel-10", proven=False)
    assert refused.value.code == "Driver.NoneReady"
    assert "The recipe rhel-9-to-rhel-10 is off" in refused.value.message
    found = choice("rhel-8", "rhel-9", unready={"smc": "x"}, proven=False)
    assert found.driver == "console"
    assert "The recipe rhel-8-to-rhel-9 is off" in found.why


def test_a_path_that_nobody_has_keeps_the_refusal_of_the_matrix() -> None:
    with pytest.raises(Refused) as refused:
        choice("windows-2019-datacenter", "windows-2016-datacenter")
    assert refused.value.code == "Route.NotSupported"


@pytest.mark.parametrize(
    ("hostname", "addresses", "ready"),
    [
        ("web-1", ("10.0.0.5",), True),
        ("", ("10.0.0.5",), False),
        ("LocalHost.localdomain", ("10.0.0.5",), False),
        ("web-1", (), False),
    ],
)
def test_a_driver_that_knows_instances_by_name_needs_one(hostname: str, addresses: tuple[str, ...], ready: bool) -> None:
    assert (why_instance_unrecognisable(replace(LINUX_INSTANCE, hostname=hostname, private_ips=addresses)) == "") is ready


def test_the_table_has_an_order_without_ties_and_a_reason_for_it() -> None:
    assert [each.name for each in drivers_in_order_of_rank()] == ["smc", "guest", "console"]
    assert all(each.merit and each.rank for each in DRIVERS.values())
    assert not any(each.is_choice for each in DRIVERS.values())


def test_auto_is_a_choice_of_the_policy_and_moves_nothing_itself() -> None:
    assert parse_policy({"driver": "auto"}).driver == "auto"
    assert list(driver_choices()) == [*DRIVERS, "auto"]
    assert driver_traits("auto") is AUTO
    assert not AUTO.may_job_run_unseen
    assert AUTO.usual_minutes == (15, 90)
    assert set(AUTO.paths(PROVEN)) >= set(DRIVERS["smc"].paths(PROVEN))
