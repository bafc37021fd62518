"""What `unweave reproduce` does."""

from __future__ import annotations

import shlex
from pathlib import Path

from unweave.config import parse_settings
from unweave.experiment.running import build_executor
from unweave.listing import table
from unweave.reproduce.recipe import read_recipe, recipe_names
from unweave.reproduce.reproduction import reproduce, told


def list_recipes() -> str:
    """List the recipes with their titles."""
    rows = [(name, read_recipe(name).title) for name in recipe_names()]
    return table(("recipe", "what it repeats"), rows)


def reproduce_in(name: str, out: Path | None, settings: list[str], executor: str) -> str:
    """Reproduce a recipe in a folder; return its outcome as text."""
    changes = parse_settings(settings)
    recipe = read_recipe(name, changes)
    command = ["unweave", "reproduce", name, *(w for text in settings for w in ("--set", text))]
    outcome = reproduce(
        recipe, out or Path("runs") / recipe.name, build_executor(executor),
        changes=changes, command=shlex.join(command),
    )  # fmt: skip
    return told(outcome)
