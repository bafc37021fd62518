"""Pictures of pictures: samples, reconstructions and traversals of several runs in one figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from unweave.errors import ConfigError
from unweave.experiment.pictures.chosen import chosen_image_runs
from unweave.experiment.quantities import test_data
from unweave.experiment.results import Results
from unweave.experiment.roles import Place, RunLabel
from unweave.plots.grids import draw_rows, show, tile
from unweave.plots.planes import flat
from unweave.plots.style import new_figure
from unweave.protocols import Dataset
from unweave.report.figures import traverse_rows
from unweave.trained import SOURCES

if TYPE_CHECKING:
    from unweave.trained import Trained

IMAGES_A_ROW = 12
TRAVERSAL_STEPS = 8
CODES_LOOKED_AT = 2000
FIRST = np.zeros(1, np.int64)
SOURCE_WORDS = {"prior": "prior", "density": "fitted density"}
CHUNK = 5000
"""Number of training images that are compared at a time."""


def draw_samples(results: Results, *, where: Place | None = None) -> Figure:
    """Draw samples from the prior beside samples from the fitted density, for every kind of run.

    Parameters
    ----------
    where
        Values of the grid; the first run of every kind unless given.
    """
    runs = chosen_image_runs(results, where)
    sources = SOURCES if results.experiment.density is not None else SOURCES[:1]
    figure = new_figure(
        (10, len(runs) * (1.9 if len(sources) == 1 else 1.15)), layout="constrained"
    )
    panels = figure.subplots(len(runs), len(sources), squeeze=False)
    for row, one in zip(panels, runs, strict=True):
        for panel, source in zip(row, sources, strict=True):
            show(panel, tile(one.run.sample(2 * IMAGES_A_ROW, 0, source), IMAGES_A_ROW))
            panel.set_title(f"{one.title}: {SOURCE_WORDS[source]}")
    return figure


def draw_reconstructions(results: Results, *, where: Place | None = None) -> Figure:
    """Draw test images above their reconstructions by every kind of run.

    Parameters
    ----------
    where
        Values of the grid; the first run of every kind unless given.
    """
    runs = chosen_image_runs(results, where)
    data = test_data(runs[0].run, results.experiment)
    images = data.images(np.arange(min(IMAGES_A_ROW, len(data))))
    rows = [images, *(one.run.reconstruct(images) for one in runs)]
    return draw_rows(np.stack(rows), ["images", *(one.lines for one in runs)])


def draw_traversals(
    results: Results, *, dimensions: int = 6, reach: float = 2.0,
    classes: list[int] | None = None, where: Place | None = None,
) -> Figure:  # fmt: skip
    """Draw traversals of every kind of run side by side, from one image.

    One row per code dimension, those whose means vary the most over images, the most first.

    Parameters
    ----------
    reach
        The dimension goes this many standard deviations of q(z_d) to both sides of its mean. So it
        stays among the codes of images, which need not be near 0: VCAE constrains no mean.
    classes
        Start from the first test image of each of these classes of the first factor, one below
        the other, instead of from the first image that was trained on.
    where
        Values of the grid; the first run of every kind unless given.
    """
    runs = chosen_image_runs(results, where)
    first = runs[0].run
    data = test_data(first, results.experiment) if classes else first.dataset
    images = [_image_of(data, value) for value in classes] if classes else [data.images(FIRST)]
    most = min(dimensions, max(one.run.config.dim for one in runs))
    height = len(images) * (10 / len(runs) * most / TRAVERSAL_STEPS + 0.1) + 0.8
    figure = new_figure((10, height), layout="constrained")
    rows = figure.subplots(len(images), len(runs), squeeze=False)
    for number, (row, image) in enumerate(zip(rows, images, strict=True)):
        for panel, one in zip(row, runs, strict=True):
            pictures, order = _traverse(one.run, image, dimensions, reach)
            show(panel, tile(pictures, TRAVERSAL_STEPS))
            title = f"{one.lines}\nz {', '.join(str(d + 1) for d in order)}"
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


def draw_neighbours(results: Results, *, where: Place | None = None) -> Figure:
    """Draw samples of every kind of run above the training images that are nearest to them.

    By squared error. Samples that equal a training image were learned by heart.

    Parameters
    ----------
    where
        Values of the grid; the first run of every kind unless given.
    """
    runs = chosen_image_runs(results, where)
    figure = new_figure((10, 1.9 * len(runs)), layout="constrained")
    panels = figure.subplots(len(runs), 1, squeeze=False)[:, 0]
    for panel, one in zip(panels, runs, strict=True):
        samples = one.run.sample(IMAGES_A_ROW, 0)
        both = np.concatenate([samples, nearest(one.run.dataset, samples)])
        show(panel, tile(both, IMAGES_A_ROW))
        panel.set_title(f"{one.title}: samples, and their nearest training images")
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


def _traverse(
    run: Trained, image: NDArray[Any], dimensions: int, reach: float
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Decode the code of an image with one dimension varied at a time; return the order too."""
    data = run.dataset
    index = np.linspace(0, len(data) - 1, min(CODES_LOOKED_AT, len(data))).astype(np.int64)
    order = np.argsort(-run.encode(data.images(index)).std(0), kind="stable")[:dimensions]
    codes = run.posterior_codes(CODES_LOOKED_AT)
    centre, spread = codes.mean(0), codes.std(0)
    values = np.linspace(centre - reach * spread, centre + reach * spread, TRAVERSAL_STEPS, axis=1)
    pictures = traverse_rows(run, image[0], values, order)
    return pictures.reshape(-1, *pictures.shape[2:]), order


def draw_moves(
    results: Results, *, run: RunLabel, where: Place, images: int = 6, dimensions: int = 6,
    reach: float = 1.0,
) -> Figure:  # fmt: skip
    """Draw images whose largest code dimensions are made larger still, one after the other.

    One row per image: the image itself, its reconstruction, then z_d + reach sign(z_d) for those
    dimensions of its code that are largest in absolute value.
    """
    (one,) = chosen_image_runs(results, where, run)
    opened = one.run
    data = test_data(opened, results.experiment)
    index = np.linspace(0, len(data) - 1, images).astype(np.int64)
    pictures = data.images(index)
    codes = opened.encode(pictures)
    count = min(dimensions, codes.shape[1])
    order = np.argsort(-np.abs(codes), axis=1, kind="stable")[:, :count]
    variants = np.repeat(codes[:, None], 1 + count, axis=1)
    for column in range(count):
        place = (np.arange(images), 1 + column, order[:, column])
        variants[place] += reach * np.sign(variants[place])
    rows = opened.decode(variants.reshape(-1, codes.shape[1]))
    rows = rows.reshape(images, 1 + count, *pictures.shape[1:])
    whole = np.concatenate([pictures[:, None], rows], axis=1)
    canvas = tile(whole.reshape(-1, *pictures.shape[1:]), 2 + count)
    height, width = canvas.shape[:2]
    figure = new_figure((10, 0.4 + 10 * height / width), layout="constrained")
    panel = figure.subplots()
    show(panel, canvas)
    panel.set_title(one.title)
    return figure
