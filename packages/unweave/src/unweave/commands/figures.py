"""`unweave figures`."""

from __future__ import annotations

from typing import Annotated

import typer

from unweave.commands.app import Device, RunPath, Seed


def figures(
    run: RunPath,
    seed: Seed = 0,
    format: Annotated[str, typer.Option(help="format of the figures: png, pdf or svg")] = "png",
    device: Device = "auto",
) -> None:
    """Draw the figures of a run into its folder `figures`."""
    from unweave.api import Run
    from unweave.report import write_figures

    for path in write_figures(Run.open(run, device=device), seed, format=format):
        print(path)
