"""Pictures of scores over seeds: one against another, violins, ranks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from unweave.errors import ConfigError
from unweave.experiment.comparison import Comparison
from unweave.experiment.definition import short
from unweave.experiment.measures import better
from unweave.experiment.results import Results
from unweave.experiment.roles import GridSetting, MeasureLabel
from unweave.experiment.statistics import pareto_front, summarise

ERRORS_SHOWN = 2.0
"""Length of a bar on each side of a mean, in standard errors."""


def draw_trade(
    results: Results, *, x: MeasureLabel, y: MeasureLabel, label: GridSetting = ""
) -> Figure:
    """Draw one measure against another, one colour per kind of run, one point per grid point.

    Bars are two standard errors over seeds. Rings mark the points that no other beats in both.

    Parameters
    ----------
    label
        The setting whose value is written beside the points.
    """
    figure = Figure(figsize=(6, 4), layout="constrained")
    panel = figure.subplots()
    points = []
    for variant in results.experiment.runs:
        colour = panel.plot([], [], "o", label=variant.label)[0].get_color()
        for group in (g for g in results.groups() if g.label == variant.label):
            along, up = (summarise(list(group.values(name).values())) for name in (x, y))
            if math.isnan(along.mean) or math.isnan(up.mean):
                continue
            wide, high = (ERRORS_SHOWN * np.nan_to_num(s.error) for s in (along, up))
            panel.errorbar(along.mean, up.mean, high, wide, fmt="o", color=colour, capsize=2)
            points.append((along.mean, up.mean))
            if label:
                panel.annotate(f" {short(group.place[label])}", points[-1], fontsize=8)
    directions = [better(results.experiment, name) for name in (x, y)]
    if points and "neither" not in directions:
        _mark_front(panel, points, directions)
    panel.set_xlabel(x)
    panel.set_ylabel(y)
    panel.legend(fontsize=8)
    panel.grid(alpha=0.25)
    return figure


def _mark_front(panel: Any, points: list[tuple[float, float]], directions: list[Any]) -> None:
    xs, ys = zip(*points, strict=True)
    front = sorted(p for p, on in zip(points, pareto_front(xs, ys, *directions), strict=True) if on)
    panel.plot(*zip(*front, strict=True), "o-", color="#5c677a", markerfacecolor="none",
               markersize=11, linewidth=0.8, label="not beaten")  # fmt: skip


def draw_violins(results: Results, *, measures: list[MeasureLabel]) -> Figure:
    """Draw the values over seeds of every group, one panel per measure."""
    groups = results.groups()
    height = 1.0 + 0.32 * len(groups)
    figure = Figure(figsize=(10, height), layout="constrained")
    panels = figure.subplots(1, len(measures), squeeze=False, sharey=True)[0]
    for panel, name in zip(panels, measures, strict=True):
        for place, group in enumerate(groups):
            values = list(group.values(name).values())
            # A violin of fewer than three values shows the kernel, not the values.
            if len(values) > 2 and np.ptp(values) > 0:
                panel.violinplot([values], [place], orientation="horizontal", widths=0.8)
            panel.plot(values, [place] * len(values), "o", markersize=3, color="#1c2330")
        panel.set_title(name, fontsize=10)
        panel.set_yticks(range(len(groups)), [group.title for group in groups], fontsize=8)
        panel.tick_params(labelsize=8)
        panel.grid(axis="x", alpha=0.25)
    panels[0].invert_yaxis()
    return figure


def draw_ranks(results: Results, *, measures: list[MeasureLabel]) -> Figure:
    """Draw the mean ranks of the kinds of run over grid points and seeds, with their intervals."""
    comparison = Comparison(results)
    ranked = [(m, *comparison.mean_ranks(m)) for m in measures if comparison.better(m) != "neither"]
    ranked = [(measure, labels, table) for measure, labels, table in ranked if len(table)]
    if not ranked:
        raise ConfigError("ranks need a measure with a direction and a seed that all kinds share")
    labels = ranked[0][1]
    figure = Figure(figsize=(10, 1.1 + 0.35 * len(labels)), layout="constrained")
    panels = figure.subplots(1, len(ranked), squeeze=False, sharey=True)[0]
    for panel, (measure, _, table) in zip(panels, ranked, strict=True):
        for place in range(len(labels)):
            summary = summarise(table[:, place].tolist())
            reach = [[summary.mean - summary.low], [summary.high - summary.mean]]
            bars = None if math.isnan(summary.low) else np.clip(reach, 0, None)
            panel.errorbar(summary.mean, place, xerr=bars, fmt="o", color="#2b5fb3", capsize=3)
        panel.set_title(f"{measure}: mean rank", fontsize=10)
        panel.set_xlim(0.8, len(labels) + 0.2)
        panel.set_ylim(len(labels) - 0.5, -0.5)
        panel.set_yticks(range(len(labels)), labels, fontsize=8)
        panel.set_xlabel(f"over {len(table)} grid points and seeds; 1 is best", fontsize=8)
        panel.grid(axis="x", alpha=0.25)
    return figure
