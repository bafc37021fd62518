"""`unweave traverse`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unweave.commands.app import RunPath


def traverse(
    run: RunPath,
    image: Annotated[int, typer.Option(min=0, help="index of an image of the data set")] = 0,
    steps: Annotated[int, typer.Option(min=2, help="pictures in a row")] = 10,
    out: Annotated[Path | None, typer.Option(help="a .png, or .npz for the arrays")] = None,
) -> None:
    """Vary one code dimension at a time and picture it."""
    from unweave.commands.exports import traverse_to_file

    print(traverse_to_file(run, out, image, steps))
