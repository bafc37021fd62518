"""Pictures of pictures: samples, reconstructions and traversals of several runs in one figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from unweave.errors import ConfigError
from unweave.experiment.quantities import test_data
from unweave.experiment.results import Results, open_run
from unweave.experiment.roles import Place, RunLabel
from unweave.plots.grids import draw_grid, show, tile
from unweave.plots.planes import flat
from unweave.protocols import Dataset
from unweave.trained import SOURCES

if TYPE_CHECKING:
    from unweave.trained import Trained

IMAGES_A_ROW = 12
TRAVERSAL_STEPS = 8
CODES_LOOKED_AT = 2000
FIRST = np.zeros(1, np.int64)
CHUNK = 5000
"""Training images that are compared at a time."""


def draw_samples(results: Results) -> Figure:
    """Draw samples from the prior above samples from the fitted density, for every kind of run."""
    runs = _first(results)
    sources = SOURCES if results.experiment.density is not None else SOURCES[:1]
    figure = Figure(figsize=(10, 1.15 * len(runs)), layout="constrained")
    panels = figure.subplots(len(runs), len(sources), squeeze=False)
    for row, (label, run) in zip(panels, runs, strict=True):
        for panel, source in zip(row, sources, strict=True):
            show(panel, tile(run.sample(2 * IMAGES_A_ROW, 0, source), IMAGES_A_ROW))
            panel.set_title(f"{label}, {source}", fontsize=9)
    return figure


def draw_reconstructions(results: Results) -> Figure:
    """Draw test images above their reconstructions by every kind of run."""
    runs = _first(results)
    data = test_data(runs[0][1], results.experiment)
    images = data.images(np.arange(min(IMAGES_A_ROW, len(data))))
    rows = [images, *(run.reconstruct(images) for _, run in runs)]
    return draw_grid(np.concatenate(rows), len(images))


def draw_traversals(
    results: Results, *, dimensions: int = 6, reach: float = 2.0, classes: list[int] | None = None
) -> Figure:
    """Draw traversals of every kind of run side by side, from one image.

    One row per code dimension, those whose means vary the most over images, the most first; the
    dimension goes from -reach to reach.

    Parameters
    ----------
    classes
        Start from the first test image of each of these classes of the first factor, one below
        the other, instead of from the first image that was trained on.
    """
    runs = _first(results)
    data = test_data(runs[0][1], results.experiment) if classes else runs[0][1].dataset
    images = [_image_of(data, value) for value in classes] if classes else [data.images(FIRST)]
    most = min(dimensions, max(run.config.dim for _, run in runs))
    height = len(images) * (10 / len(runs) * most / TRAVERSAL_STEPS + 0.1) + 0.6
    figure = Figure(figsize=(10, height), layout="constrained")
    rows = figure.subplots(len(images), len(runs), squeeze=False)
    for number, (row, image) in enumerate(zip(rows, images, strict=True)):
        for panel, (label, run) in zip(row, runs, strict=True):
            pictures, order = _traversed(run, image, dimensions, reach)
            show(panel, tile(pictures, TRAVERSAL_STEPS))
            title = f"{label}\nz {', '.join(str(d + 1) for d in order)}"
            panel.set_title("" if number else title, fontsize=9)
    return figure


def _image_of(data: Dataset, value: int) -> NDArray[Any]:
    """Return the first image of a class of the first factor, shape (1, h, w, c)."""
    if data.factors is None:
        raise ConfigError(f"{data.name} has no factors, and this picture needs classes")
    rows = np.flatnonzero(data.factors[:, 0] == value)
    if not len(rows):
        raise ConfigError(f"{data.name} has no image of class {value}")
    return data.images(rows[:1])


def draw_neighbours(results: Results) -> Figure:
    """Draw samples of every kind of run above the training images that are nearest to them.

    By squared error. Samples that equal a training image were learned by heart.
    """
    runs = _first(results)
    figure = Figure(figsize=(10, 1.9 * len(runs)), layout="constrained")
    panels = figure.subplots(len(runs), 1, squeeze=False)[:, 0]
    for panel, (label, run) in zip(panels, runs, strict=True):
        samples = run.sample(IMAGES_A_ROW, 0)
        show(panel, tile(np.concatenate([samples, nearest(run.dataset, samples)]), IMAGES_A_ROW))
        panel.set_title(f"{label}: samples, and their nearest training images", fontsize=9)
    return figure


def nearest(data: Dataset, images: NDArray[Any]) -> NDArray[Any]:
    """Return the image of a data set that is nearest to each of some, by squared error."""
    targets = flat(images) / 255
    best = np.full(len(images), np.inf)
    neighbours = np.zeros(len(images), np.int64)
    for start in range(0, len(data), CHUNK):
        rows = flat(data.images(np.arange(start, min(start + CHUNK, len(data))))) / 255
        # |a - b|² = |a|² - 2 a b + |b|², of which |a|² is the same for all b
        distances = (rows**2).sum(1) - 2 * targets @ rows.T
        place = distances.argmin(1)
        least = distances[np.arange(len(images)), place]
        neighbours = np.where(least < best, start + place, neighbours)
        best = np.minimum(least, best)
    order = np.argsort(neighbours, kind="stable")
    pictures = np.empty_like(images)
    pictures[order] = data.images(neighbours[order])
    return pictures


def _traversed(
    run: Trained, image: NDArray[Any], dimensions: int, reach: float
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Decode an image's code with one dimension after the other moved."""
    data = run.dataset
    index = np.linspace(0, len(data) - 1, min(CODES_LOOKED_AT, len(data))).astype(np.int64)
    codes = run.encode(data.images(index))
    order = np.argsort(-codes.std(0), kind="stable")[:dimensions]
    moved = np.repeat(run.encode(image), len(order) * TRAVERSAL_STEPS, axis=0)
    values = np.linspace(-reach, reach, TRAVERSAL_STEPS)
    for row, dimension in enumerate(order):
        moved[row * TRAVERSAL_STEPS : (row + 1) * TRAVERSAL_STEPS, dimension] = values
    return run.decode(moved), order


def draw_moves(
    results: Results, *, run: RunLabel, where: Place, images: int = 6, dimensions: int = 6,
    reach: float = 1.0,
) -> Figure:  # fmt: skip
    """Draw images whose largest code dimensions are made larger still, one after the other.

    One row per image: the image itself, its reconstruction, then z_d + reach sign(z_d) for those
    dimensions of its code that are largest in absolute value.
    """
    finished_rows = [row for row in results.at(run, where) if row.finished]
    if not finished_rows:
        raise ConfigError(f"no run of {run} is finished there")
    opened = open_run(finished_rows[0])
    data = test_data(opened, results.experiment)
    index = np.linspace(0, len(data) - 1, images).astype(np.int64)
    pictures = data.images(index)
    codes = opened.encode(pictures)
    count = min(dimensions, codes.shape[1])
    order = np.argsort(-np.abs(codes), axis=1, kind="stable")[:, :count]
    moved = np.repeat(codes[:, None], 1 + count, axis=1)
    for column in range(count):
        place = (np.arange(images), 1 + column, order[:, column])
        moved[place] += reach * np.sign(moved[place])
    decoded = opened.decode(moved.reshape(-1, codes.shape[1]))
    rows = decoded.reshape(images, 1 + count, *pictures.shape[1:])
    whole = np.concatenate([pictures[:, None], rows], axis=1)
    return draw_grid(whole.reshape(-1, *pictures.shape[1:]), 2 + count)


def _first(results: Results) -> list[tuple[str, Trained]]:
    runs = list(results.first_runs())
    if not runs:
        raise ConfigError("no run is finished")
    if runs[0][1].continuous:
        raise ConfigError("the data are vectors, not images")
    return runs
