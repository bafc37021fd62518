"""Texts beside points, where they cover neither points nor each other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unweave.plots.style import DPI

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GAP = 4.0
"""Points of print between a text and what is beside it."""
DISTANCES = (0, 8, 16, 26, 38, 52, 70)
"""Points of print that a text is moved away from the place directly beside its point."""
DIRECTIONS = 16
OVER_LINE = 0.02
"""What it costs to lie on a line, where 1 is to lie on a point or another text."""


class Label(NamedTuple):
    """A text, the point (x, y) of the data that it is of, and its colour."""

    x: float
    y: float
    text: str
    colour: str


def write_labels(
    figure: Figure, panel: Any, labels: Sequence[Label], radius: float,
    bars: Sequence[tuple[float, float]], lines: Sequence[NDArray[Any]] = (),
) -> list[Any]:  # fmt: skip
    """Write texts beside their points; one that had to go further away gets a thin line.

    Each text takes the first of the places around its point that is inside the panel and covers
    no point, error bar or earlier text; where there is none, the one that covers the fewest.

    Parameters
    ----------
    radius
        Of the mark of a point, in points of print.
    bars
        Half the width and half the height of the error bars of each point, in data.
    lines : float arrays, shape (n, 2), of data; texts avoid them where there is room.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    # Texts are not measured the same at every resolution: take that of the file.
    figure.set_dpi(DPI)
    canvas: Any = FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    renderer = canvas.get_renderer()
    dot = figure.dpi / 72
    centres = panel.transData.transform([(label.x, label.y) for label in labels])
    obstacles = [_around(centre, radius * dot, radius * dot) for centre in centres]
    obstacles += [
        box for label, bar in zip(labels, bars, strict=True) for box in _bars(panel, label, bar)
    ]
    weights = [1.0] * len(obstacles)
    passed = [box for line in lines for box in _samples(panel.transData.transform(line), dot)]
    obstacles, weights = obstacles + passed, weights + [OVER_LINE] * len(passed)
    frame = panel.get_window_extent(renderer).extents
    texts = []
    for label, centre in zip(labels, centres, strict=True):
        text = panel.annotate(
            label.text, (label.x, label.y), (0, 0), textcoords="offset points", color=label.colour,
            fontsize=7.5, ha="center", va="center", zorder=5,
        )  # fmt: skip
        text.set_in_layout(False)
        size = text.get_window_extent(renderer).size / 2 + GAP * dot / 2
        offsets = _offsets(size, (radius + GAP / 2) * dot, dot)
        places = centre + offsets
        boxes = np.concatenate([places - size, places + size], axis=1)
        cost = (_overlap(boxes, np.array(obstacles)) * weights).sum(1) + 10 * _outside(boxes, frame)
        best = int(cost.argmin())
        text.set_position(offsets[best] / dot)
        if best >= DIRECTIONS:
            _lead(panel, text, label, offsets[best] / dot, size / dot, radius)
        obstacles.append(boxes[best])
        weights.append(1.0)
        texts.append(text)
    return texts


def _lead(panel: Any, text: Any, label: Label, offset: Any, size: Any, radius: float) -> None:
    """Draw a thin line from a point to the edge of a text that lies away from it."""
    length = float(np.hypot(*offset))
    reach = min(s / abs(o) if o else np.inf for s, o in zip(size, offset, strict=True))
    start, end = offset * radius / length, offset * max(1 - reach, radius / length)
    line = panel.annotate(
        "", (label.x, label.y), (label.x, label.y), xycoords=_moved(panel, start),
        textcoords=_moved(panel, end),
        arrowprops={"arrowstyle": "-", "color": label.colour, "linewidth": 0.5, "alpha": 0.7,
                    "shrinkA": 0, "shrinkB": 0},
    )  # fmt: skip
    line.set_in_layout(False)


def _moved(panel: Any, offset: Any) -> Any:
    from matplotlib.transforms import ScaledTranslation

    scale = panel.figure.dpi_scale_trans
    return panel.transData + ScaledTranslation(offset[0] / 72, offset[1] / 72, scale)


def _offsets(size: NDArray[Any], gap: float, dot: float) -> NDArray[np.float64]:
    """List places of a text's centre around a point, the nearest first, to the right first."""
    angles = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    # So far that the box of the text just leaves the square around the point.
    beside = directions * (size + gap) / np.abs(directions).max(1, keepdims=True)
    return np.concatenate([beside + directions * far * dot for far in DISTANCES])


def _around(centre: Any, width: float, height: float) -> NDArray[np.float64]:
    return np.array([centre[0] - width, centre[1] - height, centre[0] + width, centre[1] + height])


def _bars(panel: Any, label: Label, bar: tuple[float, float]) -> list[NDArray[np.float64]]:
    """Return the boxes of the two error bars of a point, in pixels."""
    boxes = []
    for wide, high in ((bar[0], 0.0), (0.0, bar[1])):
        corners = [(label.x - wide, label.y - high), (label.x + wide, label.y + high)]
        low, up = panel.transData.transform(corners)
        boxes.append(np.concatenate([low - 1, up + 1]))
    return boxes


def _samples(line: NDArray[Any], dot: float) -> list[NDArray[np.float64]]:
    """Return small boxes along a line of pixels."""
    boxes = []
    for start, end in itertools.pairwise(line):
        count = max(2, int(np.hypot(*(end - start)) / (4 * dot)))
        boxes += [_around(start + t * (end - start), 1, 1) for t in np.linspace(0, 1, count)]
    return boxes


def _overlap(boxes: NDArray[Any], others: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which boxes (n, 4) overlap which others (m, 4), shape (n, m)."""
    a, b = boxes[:, None], others[None]
    return np.asarray(((a[..., :2] < b[..., 2:]) & (b[..., :2] < a[..., 2:])).all(-1))


def _outside(boxes: NDArray[Any], frame: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray((boxes[:, :2] < frame[:2]).any(1) | (boxes[:, 2:] > frame[2:]).any(1))
