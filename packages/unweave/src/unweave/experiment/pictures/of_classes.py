"""Pictures by class of the first factor: codes in a plane, and how sharp pictures are."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from unweave.errors import ConfigError
from unweave.experiment.pictures.chosen import chosen_image_runs
from unweave.experiment.pictures.looks import Looks
from unweave.experiment.pictures.of_codes import one_legend
from unweave.experiment.quantities import ROWS, test_data
from unweave.experiment.results import Results
from unweave.experiment.roles import Place
from unweave.plots.panels import filled_rows, row_sizes
from unweave.plots.planes import scatter
from unweave.plots.style import INK, new_figure
from unweave.protocols import Dataset
from unweave.report.embedding import KINDS as EMBEDDINGS
from unweave.report.embedding import TITLES, embed
from unweave.report.scatter import POINTS
from unweave.trained import Trained, sample_rows

COLUMNS = 3


def draw_embedding(
    results: Results, *, method: str = "tsne", points: int = POINTS, where: Place | None = None
) -> Figure:
    """Draw the mean codes of test images in a plane that keeps neighbours together.

    Colours are the classes of the first factor.

    Parameters
    ----------
    method
        `tsne`, or `umap` where it is installed.
    points
        Images.
    where
        Values of the grid; the first run of every kind unless given.
    """
    if method not in EMBEDDINGS:
        raise ConfigError(f"method must be one of {', '.join(EMBEDDINGS)}, got {method[:80]!r}")
    runs = chosen_image_runs(results, where)
    sizes = row_sizes(len(runs), COLUMNS)
    height = len(sizes) * (8 / sizes[0] + 0.5) + 0.4
    figure = new_figure((10, height), layout="constrained")
    for panel, one in zip(filled_rows(figure, len(runs), COLUMNS), runs, strict=True):
        images, classes = classified(test_data(one.run, results.experiment), points)
        plane = embed(method, one.run.encode(images), 0)
        scatter(panel, plane, classes, f"{one.label}, {TITLES[method]}\n{one.where}")
        # Only neighbourhoods have a meaning here, not the scale or the axes.
        panel.set(aspect="auto", xticks=[], yticks=[])
    one_legend(figure)
    return figure


def draw_sharpness(
    results: Results, *, without: list[int] | None = None, where: Place | None = None
) -> Figure:
    """Draw box plots of the Laplacian variance of test images and of their reconstructions.

    Above, the images by class; below, all images and the reconstructions of one run of every kind.
    Boxes are quartiles, whiskers reach 1.5 times their distance.

    Parameters
    ----------
    without : classes that are left out below, such as the digit 1, which has few edges.
    where
        Values of the grid; the first run of every kind unless given.
    """
    runs, looks = chosen_image_runs(results, where), Looks(results.experiment)
    first = runs[0].run
    images, classes = classified(test_data(first, results.experiment), ROWS)
    included = ~np.isin(classes, without or [])
    if not included.any():
        raise ConfigError("every class is left out; remove some from `without`")
    figure = new_figure((10, 3 + 0.4 * len(runs)), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1 + 0.15 * len(runs)))
    every, present = sharpness(first, images), np.unique(classes)
    by_class = {str(value): every[classes == value] for value in present}
    _boxes(above, by_class, [INK] * len(present), "by class")
    rebuilt = {
        one.title: sharpness(one.run, one.run.reconstruct(images[included]))
        for one in reversed(runs)
    }
    left_out = f"without class {', '.join(map(str, without))}" if without else "all classes"
    colours = [*(looks.colour(one.label) for one in reversed(runs)), INK]
    _boxes(below, {**rebuilt, "test images": every[included]}, colours, left_out)
    below.set_xlabel("variance of the Laplacian, pixels in [0, 1]")
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


def _boxes(panel: Any, values: dict[str, NDArray[Any]], colours: list[str], title: str) -> None:
    parts = panel.boxplot(
        list(values.values()), orientation="horizontal", tick_labels=list(values), widths=0.7,
        showfliers=False,
    )  # fmt: skip
    for median, colour in zip(parts["medians"], colours, strict=True):
        median.set(color=colour, linewidth=2.5)
    panel.set_title(title)
    panel.grid(axis="x")
