"""Pictures and histograms of a run at its newest checkpoint."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unweave import Run
from unweave_tensorboard.board import Board

ROWS = 512
"""Number of images for the histograms of codes."""
COLUMNS = 8
"""Pictures per row."""
RANGE = (0.02, 0.98)
"""Quantiles of the codes that bound a traversal."""


def write_figures(board: Board, run: Run) -> None:
    """Write reconstructions, traversals and histograms of codes at the newest checkpoint.

    Parameters
    ----------
    board : Board
        Event file for the figures.
    run : Run
        Run whose data set is used. The weights are read from the checkpoint; those in training
        stay as they are.
    """
    checkpoint = Run.open(run.path, device=run.device_name, architecture=run.networks)
    step = checkpoint.step
    index = np.linspace(0, len(run.dataset) - 1, min(ROWS, len(run.dataset))).astype(np.int64)
    images = run.dataset.images(np.unique(index))
    codes = checkpoint.encode(images)
    board.write_codes(step, codes)
    if checkpoint.continuous:
        return
    some = images[:: max(1, len(images) // COLUMNS)][:COLUMNS]
    pairs = np.concatenate([some, checkpoint.reconstruct(some)])
    board.write_picture("reconstructions", step, tile(pairs, len(some)))
    board.write_picture("traversals", step, traversals(checkpoint, some[0], codes))


def traversals(run: Run, image: NDArray[np.uint8], codes: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Vary one code dimension of an image per row, in descending order of its deviation.

    Parameters
    ----------
    run : Run
        Run whose networks make the pictures.
    image : uint8 array, shape (h, w, c)
        Image whose code is varied.
    codes : float32 array, shape (n, D)
        Means of q(z|x); dimension d varies between two of their quantiles, `RANGE`.

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
