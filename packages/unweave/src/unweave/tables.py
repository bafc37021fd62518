"""Tables of text for people."""

from __future__ import annotations

from collections.abc import Sequence


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Lay out rows under a header for the width of the terminal."""
    from rich.console import Console  # here, for `unweave --help` is faster without it
    from rich.table import Table

    grid = Table(*header, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        grid.add_row(*(str(cell).replace("[", r"\[") for cell in row))
    console = Console()
    with console.capture() as capture:
        console.print(grid)
    return "\n".join(line.rstrip() for line in capture.get().rstrip("\n").split("\n"))
