"""Figures of images in rows and columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unweave.plots.style import figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TALLEST = 100.0
"""Inches of a figure's height; a narrow strip of many rows is drawn smaller."""
LINE = 200
"""Grey value of the lines between images."""


@figure_style()
def draw_grid(images: NDArray[np.uint8], columns: int) -> Figure:
    """Draw images (n, h, w, c) in rows of `columns`."""
    canvas = tile(images, columns)
    size = (10, min(TALLEST, 10 * canvas.shape[0] / canvas.shape[1]))
    # The margin has the colour of the lines between the images.
    figure = new_figure(size, facecolor=(LINE / 255,) * 3)
    panel = figure.add_axes((0, 0, 1, 1))
    show(panel, canvas)
    return figure


@figure_style()
def draw_grids(grids: Sequence[tuple[str, NDArray[np.uint8]]], columns: int) -> Figure:
    """Draw titled sets of images (n, h, w, c) side by side, each in rows of `columns`."""
    figure = new_figure((10, 5.2), layout="constrained")
    for panel, (title, images) in zip(figure.subplots(1, len(grids)), grids, strict=True):
        show(panel, tile(images, columns))
        panel.set_title(title)
    return figure


@figure_style()
def draw_rows(
    rows: NDArray[np.uint8], names: Sequence[str], colours: Sequence[str] | None = None
) -> Figure:
    """Draw rows of images (r, m, h, w, c), each with a name at its left, in a colour if given."""
    canvas = tile(rows.reshape(-1, *rows.shape[2:]), rows.shape[1])
    height, width = canvas.shape[:2]
    figure = new_figure((10, min(TALLEST, 9.3 * height / width)), layout="constrained")
    # Names of ticks without length are measured too short, by less than this margin in inches.
    layout: Any = figure.get_layout_engine()
    layout.set(w_pad=0.1)
    panel = figure.add_subplot()
    show(panel, canvas)
    panel.set_axis_on()
    panel.set_xticks([])
    panel.set_yticks((np.arange(len(rows)) + 0.5) * height / len(rows), names)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    for text, colour in zip(panel.get_yticklabels(), colours or (), strict=colours is not None):
        text.set_color(colour)
    return figure


def tile(images: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Lay images (n, h, w, c) out in rows, with a light line of one pixel between."""
    count, height, width, colours = images.shape
    rows = -(-count // columns)
    canvas = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1, colours), LINE, np.uint8)
    for number, image in enumerate(images):
        top, left = (number // columns) * (height + 1), (number % columns) * (width + 1)
        canvas[top : top + height, left : left + width] = image
    return canvas


def show(panel: Any, canvas: NDArray[np.uint8]) -> None:
    """Show a canvas, grey or colour, without axes."""
    grey = canvas.shape[-1] == 1
    panel.imshow(
        canvas[..., 0] if grey else canvas, cmap="gray", vmin=0, vmax=255, interpolation="nearest"
    )
    panel.set_axis_off()
