"""`unweave sample`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unweave.commands.app import Device, RunPath, Seed


def sample(
    run: RunPath,
    n: Annotated[int, typer.Option(min=1, help="number of samples")] = 64,
    out: Annotated[
        Path | None, typer.Option(help="a .png file, or an .npz file for the arrays")
    ] = None,
    seed: Seed = 0,
    source: Annotated[
        str | None,
        typer.Option("--from", help="prior or density; default: density, once it is fitted"),
    ] = None,
    device: Device = "auto",
) -> None:
    """Draw samples of the prior or the fitted density as images."""
    from unweave.commands.exports import sample_to_file

    print(sample_to_file(run, out, n, seed, source, device))
