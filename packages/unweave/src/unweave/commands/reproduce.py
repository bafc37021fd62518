"""`unweave reproduce`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def reproduce(
    name: Annotated[
        str | None, typer.Argument(help="a recipe, or a .toml file of one; all are listed without")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="the folder; one that was begun is continued")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="changes every run")
    ] = None,
    executor: Annotated[
        str, typer.Option(help="NAME or NAME:key=value,...; as processes:workers=2")
    ] = "processes",
) -> None:
    """Repeat an experiment of a paper: train, measure, compare with what was published, draw."""
    print(_list_recipes() if name is None else _reproduce(name, out, setting or [], executor))


def _list_recipes() -> str:
    from unweave.reproduce.recipe import read_recipe, recipe_names
    from unweave.tables import table

    rows = [(name, read_recipe(name).title) for name in recipe_names()]
    return table(("recipe", "what it repeats"), rows)


def _reproduce(name: str, out: Path | None, settings: list[str], executor: str) -> str:
    from unweave.config import parse_settings
    from unweave.options import build, parse_spec
    from unweave.registry import registry
    from unweave.reproduce.recipe import read_recipe
    from unweave.reproduce.reproduction import reproduce, told

    recipe = read_recipe(name, parse_settings(settings))
    kind, options = parse_spec(executor)
    runner = build(registry().lookup("executor", kind), options=options)
    return told(reproduce(recipe, out or Path("runs") / recipe.name, runner))
