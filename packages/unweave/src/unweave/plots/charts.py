"""Static charts: losses, histograms, matrices and scores of factors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unweave.plots.style import ACCENT, INK, PRIOR, QUIET, figure_style, new_figure, readable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 10.0
BINS = 50
FEW = 20
"""Log points that are marked one by one."""
LARGEST_MATRIX = 400
"""Cells of a matrix that still get their numbers written in."""


def _panels(count: int, columns: int, height: float, **options: Any) -> tuple[Figure, list[Any]]:
    columns = min(columns, count)
    rows = -(-count // columns)
    # A single panel as wide as the page would be hard to read.
    width = WIDTH * max(columns, 2) / max(columns, 3)
    figure = new_figure((width, height * rows), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False, **options).ravel())
    for panel in panels[count:]:
        panel.set_axis_off()
    return figure, panels[:count]


@figure_style()
def draw_losses(steps: Sequence[float], terms: Mapping[str, Sequence[float]]) -> Figure:
    """Draw one panel per term over the steps; few log points are marked, and one is a dot."""
    from matplotlib.ticker import MaxNLocator

    figure, panels = _panels(len(terms), 3, 2.3)
    for panel, (term, values) in zip(panels, terms.items(), strict=True):
        # Some terms are logged more rarely than others.
        points = [(step, v) for step, v in zip(steps, values, strict=True) if math.isfinite(v)]
        marker = "o" if len(points) < FEW else ""
        panel.plot(*np.transpose(points or [(0, 0)]), color=ACCENT, marker=marker, markersize=3)
        panel.set_title(readable(term), pad=12)
        panel.set_xlabel("step")
        panel.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        panel.grid(True)
    return figure


@figure_style()
def draw_histograms(
    names: Sequence[str],
    codes: NDArray[Any],
    prior: NDArray[Any],
    active: NDArray[np.bool_],
) -> Figure:
    """Draw the codes (n, d) of each dimension against draws (m, d) from the prior, as densities."""
    figure, panels = _panels(len(names), 5, 1.5)
    for d, panel in enumerate(panels):
        draw_histogram(panel, codes[:, d], prior[:, d], ACCENT if active[d] else QUIET, PRIOR)
        panel.set_title(names[d] + ("" if active[d] else " (inactive)"))
    _explain_histograms(figure, active)
    return figure


def draw_histogram(
    panel: Any, codes: NDArray[Any], prior: NDArray[Any], colour: str, prior_colour: str
) -> None:
    """Draw codes (n,) filled, and draws (m,) from the prior as a line, as densities."""
    from matplotlib.ticker import MaxNLocator

    edges = shared_edges(codes, prior, BINS)
    panel.hist(codes, edges, density=True, color=colour, alpha=0.55, histtype="stepfilled")
    panel.hist(prior, edges, density=True, histtype="step", color=prior_colour, linewidth=1.2)
    panel.set_yticks([])
    panel.xaxis.set_major_locator(MaxNLocator(3))


def _explain_histograms(figure: Figure, active: NDArray[np.bool_]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    kinds = [(ACCENT, "codes z ~ q(z|x)", True), (QUIET, "codes, inactive dimension", False)]
    handles: list[Any] = [
        Patch(color=colour, alpha=0.55, label=label)
        for colour, label, kind in kinds
        if (active == kind).any()
    ]
    handles.append(Line2D([], [], color=PRIOR, linewidth=1.2, label="prior"))
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))


def shared_edges(codes: NDArray[Any], prior: NDArray[Any], bins: int) -> NDArray[np.float64]:
    """Space bins between the outermost 1/1000 quantiles of codes and prior together."""
    both = [np.quantile(x, [0.001, 0.999]) for x in (codes, prior)]
    low, high = min(q[0] for q in both), max(q[1] for q in both)
    return np.linspace(low, high if high > low else low + 1, bins + 1)


@figure_style()
def draw_matrix(
    matrix: NDArray[Any], rows: Sequence[str], columns: Sequence[str], active: NDArray[np.bool_]
) -> Figure:
    """Draw factors (rows) against code dimensions; columns of inactive ones are hatched."""
    factors, codes = matrix.shape
    figure = new_figure((min(16.0, 2.2 + 0.62 * codes), 1.2 + 0.45 * factors), layout="constrained")
    panel = figure.add_subplot()
    image = panel.imshow(matrix, cmap="Blues", vmin=0, aspect="auto", interpolation="nearest")
    panel.set_yticks(range(factors), [readable(text) for text in rows])
    panel.set_xticks(range(codes), columns)
    for place, text in enumerate(panel.get_xticklabels()):
        if not active[place]:
            text.set_color(QUIET)
            # Lines over the cells, whose colours stay those of the colour bar.
            look: dict[str, Any] = {"facecolor": "none", "edgecolor": "white", "linewidth": 0}
            panel.axvspan(place - 0.5, place + 0.5, hatch="///", **look)
    panel.spines[:].set_visible(False)
    panel.tick_params(length=0)
    if matrix.size <= LARGEST_MATRIX:
        _write_cells(panel, matrix, image)
    figure.colorbar(image, label="nats").outline.set_visible(False)
    return figure


def _write_cells(panel: Any, matrix: NDArray[Any], image: Any) -> None:
    middle = np.nanmax(matrix) / 2
    for row, column in np.ndindex(matrix.shape):
        value = float(matrix[row, column])
        if math.isnan(value):
            continue
        look = {"color": "white" if value > middle else INK, "fontsize": 8}
        # On the cell's colour, so that no hatching crosses the number.
        box = {"facecolor": image.cmap(image.norm(value)), "linewidth": 0, "pad": 1}
        panel.text(column, row, f"{value:.2f}", ha="center", va="center", bbox=box, **look)


@figure_style()
def draw_factor_scores(scores: Mapping[str, NDArray[np.float64]], factors: Sequence[str]) -> Figure:
    """Draw one panel per score with a bar per factor."""
    figure, panels = _panels(len(scores), 4, 0.8 + 0.24 * len(factors), sharey=True)
    places = np.arange(len(factors))
    for panel, (score, values) in zip(panels, scores.items(), strict=True):
        panel.barh(places, np.nan_to_num(values), color=ACCENT, height=0.65)
        panel.set_title(readable(score))
        panel.set_yticks(places, [readable(text) for text in factors])
        panel.set_xlim(left=min(0.0, float(np.nanmin(values, initial=0.0))))
        panel.grid(True, axis="x")
    panels[0].invert_yaxis()
    return figure
