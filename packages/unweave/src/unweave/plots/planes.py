"""Pictures of codes, and of data that are vectors, as points of the plane."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unweave.plots.style import ACCENT, CLASSES, SEQUENTIAL, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MANY_CLASSES = 12
"""A factor of more classes than this is coloured by a scale instead of a legend."""
MARKERS = "osD^vP*X"
"""Classes beyond the colours repeat them with another shape."""


def flat(images: NDArray[Any]) -> NDArray[np.float64]:
    """Turn images (n, h, w, c) into rows (n, h w c)."""
    return np.asarray(images, np.float64).reshape(len(images), -1)


@figure_style()
def draw_plane(
    panels: Mapping[str, NDArray[Any]],
    colours: NDArray[Any] | None = None,
    factor: str = "class",
    axes: tuple[str, str] = ("", ""),
) -> Figure:
    """Draw sets of rows (n, d) side by side, in the plane of the first set.

    The plane is the rows' own where d = 2, else that of the first set's two principal components.

    Parameters
    ----------
    colours : classes of the first set's rows.
    factor
        What the classes are of.
    axes
        Names of the plane's axes.
    """
    first = next(iter(panels.values()))
    project = principal_plane(first)
    figure = new_figure((10, 10 / max(2, len(panels)) + 0.3), layout="constrained")
    places = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    for panel, (name, rows) in zip(places, panels.items(), strict=True):
        scatter(panel, project(rows), colours if rows is first else None, name, factor)
        panel.set_xlabel(axes[0])
        panel.grid(True)
    places[0].set_ylabel(axes[1])
    return figure


def scatter(
    panel: Any,
    points: NDArray[Any],
    classes: NDArray[Any] | None,
    title: str,
    factor: str = "class",
) -> None:
    """Draw points (n, 2) into a panel, coloured by class, with a legend, where classes are given.

    Few points are drawn large: the ink of all points together stays about the same.
    """
    size = float(np.clip(8000 / max(1, len(points)), 4, 60))
    look = {"s": size, "alpha": 0.7, "linewidths": 0}
    if classes is None:
        panel.scatter(*points.T, color=ACCENT, **look)
    elif len(np.unique(classes)) <= MANY_CLASSES:
        _scatter_classes(panel, points, classes, look, factor)
    else:
        artist = panel.scatter(*points.T, c=classes, cmap=SEQUENTIAL, **look)
        panel.figure.colorbar(artist, ax=panel, shrink=0.7, label=factor)
    panel.set_title(title)
    panel.set_aspect("equal", adjustable="box")


def _scatter_classes(
    panel: Any, points: NDArray[Any], classes: NDArray[Any], look: dict[str, Any], factor: str
) -> None:
    for number, value in enumerate(np.unique(classes)):
        members = points[classes == value]
        marker = MARKERS[number // len(CLASSES) % len(MARKERS)]
        colour = CLASSES[number % len(CLASSES)]
        panel.scatter(*members.T, color=colour, marker=marker, label=str(value), **look)
    panel.legend(markerscale=1.5, handletextpad=0.2, borderaxespad=0.2, ncols=2, title=factor)


def principal_plane(rows: NDArray[Any]) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return a function from rows (n, d) to points (n, 2): the two principal components of some.

    Of two dimensions it changes nothing; one dimension gets zeros beside it.
    """
    centre, axes = plane_of(rows)
    return lambda other: _padded((other - centre) @ axes)


def plane_of(rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the centre (d,) and the axes (d, 2) of the plane that rows are drawn in."""
    dim = rows.shape[1]
    if dim <= 2:
        return np.zeros(dim), np.eye(dim)
    centre = rows.mean(0)
    axes = np.linalg.svd(rows - centre, full_matrices=False)[2][:2]
    return centre, axes.T


def _padded(points: NDArray[Any]) -> NDArray[Any]:
    return points if points.shape[1] == 2 else np.pad(points, ((0, 0), (0, 2 - points.shape[1])))
