"""`unweave traverse`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unweave.commands.app import Device, RunPath
from unweave.errors import ConfigError


def traverse(
    run: RunPath,
    image: Annotated[int, typer.Option(min=0, help="index of an image of the data set")] = 0,
    latent: Annotated[
        int | None, typer.Option(min=1, help="number of the only dimension to vary; the first is 1")
    ] = None,
    images: Annotated[
        str | None,
        typer.Option(
            metavar="I,J,...", help="indices of images, one row per image; needs --latent"
        ),
    ] = None,
    limits: Annotated[
        tuple[float, float] | None,
        typer.Option(
            "--range",
            metavar="A B",
            help="lowest and highest value; default: quantiles of the codes",
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=2, help="number of pictures per row")] = 10,
    out: Annotated[
        Path | None, typer.Option(help="a .png file, or an .npz file for the arrays")
    ] = None,
    device: Device = "auto",
) -> None:
    """Draw traversals: vary one code dimension at a time."""
    from unweave.commands import walks
    from unweave.commands.exports import traverse_to_file

    if limits is not None:
        walks.check_range(limits)
    if latent is not None:
        rows = (image,) if images is None else walks.read_indices(images)
        print(walks.traverse_images_to_file(run, out, rows, latent, limits, steps, device))
    elif images is not None:
        raise ConfigError("--images varies one dimension; choose it with --latent")
    elif limits is not None:
        print(walks.traverse_dimensions_to_file(run, out, image, limits, steps, device))
    else:
        print(traverse_to_file(run, out, image, steps, device))
