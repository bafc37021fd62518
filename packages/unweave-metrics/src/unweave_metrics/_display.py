"""Show tables in notebooks (as HTML) and in terminals (with rich)."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any


def pandas() -> Any:
    """Return pandas.

    Raises
    ------
    ValueError
        If pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise ValueError("frames need pandas: pip install 'unweave-metrics[pandas]'") from None
    return pd


def in_words(names: Sequence[str]) -> str:
    """Return names as a list in a sentence.

    Examples
    --------
    >>> in_words(["mig"]), in_words(["mig", "sap", "dci"])
    ('mig', 'mig, sap and dci')
    """
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def table_html(rows: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> str:
    """Return an HTML table of rows of cells, the heading first, with notes below it."""
    head, *body = rows
    lines = ["<table>", "<thead>", _row(head, "th"), "</thead>", "<tbody>"]
    lines += [_row(cells, "td") for cells in body]
    lines += ["</tbody>", "</table>"]
    if notes:
        items = "".join(f"<li>{escape(note)}</li>" for note in notes)
        lines.append(f"<details><summary>{len(notes)} notes</summary><ul>{items}</ul></details>")
    return "\n".join(lines)


def _row(cells: Sequence[str], kind: str) -> str:
    """Return one row; the first cell is aligned left, the others right."""
    first, *rest = (escape(cell) for cell in cells)
    numbers = "".join(f'<{kind} style="text-align:right">{cell}</{kind}>' for cell in rest)
    return f'<tr><th style="text-align:left">{first}</th>{numbers}</tr>'


def table_rich(rows: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> Any:
    """Return a rich table of rows of cells, the heading first, with notes below it."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    head, *body = rows
    table = Table()
    for place, cell in enumerate(head):
        table.add_column(Text(cell), justify="left" if place == 0 else "right")
    for cells in body:
        table.add_row(*map(Text, cells))
    return Group(table, *(Text(note, style="dim") for note in notes))
