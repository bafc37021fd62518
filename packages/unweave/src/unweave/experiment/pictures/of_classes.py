"""Pictures by class of the first factor: codes in a plane, and how sharp pictures are."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from unweave.errors import ConfigError
from unweave.experiment.pictures.of_codes import one_legend
from unweave.experiment.quantities import ROWS, test_data
from unweave.experiment.results import Results
from unweave.plots.planes import scatter
from unweave.protocols import Dataset
from unweave.report.embedding import KINDS as EMBEDDINGS
from unweave.report.embedding import TITLES, embed
from unweave.report.scatter import POINTS
from unweave.trained import Trained, sample_rows

COLUMNS = 3


def draw_embedding(results: Results, *, method: str = "tsne", points: int = POINTS) -> Figure:
    """Draw the mean codes of test images in a plane that keeps neighbours together.

    The first run of every kind; colours are the classes of the first factor.

    Parameters
    ----------
    method
        `tsne`, or `umap` where it is installed.
    points
        Images.
    """
    if method not in EMBEDDINGS:
        raise ConfigError(f"method must be one of {', '.join(EMBEDDINGS)}, got {method[:80]!r}")
    runs = _runs(results)
    columns = min(COLUMNS, len(runs))
    rows = -(-len(runs) // columns)
    figure = Figure(figsize=(10, rows * (8 / columns + 0.3) + 0.4), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for panel, (label, run) in zip(panels, runs, strict=False):
        images, classes = classified(test_data(run, results.experiment), points)
        plane = embed(method, run.encode(images), 0)
        scatter(panel, plane, classes, f"{label}, {TITLES[method]}")
        # Only who is near whom means something here: neither scale nor axes do.
        panel.set(aspect="auto", xticks=[], yticks=[])
    for panel in panels[len(runs) :]:
        panel.set_axis_off()
    one_legend(figure)
    return figure


def draw_sharpness(results: Results, *, without: list[int] | None = None) -> Figure:
    """Draw box plots of the Laplacian variance of test images and of their reconstructions.

    Above, the images by class; below, all images and the reconstructions of the first run of every
    kind. Boxes are quartiles, whiskers reach 1.5 times their distance.

    Parameters
    ----------
    without : classes that are left out below, such as the digit 1, which has few edges.
    """
    runs = _runs(results)
    images, classes = classified(test_data(runs[0][1], results.experiment), ROWS)
    included = ~np.isin(classes, without or [])
    if not included.any():
        raise ConfigError("every class is left out; remove some from `without`")
    figure = Figure(figsize=(10, 3 + 0.4 * len(runs)), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1 + 0.15 * len(runs)))
    every, present = sharpness(runs[0][1], images), np.unique(classes)
    _boxes(above, {str(value): every[classes == value] for value in present}, "by class")
    rebuilt = {
        label: sharpness(run, run.reconstruct(images[included])) for label, run in reversed(runs)
    }
    left_out = f"without class {', '.join(map(str, without))}" if without else "all classes"
    _boxes(below, {**rebuilt, "test images": every[included]}, left_out)
    below.set_xlabel("variance of the Laplacian, pixels in [0, 1]", fontsize=9)
    return figure


def sharpness(run: Trained, images: NDArray[Any]) -> NDArray[np.float64]:
    """Return the variance of the Laplacian of each image, by the metric `laplacian-variance`."""
    metric = run.registry.lookup("metric", "laplacian-variance", "unweave-metrics").load()
    return np.asarray(metric(images).parts["per_image"], np.float64)


def classified(data: Dataset, count: int) -> tuple[NDArray[Any], NDArray[np.integer[Any]]]:
    """Return images of a data set and their classes of the first factor.

    Raises
    ------
    ConfigError
        If it has no factors.
    """
    if data.factors is None:
        raise ConfigError(f"{data.name} has no factors, and this picture needs classes")
    index = sample_rows(len(data), count, 0)
    return data.images(index), np.asarray(data.factors[index, 0])


def _boxes(panel: Any, values: dict[str, NDArray[Any]], title: str) -> None:
    panel.boxplot(
        list(values.values()), orientation="horizontal", tick_labels=list(values), widths=0.7,
        showfliers=False, medianprops={"color": "#2b5fb3"},
    )  # fmt: skip
    panel.set_title(title, fontsize=10)
    panel.tick_params(labelsize=8)
    panel.grid(axis="x", alpha=0.25)


def _runs(results: Results) -> list[tuple[str, Trained]]:
    runs = list(results.first_runs())
    if not runs:
        raise ConfigError("no run is finished")
    if runs[0][1].continuous:
        raise ConfigError("the data are vectors, not images")
    return runs
