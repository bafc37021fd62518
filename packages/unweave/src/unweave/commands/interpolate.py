"""`unweave interpolate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unweave.commands.app import Device, RunPath


def interpolate(
    run: RunPath,
    i: Annotated[int, typer.Argument(min=0, metavar="FIRST", help="index of an image")],
    j: Annotated[int, typer.Argument(min=0, metavar="LAST", help="index of another image")],
    steps: Annotated[int, typer.Option(min=2, help="number of pictures in the row")] = 10,
    out: Annotated[
        Path | None, typer.Option(help="a .png file, or an .npz file for the arrays")
    ] = None,
    device: Device = "auto",
) -> None:
    """Draw an interpolation between the codes of two images."""
    from unweave.commands.walks import interpolate_to_file

    print(interpolate_to_file(run, out, i, j, steps, device))
