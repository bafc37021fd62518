"""`unweave sweep`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from unweave.commands.app import Device
from unweave.commands.exit_codes import EXIT_INTERRUPTED


def sweep(
    what: Annotated[
        str, typer.Argument(metavar="STUDY.toml|METHOD,...", help="a study, or methods to train")
    ],
    data: Annotated[
        str | None,
        typer.Option(help="a data set, NAME or NAME:key=value,...; `unweave data` lists them"),
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SETTING=V,V,...", help="values of a setting; may be given more than once"
        ),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="N", help="number of seeds, or a list such as 0,3,7; `3,` is the seed 3 alone"
        ),
    ] = None,
    steps: Annotated[
        str | None, typer.Option(metavar="N", help="training steps of every run")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="a setting of every run")
    ] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MEASURE", help="what to measure, such as squared-error or 'MIG=metric mig'"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="the folder of the results; unfinished runs in it are continued"),
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
    """Train many runs, measure and compare them.

    The same command continues a sweep.
    """
    from unweave.experiment.command_line import build_executor, default_folder, typed_experiment
    from unweave.experiment.comparison import Comparison
    from unweave.experiment.layout import as_text
    from unweave.experiment.page import write_comparison
    from unweave.experiment.sweep import StoppedError, results_kept
    from unweave.experiment.sweep import sweep as run_sweep

    experiment = typed_experiment(
        what, data=data, grid=grid or (), seeds=seeds, steps=steps, settings=setting or (),
        measures=measure or (),
    )  # fmt: skip
    if reports:
        experiment = experiment.model_copy(update={"reports": True})
    folder = out or default_folder(experiment)
    try:
        results = run_sweep(
            experiment, folder, build_executor(executor), device=device, together=together
        )
        with results_kept():
            comparison = Comparison(results)
            print(as_text(comparison))
            print(write_comparison(comparison, folder))
    except StoppedError as stop:
        print(stop, file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if any(not row.finished for row in results.rows):
        raise typer.Exit(1)
