"""How many pictures a command computes at once, before it computes any."""

from __future__ import annotations

from pathlib import Path

from unweave.api import Run
from unweave.errors import ConfigError

LARGEST_ARRAYS = 2 << 30
"""Most bytes of the pictures and their codes."""
LARGEST_PICTURE = 1 << 25
"""Most pixels, times colours, in one PNG: matplotlib takes some 20 bytes for each."""


def check_amount(option: str, count: int, rows: int, run: Run, out: Path) -> None:
    """Raise unless `rows` times `count` pictures and their codes fit into memory, and into a file.

    Raises
    ------
    ConfigError
        If they do not, with the largest `count` that does.
    """
    height, width, colours = run.facts.image_shape
    each = height * width * colours * (4 if run.continuous else 1) + 4 * run.config.dim
    most = max(1, LARGEST_ARRAYS // (each * rows))
    if count > most:
        raise ConfigError(
            f"{option} must be at most {most:,}, got {count:,}: the pictures and codes may take "
            f"{LARGEST_ARRAYS >> 30} GiB"
        )
    most_in_picture = max(1, LARGEST_PICTURE // (rows * (height + 1) * (width + 1) * colours))
    if out.suffix == ".png" and not run.continuous and count > most_in_picture:
        raise ConfigError(
            f"{option} must be at most {most_in_picture:,} for a picture, got {count:,}; "
            "write more as arrays, with --out FILE.npz"
        )
