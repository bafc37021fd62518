"""The static figures of a report, and the pictures of images in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray

from unweave.density import has_density
from unweave.report.charts import (
    draw_factor_scores,
    draw_histograms,
    draw_losses,
    draw_matrix,
)
from unweave.report.dimensions import Dimensions
from unweave.report.material import MOST_DIMENSIONS, Material
from unweave.report.scatter import draw_codes, draw_plane, draw_vectors, flat
from unweave.report.style import QUIET, figure_style
from unweave.trained import SOURCES, Trained

Drawn = tuple[str, str, str, Figure]
"""File stem, title, caption, figure."""
Described = tuple[str, str, Figure]
"""Title, caption, figure."""

COLUMNS = 10
SAMPLES = 64
TALLEST = 100.0
"""Inches of a figure's height; a narrow strip of many rows is drawn smaller."""
LINE = 200
"""Grey value of the lines between images."""


def draw_figures(material: Material, names: Sequence[str] | None = None) -> Iterator[Drawn]:
    """Draw every figure that the run has the material for, in the order of the report.

    Parameters
    ----------
    names
        The figures that are drawn; all by default.
    """
    for name, draw in DRAWERS.items():
        if names is None or name in names:
            yield from ((name, *drawn) for drawn in draw(material))


def _draw_reconstructions(material: Material) -> Iterator[Described]:
    run = material.run
    if run.continuous:
        return
    images = run.dataset.images(choose_rows(run, COLUMNS, material.seed))
    yield (
        "Reconstructions",
        "Above: images of the data set. Below: the decoder's picture of their mean codes.",
        draw_grid(np.concatenate([images, run.reconstruct(images)]), len(images)),
    )


def _draw_traversals(material: Material) -> Iterator[Described]:
    run = material.run
    if run.continuous:
        return
    image = run.dataset.images(choose_rows(run, 1, material.seed))[0]
    yield (
        "Latent traversals",
        "Each row varies one code dimension of the image at the left, from the 2 % to the 98 % "
        "quantile of the codes z ~ q(z|x) of the whole sample. Rows are ordered by the mean KL "
        "divergence of q(z|x) to the prior in that dimension, in nats, the largest first. "
        f"Inactive dimensions are grey: hardly anything depends on them.{_left_out(run)}",
        draw_traversals(run, image, material.dimensions),
    )


def _draw_histograms(material: Material) -> Iterator[Described]:
    yield (
        "Histograms of codes",
        "Draws z ~ q(z|x) of the whole sample (filled) and draws from the prior (line), for each "
        "dimension.",
        draw_histograms(material),
    )


def _draw_losses(material: Material) -> Iterator[Described]:
    run = material.run
    if material.steps:
        yield (
            "Loss terms",
            f"Means over {run.config.log_every} steps, before weights. "
            f"The reconstruction is in units of {run.cost.units or 'the cost'}.",
            draw_losses(material.steps, material.terms),
        )


def _left_out(run: Trained) -> str:
    more = run.config.dim - MOST_DIMENSIONS
    return f" {more} more dimensions are left out." if more > 0 else ""


def choose_rows(run: Trained, count: int, seed: int) -> NDArray[np.int64]:
    """Draw rows of the data set without replacement."""
    size = len(run.dataset)
    return np.random.default_rng(seed).choice(size, min(count, size), replace=False)


def _draw_samples(material: Material) -> Iterator[Described]:
    """Draw samples from the prior, and beside them from the fitted density if there is one."""
    run, seed = material.run, material.seed
    caption = "Pictures of codes that were drawn from the prior"
    if run.continuous:
        return
    if not has_density(run.path):
        yield "Samples", f"{caption}.", draw_grid(run.sample(SAMPLES, seed, "prior"), 16)
        return
    beside = f"{caption} (left), and from the density that was fitted to the codes (right)."
    yield "Samples", beside, _draw_two_samples(run, seed)


@figure_style()
def _draw_two_samples(run: Trained, seed: int) -> Figure:
    figure = Figure(figsize=(10, 5.2), layout="constrained")
    for panel, source in zip(figure.subplots(1, 2), SOURCES, strict=True):
        show(panel, tile(run.sample(SAMPLES, seed, source), 8))
        panel.set_title(source)
    return figure


def _draw_matrix(material: Material) -> Iterator[Described]:
    names = material.run.dataset.factor_names
    matrices = [m for k, m in material.matrices.items() if k.startswith("mutual information")]
    if not (matrices and names):
        return
    caption = "In nats. A disentangled code has one bright cell in each row."
    if not material.dimensions.active.all():
        caption += " Pale columns are inactive dimensions, whose means hardly move."
    figure = draw_matrix(matrices[0], names, material.dimensions)
    yield "Mutual information of factors and codes", caption, figure


def _draw_factors(material: Material) -> Iterator[Described]:
    names = material.run.dataset.factor_names
    rows = {s.name: s.per_factor(len(names)) for s in material.scores.scores}
    found = {name: values for name, values in rows.items() if values is not None}
    if found:
        yield (
            "Scores of each factor",
            "What each factor adds to the mean that is the score.",
            draw_factor_scores(found, names),
        )


@figure_style()
def draw_grid(images: NDArray[np.uint8], columns: int) -> Figure:
    """Draw images (n, h, w, c) in rows of `columns`."""
    canvas = tile(images, columns)
    size = (10, min(TALLEST, 10 * canvas.shape[0] / canvas.shape[1]))
    # The margin has the colour of the lines between the images.
    figure = Figure(figsize=size, facecolor=(LINE / 255,) * 3)
    panel = figure.add_axes((0, 0, 1, 1))
    show(panel, canvas)
    return figure


def draw_pictures(run: Trained, images: NDArray[Any], columns: int) -> Figure:
    """Draw images in rows, or data that are not images as points of the plane."""
    return draw_plane({"": flat(images)}) if run.continuous else draw_grid(images, columns)


@figure_style()
def draw_traversals(
    run: Trained, image: NDArray[np.uint8], dimensions: Dimensions, count: int = COLUMNS
) -> Figure:
    """Draw one row per code dimension, the one that tells most first."""
    order = dimensions.order[:MOST_DIMENSIONS]
    values = traversal_values(dimensions, count)
    pictures = traverse_rows(run, image, values, order)
    start = np.broadcast_to(image, (len(order), 1, *image.shape))
    rows = np.concatenate([start, pictures], axis=1)
    figure = draw_rows(rows, [dimensions.label(d) for d in order])
    for text, d in zip(figure.axes[0].get_yticklabels(), order, strict=True):
        text.set_color("black" if dimensions.active[d] else QUIET)
    return figure


@figure_style()
def draw_rows(rows: NDArray[np.uint8], names: Sequence[str]) -> Figure:
    """Draw rows of images (r, m, h, w, c) with a name at the left of each."""
    canvas = tile(rows.reshape(-1, *rows.shape[2:]), rows.shape[1])
    height, width = canvas.shape[:2]
    # Names of ticks without length are measured too short, by less than this margin in inches.
    layout = ConstrainedLayoutEngine(w_pad=0.1)
    figure = Figure(figsize=(10, min(TALLEST, 9.3 * height / width)), layout=layout)
    panel = figure.add_subplot()
    show(panel, canvas)
    panel.set_axis_on()
    panel.set_xticks([])
    panel.set_yticks((np.arange(len(rows)) + 0.5) * height / len(rows), names)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    return figure


def traversal_values(dimensions: Dimensions, count: int) -> NDArray[np.float32]:
    """Space values between two quantiles of the codes, shape (D, count)."""
    low, high = dimensions.codes_range.T
    return np.linspace(low, high, count, axis=1).astype(np.float32)


def traverse_rows(
    run: Trained, image: NDArray[Any], values: NDArray[np.floating[Any]], order: NDArray[np.int64]
) -> NDArray[Any]:
    """Vary the dimensions `order` of an image's code, one at a time; (len(order), m, h, w, c)."""
    code = run.encode(image[None])[0]
    codes = np.broadcast_to(code, (len(order), values.shape[1], len(code))).copy()
    for row, d in enumerate(order):
        codes[row, :, d] = values[d]
    pictures = run.decode(codes.reshape(-1, len(code)))
    return pictures.reshape(*codes.shape[:2], *pictures.shape[1:])


def tile(images: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Lay images (n, h, w, c) out in rows, with a light line of one pixel between."""
    count, height, width, colours = images.shape
    rows = -(-count // columns)
    canvas = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1, colours), LINE, np.uint8)
    for number, image in enumerate(images):
        top, left = (number // columns) * (height + 1), (number % columns) * (width + 1)
        canvas[top : top + height, left : left + width] = image
    return canvas


def show(panel: Any, canvas: NDArray[np.uint8]) -> None:
    """Show a canvas, grey or colour, without axes."""
    grey = canvas.shape[-1] == 1
    panel.imshow(
        canvas[..., 0] if grey else canvas, cmap="gray", vmin=0, vmax=255, interpolation="nearest"
    )
    panel.set_axis_off()


DRAWERS: Mapping[str, Callable[[Material], Iterator[Described]]] = {
    "data-plane": draw_vectors,
    "reconstructions": _draw_reconstructions,
    "samples": _draw_samples,
    "traversals": _draw_traversals,
    "codes": draw_codes,
    "histograms": _draw_histograms,
    "mutual-information": _draw_matrix,
    "factor-scores": _draw_factors,
    "losses": _draw_losses,
}
"""The figures by file stem, in the order of the report."""
