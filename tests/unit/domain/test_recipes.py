"""Recipes: their schema, which are on, the reasons of refusals, and the script made from a recipe."""

from __future__ import annotations

import copy
import subprocess
from dataclasses import replace
from datetime import date
from typing import Any

import jsonschema
import pytest

from shared.domain.catalog import CATALOG, require_release
from shared.domain.catalog.extend import extended_catalog
from shared.domain.codec import DocumentInvalid
from shared.domain.errors import Refused
from shared.domain.recipes.choose import all_recipes, paths_with_recipe, recipe_for_path, shipped_recipes
from shared.domain.recipes.ours import RECIPES
from shared.domain.recipes.recipe import recipe_schema
from shared.domain.route import PlannedRoute, plan_route
from shared.probes.tool import recipe_script, tool_script

DAY = date(2026, 11, 1)
PROVEN = replace(CATALOG, proven=frozenset(each.key for each in shipped_recipes()))


def route(source: str, destination: str | None, catalog: Any = CATALOG) -> PlannedRoute:
    return plan_route(require_release(source), "x86_64", on=DAY, destination=destination, driver="guest", catalog=catalog)


def own(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(RECIPES[0]), **changes}


@pytest.mark.parametrize("row", RECIPES, ids=lambda row: row["key"])
def test_ours_are_of_the_schema_and_name_a_source_for_every_line(row: dict[str, Any]) -> None:
    jsonschema.validate(row, recipe_schema())
    recipe = next(each for each in shipped_recipes() if each.key == row["key"])
    assert all(line.source for line in recipe.lines.values())
    assert "executed" not in {line.certainty for line in recipe.lines.values()}, "nothing was run on an account yet"


def test_every_recipe_is_a_path_of_the_catalog_and_no_path_has_two() -> None:
    paths = [(each.source, each.destination) for each in shipped_recipes()]
    assert len(set(paths)) == len(paths)
    assert all(CATALOG.supported_path(source, destination, "x86_64") for source, destination in paths)


def test_a_path_with_a_doubt_is_off_until_it_is_called_proven() -> None:
    assert paths_with_recipe(CATALOG) == ()
    with pytest.raises(Refused) as refused:
        route("rhel-8", "rhel-9")
    assert refused.value.code == "Route.NotFollowed"
    assert "REPLANK_GUEST_PROVEN" in refused.value.remedy
    assert [hop.destination for hop in route("rhel-8", "rhel-9", PROVEN).hops] == ["rhel-9"]
    sure = own(progress={**RECIPES[0]["progress"], "certainty": "executed"})
    assert route("rhel-8", "rhel-9", extended_catalog({"recipes": [sure]}, CATALOG, on=DAY)).hops


def test_to_alibaba_cloud_linux_3_it_refuses_and_names_the_other_drivers() -> None:
    for destination in ("alinux-3", None):
        with pytest.raises(Refused) as refused:
            route("alinux-2", destination, PROVEN)
        assert refused.value.code == "Route.NotFollowed"
        assert "No public tool" in refused.value.message
        assert "smc" in refused.value.remedy
        assert "console" in refused.value.remedy


def test_a_path_without_a_recipe_says_so_and_another_driver_is_not_asked() -> None:
    with pytest.raises(Refused, match="no recipe from CentOS 7 to Alibaba Cloud Linux 2"):
        route("centos-7", "alinux-2", PROVEN)
    assert plan_route(require_release("centos-7"), "x86_64", on=DAY, destination="alinux-3").hops


def test_the_tool_asks_for_no_listed_account() -> None:
    assert CATALOG.supported_path("centos-7", "rhel-7", "x86_64").allow_listed  # type: ignore[union-attr]
    assert not any(path.allow_listed for path in paths_with_recipe(PROVEN))


def test_an_operators_recipe_takes_the_place_of_ours() -> None:
    catalog = extended_catalog({"recipes": [own(key="our-way")]}, CATALOG, on=DAY)
    recipe = recipe_for_path(catalog, "rhel-8", "rhel-9")
    assert recipe is not None
    assert recipe.key == "our-way"
    assert "rhel-8-to-rhel-9" not in {each.key for each in all_recipes(catalog)}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"destination": "centos-8"}, "destination"),
        ({"key": "Ours!"}, "key"),
        ({"tool": "migrate2x"}, "tool"),
        ({"start": {"text": " ", "source": "x", "certainty": "foreign"}}, "start"),
        ({"licence_check": {"text": "true", "source": "x", "certainty": "foreign"}}, "licence"),
        ({"start": {"text": "a\nb", "source": "x", "certainty": "foreign"}}, "start.text"),
        ({"start": {"text": "a", "source": "", "certainty": "foreign"}}, "start"),
        ({"start": {"text": "a" * 7000, "source": "x", "certainty": "foreign"}}, "recipes[0]"),
        ({"restarts": 0}, "recipes[0]"),
        ({"milestones": [{"text": "a", "percent": 50}, {"text": "b", "percent": 10}]}, "milestones"),
        ({"irreversible_from": "text"}, "irreversible_text"),
        ({"architectures": []}, "architectures"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_what_is_wrong_in_a_recipe_is_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(DocumentInvalid) as wrong:
        extended_catalog({"recipes": [own(**changes)]}, CATALOG, on=DAY)
    assert field in wrong.value.field


def test_two_recipes_of_one_key_are_refused() -> None:
    with pytest.raises(DocumentInvalid, match="another recipe"):
        extended_catalog({"recipes": [own(), own()]}, CATALOG, on=DAY)


@pytest.mark.parametrize("text", ["a 'quoted' $(touch hit) `touch hit` {{x}}", 'back\\slash "and" $HOME'])
def test_texts_of_a_recipe_reach_the_shell_as_they_are(text: str, tmp_path: Any) -> None:
    recipe = replace(shipped_recipes()[1], irreversible_text=text)
    script = f'{recipe_script(recipe)}printf "%s" "$T_TEXT"\n'
    said = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert said == text
    assert not list(tmp_path.iterdir())


def test_a_command_carries_only_ids_and_base64() -> None:
    head = tool_script("begin", "rp-m1-0-1", shipped_recipes()[0]).splitlines()[:5]
    assert head[1:3] == ["REPLANK_ACT=begin", "REPLANK_RUN=rp-m1-0-1"]
    assert all(
        set(line.partition("=")[2]) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") for line in head[3:]
    )
    run, systems = "rp-m0123456789abcdef-0-1", {True: "windows", False: "linux"}
    longest = max(len(tool_script("begin", run, each, os_type=systems[each.for_windows])) for each in shipped_recipes())
    assert longest < 18_000, "RunCommand takes 24 KB in base64"


@pytest.mark.parametrize("recipe", [each for each in shipped_recipes() if not each.for_windows], ids=lambda recipe: recipe.key)
def test_every_recipe_is_a_script_that_the_shell_reads(recipe: Any) -> None:
    subprocess.run(["sh", "-n", "-c", recipe_script(recipe)], check=True)


def test_a_path_that_smc_lacks_is_the_guest_drivers_alone() -> None:
    assert [hop.destination for hop in route("rhel-9", "rhel-10", PROVEN).hops] == ["rhel-10"]
    assert [hop.destination for hop in route("rhel-8", "rhel-10", PROVEN).hops] == ["rhel-9", "rhel-10"]
    for driver in ("smc", "console"):
        with pytest.raises(Refused) as refused:
            plan_route(require_release("rhel-9"), "x86_64", on=DAY, destination="rhel-10", driver=driver)
        assert refused.value.code == "Route.NotFollowed"
        assert "guest driver" in refused.value.remedy
        with pytest.raises(Refused) as none:
            plan_route(require_release("rhel-9"), "x86_64", on=DAY, driver=driver)
        assert none.value.code == "Route.NotSupported"
