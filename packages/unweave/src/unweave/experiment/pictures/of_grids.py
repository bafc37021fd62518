"""Pictures of measures over the grid: curves over one setting, heat maps over two."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from unweave.errors import ConfigError
from unweave.experiment.definition import place_text, short
from unweave.experiment.layout import rounded
from unweave.experiment.pictures.looks import Look, Looks
from unweave.experiment.results import Results
from unweave.experiment.roles import GridSetting, MeasureLabel, RunLabel
from unweave.experiment.statistics import summarise
from unweave.plots.panels import filled_rows, legend_below, row_sizes
from unweave.plots.style import SEQUENTIAL, new_figure

ERRORS_SHOWN = 2.0
"""Length of a bar on each side of a mean, in standard errors."""
COLUMNS = 3


def draw_curves(
    results: Results, *, x: GridSetting, measures: list[MeasureLabel], log: bool = False,
    by: GridSetting = "",
) -> Figure:  # fmt: skip
    """Draw measures over a setting, one line per kind of run, with two standard errors over seeds.

    A kind that does not take the setting has a level line. Of several grid points on a line the
    mean is drawn, of those seeds that have all of them.

    Parameters
    ----------
    x
        A setting of the grid.
    by
        Another setting, with one line per value.
    log
        A logarithmic axis, which is linear around zero where a value is not positive.
    """
    experiment, looks = results.experiment, Looks(results.experiment)
    lines: list[tuple[str, dict[str, Any]]] = [(v.label, {}) for v in experiment.runs]
    styles = [looks.of(label) for label, _ in lines]
    if by:
        lines = []
        for variant in experiment.runs:
            values = experiment.axes(variant).get(by)
            lines += [(variant.label, {by: v}) for v in values] if values else [(variant.label, {})]
        styles = looks.lines(label for label, _ in lines)
    height = 3.1 * len(row_sizes(len(measures), COLUMNS)) + 0.3
    figure = new_figure((10, height), layout="constrained")
    for panel, name in zip(filled_rows(figure, len(measures), COLUMNS), measures, strict=True):
        for look, (label, where) in zip(styles, lines, strict=True):
            _draw_line(panel, results, name, x, label, where, look)
        if log:
            _stretch(panel, [float(value) for value in experiment.grid[x]])
        panel.set_title(name)
        panel.set_xlabel(x)
        panel.grid(True)
    handles = [
        Line2D([], [], **_line_options(look), label=place_text(label, where))
        for look, (label, where) in zip(styles, lines, strict=True)
    ]
    legend_below(figure, handles)
    return figure


def _line_options(look: Look) -> dict[str, Any]:
    """Return the options of a line; open markers leave lines below visible."""
    return {
        "color": look.colour, "linestyle": look.dashes, "marker": look.marker or "o",
        "markersize": 5, "markerfacecolor": "none", "markeredgewidth": 1.0,
    }  # fmt: skip


def _stretch(panel: Any, places: list[float]) -> None:
    """Make the axis logarithmic, with a tick at every value; default labels would be TeX."""
    if min(places) > 0:
        panel.set_xscale("log")
    elif sizes := [abs(place) for place in places if place]:
        panel.set_xscale("symlog", linthresh=min(sizes))
    panel.set_xticks(places, [f"{place:g}" for place in places])
    panel.minorticks_off()


def _draw_line(
    panel: Any, results: Results, name: str, x: str, label: str, where: dict[str, Any], look: Look
) -> None:
    values = results.experiment.grid[x]
    summaries = [
        summarise(_means_by_seed(results, name, label, where | {x: value})) for value in values
    ]
    places = [float(value) for value in values]
    mean = np.array([summary.mean for summary in summaries])
    error = ERRORS_SHOWN * np.nan_to_num([summary.error for summary in summaries])
    panel.plot(places, mean, **_line_options(look), zorder=look.zorder)
    panel.fill_between(
        places, mean - error, mean + error, color=look.colour, alpha=0.2, linewidth=0
    )


def _means_by_seed(
    results: Results, measure: str, label: str, where: dict[str, Any]
) -> list[float]:
    """Average a measure over the grid points at `where`, for every seed that has all of them."""
    by_seed: dict[int, list[float]] = {}
    for row in results.at(label, where):
        by_seed.setdefault(row.seed, []).append(row.value(measure))
    means = (float(np.mean(values)) for values in by_seed.values())
    return [mean for mean in means if math.isfinite(mean)]


def draw_heat_map(
    results: Results, *, measure: MeasureLabel, rows: GridSetting, columns: GridSetting,
    run: RunLabel = "", log: bool = False,
) -> Figure:  # fmt: skip
    """Draw the mean of a measure over two settings of the grid, one panel per kind of run.

    Parameters
    ----------
    run
        The only kind of run to draw; empty for all that take one of the settings.
    log
        Colours by the logarithm, for positive numbers that differ by orders of magnitude.
    """
    experiment = results.experiment
    taking = [v.label for v in experiment.runs if experiment.axes(v).keys() & {rows, columns}]
    labels = [run] if run else taking
    ys, xs = experiment.grid[rows], experiment.grid[columns]
    tables = [
        np.array([[_mean(results, measure, label, {rows: y, columns: x}) for x in xs] for y in ys])
        for label in labels
    ]
    if all(np.isnan(table).all() for table in tables):
        raise ConfigError(f"no run has the measure {measure} yet")
    low, high = np.nanmin(tables), np.nanmax(tables)
    if log and low <= 0:
        raise ConfigError(f"log needs positive values, but the smallest {measure} is {low:.3g}")
    scale = (LogNorm if log else Normalize)(low, high)
    width = 1.2 + 0.7 * len(xs)
    height = 1.4 + 0.55 * len(ys)
    figure = new_figure((width * len(labels), height), layout="constrained")
    panels = figure.subplots(1, len(labels), squeeze=False)[0]
    for panel, label, table in zip(panels, labels, tables, strict=True):
        image = panel.imshow(table, cmap=SEQUENTIAL, norm=scale, aspect="auto")
        panel.set_xticks(range(len(xs)), [short(x) for x in xs])
        panel.set_yticks(range(len(ys)), [short(y) for y in ys])
        panel.set_xlabel(columns)
        panel.set_ylabel(rows)
        panel.set_title(f"{label}: {measure}")
        panel.spines[:].set_visible(False)
        panel.tick_params(length=0)
        for i, j in np.argwhere(~np.isnan(table)):
            dark = high == low or scale(table[i, j]) < 0.5
            panel.text(j, i, rounded(table[i, j]), ha="center", va="center", fontsize=8,
                       color="white" if dark else "black")  # fmt: skip
    figure.colorbar(image, ax=panels[-1], format="%g").outline.set_visible(False)
    return figure


def _mean(results: Results, measure: str, label: str, where: dict[str, Any]) -> float:
    return summarise(results.values(measure, label, where)).mean
