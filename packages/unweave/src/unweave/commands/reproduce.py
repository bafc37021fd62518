"""`unweave reproduce`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from unweave.commands.app import EXIT_INTERRUPTED


def reproduce(
    name: Annotated[
        str | None, typer.Argument(help="a recipe or its .toml file; without it, list all recipes")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="the folder of the results; what is unfinished in it is continued"),
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="a setting of every run")
    ] = None,
    executor: Annotated[
        str, typer.Option(help="what runs the jobs: processes:workers=2, serial, ray ...")
    ] = "processes",
) -> None:
    """Repeat an experiment of a paper: train, measure, compare with what was published, draw."""
    if name is None:
        print(_list_recipes())
        return
    from unweave.experiment.sweep import StoppedError

    try:
        print(_reproduce(name, out, setting or [], executor))
    except StoppedError as stop:
        print(stop, file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED) from None


def _list_recipes() -> str:
    from unweave.reproduce.recipe import read_recipe, recipe_names
    from unweave.tables import table

    rows = [(name, read_recipe(name).title) for name in recipe_names()]
    return table(("recipe", "what it repeats"), rows)


def _reproduce(name: str, out: Path | None, settings: list[str], executor: str) -> str:
    import shlex

    from unweave.experiment.running import build_executor, default_folder
    from unweave.reproduce.recipe import read_recipe
    from unweave.reproduce.reproduction import reproduce, told
    from unweave.settings import parse_settings

    changes = parse_settings(settings)
    recipe = read_recipe(name, changes)
    command = ["unweave", "reproduce", name, *(w for text in settings for w in ("--set", text))]
    outcome = reproduce(
        recipe, out or default_folder(recipe), build_executor(executor),
        changes=changes, command=shlex.join(command),
    )  # fmt: skip
    return told(outcome)
