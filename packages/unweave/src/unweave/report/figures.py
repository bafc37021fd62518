"""The static figures of a report: their captions, and the functions that draw them.

The results of the model are computed here. Drawing a figure needs only plain arrays, so another
process can do it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unweave.density import has_density
from unweave.plots.charts import (
    draw_factor_scores,
    draw_histograms,
    draw_losses,
    draw_matrix,
)
from unweave.plots.grids import draw_grid, draw_grids, draw_rows
from unweave.plots.planes import draw_plane, flat
from unweave.plots.style import QUIET
from unweave.report.dimensions import Dimensions, name
from unweave.report.material import MOST_DIMENSIONS, Material
from unweave.report.scatter import (
    Described,
    describe_codes,
    describe_embedding,
    describe_vectors,
)
from unweave.trained import SOURCES, Trained

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Drawing = Callable[[], "Figure"]
"""Draws a figure: a function of `plots` with its arrays, which another process can call."""

COLUMNS = 10
SAMPLES = 64


class FigureOfRun(NamedTuple):
    """A figure to be drawn: its file's stem, title and caption, and what draws it."""

    stem: str
    title: str
    caption: str
    drawing: Drawing


def figures_of(material: Material, stems: Sequence[str] | None = None) -> Iterator[FigureOfRun]:
    """Describe every figure that the run has the material for, in the order of the report.

    Parameters
    ----------
    stems
        The figures that are wanted; all by default.
    """
    for stem, describe in FIGURES.items():
        if stems is None or stem in stems:
            yield from (FigureOfRun(stem, *description) for description in describe(material))


def _reconstructions(material: Material) -> Iterator[Described]:
    run = material.run
    if run.continuous:
        return
    images = run.dataset.images(choose_rows(run, COLUMNS, material.seed))
    yield (
        "Reconstructions",
        "Above: images of the data set. Below: the decoder's picture of their mean codes.",
        partial(draw_grid, np.concatenate([images, run.reconstruct(images)]), len(images)),
    )


def _traversals(material: Material) -> Iterator[Described]:
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
        traversals_drawing(run, image, material.dimensions),
    )


def _histograms(material: Material) -> Iterator[Described]:
    visible = material.visible
    names = [name(d) for d in visible]
    active = material.dimensions.active[visible]
    yield (
        "Histograms of codes",
        "Draws z ~ q(z|x) of the whole sample (filled) and draws from the prior (line), for each "
        "dimension.",
        partial(
            draw_histograms, names, material.codes.z[:, visible], material.prior[:, visible], active
        ),
    )


def _losses(material: Material) -> Iterator[Described]:
    run = material.run
    if material.steps:
        yield (
            "Loss terms",
            f"Means over {run.config.log_every} steps, before weights. "
            f"The reconstruction is in units of {run.cost.units or 'the cost'}.",
            partial(draw_losses, material.steps, material.terms),
        )


def _left_out(run: Trained) -> str:
    more = run.config.dim - MOST_DIMENSIONS
    return f" {more} more dimensions are left out." if more > 0 else ""


def choose_rows(run: Trained, count: int, seed: int) -> NDArray[np.int64]:
    """Draw rows of the data set without replacement."""
    size = len(run.dataset)
    return np.random.default_rng(seed).choice(size, min(count, size), replace=False)


def _samples(material: Material) -> Iterator[Described]:
    """Describe the figure of samples from the prior and, if there is one, the fitted density."""
    run, seed = material.run, material.seed
    caption = "Decoded samples of the prior"
    if run.continuous:
        return
    if not has_density(run.path):
        images = run.sample(SAMPLES, seed, "prior")
        yield "Samples", f"{caption}.", partial(draw_grid, images, 16)
        return
    beside = f"{caption} (left), and from the density that was fitted to the codes (right)."
    grids = [(source, run.sample(SAMPLES, seed, source)) for source in SOURCES]
    yield "Samples", beside, partial(draw_grids, grids, 8)


def _matrix(material: Material) -> Iterator[Described]:
    names = material.run.dataset.factor_names
    matrices = [m for k, m in material.matrices.items() if k.startswith("mutual information")]
    if not (matrices and names):
        return
    caption = "In nats. A disentangled code has one bright cell in each row."
    if not material.dimensions.active.all():
        caption += " Hatched columns are inactive dimensions, whose means hardly move."
    order = material.dimensions.order
    columns, active = [name(d) for d in order], material.dimensions.active[order]
    drawing = partial(draw_matrix, matrices[0][:, order], names, columns, active)
    yield "Mutual information of factors and codes", caption, drawing


def _factors(material: Material) -> Iterator[Described]:
    names = material.run.dataset.factor_names
    rows = {s.name: s.per_factor(len(names)) for s in material.scores.scores}
    per_factor = {name: values for name, values in rows.items() if values is not None}
    if per_factor:
        yield (
            "Scores of each factor",
            "What each factor adds to the mean that is the score.",
            partial(draw_factor_scores, per_factor, names),
        )


def draw_pictures(run: Trained, images: NDArray[Any], columns: int) -> Figure:
    """Draw images in rows, or data that are not images as points of the plane."""
    return draw_plane({"": flat(images)}) if run.continuous else draw_grid(images, columns)


def traversals_drawing(
    run: Trained, image: NDArray[np.uint8], dimensions: Dimensions, count: int = COLUMNS
) -> Drawing:
    """Return what draws one row per code dimension, the one that tells most first."""
    order = dimensions.order[:MOST_DIMENSIONS]
    values = traversal_values(dimensions, count)
    pictures = traverse_rows(run, image, values, order)
    start = np.broadcast_to(image, (len(order), 1, *image.shape))
    rows = np.concatenate([start, pictures], axis=1)
    colours = ["black" if dimensions.active[d] else QUIET for d in order]
    return partial(draw_rows, rows, [dimensions.label(d) for d in order], colours)


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


FIGURES: Mapping[str, Callable[[Material], Iterator[Described]]] = {
    "data-plane": describe_vectors,
    "reconstructions": _reconstructions,
    "samples": _samples,
    "traversals": _traversals,
    "embedding": describe_embedding,
    "codes": describe_codes,
    "histograms": _histograms,
    "mutual-information": _matrix,
    "factor-scores": _factors,
    "losses": _losses,
}
"""The figures by file stem, in the order of the report."""
