"""`unweave sweep`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from unweave.commands.app import EXIT_INTERRUPTED


def sweep(
    what: Annotated[
        str, typer.Argument(metavar="STUDY.toml|METHOD,...", help="a study, or methods to compare")
    ],
    data: Annotated[
        str | None, typer.Option(help="NAME or NAME:key=value,...; see `unweave data`")
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(metavar="SETTING=V,V,...", help="values of a setting; may be repeated"),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="N", help="how many, or a list as 0,3,7")
    ] = None,
    steps: Annotated[str | None, typer.Option(metavar="N", help="of every run")] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="changes every run")
    ] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(metavar="MEASURE", help="as squared-error or 'MIG=metric mig'"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="the folder; one that was begun is continued")
    ] = None,
    executor: Annotated[
        str, typer.Option(help="NAME or NAME:key=value,...; as processes:workers=2, serial, ray")
    ] = "processes",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N")] = "auto",
    together: Annotated[
        int, typer.Option(min=1, metavar="N", help="runs that are computed as one batched model")
    ] = 1,
) -> None:
    """Train many runs, measure and compare them; the same command again goes on."""
    from unweave.experiment.comparison import Comparison
    from unweave.experiment.layout import as_text
    from unweave.experiment.page import write_comparison
    from unweave.experiment.running import build_executor, default_folder, typed_experiment
    from unweave.experiment.sweep import StoppedError
    from unweave.experiment.sweep import sweep as run_sweep

    settings = [*(setting or []), *([] if steps is None else [f"steps={steps}"])]
    experiment = typed_experiment(
        what, data=data, grid=grid or (), seeds=seeds, settings=settings, measures=measure or ()
    )
    folder = out or default_folder(experiment)
    try:
        results = run_sweep(
            experiment, folder, build_executor(executor), device=device, together=together
        )
    except StoppedError as stop:
        print(stop, file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    comparison = Comparison(results)
    print(as_text(comparison))
    print(write_comparison(comparison, folder))
    if any(not row.finished for row in results.rows):
        raise typer.Exit(1)
