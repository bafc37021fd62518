"""Tables of text for a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from unweave.errors import printable

WIDEST = 100_000
"""Most characters of a line that goes to a file or another program."""


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Lay out rows under a header for the width of the terminal; nothing is cut.

    Where the output is not a terminal, each row is one line.
    """
    from rich.console import Console  # here, for `unweave --help` is faster without it
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for title in header:
        grid.add_column(printable(title), overflow="fold")
    for row in rows:
        grid.add_row(*(printable(str(cell)).replace("[", r"\[") for cell in row))
    in_terminal = sys.stdout is not None and sys.stdout.isatty()  # None where it was closed
    console = Console() if in_terminal else Console(width=WIDEST)
    with console.capture() as capture:
        console.print(grid)
    return "\n".join(line.rstrip() for line in capture.get().rstrip("\n").split("\n"))
