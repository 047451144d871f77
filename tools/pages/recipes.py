"""The table of recipes in docs/drivers.md: how certain each line of each recipe is, and why."""

from __future__ import annotations

from shared.domain.recipes.choose import shipped_recipes
from shared.domain.recipes.recipe import Recipe
from tools.pages.common import table


def render() -> str:
    """One row per line of each recipe."""
    return table(("recipe", "line", "how sure", "source"), (row for recipe in shipped_recipes() for row in _rows(recipe)))


def _rows(recipe: Recipe) -> list[tuple[str, ...]]:
    lines = recipe.lines.items()
    return [(f"`{recipe.key}`", name.replace("_", " "), line.certainty, line.source) for name, line in lines]
