"""Pictures of codes: as points of a plane, as a density, as magnitudes by class."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from unweave.density import has_density
from unweave.errors import ConfigError
from unweave.experiment.definition import short
from unweave.experiment.pictures.chosen import chosen_runs
from unweave.experiment.pictures.looks import Looks
from unweave.experiment.results import FirstRun, Results, open_run
from unweave.experiment.roles import GridSetting, Place, RunLabel
from unweave.plots.panels import filled_rows, row_sizes
from unweave.plots.planes import flat, principal_plane, scatter
from unweave.plots.style import SEQUENTIAL, new_figure
from unweave.report.scatter import POINTS
from unweave.trained import Trained, sample_rows

BINS = 60
COLUMNS = 4
DENSITY_DRAWS = 40
"""Number of codes that are drawn per image for a density."""


def draw_representations(results: Results, *, where: Place | None = None) -> Figure:
    """Draw the data and the codes of one run of every kind, coloured by class.

    Parameters
    ----------
    where
        Values of the grid; the first run of every kind unless given.
    """
    runs = chosen_runs(results, where)
    sizes = row_sizes(len(runs) + 1, COLUMNS)
    height = len(sizes) * (10 / sizes[0] + 0.4)
    figure = new_figure((10, height), layout="constrained")
    panels = filled_rows(figure, len(runs) + 1, COLUMNS)
    dataset = runs[0].run.dataset
    index = sample_rows(len(dataset), POINTS, 0)
    classes = _classes(runs[0])
    scatter(panels[0], _plane(flat(dataset.images(index))), classes, "data")
    for panel, one in zip(panels[1:], runs, strict=True):
        scatter(panel, _plane(one.run.posterior_codes(POINTS)), classes, one.lines)
    one_legend(figure)
    return figure


def _classes(one: FirstRun) -> NDArray[Any] | None:
    """Return the classes of the first factor of the images in the picture."""
    dataset = one.run.dataset
    index = sample_rows(len(dataset), POINTS, 0)
    return None if dataset.factors is None else dataset.factors[index, 0]


def one_legend(figure: Figure) -> None:
    """Put one legend below the panels in place of one in each, which covers the points."""
    panels = figure.get_axes()
    legends = [panel.get_legend_handles_labels() for panel in panels if panel.get_legend()]
    for panel in panels:
        if (legend := panel.get_legend()) is not None:
            legend.remove()
    if legends:
        handles, names = max(legends, key=lambda entries: len(entries[1]))
        figure.legend(handles, names, loc="outside lower center", ncols=12, markerscale=2)


def draw_aggregate(
    results: Results, *, rows: GridSetting, columns: GridSetting, run: RunLabel = "",
    reach: float = 4.0,
) -> Figure:  # fmt: skip
    """Draw the density of the aggregate posterior q(z) over two settings of the grid.

    Parameters
    ----------
    run
        The kind of run, the first unless given.
    reach
        Half the side of the square shown.
    """
    grid, label = results.experiment.grid, run or results.experiment.runs[0].label
    shape = (len(grid[rows]), len(grid[columns]) + 1)
    figure = new_figure((2.1 * shape[1], 2.1 * shape[0] + 0.4), layout="constrained")
    panels = figure.subplots(*shape, squeeze=False, sharex=True, sharey=True)
    for i, row in enumerate(grid[rows]):
        for j, column in enumerate(grid[columns]):
            title = f"{columns} {short(column)}, {rows} {short(row)}"
            _draw_density(panels[i, j], panels[i, -1], results, label,
                          {rows: row, columns: column}, reach, title)  # fmt: skip
    return figure


def _draw_density(
    panel: Any, beside: Any, results: Results, label: str, where: dict[str, Any], reach: float,
    title: str,
) -> None:  # fmt: skip
    finished_rows = [row for row in results.at(label, where) if row.finished]
    if not finished_rows:
        panel.set_title(f"{title}: not finished", fontsize=8)
        return
    run = open_run(finished_rows[0])
    codes = np.concatenate([run.posterior_codes(seed=s) for s in range(DENSITY_DRAWS)])
    _density(panel, codes, reach, title)
    _density(beside, run.prior_codes(50_000), reach, "prior")


def draw_noise(results: Results, *, where: Place | None = None) -> Figure:
    """Draw codes z ~ q(z|x) beside what the fitted flow maps them to, which should be normal.

    Parameters
    ----------
    where
        Values of the grid; the first run of every kind unless given.
    """
    runs = with_density(chosen_runs(results, where))
    figure = new_figure((3.2 * len(runs), 6.6), layout="constrained")
    for column, one in zip(figure.subplots(2, len(runs), squeeze=False).T, runs, strict=True):
        codes, classes = one.run.posterior_codes(POINTS), _classes(one)
        noise = to_noise(one.run, codes)
        scatter(column[0], _plane(codes), classes, f"{one.label}: codes\n{one.where}")
        scatter(column[1], _plane(noise), classes, "through the flow")
    one_legend(figure)
    return figure


def with_density(runs: list[FirstRun]) -> list[FirstRun]:
    """Keep the runs to whose codes a density was fitted.

    Raises
    ------
    ConfigError
        If there is none.
    """
    fitted = [one for one in runs if has_density(one.run.path)]
    if not fitted:
        raise ConfigError("no finished run has a fitted density; set density=maf:epochs=20")
    return fitted


def to_noise(run: Trained, codes: NDArray[Any]) -> NDArray[Any]:
    """Map codes (n, D) through the fitted flow, to what should be normal.

    Raises
    ------
    ConfigError
        If the density is no flow.
    """
    density: Any = run.density
    if not hasattr(density, "to_noise"):
        raise ConfigError(
            f"density {type(density).__name__} has no to_noise; choose a flow, such as maf"
        )
    with torch.no_grad():
        return np.asarray(density.to_noise(torch.from_numpy(codes).to(run.device)).cpu().numpy())


def draw_magnitudes(results: Results, *, run: RunLabel, where: Place, classes: list[int]) -> Figure:
    """Draw the average magnitude of each code dimension for some classes of the first factor."""
    (one,) = chosen_runs(results, where, run)
    opened, colour = one.run, Looks(results.experiment).colour(run)
    dataset = opened.dataset
    index = sample_rows(len(dataset), 10_000, 0)
    codes = np.abs(opened.encode(dataset.images(index)))
    if dataset.factors is None:
        raise ConfigError(f"{dataset.name} has no factors, and this picture needs classes")
    first_factor = dataset.factors[index, 0]
    figure = new_figure((10, 1.5 * len(classes) + 0.6), layout="constrained")
    panels = figure.subplots(len(classes), 1, squeeze=False, sharex=True, sharey=True)[:, 0]
    # The first dimension has number 1, as in traversals and reports.
    places = np.arange(1, codes.shape[1] + 1)
    for panel, value in zip(panels, classes, strict=True):
        if np.any(first_factor == value):
            panel.bar(places, codes[first_factor == value].mean(0), color=colour)
        panel.set_ylabel(f"class {value}")
    panels[0].set_title(one.title)
    panels[0].set_xlim(0.3, len(places) + 0.7)
    panels[-1].xaxis.set_major_locator(MaxNLocator(min(len(places), 25), integer=True))
    panels[-1].set_xlabel("code dimension")
    return figure


def _plane(rows: NDArray[Any]) -> NDArray[Any]:
    points: NDArray[Any] = principal_plane(rows)(rows)
    return points


def _density(panel: Any, points: NDArray[Any], reach: float, title: str) -> None:
    edges = np.linspace(-reach, reach, BINS + 1)
    counts = np.histogram2d(points[:, 0], points[:, 1], (edges, edges), density=True)[0]
    panel.imshow(counts.T, origin="lower", extent=(-reach, reach, -reach, reach), cmap=SEQUENTIAL)
    panel.set_title(title, fontsize=8)
    panel.tick_params(labelsize=7)
