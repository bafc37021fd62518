"""Pictures and histograms of a run at its newest checkpoint."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unweave import Run
from unweave_tensorboard.board import Board

ROWS = 512
"""Images whose codes are counted in histograms."""
COLUMNS = 8
"""Pictures in a row."""
RANGE = (0.02, 0.98)
"""Quantiles of the codes between which a dimension is varied."""


def write_figures(board: Board, run: Run) -> None:
    """Write reconstructions, traversals and histograms of codes at the newest checkpoint.

    Parameters
    ----------
    board : Board
        Where they are written.
    run : Run
        Whose data set is looked at; its weights are read anew, and those in training are let be.
    """
    trained = Run.open(run.path, device=run.device_name, architecture=run.networks)
    step = trained.step
    index = np.linspace(0, len(run.dataset) - 1, min(ROWS, len(run.dataset))).astype(np.int64)
    images = run.dataset.images(np.unique(index))
    codes = trained.encode(images)
    board.write_codes(step, codes)
    if trained.continuous:
        return
    some = images[:: max(1, len(images) // COLUMNS)][:COLUMNS]
    pairs = np.concatenate([some, trained.reconstruct(some)])
    board.write_picture("reconstructions", step, tile(pairs, len(some)))
    board.write_picture("traversals", step, traversals(trained, some[0], codes))


def traversals(run: Run, image: NDArray[np.uint8], codes: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Vary one code dimension of an image in each row; the one that varies most comes first.

    Parameters
    ----------
    run : Run
        Whose networks draw.
    image : uint8 array, shape (h, w, c)
    codes : float32 array, shape (n, D)
        Means of q(z|x); dimension d is varied between their quantiles.

    Returns
    -------
    picture : uint8 array, shape (height, width, c)
        D rows of `COLUMNS` pictures.
    """
    low, high = np.quantile(codes, RANGE, axis=0)
    values = np.linspace(low, high, COLUMNS, axis=1).astype(np.float32)
    pictures = run.traverse(image, values)[np.argsort(-codes.std(axis=0), kind="stable")]
    return tile(pictures.reshape(-1, *image.shape), COLUMNS)


def tile(images: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Lay images (n, h, w, c) out in rows of `columns`.

    Examples
    --------
    >>> tile(np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1), 2)[..., 0].tolist()
    [[0, 1], [2, 3]]
    """
    count, height, width, colours = images.shape
    grid = images.reshape(count // columns, columns, height, width, colours)
    return grid.swapaxes(1, 2).reshape(-1, columns * width, colours)
