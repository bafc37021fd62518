"""Pictures of scores; needs matplotlib (``pip install 'unweave-metrics[plot]'``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_matrix


def _axes(ax: Any) -> Any:
    """Return the axes given, or those of a new figure."""
    if ax is not None:
        return ax
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ValueError("pictures need matplotlib: pip install 'unweave-metrics[plot]'") from None
    figure = Figure(figsize=(5, 4), layout="constrained")
    FigureCanvasAgg(figure)
    return figure.add_subplot()


def heat_map(
    matrix: ArrayLike, *, factor_names: Sequence[str] = (), label: str = "nats", ax: Any = None
) -> Any:
    """Draw a matrix of codes by factors (information, importance, predictability); return the axes.

    Parameters
    ----------
    matrix : float array, shape (d, k)
    factor_names : names of the columns
    label : what the colours mean
    ax : matplotlib axes to draw on; a new figure unless given
    """
    values = check_matrix(matrix, "matrix", "(d, k)", rows=1)
    axes = _axes(ax)
    image = axes.imshow(values, cmap="viridis", vmin=0, aspect="auto")
    axes.set(xlabel="factor", ylabel="code")
    axes.set_yticks(range(values.shape[0]))
    names = list(factor_names) or [str(k) for k in range(values.shape[1])]
    axes.set_xticks(range(values.shape[1]), names, rotation=30 if factor_names else 0)
    axes.figure.colorbar(image, ax=axes, label=label)
    return axes


def violins(scores: Mapping[str, Sequence[float]], *, label: str = "score", ax: Any = None) -> Any:
    """Draw the scores of several methods over seeds, each seed a dot; return the axes.

    Parameters
    ----------
    scores : method -> score of each seed
    label : name of the score
    ax : matplotlib axes to draw on; a new figure unless given
    """
    if not scores or not all(len(values) for values in scores.values()):
        raise ValueError("scores must name at least one method, each with at least one score")
    axes = _axes(ax)
    for place, values in enumerate(scores.values(), start=1):
        array = np.asarray(values, dtype=np.float64)
        if len(array) > 1 and np.ptp(array) > 0:
            axes.violinplot(array, positions=[place], showmeans=True, showextrema=False)
        axes.plot(np.full(len(array), place), array, ".", color="black", alpha=0.6)
    axes.set_xticks(range(1, len(scores) + 1), list(scores))
    axes.set_ylabel(label)
    return axes


def score_against_error(
    scores: Mapping[str, Sequence[float]],
    errors: Mapping[str, Sequence[float]],
    *,
    label: str = "score",
    ax: Any = None,
) -> Any:
    """Draw a score against the reconstruction error, a colour a method; return the axes.

    Parameters
    ----------
    scores, errors : method -> value of each seed, in the same order
    label : name of the score
    ax : matplotlib axes to draw on; a new figure unless given
    """
    axes = _axes(ax)
    for name, values in scores.items():
        if name not in errors or len(errors[name]) != len(values):
            raise ValueError(f"errors must hold {len(values)} values for {name!r}")
        axes.plot(errors[name], values, "o", alpha=0.8, label=name)
    axes.set(xlabel="reconstruction error", ylabel=label)
    axes.legend()
    return axes
