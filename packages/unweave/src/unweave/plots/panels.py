"""Where the panels of a figure lie."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def row_sizes(count: int, most: int) -> list[int]:
    """Split panels into as few rows of at most `most` as possible, as even as possible.

    Examples
    --------
    >>> row_sizes(4, 3), row_sizes(5, 3), row_sizes(9, 4)
    ([2, 2], [3, 2], [3, 3, 3])
    """
    rows = -(-count // most)
    return [count // rows + (row < count % rows) for row in range(rows)]


def filled_rows(figure: Figure, count: int, most: int) -> list[Any]:
    """Return panels in rows of at most `most`; a row of fewer fills the width, too."""
    sizes = row_sizes(count, most)
    width = math.lcm(*sizes)
    cells = figure.add_gridspec(len(sizes), width)
    return [
        figure.add_subplot(cells[row, width // size * place : width // size * (place + 1)])
        for row, size in enumerate(sizes)
        for place in range(size)
    ]


def legend_below(figure: Figure, handles: list[Any], title: str | None = None) -> None:
    """Put one legend below all panels, where it covers nothing."""
    longest = max((len(str(handle.get_label())) for handle in handles), default=1)
    columns = max(1, min(len(handles), round(14 * figure.get_figwidth()) // (longest + 8)))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, title=title,
                  handlelength=2.8)  # fmt: skip
