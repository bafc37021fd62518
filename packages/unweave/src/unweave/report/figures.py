"""The figures of a report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from unweave.density import has_density
from unweave.report.aggregate import aggregate_kl
from unweave.report.scatter import draw_codes, draw_plane, draw_vectors, flat
from unweave.trained import SOURCES, Trained

Drawn = tuple[str, str, str, Figure]
"""File stem, title, caption, figure."""

COLUMNS = 10
SAMPLES = 64
TRAVERSAL_RANGE = (0.02, 0.98)
"""Quantiles of the prior between which a dimension is varied."""
PRIOR_DRAWS = 10_000


def draw_figures(run: Trained, scores: dict[str, Any], seed: int) -> Iterator[Drawn]:
    """Draw every figure that the run has the material for, in the order of the report."""
    lines = run.scalars()
    if lines:
        yield (
            "losses", "Loss terms",
            f"Means over {run.config.log_every} steps, before weights. "
            f"The reconstruction is in units of {run.cost.units or 'the cost'}.",
            draw_losses(lines),
        )  # fmt: skip
    drawn = draw_vectors(run, seed) if run.continuous else draw_images(run, seed)
    yield from drawn
    for name, score in scores.items():
        matrix = score["parts"].get("mutual_information")
        if matrix is not None and run.dataset.factor_names:
            yield (
                "mutual-information", "Mutual information of factors and codes",
                f"In nats, as {name} sees it. A disentangled code has one bright cell in each row.",
                draw_matrix(np.asarray(matrix).T, run.dataset.factor_names),
            )  # fmt: skip
            return


def draw_images(run: Trained, seed: int) -> Iterator[Drawn]:
    """Draw reconstructions, samples and traversals of a run on images."""
    rng = np.random.default_rng(seed)
    index = rng.choice(len(run.dataset), min(COLUMNS, len(run.dataset)), replace=False)
    images = run.dataset.images(index)
    yield (
        "reconstructions", "Reconstructions",
        "Above: images of the data set. Below: the decoder's picture of their mean codes.",
        draw_grid(np.concatenate([images, run.reconstruct(images)]), len(images)),
    )  # fmt: skip
    yield draw_samples(run, seed)
    divergence = dimension_divergence(run)
    yield (
        "traversals", "Latent traversals",
        "Each row varies one code dimension of the image at the left, from the 2 % to the 98 % "
        "quantile of the prior. Rows are ordered by the KL divergence, in nats, of the aggregate "
        "posterior to the prior in that dimension, the smallest first.",
        draw_traversals(run, images[0], divergence),
    )  # fmt: skip
    yield from draw_codes(run, seed)


def draw_samples(run: Trained, seed: int) -> Drawn:
    """Draw samples from the prior, and beside them from the fitted density if there is one."""
    told = "Pictures of codes that were drawn from the prior"
    if not has_density(run.path):
        return "samples", "Samples", f"{told}.", draw_grid(run.sample(SAMPLES, seed, "prior"), 16)
    figure = Figure(figsize=(10, 5.2), layout="constrained")
    for panel, source in zip(figure.subplots(1, 2), SOURCES, strict=True):
        show(panel, tile(run.sample(SAMPLES, seed, source), 8))
        panel.set_title(source, fontsize=10)
    beside = f"{told} (left), and from the density that was fitted to the codes (right)."
    return "samples", "Samples", beside, figure


def draw_losses(lines: list[dict[str, float]]) -> Figure:
    """Draw one panel a term over the steps."""
    names = [name for name in lines[0] if name != "step"]
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(10, 2.4 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    steps = [line["step"] for line in lines]
    for panel, name in zip(panels, names, strict=False):
        panel.plot(steps, [line[name] for line in lines], color="#2b5fb3", linewidth=1.2)
        panel.set_title(name.replace("_", " "), fontsize=10)
        panel.tick_params(labelsize=8)
        panel.set_xlabel("step", fontsize=8)
        panel.grid(alpha=0.25)
    for panel in panels[len(names) :]:
        panel.set_axis_off()
    return figure


def draw_grid(images: NDArray[np.uint8], columns: int) -> Figure:
    """Draw images (n, h, w, c) in rows of `columns`."""
    canvas = tile(images, columns)
    figure = Figure(figsize=(10, 10 * canvas.shape[0] / canvas.shape[1]))
    panel = figure.add_axes((0, 0, 1, 1))
    show(panel, canvas)
    return figure


def draw_pictures(run: Trained, images: NDArray[Any], columns: int) -> Figure:
    """Draw images in rows, or data that are no images as points of the plane."""
    return draw_plane({"": flat(images)}) if run.continuous else draw_grid(images, columns)


def draw_traversals(
    run: Trained, image: NDArray[np.uint8], divergence: NDArray[Any], count: int = COLUMNS
) -> Figure:
    """Draw one row a code dimension, the smallest divergence first."""
    pictures = run.traverse(image, traversal_values(run, count))
    order = np.argsort(divergence, kind="stable")
    dimensions, columns = pictures.shape[:2]
    start = np.broadcast_to(image, (dimensions, 1, *image.shape))
    rows = np.concatenate([start, pictures], axis=1)[order]
    canvas = tile(rows.reshape(-1, *image.shape), columns + 1)
    height, width = canvas.shape[:2]
    figure = Figure(figsize=(10, 9.3 * height / width), layout="constrained")
    panel = figure.add_subplot()
    show(panel, canvas)
    panel.set_axis_on()
    panel.set_xticks([])
    spots = (np.arange(dimensions) + 0.5) * height / dimensions
    labels = [f"$z_{{{d + 1}}}$   {divergence[d]:.3f}" for d in order]
    panel.set_yticks(spots, labels, fontsize=9)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    return figure


def draw_matrix(matrix: NDArray[Any], rows: tuple[str, ...]) -> Figure:
    """Draw factors (rows) against code dimensions, with the numbers in the cells."""
    factors, codes = matrix.shape
    figure = Figure(figsize=(1.6 + 0.75 * codes, 1.2 + 0.5 * factors), layout="constrained")
    panel = figure.add_subplot()
    image = panel.imshow(matrix, cmap="Blues", vmin=0, aspect="auto")
    panel.set_yticks(range(factors), [name.replace("_", " ") for name in rows], fontsize=9)
    panel.set_xticks(range(codes), [f"$z_{{{d + 1}}}$" for d in range(codes)], fontsize=9)
    middle = matrix.max() / 2
    for row, column in np.ndindex(matrix.shape):
        value = matrix[row, column]
        colour = "white" if value > middle else "#1c2330"
        panel.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=8)
    figure.colorbar(image, label="nats")
    return figure


def traversal_values(run: Trained, count: int) -> NDArray[np.float32]:
    """Space values between two quantiles of the prior, shape (D, count)."""
    low, high = np.quantile(run.prior_codes(PRIOR_DRAWS), TRAVERSAL_RANGE, axis=0)
    return np.linspace(low, high, count, axis=1).astype(np.float32)


def dimension_divergence(run: Trained) -> NDArray[np.float64]:
    """Estimate KL(q(z_d) ‖ p(z_d)) of every dimension from the code table, nats."""
    with h5py.File(run.codes_path) as file:
        codes, std = file["codes"][:], file["std"][:]
    return aggregate_kl(codes, std, run.prior_codes(PRIOR_DRAWS))


def tile(images: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Lay images (n, h, w, c) out in rows, with a light line of one pixel between."""
    count, height, width, colours = images.shape
    rows = -(-count // columns)
    canvas = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1, colours), 200, np.uint8)
    for number, image in enumerate(images):
        top, left = (number // columns) * (height + 1), (number % columns) * (width + 1)
        canvas[top : top + height, left : left + width] = image
    return canvas


def show(panel: Any, canvas: NDArray[np.uint8]) -> None:
    """Show a canvas, grey or colour, without axes."""
    grey = canvas.shape[-1] == 1
    panel.imshow(canvas[..., 0] if grey else canvas, cmap="gray", vmin=0, vmax=255)
    panel.set_axis_off()
