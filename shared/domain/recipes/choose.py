"""Which recipe leads along a path, and why there may be none."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from shared.domain.catalog import CATALOG, Catalog
from shared.domain.catalog.model import Path
from shared.domain.recipes.ours import RECIPES
from shared.domain.recipes.recipe import Recipe, read_recipes

SETTING = "REPLANK_GUEST_PROVEN"
ALINUX_3 = "alinux-3"


@cache
def ours() -> tuple[Recipe, ...]:
    """The recipes that ship with Replank."""
    return read_recipes(list(RECIPES), CATALOG, "recipes")


def known(catalog: Catalog) -> tuple[Recipe, ...]:
    """All recipes; one of the operator's takes the place of ours for the same path."""
    taken = {(each.source, each.destination) for each in catalog.own_recipes}
    return (*catalog.own_recipes, *(each for each in ours() if (each.source, each.destination) not in taken))


def is_on(recipe: Recipe, catalog: Catalog) -> bool:
    """Whether the path may be used: nothing that matters is only assumed, or the operator has called it proven."""
    return not recipe.doubts or recipe.key in catalog.proven


def find(catalog: Catalog, source: str, destination: str) -> Recipe | None:
    """The recipe of one path, on or off."""
    return next((each for each in known(catalog) if (each.source, each.destination) == (source, destination)), None)


def followable(catalog: Catalog) -> tuple[Path, ...]:
    """The paths of the catalog with a recipe that is on. The tool asks for no listed account."""
    able = {
        (each.source, each.destination, architecture)
        for each in known(catalog)
        if is_on(each, catalog)
        for architecture in each.architectures
    }
    return tuple(
        replace(path, allow_listed=False) for path in catalog.paths if (path.source, path.destination, path.architecture) in able
    )


def why_not(catalog: Catalog, source: str, goal: str) -> tuple[str, str]:
    """Why the driver cannot lead there, and what to do."""
    recipe = find(catalog, source, goal)
    if recipe is not None and not is_on(recipe, catalog):
        what = " and ".join(recipe.doubts)
        return (
            f"The recipe {recipe.key} is off: its {what} is only assumed, and nobody has called it proven.",
            f"Try it on an instance that may be lost, then add {recipe.key} to {SETTING}; or use the smc or console driver.",
        )
    if goal == ALINUX_3:
        return (
            "No tool is public that leads to Alibaba Cloud Linux 3 from inside an instance.",
            "Submit it with the smc or the console driver.",
        )
    if goal and recipe is None and any(row.source == source and row.destination == goal for row in catalog.paths):
        return (
            f"The guest driver has no recipe from {catalog.release_name(source)} to {catalog.release_name(goal)}.",
            "Submit it with the smc or the console driver, or add a recipe (docs/drivers.md).",
        )
    return "", ""
