"""Figures for a page with a light or a dark background."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from unweave.plots.grids import draw_grid, draw_grids, draw_rows
from unweave.plots.style import QUIET, figure_png
from unweave.report.content import clear_tiles, data_uri
from unweave.report.figures import Drawing, FigureOfRun


def figure_parts(figure: FigureOfRun, path: Callable[[], Path] | None = None) -> dict[str, Any]:
    """Return what a template needs of a figure.

    `kind` is `tiles-figure` for images alone, with names of the rows if there are any, on the
    page's own ground; `chart` for what a dark page may invert; and `card` for the others.

    Parameters
    ----------
    path
        Waits for the figure's file; without it the figure is drawn here.
    """
    drawing, names = figure.drawing, []
    function, arguments = _call(drawing)
    if function is draw_grid:
        kind, content = "tiles-figure", clear_tiles(*arguments)
    elif function is draw_rows:
        rows, texts, colours = arguments
        kind, content = (
            "tiles-figure",
            clear_tiles(rows.reshape(-1, *rows.shape[2:]), rows.shape[1]),
        )
        names = [
            {"text": text, "quiet": colour == QUIET}
            for text, colour in zip(texts, colours, strict=True)
        ]
    else:
        kind = "card" if function is draw_grids else "chart"
        content = path().read_bytes() if path else figure_png(drawing())
    return {
        "title": figure.title,
        "caption": figure.caption,
        "kind": kind,
        "names": names,
        "source": data_uri(content),
    }


def _call(drawing: Drawing) -> tuple[Any, tuple[Any, ...]]:
    return (drawing.func, drawing.args) if isinstance(drawing, partial) else (drawing, ())
