"""One style for all figures: readable in print, and by people who are colour-blind."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import matplotlib
from cycler import cycler

from unweave.errors import unknown_name
from unweave.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 120
FORMATS = ("png", "pdf", "svg")

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d1f", "#6b6b6b")
"""Okabe and Ito, "Color universal design", 2008; its yellow and black give way to brown and grey,
which are seen on white and on black."""
ACCENT = PALETTE[0]
PRIOR = PALETTE[1]
SEQUENTIAL = "cividis"
"""Nuñez, Anderton and Renslow 2018: the same to people with and without colour-blindness."""
QUIET = "#7a8494"
LONGEST_NAME = 28

RC: dict[str, Any] = {
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.labelsize": 9.0,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.fontsize": 8.0,
    "legend.frameon": False,
    "axes.prop_cycle": cycler(color=PALETTE),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.3,
    "axes.formatter.limits": (-3, 5),
    "axes.formatter.use_mathtext": False,
    # Names of factors and terms come from files: a dollar sign is a dollar sign.
    "text.parse_math": False,
    # Type 42 keeps text as text in a PDF; journals refuse type 3.
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    # Names of clips are drawn at random otherwise.
    "svg.hashsalt": "unweave",
}


def readable(text: str) -> str:
    """Turn a name into a short label without underscores or control characters."""
    clean = "".join(c if c.isprintable() else " " for c in text.replace("_", " "))
    return clean if len(clean) <= LONGEST_NAME else clean[: LONGEST_NAME - 1] + "…"


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw, and save, figures in the one style: a context, and a decorator."""
    with matplotlib.rc_context(cast(Any, RC)):
        yield


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure, whole or not at all, in the format that the path's suffix names.

    Raises
    ------
    UnknownNameError
        If the suffix is not .png, .pdf or .svg.
    """
    kind = path.suffix.removeprefix(".")
    if kind not in FORMATS:
        raise unknown_name("format of figures", kind, FORMATS)
    # The date would make two files of one figure differ.
    metadata = {"png": {}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}[kind]
    with replacing(path) as temporary, figure_style():
        figure.savefig(
            temporary, dpi=DPI, format=kind, bbox_inches="tight", pad_inches=0.05,
            metadata=metadata,
        )  # fmt: skip
    return path


def figure_png(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    file = io.BytesIO()
    with figure_style():
        figure.savefig(file, dpi=DPI, format="png", bbox_inches="tight", pad_inches=0.05)
    return file.getvalue()
