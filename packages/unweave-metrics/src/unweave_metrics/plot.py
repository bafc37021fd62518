"""Pictures of scores; needs matplotlib (``pip install 'unweave-metrics[plot]'``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_matrix, quoted
from unweave_metrics._counting import Floats
from unweave_metrics._options import MUCH
from unweave_metrics._seed_values import seeds_of
from unweave_metrics.score import Score


def _axes(ax: Any) -> Any:
    """Return the axes given, or those of a new figure."""
    if ax is not None:
        if not hasattr(ax, "figure"):
            raise TypeError(f"ax must be axes of matplotlib, got {quoted(ax)}")
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
    factor_names
        Names of the columns.
    label
        Label of the colours.
    ax
        Matplotlib axes to draw on; by default a new figure.
    """
    values = check_matrix(matrix, "matrix", "(d, k)", rows=1)
    sizes = np.abs(values.astype(np.float64))
    if sizes.max() > MUCH:
        largest = values.flat[sizes.argmax()]
        raise ValueError(f"matrix must hold numbers of at most 1e100 in size, got {largest:g}")
    axes = _axes(ax)
    image = axes.imshow(values, cmap="viridis", vmin=0, aspect="auto")
    axes.set(xlabel="factor", ylabel="code")
    axes.set_yticks(range(values.shape[0]))
    names = _names(factor_names, values.shape[1])
    axes.set_xticks(range(values.shape[1]), names, rotation=30 if factor_names else 0)
    axes.figure.colorbar(image, ax=axes, label=label)
    return axes


def _names(factor_names: Any, count: int) -> list[str]:
    """Return the names of the factors, their numbers where none are given."""
    if isinstance(factor_names, str) or not isinstance(factor_names, Sequence):
        raise TypeError(f"factor_names must be a list of words, got {quoted(factor_names)}")
    if len(factor_names) not in (0, count):
        raise ValueError(f"factor_names must name all {count} factors, got {quoted(factor_names)}")
    return list(map(str, factor_names or range(count)))


def _by_method(scores: Any, name: str) -> dict[str, Floats]:
    """Return method -> the value of each seed."""
    if not isinstance(scores, Mapping):
        raise TypeError(f"{name} must map each method to its values, got {quoted(scores)}")
    return {
        str(method): seeds_of(values, f"{name}[{method!r:.40}]")
        for method, values in scores.items()
    }


def intervals(
    scores: Mapping[str, Score] | Mapping[str, Mapping[str, Score]], *, ax: Any = None
) -> Any:
    """Draw scores as dots with their intervals as lines, one row per metric; return the axes.

    Parameters
    ----------
    scores
        A `ScoreTable`, or model -> `ScoreTable`, with one colour per model.
    ax
        Matplotlib axes to draw on; by default a new figure.

    Raises
    ------
    ValueError
        If there is no score.
    """
    tables = _tables(scores)
    names = list(dict.fromkeys(name for table in tables.values() for name in table))
    if not names:
        raise ValueError("scores must hold at least one score, got none")
    axes = _axes(ax)
    for place, (model, table) in enumerate(tables.items()):
        shift = (place - (len(tables) - 1) / 2) * 0.6 / len(tables)
        rows = [names.index(name) + shift for name in table]
        values = np.array([float(score) for score in table.values()])
        ends = np.array([score.interval or (np.nan, np.nan) for score in table.values()])
        colour = f"C{place}"
        axes.hlines(rows, ends[:, 0], ends[:, 1], color=colour, linewidth=2, alpha=0.6)
        axes.plot(values, rows, "o", color=colour, label=model or None)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("score")
    if len(tables) > 1:
        # Above the axes, where it hides no score.
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(tables), frameon=False)
    return axes


def _tables(
    scores: Mapping[str, Score] | Mapping[str, Mapping[str, Score]],
) -> dict[str, dict[str, Score]]:
    """Return model -> metric -> score, the model ``""`` of one table alone."""
    tables: dict[str, dict[str, Score]] = {}
    for name, value in scores.items() if isinstance(scores, Mapping) else [("scores", scores)]:
        if isinstance(value, Score):
            tables.setdefault("", {})[str(name)] = value
        elif isinstance(value, Mapping) and all(isinstance(s, Score) for s in value.values()):
            tables[str(name)] = dict(value)
        else:
            raise TypeError(
                "scores must be a table that evaluate gave, or map each model to its table, got "
                f"{quoted(value)}"
            )
    return tables


def violins(scores: Mapping[str, Sequence[float]], *, label: str = "score", ax: Any = None) -> Any:
    """Draw the scores of several methods over seeds, each seed a dot; return the axes.

    Parameters
    ----------
    scores
        Method -> score of each seed.
    label
        Name of the score.
    ax
        Matplotlib axes to draw on; by default a new figure.
    """
    by_method = _by_method(scores, "scores")
    if not by_method or not all(map(len, by_method.values())):
        raise ValueError("scores must name at least one method, each with at least one score")
    axes = _axes(ax)
    for place, values in enumerate(by_method.values(), start=1):
        array = values[np.isfinite(values)]
        if len(array) > 1 and np.ptp(array) > 0:
            axes.violinplot(array, positions=[place], showmeans=True, showextrema=False)
        axes.plot(np.full(len(array), place), array, ".", color="black", alpha=0.6)
    axes.set_xticks(range(1, len(by_method) + 1), list(by_method))
    axes.set_ylabel(label)
    return axes


def score_against_error(
    scores: Mapping[str, Sequence[float]],
    errors: Mapping[str, Sequence[float]],
    *,
    label: str = "score",
    ax: Any = None,
) -> Any:
    """Draw a score against the reconstruction error, one colour per method; return the axes.

    Parameters
    ----------
    scores, errors
        Method -> value of each seed, in the same order.
    label
        Name of the score.
    ax
        Matplotlib axes to draw on; by default a new figure.
    """
    by_method, wrong = _by_method(scores, "scores"), _by_method(errors, "errors")
    if not by_method:
        raise ValueError("scores must name at least one method, got none")
    for name, values in by_method.items():
        if name not in wrong or len(wrong[name]) != len(values):
            raise ValueError(f"errors must hold {len(values)} values for {name!r}")
    axes = _axes(ax)
    for name, values in by_method.items():
        axes.plot(wrong[name], values, "o", alpha=0.8, label=name)
    axes.set(xlabel="reconstruction error", ylabel=label)
    axes.legend()
    return axes
