"""Walks through the code space of a run: between two images, and along latents of some images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave.api import Run
from unweave.commands.amounts import check_amount
from unweave.commands.outputs import check_suffix, save_arrays
from unweave.errors import ConfigError
from unweave.plots.grids import draw_rows
from unweave.plots.planes import draw_plane, flat
from unweave.plots.style import save_figure
from unweave.report.dimensions import describe_dimensions, read_codes
from unweave.report.dimensions import name as dimension_name

SUFFIXES = (".png", ".npz")
Range = tuple[float, float]


def interpolate_to_file(
    path: Path, out: Path | None, first: int, second: int, steps: int, device: str = "auto"
) -> Path:
    """Write pictures of z(t) = (1 - t) z_i + t z_j, t = 0 ... 1, as `.png` or `.npz`.

    z_i and z_j are the mean codes of two images, which stand at the ends of the PNG's row.
    """
    run = Run.open(path, device=device)
    out = out or run.figures / f"interpolation-{first}-{second}.png"
    check_suffix(out, SUFFIXES)
    check_amount("steps", steps, 1, run, out)
    images = _images(run, (first, second))
    start, end = run.encode(images)
    share = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    codes = (1 - share) * start + share * end
    pictures = run.decode(codes)
    if out.suffix == ".npz":
        return save_arrays(out, {"images": pictures, "codes": codes, "ends": images})
    row = np.concatenate([images[:1], pictures, images[1:]])
    return _save_rows(run, out, row[None], [""])


def traverse_dimensions_to_file(
    path: Path, out: Path | None, image: int, limits: Range, steps: int, device: str = "auto"
) -> Path:
    """Write a row for each latent of one image, from one value to another, in their order."""
    run = Run.open(path, device=device)
    out = out or run.figures / f"traversal-{image}.png"
    check_suffix(out, SUFFIXES)
    check_amount("steps", steps, run.config.dim, run, out)
    (picture,) = _images(run, (image,))
    values = np.broadcast_to(_spaced(limits, steps), (run.config.dim, steps))
    rows = run.traverse(picture, values)
    if out.suffix == ".npz":
        return save_arrays(out, {"images": rows, "values": values})
    start = np.broadcast_to(picture, (len(rows), 1, *picture.shape))
    names = [dimension_name(d) for d in range(len(rows))]
    return _save_rows(run, out, np.concatenate([start, rows], axis=1), names)


def traverse_images_to_file(
    path: Path,
    out: Path | None,
    images: Sequence[int],
    latent: int,
    limits: Range | None,
    steps: int,
    device: str = "auto",
) -> Path:
    """Write a row for each image, along one latent, whose number starts at 1.

    Parameters
    ----------
    limits
        The values at both ends; two quantiles of the codes where they are not given.
    """
    run = Run.open(path, device=device)
    out = out or run.figures / f"traversal-z{latent}.png"
    check_suffix(out, SUFFIXES)
    if latent > run.config.dim:
        raise ConfigError(f"latent must lie between 1 and {run.config.dim}, got {latent}")
    check_amount("steps", steps, len(images), run, out)
    pictures = _images(run, images)
    values = _spaced(limits or _codes_range(run, latent - 1), steps)
    codes = np.repeat(run.encode(pictures)[:, None], steps, axis=1)
    codes[:, :, latent - 1] = values
    decoded = run.decode(codes.reshape(-1, codes.shape[-1]))
    rows = decoded.reshape(len(pictures), steps, *decoded.shape[1:])
    if out.suffix == ".npz":
        return save_arrays(out, {"images": rows, "values": values})
    start = pictures[:, None]
    return _save_rows(run, out, np.concatenate([start, rows], axis=1), [str(i) for i in images])


def read_indices(text: str) -> tuple[int, ...]:
    """Read indices of images such as `0,3,7`.

    Raises
    ------
    ConfigError
        If the text is none.
    """
    try:
        return tuple(int(part) for part in text.replace(",", " ").split() or [text])
    except ValueError:
        raise ConfigError(f"--images takes indices such as 0,3,7, got {text!r}") from None


def check_range(limits: Range) -> None:
    """Raise unless the first of two values is the smaller one.

    Raises
    ------
    ConfigError
        If it is not, or one is not finite.
    """
    low, high = limits
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ConfigError(f"--range takes a smaller and a larger number, got {low:g} {high:g}")


def _images(run: Run, indices: Sequence[int]) -> NDArray[Any]:
    for index in indices:
        if not 0 <= index < len(run.dataset):
            raise ConfigError(f"image must lie between 0 and {len(run.dataset) - 1}, got {index}")
    # Data sets on disk read ascending indices.
    distinct, places = np.unique(np.array(indices), return_inverse=True)
    return run.dataset.images(distinct)[places]


def _codes_range(run: Run, d: int) -> Range:
    low, high = describe_dimensions(run, read_codes(run)).codes_range[d]
    return float(low), float(high)


def _spaced(limits: Range, steps: int) -> NDArray[np.float32]:
    return np.linspace(*limits, steps, dtype=np.float32)


def _save_rows(run: Run, out: Path, rows: NDArray[Any], names: list[str]) -> Path:
    """Draw rows of pictures (r, m, h, w, c) with names at the left, or points of the plane."""
    out.parent.mkdir(exist_ok=True)
    if run.continuous:
        figure = draw_plane({n: flat(row) for n, row in zip(names, rows, strict=True)})
    else:
        figure = draw_rows(rows, names)
    return save_figure(figure, out)
