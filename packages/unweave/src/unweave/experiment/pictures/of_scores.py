"""Pictures of scores over seeds: one against another, violins, ranks."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from unweave.errors import ConfigError
from unweave.experiment.comparison import Comparison
from unweave.experiment.definition import short
from unweave.experiment.measures import better
from unweave.experiment.pictures.looks import Looks
from unweave.experiment.results import Group, Results
from unweave.experiment.roles import GridSetting, MeasureLabel
from unweave.experiment.statistics import pareto_front, summarise
from unweave.plots.labels import Label, write_labels
from unweave.plots.panels import filled_rows, legend_below
from unweave.plots.style import INK, QUIET, new_figure

ERRORS_SHOWN = 2.0
"""Length of a bar on each side of a mean, in standard errors."""
RING = 5.5
"""Radius of the rings, in typographic points."""
COLUMNS = 3


class _Point(NamedTuple):
    """Means of two measures, and half lengths of their error bars."""

    group: Group
    x: float
    y: float
    wide: float
    high: float


def draw_trade(
    results: Results, *, x: MeasureLabel, y: MeasureLabel, label: GridSetting = ""
) -> Figure:
    """Draw one measure against another, one colour per kind of run, one point per grid point.

    A line joins the points of a kind in the order of the grid; where several settings vary, those
    points that differ in the last. Bars are two standard errors over seeds. Rings mark the points
    that no other beats in both.

    Parameters
    ----------
    label
        The only setting whose value is written beside the points; all that vary by default.
    """
    experiment, looks = results.experiment, Looks(results.experiment)
    points = [point for group in results.groups() if (point := _point(group, x, y))]
    if not points:
        raise ConfigError(f"no run has both {x} and {y} yet")
    figure = new_figure((7, 5), layout="constrained")
    panel = figure.subplots()
    varying = [name for name, values in experiment.grid.items() if len(values) > 1]
    lines = _curves(points, varying[-1] if varying else "")
    for line in lines:
        colour = looks.colour(line[0].group.label)
        panel.plot([p.x for p in line], [p.y for p in line], color=colour, linewidth=0.8, alpha=0.6)
    for point in points:
        look = looks.of(point.group.label)
        panel.errorbar(point.x, point.y, point.high, point.wide, fmt=look.marker, markersize=5,
                       color=look.colour, capsize=2, elinewidth=0.9)  # fmt: skip
    handles = [
        Line2D([], [], color=looks.colour(v.label), marker=looks.of(v.label).marker, markersize=5,
               linewidth=0.8, label=v.label)
        for v in experiment.runs
    ]  # fmt: skip
    directions = [better(experiment, name) for name in (x, y)]
    if "neither" not in directions:
        handles.append(_mark_front(panel, points, directions))
    panel.set_xlabel(x)
    panel.set_ylabel(y)
    panel.margins(0.1)
    panel.grid(True)
    settings = [label] if label else varying
    legend_below(figure, handles, f"numbers: {', '.join(settings)}" if settings else None)
    if settings:
        _write_values(figure, panel, points, lines, settings, looks)
    return figure


def _point(group: Group, x: str, y: str) -> _Point | None:
    along, up = (summarise(list(group.values(name).values())) for name in (x, y))
    if math.isnan(along.mean) or math.isnan(up.mean):
        return None
    wide, high = (ERRORS_SHOWN * float(np.nan_to_num(s.error)) for s in (along, up))
    return _Point(group, along.mean, up.mean, wide, high)


def _curves(points: list[_Point], along: str) -> list[list[_Point]]:
    """Group the points of a kind of run that differ only in one setting."""
    curves: dict[tuple[str, ...], list[_Point]] = {}
    for point in points:
        others = [f"{k} {short(v)}" for k, v in point.group.place.items() if k != along]
        curves.setdefault((point.group.label, *others), []).append(point)
    return list(curves.values())


def _mark_front(panel: Any, points: list[_Point], directions: list[Any]) -> Line2D:
    xs, ys = [p.x for p in points], [p.y for p in points]
    front = [p for p, on in zip(points, pareto_front(xs, ys, *directions), strict=True) if on]
    rings: Line2D = panel.plot(
        [p.x for p in front], [p.y for p in front], "o", color=QUIET, markerfacecolor="none",
        markersize=2 * RING, label="not beaten",
    )[0]  # fmt: skip
    return rings


def _write_values(
    figure: Figure, panel: Any, points: list[_Point], lines: list[list[_Point]],
    settings: list[str], looks: Looks,
) -> None:  # fmt: skip
    labels = [Label(p.x, p.y, _values(p, settings), looks.colour(p.group.label)) for p in points]
    curves = [np.array([(p.x, p.y) for p in line]) for line in lines]
    write_labels(figure, panel, labels, RING, [(p.wide, p.high) for p in points], curves)


def _values(point: _Point, settings: list[str]) -> str:
    place = point.group.place
    return ", ".join(short(place[name]) for name in settings if name in place)


def draw_violins(results: Results, *, measures: list[MeasureLabel]) -> Figure:
    """Draw the values over seeds of every group, one panel per measure."""
    groups, looks = results.groups(), Looks(results.experiment)
    rows = -(-len(measures) // COLUMNS)
    figure = new_figure((10, rows * (0.8 + 0.3 * len(groups)) + 0.2), layout="constrained")
    for panel, name in zip(filled_rows(figure, len(measures), COLUMNS), measures, strict=True):
        for place, group in enumerate(groups):
            _draw_violin(panel, place, list(group.values(name).values()), looks.colour(group.label))
        panel.set_title(name)
        _name_rows(panel, [group.title for group in groups])
        panel.grid(axis="x")
    return figure


def _draw_violin(panel: Any, place: int, values: list[float], colour: str) -> None:
    # A violin of fewer than three values shows the kernel, not the values.
    if len(values) > 2 and np.ptp(values) > 0:
        parts = panel.violinplot([values], [place], orientation="horizontal", widths=0.8)
        for part in (*parts.pop("bodies"), *parts.values()):
            part.set_color(colour)
            part.set_linewidth(0.9)
    panel.plot(values, [place] * len(values), "o", markersize=3.5, color=colour,
               markeredgecolor=INK, markeredgewidth=0.6)  # fmt: skip


def _name_rows(panel: Any, names: list[str]) -> None:
    """Label the rows of a panel from the top, only in the first column of the figure."""
    first = panel.get_subplotspec().colspan.start == 0
    panel.set_ylim(len(names) - 0.5, -0.5)
    panel.set_yticks(range(len(names)), names if first else [""] * len(names))


def draw_ranks(results: Results, *, measures: list[MeasureLabel]) -> Figure:
    """Draw the mean ranks of the kinds of run over grid points and seeds, with their intervals."""
    comparison, looks = Comparison(results), Looks(results.experiment)
    ranked = [(m, *comparison.mean_ranks(m)) for m in measures if comparison.better(m) != "neither"]
    ranked = [(measure, labels, table) for measure, labels, table in ranked if len(table)]
    if not ranked:
        raise ConfigError("ranks need a measure with a direction and a seed that all kinds share")
    labels = ranked[0][1]
    rows = -(-len(ranked) // COLUMNS)
    figure = new_figure((10, rows * (1.0 + 0.32 * len(labels))), layout="constrained")
    panels = filled_rows(figure, len(ranked), COLUMNS)
    for panel, (measure, names, table) in zip(panels, ranked, strict=True):
        for place, label in enumerate(names):
            summary = summarise(table[:, place].tolist(), (1, len(names)))
            reach = [[summary.mean - summary.low], [summary.high - summary.mean]]
            bars = None if math.isnan(summary.low) else np.clip(reach, 0, None)
            panel.errorbar(
                summary.mean, place, xerr=bars, fmt="o", color=looks.colour(label), capsize=3
            )
        panel.set_title(f"{measure}: mean rank")
        panel.set_xlim(0.8, len(labels) + 0.2)
        _name_rows(panel, list(names))
        panel.set_xlabel(f"over {len(table)} grid points and seeds; 1 is best")
        panel.grid(axis="x")
    return figure
