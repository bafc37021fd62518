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


def of_images(path, noisy, blurred):
    """Draw scores along noise and along blur."""
    figure, panels = _panels()
    for axes, values, label in zip(
        panels,
        (noisy, blurred),
        ("noise, in tenths of the range", "blur, in passes of 4"),
        strict=True,
    ):
        axes.plot(LEVELS, np.where(np.isfinite(values), values, np.nan), "o-", color=OTHER)
        axes.set_xlabel(label)
    panels[0].set_ylabel("score")
    _save(figure, path)


def _save(figure, path):
    with rc_context({"svg.hashsalt": path.stem, "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None})
