"""Pictures of outcomes, as the papers draw them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from unweave.errors import unknown_name
from unweave.report.figures import draw_grid
from unweave.report.scatter import POINTS, flat, principal_plane, scatter
from unweave.trained import SOURCES, sample_rows

if TYPE_CHECKING:
    from unweave.reproduce.recipe import Job, Picture
    from unweave.reproduce.reproduction import Outcome

BINS = 60
IMAGES_A_ROW = 12


def draw(outcome: Outcome, picture: Picture) -> Figure:
    """Draw one picture of a recipe.

    Raises
    ------
    UnknownNameError
        If there is no such kind.
    """
    if picture.kind not in KINDS:
        raise unknown_name("kind of picture", picture.kind, KINDS)
    return KINDS[picture.kind](outcome, **picture.options)


def draw_representations(outcome: Outcome) -> Figure:
    """Draw the data and the codes of the first seed of every kind of run, coloured by class."""
    jobs = _first_seed(outcome)
    columns = min(4, len(jobs) + 1)
    rows = -(-(len(jobs) + 1) // columns)
    figure = Figure(figsize=(10, rows * (10 / columns + 0.3)), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).ravel())
    dataset = outcome.run(jobs[0]).dataset
    index = sample_rows(len(dataset), POINTS, 0)
    classes = None if dataset.factors is None else dataset.factors[index, 0]
    scatter(panels[0], _plane(flat(dataset.images(index))), classes, "data")
    for panel, job in zip(panels[1:], jobs, strict=False):
        scatter(panel, _plane(outcome.run(job).posterior_codes(POINTS)), classes, job.label)
    for panel in panels[len(jobs) + 1 :]:
        panel.set_axis_off()
    return figure


def draw_aggregate(outcome: Outcome, rows: str, columns: str, reach: float = 4.0) -> Figure:
    """Draw the density of the aggregate posterior q(z) over two settings of the grid.

    rows, columns : settings of the grid. reach : half the side of the square that is shown.
    """
    grid = outcome.recipe.grid
    shape = (len(grid[rows]), len(grid[columns]) + 1)
    figure = Figure(figsize=(2.1 * shape[1], 2.1 * shape[0] + 0.4), layout="constrained")
    panels = figure.subplots(*shape, squeeze=False, sharex=True, sharey=True)
    for i, row in enumerate(grid[rows]):
        for j, column in enumerate(grid[columns]):
            jobs = outcome.at(outcome.recipe.runs[0].label, {rows: row, columns: column})
            run = outcome.run(jobs[0][0])
            codes = np.concatenate([run.posterior_codes(seed=s) for s in range(40)])
            _density(panels[i, j], codes, reach, f"{columns} {column:g}, {rows} {row:g}")
        _density(panels[i, -1], run.prior_codes(50_000), reach, "prior")
    return figure


def draw_curves(
    outcome: Outcome, x: str, measures: list[str], log: bool = False, by: str = ""
) -> Figure:
    """Draw measures over a setting, a line a kind of run, with two standard errors over seeds.

    x : a setting of the grid. by : another one, for a line a value. log : a logarithmic axis.
    """
    recipe = outcome.recipe
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    panels = figure.subplots(1, len(measures), squeeze=False)[0]
    lines: list[tuple[str, dict[str, Any]]] = [(v.label, {}) for v in recipe.runs]
    if by:
        lines = [(v.label, {by: value}) for v in recipe.runs for value in recipe.grid[by]]
    for panel, name in zip(panels, measures, strict=True):
        for label, where in lines:
            spread = [outcome.values(name, label, where | {x: v}) for v in recipe.grid[x]]
            mean = np.array([np.mean(values) for values in spread])
            error = np.array([2 * np.std(v) / np.sqrt(len(v)) for v in spread])
            text = ", ".join([label, *(f"{k} {v:g}" for k, v in where.items())])
            (line,) = panel.plot(recipe.grid[x], mean, marker="o", markersize=3, label=text)
            panel.fill_between(
                recipe.grid[x], mean - error, mean + error, color=line.get_color(), alpha=0.2
            )
        panel.set_xscale("symlog" if log else "linear")
        panel.set_title(name, fontsize=10)
        panel.set_xlabel(x, fontsize=9)
        panel.tick_params(labelsize=8)
        panel.grid(alpha=0.25)
    panels[0].legend(fontsize=8)
    return figure


def draw_trade(outcome: Outcome, x: str, y: str, label: str = "") -> Figure:
    """Draw one measure against another, a colour a kind of run, a point a place of the grid.

    label : the setting whose value is written beside the points.
    """
    figure = Figure(figsize=(6, 4), layout="constrained")
    panel = figure.subplots()
    for variant in outcome.recipe.runs:
        found = [(job, values) for job, values in outcome.jobs if job.label == variant.label]
        colour = panel.plot([], [], "o", label=variant.label)[0].get_color()
        places = sorted({tuple(job.place.items()) for job, _ in found})
        for place in places:
            here = [values for job, values in found if tuple(job.place.items()) == place]
            xs, ys = ([values[name] for values in here] for name in (x, y))
            spread = 2 * np.std(ys) / np.sqrt(len(ys))
            panel.errorbar(np.mean(xs), np.mean(ys), spread, fmt="o", color=colour, capsize=2)
            if label:
                text = f" {dict(place)[label]:g}"
                panel.annotate(text, (np.mean(xs), np.mean(ys)), fontsize=8)
    panel.set_xlabel(x)
    panel.set_ylabel(y)
    panel.legend(fontsize=8)
    panel.grid(alpha=0.25)
    return figure


def draw_magnitudes(
    outcome: Outcome, run: str, where: Mapping[str, Any], classes: list[int]
) -> Figure:
    """Draw the average magnitude of each code dimension for some classes of the first factor."""
    opened = outcome.run(outcome.at(run, where)[0][0])
    dataset = opened.dataset
    index = sample_rows(len(dataset), 10_000, 0)
    codes = np.abs(opened.encode(dataset.images(index)))
    if dataset.factors is None:
        raise ValueError(f"{dataset.name} has no classes to draw magnitudes by")
    found = dataset.factors[index, 0]
    figure = Figure(figsize=(10, 1.5 * len(classes) + 0.4), layout="constrained")
    panels = figure.subplots(len(classes), 1, squeeze=False, sharex=True, sharey=True)[:, 0]
    for panel, chosen in zip(panels, classes, strict=True):
        panel.bar(np.arange(codes.shape[1]), codes[found == chosen].mean(0), color="#2b5fb3")
        panel.set_ylabel(f"class {chosen}", fontsize=9)
        panel.tick_params(labelsize=8)
    panels[-1].set_xlabel("code dimension", fontsize=9)
    return figure


def draw_samples(outcome: Outcome) -> Figure:
    """Draw samples from the prior above samples from the fitted density, for every kind of run."""
    jobs = _first_seed(outcome)
    figure = Figure(figsize=(10, 1.15 * len(jobs)), layout="constrained")
    panels = figure.subplots(len(jobs), 2, squeeze=False)
    for row, job in zip(panels, jobs, strict=True):
        run = outcome.run(job)
        for panel, source in zip(row, SOURCES, strict=True):
            images = run.sample(2 * IMAGES_A_ROW, 0, source)
            canvas = np.concatenate([np.concatenate(list(images[i::2]), axis=1) for i in (0, 1)])
            panel.imshow(canvas.squeeze(), cmap="gray", vmin=0, vmax=255)
            panel.set_title(f"{job.label}, {source}", fontsize=9)
            panel.set_axis_off()
    return figure


def draw_reconstructions(outcome: Outcome) -> Figure:
    """Draw test images above their reconstructions by every kind of run."""
    from unweave.reproduce.measures import test_data

    jobs = _first_seed(outcome)
    images = test_data(outcome.run(jobs[0]), outcome.recipe).images(np.arange(IMAGES_A_ROW))
    rows = [images, *(outcome.run(job).reconstruct(images) for job in jobs)]
    return draw_grid(np.concatenate(rows), IMAGES_A_ROW)


KINDS: Mapping[str, Callable[..., Figure]] = {
    "representations": draw_representations,
    "aggregate": draw_aggregate,
    "curves": draw_curves,
    "trade": draw_trade,
    "magnitudes": draw_magnitudes,
    "samples": draw_samples,
    "reconstructions": draw_reconstructions,
}


def _first_seed(outcome: Outcome) -> list[Job]:
    """Give the first run of every kind."""
    found: dict[str, Job] = {}
    for job, _ in outcome.jobs:
        found.setdefault(job.label, job)
    return list(found.values())


def _plane(rows: NDArray[Any]) -> NDArray[Any]:
    points: NDArray[Any] = principal_plane(rows)(rows)
    return points


def _density(panel: Any, points: NDArray[Any], reach: float, title: str) -> None:
    edges = np.linspace(-reach, reach, BINS + 1)
    counts = np.histogram2d(points[:, 0], points[:, 1], (edges, edges), density=True)[0]
    panel.imshow(counts.T, origin="lower", extent=(-reach, reach, -reach, reach), cmap="viridis")
    panel.set_title(title, fontsize=8)
    panel.tick_params(labelsize=7)
