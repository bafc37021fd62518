"""Figures of plain arrays; nothing here imports torch, so a process without it can draw them."""

from __future__ import annotations


def warm_up() -> None:
    """Import and load everything that the first figure needs."""
    from unweave.plots import grids, planes  # noqa: F401 - what draws the others
    from unweave.plots.charts import draw_losses
    from unweave.plots.style import figure_png

    figure_png(draw_losses([0.0], {"loss": [0.0]}))
