"""`unweave encode`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unweave.commands.app import Data, Device, RunPath, Seed
from unweave.errors import unknown_name

CODES = ("mean", "sampled")


def encode(
    run: RunPath,
    out: Annotated[Path, typer.Option(help="the .npz or .h5 file to write")],
    data: Data = "train",
    codes: Annotated[
        str, typer.Option(help="mean: the mean of q(z|x); sampled: one draw from it")
    ] = "mean",
    rows: Annotated[
        int | None, typer.Option(min=1, help="number of images to encode; default: all")
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Encode images into a table of codes.

    Factors are added where they are known.
    """
    from unweave.commands.codes import encode_to_file

    if codes not in CODES:
        raise unknown_name("kind of codes", codes, CODES)
    print(encode_to_file(run, out, data, rows, seed, device, codes=codes))
