"""`unweave report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unweave.commands.app import Device, Seed
from unweave.commands.opening import import_run
from unweave.errors import ConfigError


def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN", help="a run directory, or several to compare")
    ],
    seed: Seed = 0,
    embed: Annotated[
        str | None, typer.Option(help="also show the codes in two dimensions: tsne or umap")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="the page that compares runs; default: comparison.html beside them"),
    ] = None,
    device: Device = "auto",
) -> None:
    """Draw figures and write report.html, or compare runs.

    The report is one page that loads nothing from elsewhere.
    """
    from unweave.other_processes import other_processes
    from unweave.plots import warm_up

    if len(runs) == 1 and out is not None:
        raise ConfigError(
            "--out is for several runs; the report of one run is written into its directory"
        )
    if len(runs) > 1 and embed is not None:
        raise ConfigError("--embed is for the report of one run; give one run")
    with other_processes(warm_up) as pool:
        opened = [import_run().open(run, device=device) for run in runs]
        from unweave.report import write_comparison, write_report

        if len(opened) == 1:
            print(write_report(opened[0], seed, embed=embed, pool=pool))
        else:
            print(write_comparison(opened, seed, out=out))
