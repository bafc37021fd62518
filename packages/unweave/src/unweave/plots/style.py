"""One style for all figures: readable in print, and by people who are colour-blind."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from cycler import cycler
from numpy.typing import NDArray

from unweave.errors import unknown_name
from unweave.files import replacing, write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 120
MARGIN = 0.05
"""Inches around what is drawn."""
TIGHT: dict[str, Any] = {"bbox_inches": "tight", "pad_inches": MARGIN}
FORMATS = ("png", "pdf", "svg")

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d1f", "#6b6b6b")
"""Okabe and Ito, "Color universal design", 2008; its yellow and black give way to brown and grey,
which are seen on white and on black."""
CLASSES = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6",
    "#a96b59", "#e76300", "#b9ac70", "#45484f", "#92dadd",
)  # fmt: skip
"""Petroff, "Accessible color sequences for data visualization", 2021: ten colours that people with
any kind of colour vision tell apart, for classes such as digits. Its darker grey is darker here."""
ACCENT = PALETTE[0]
INK = "#1c2330"
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
    # Lines of the grid would otherwise lie over points.
    "axes.axisbelow": True,
    # Nothing lies above the panels that a title must evade, and to look for it takes long.
    "axes.titley": 1.0,
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
    import matplotlib

    with matplotlib.rc_context(cast(Any, RC)):
        yield


def new_figure(size: tuple[float, float], **options: Any) -> Figure:
    """Return an empty figure of a size in inches; matplotlib is imported here, not before."""
    from matplotlib.figure import Figure

    return Figure(figsize=size, **options)


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
    if kind == "png":
        write_bytes(path, figure_png(figure))
        return path
    # The date would make two files of one figure differ.
    metadata = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}[kind]
    with replacing(path) as temporary, figure_style():
        figure.savefig(temporary, dpi=DPI, format=kind, metadata=metadata, **TIGHT)
    return path


def save_drawing(drawing: Callable[[], Figure], path: Path) -> Path:
    """Draw a figure and write it."""
    return save_figure(drawing(), path)


def figure_png(figure: Figure) -> bytes:
    """Return a figure as PNG, without empty margins.

    It is drawn once and cut, where matplotlib draws it a second time to know what to cut.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import to_rgb
    from PIL import Image

    file = io.BytesIO()
    with figure_style():
        figure.set_dpi(DPI)
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        picture = np.asarray(canvas.buffer_rgba())[..., :3]
        ground = (255 * np.array(to_rgb(figure.get_facecolor()))).round().astype(np.uint8)
        inked = (picture != ground).any(-1)
        if _is_cut(inked) and figure.get_layout_engine() is not None:
            figure.savefig(file, dpi=DPI, format="png", **TIGHT)
        else:
            cropped = Image.fromarray(_cropped(picture, inked, ground))
            cropped.save(file, format="png", dpi=(DPI, DPI))
    return file.getvalue()


def _is_cut(inked: NDArray[np.bool_]) -> bool:
    """Tell whether something reaches the edge of a figure; a layout leaves a margin around all."""
    return any(bool(edge.any()) for edge in (inked[0], inked[-1], inked[:, 0], inked[:, -1]))


def _cropped(
    picture: NDArray[np.uint8], inked: NDArray[np.bool_], ground: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Cut a picture (h, w, 3) to what is drawn, and put the margin of `TIGHT` around it."""
    rows, columns = (np.flatnonzero(inked.any(axis)) for axis in (1, 0))
    if not len(rows):
        return picture.copy()
    content = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    margin = round(DPI * MARGIN)
    height, width = content.shape[:2]
    out = np.empty((height + 2 * margin, width + 2 * margin, 3), np.uint8)
    out[:] = ground
    out[margin : margin + height, margin : margin + width] = content
    return out
