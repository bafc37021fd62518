"""The pictures of the pages: bars of five kinds of codes and a line along a ladder."""

import numpy as np
from examples import KINDS, LEVELS
from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

COLOR, OTHER = "#3b6ea5", "#c4672d"


def _panels():
    figure = Figure(figsize=(7.5, 2.4), layout="constrained")
    FigureCanvasSVG(figure)
    return figure, figure.subplots(1, 2)


def of_codes(path, kinds, ladder):
    """Draw scores of the kinds, marked where there is no finite one, and along the noise."""
    figure, (left, right) = _panels()
    heights = np.array(kinds)
    finite = np.isfinite(heights)
    left.bar(KINDS, np.where(finite, heights, 0.0), color=COLOR)
    for place in np.flatnonzero(~finite):
        word = "∞" if np.isinf(heights[place]) else "none"
        left.text(place, 0, word, ha="center", va="bottom", size=16)
    left.tick_params(axis="x", rotation=20)
    left.set_ylabel("score")
    right.plot(LEVELS, ladder, "o-", color=COLOR)
    right.set_xlabel("noise of perfect codes, in steps of a factor")
    for axes in (left, right):
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, 0.0), max(high, 1e-3))
    _save(figure, path)


OF_IMAGES = "noise, in tenths of the range", "blur, in passes of 4"
OF_TRAVERSALS = "bend of a line, times sin 3 z", "noise of a line, in tenths of a step of z"


def of_ladders(path, ladders, labels=OF_IMAGES):
    """Draw scores along two ladders."""
    figure, panels = _panels()
    for axes, values, label in zip(panels, ladders, labels, strict=True):
        axes.plot(LEVELS, np.where(np.isfinite(values), values, np.nan), "o-", color=OTHER)
        axes.set_xlabel(label)
    panels[0].set_ylabel("score")
    _save(figure, path)


def _save(figure, path):
    with rc_context({"svg.hashsalt": path.stem, "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None})


def curves(path, panels, logarithmic=()):
    """Draw one panel a word: levels and, for each score, its values there."""
    figure = Figure(figsize=(10, 5.5), layout="constrained")
    FigureCanvasSVG(figure)
    grid = figure.subplots(2, 3, sharey=True)
    for axes, (word, (levels, lines)) in zip(grid.flat, panels.items(), strict=False):
        for place, (name, values) in enumerate(lines.items()):
            axes.plot(levels, values, "os^Dv"[place % 5] + "-", color=f"C{place}", ms=3, label=name)
        axes.set_xlabel(word)
        axes.set_ylim(-0.02, 1.04)
        if word in logarithmic:
            axes.set_xscale("log")
    for axes in grid[:, 0]:
        axes.set_ylabel("score")
    for axes in grid.flat[len(panels) :]:
        axes.axis("off")
        axes.legend(*grid.flat[0].get_legend_handles_labels(), loc="center", frameon=False)
    _save(figure, path)


def strips(path, values):
    """Draw the values of each score as dots on a line, its median marked."""
    figure = Figure(figsize=(7.5, 0.24 * len(values) + 0.8), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    for place, each in enumerate(values.values()):
        axes.plot(each, np.full(len(each), place), "o", color=COLOR, alpha=0.35, ms=5)
        axes.plot(np.median(each), place, "|", color=OTHER, ms=14, mew=2)
    axes.set_yticks(range(len(values)), list(values))
    axes.invert_yaxis()
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("score of twenty rotations of nearly perfect codes")
    axes.grid(axis="x", alpha=0.3)
    _save(figure, path)


def rank_map(path, names, matrix):
    """Draw a rank correlation, red for opposite orders."""
    figure = Figure(figsize=(9, 8), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    image = axes.imshow(matrix, cmap="RdBu", vmin=-1, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    figure.colorbar(image, ax=axes, label="rank correlation", shrink=0.8)
    _save(figure, path)
