"""Finds the recipe for a migration path, or the reason why the path has no usable recipe."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from shared.domain.catalog import CATALOG, Catalog
from shared.domain.catalog.model import MigrationPath
from shared.domain.recipes.ours import RECIPES
from shared.domain.recipes.recipe import Recipe, parse_recipes

SETTING = "REPLANK_GUEST_PROVEN"
ALINUX_3 = "alinux-3"


@cache
def shipped_recipes() -> tuple[Recipe, ...]:
    """The recipes that ship with Replank."""
    return parse_recipes(list(RECIPES), CATALOG, "recipes")


def all_recipes(catalog: Catalog) -> tuple[Recipe, ...]:
    """All recipes. An operator's recipe replaces the shipped recipe for the same path."""
    taken = {(each.source, each.destination) for each in catalog.own_recipes}
    return (*catalog.own_recipes, *(each for each in shipped_recipes() if (each.source, each.destination) not in taken))


def is_recipe_usable(recipe: Recipe, catalog: Catalog) -> bool:
    """Whether the recipe may be used. A recipe with an assumed start, progress or result may be used only if the operator has
    declared the recipe proven.
    """
    return not recipe.assumed_fields or recipe.key in catalog.proven


def recipe_for_path(catalog: Catalog, source: str, destination: str) -> Recipe | None:
    """The recipe for a migration path, even if the recipe is off; None if the path has no recipe."""
    return next((each for each in all_recipes(catalog) if (each.source, each.destination) == (source, destination)), None)


def paths_with_recipe(catalog: Catalog) -> tuple[MigrationPath, ...]:
    """The migration paths in the catalog that have a usable recipe. The account need not be on an allow list, because the tools do
    not check any list.
    """
    able = {
        (each.source, each.destination, architecture)
        for each in all_recipes(catalog)
        if is_recipe_usable(each, catalog)
        for architecture in each.architectures
    }
    return tuple(
        replace(path, allow_listed=False) for path in catalog.paths if (path.source, path.destination, path.architecture) in able
    )


def why_no_recipe(catalog: Catalog, source: str, goal: str) -> tuple[str, str]:
    """The reason why the guest driver has no usable recipe for a migration path, and the remedy; otherwise two empty strings."""
    recipe = recipe_for_path(catalog, source, goal)
    if recipe is not None and not is_recipe_usable(recipe, catalog):
        what = " and ".join(recipe.assumed_fields)
        return (
            f"The recipe {recipe.key} is off: its {what} is only assumed, and the deployment has not declared the recipe proven.",
            f"Test the recipe on an instance that you can lose, then add {recipe.key} to {SETTING}. Or use the smc or "
            "console driver.",
        )
    if goal == ALINUX_3:
        return (
            "No public tool migrates an instance to Alibaba Cloud Linux 3 from the inside.",
            "Submit the batch with the smc or the console driver.",
        )
    if goal and recipe is None and any(row.source == source and row.destination == goal for row in catalog.paths):
        return (
            f"The guest driver has no recipe from {catalog.release_name(source)} to {catalog.release_name(goal)}.",
            "Submit the batch with the smc or the console driver, or add a recipe (docs/drivers.md).",
        )
    return "", ""
