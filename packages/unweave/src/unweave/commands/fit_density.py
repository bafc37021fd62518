"""`unweave fit-density`."""

from __future__ import annotations

from typing import Annotated

import typer

from unweave.commands.app import Device, RunPath, Seed
from unweave.tables import table


def fit_density(
    run: RunPath,
    flow: Annotated[
        str, typer.Option(help="NAME or NAME:key=value,..., such as maf:epochs=20")
    ] = "maf",
    rows: Annotated[int, typer.Option(min=1, help="number of images to encode")] = 50_000,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Fit a flow or another density to the codes.

    Samples and the report then use it.
    """
    from unweave.commands.codes import fit_density_of

    path, distances = fit_density_of(run, flow, rows, seed, device)
    if distances:
        print(table(("samples of the", "MMD² from the codes"), distances))
    print(path)
