"""`unweave fid`."""

from __future__ import annotations

from typing import Annotated

import typer

from unweave.commands.app import Data, Device, RunPath, Seed
from unweave.tables import table


def fid(
    run: RunPath,
    data: Data = "train",
    images: Annotated[int, typer.Option(min=2, help="number of samples, and of images")] = 2000,
    network: Annotated[
        str, typer.Option(help="network of the features: efficientnet-lite0 or inception")
    ] = ("efficientnet-lite0"),
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Compute Fréchet distances of samples and reconstructions.

    The distances are to images of the data, in features of a network.
    """
    from unweave.commands.codes import frechet_distances_of

    rows = frechet_distances_of(run, data, images, network, seed, device)
    print(table(("pictures", "distance"), rows))
