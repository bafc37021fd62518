"""`unweave encode`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unweave.commands.app import Device, RunPath, Seed


def encode(
    run: RunPath,
    out: Annotated[Path, typer.Option(help="the .npz or .h5 file to write")],
    data: Annotated[
        str | None, typer.Option(help="data set to encode; default: that of the run")
    ] = None,
    rows: Annotated[
        int | None, typer.Option(min=1, help="number of images to encode; default: all")
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Encode images into a table of posterior means.

    Factors are added where they are known.
    """
    from unweave.commands.codes import encode_to_file

    print(encode_to_file(run, out, data, rows, seed, device))
