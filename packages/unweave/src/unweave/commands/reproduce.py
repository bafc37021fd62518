"""`unweave reproduce`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from unweave.commands.app import Device
from unweave.commands.exit_codes import EXIT_INTERRUPTED


def reproduce(
    name: Annotated[
        str | None, typer.Argument(help="a recipe or its .toml file; without it, list all recipes")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="the folder of the results; unfinished runs in it are continued"),
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="a setting of every run")
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="N", help="number of seeds, or a list such as 0,3,7; `3,` is the seed 3 alone"
        ),
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=V,V,...",
            help="values of a grid setting, not the recipe's; may be given more than once",
        ),
    ] = None,
    run: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL", help="train only this kind of run; may be given more than once"
        ),
    ] = None,
    executor: Annotated[
        str, typer.Option(help="executor of the jobs: processes:workers=2, serial, ray ...")
    ] = "processes",
    device: Device = "auto",
    reports: Annotated[
        bool, typer.Option("--reports", help="write the report.html of every run, too")
    ] = False,
    together: Annotated[
        int, typer.Option(min=1, metavar="N", help="number of runs trained at once in one process")
    ] = 1,
) -> None:
    """Repeat an experiment of a paper, and compare the numbers.

    It trains, measures, compares with what was published, and draws.
    """
    if name is None:
        print(_list_recipes())
        return
    from unweave.experiment.sweep import StoppedError

    try:
        print(
            _reproduce(
                name,
                out,
                setting or [],
                seeds,
                grid or [],
                run or [],
                executor,
                device,
                reports,
                together,
            )
        )
    except StoppedError as stop:
        print(stop, file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED) from None


def _list_recipes() -> str:
    from unweave.reproduce.recipe import read_recipe, recipe_names
    from unweave.tables import table

    rows = [(name, read_recipe(name).title) for name in recipe_names()]
    return table(("recipe", "what it repeats"), rows)


def _reproduce(
    name: str,
    out: Path | None,
    settings: list[str],
    seeds: str | None,
    grid: list[str],
    runs: list[str],
    executor: str,
    device: str,
    reports: bool,
    together: int,
) -> str:
    import shlex

    from unweave.experiment.command_line import build_executor, default_folder
    from unweave.reproduce.recipe import read_recipe, select_runs
    from unweave.reproduce.reproduction import reproduce, summary
    from unweave.settings import parse_settings

    changes = parse_settings(settings)
    recipe = select_runs(read_recipe(name, changes), runs, seeds, grid)
    if reports:
        recipe = recipe.model_copy(update={"reports": True})
    typed = {"--set": settings, "--seeds": [seeds] if seeds else [], "--grid": grid, "--run": runs}
    words = [word for option, texts in typed.items() for text in texts for word in (option, text)]
    words += ["--reports"] * reports
    narrower = {"seeds": seeds, "grid": "; ".join(grid), "run": "; ".join(runs)}
    outcome = reproduce(
        recipe, out or default_folder(recipe), build_executor(executor),
        changes=changes | {key: value for key, value in narrower.items() if value},
        command=shlex.join(["unweave", "reproduce", name, *words]),
        device=device, together=together,
    )  # fmt: skip
    return summary(outcome)
