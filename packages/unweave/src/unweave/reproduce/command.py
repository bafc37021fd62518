"""What `unweave reproduce` does."""

from __future__ import annotations

from pathlib import Path

from unweave.config import parse_settings
from unweave.listing import table
from unweave.options import build, parse_spec
from unweave.registry import registry
from unweave.reproduce.recipe import read_recipe, recipe_names
from unweave.reproduce.reproduction import reproduce, told


def list_recipes() -> str:
    """List the recipes with their titles."""
    rows = [(name, read_recipe(name).title) for name in recipe_names()]
    return table(("recipe", "what it repeats"), rows)


def reproduce_in(name: str, out: Path | None, settings: list[str], executor: str) -> str:
    """Reproduce a recipe in a folder; return its outcome as text."""
    recipe = read_recipe(name, parse_settings(settings))
    kind, options = parse_spec(executor)
    runner = build(registry().lookup("executor", kind), options=options)
    return told(reproduce(recipe, out or Path("runs") / recipe.name, runner))
