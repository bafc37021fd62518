"""Pictures of a run, and the arrays that they show."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from unweave.api import Run
from unweave.commands.amounts import check_amount
from unweave.commands.outputs import check_suffix, save_arrays
from unweave.errors import ConfigError
from unweave.plots.planes import draw_plane, flat
from unweave.plots.style import save_figure
from unweave.report.dimensions import describe_dimensions, read_codes
from unweave.report.dimensions import name as dimension_name
from unweave.report.figures import draw_pictures, traversal_values, traversals_drawing
from unweave.trained import source_named

COLUMNS = 16
"""Samples in a row of a picture; more where it would be higher than wide."""


def sample_to_file(
    path: Path, out: Path | None, n: int, seed: int, source: str | None, device: str = "auto"
) -> Path:
    """Write pictures of codes from the fitted density or the prior as `.png` or `.npz`."""
    run = Run.open(path, device=device)
    out = out or run.figures / "samples.png"
    check_suffix(out, (".png", ".npz"))
    sample_source = run.sample_source if source is None else source_named(source)
    check_amount("n", n, 1, run, out)
    images = run.sample(n, seed, sample_source)
    if out.suffix == ".npz":
        return save_arrays(
            out, {"images": images, "codes": run.prior_codes(n, seed, sample_source)}
        )
    out.parent.mkdir(exist_ok=True)
    return save_figure(draw_pictures(run, images, _columns(n, run)), out)


def traverse_to_file(
    path: Path, out: Path | None, image: int, steps: int, device: str = "auto"
) -> Path:
    """Write traversals of one image as `.png` or `.npz`."""
    run = Run.open(path, device=device)
    out = out or run.figures / f"traversal-{image}.png"
    check_suffix(out, (".png", ".npz"))
    if image >= len(run.dataset):
        raise ConfigError(f"image must be below {len(run.dataset)}, got {image}")
    check_amount("steps", steps, run.config.dim, run, out)
    picture = run.dataset.images(np.array([image]))[0]
    dimensions = describe_dimensions(run, read_codes(run))
    values = traversal_values(dimensions, steps)
    if out.suffix == ".npz":
        return save_arrays(out, {"images": run.traverse(picture, values), "values": values})
    out.parent.mkdir(exist_ok=True)
    if run.continuous:
        curves = {
            dimension_name(d): flat(row) for d, row in enumerate(run.traverse(picture, values))
        }
        return save_figure(draw_plane(curves), out)
    return save_figure(traversals_drawing(run, picture, dimensions, steps)(), out)


def _columns(n: int, run: Run) -> int:
    height, width, _ = run.facts.image_shape
    return min(n, max(COLUMNS, math.ceil(math.sqrt(n * height / width))))
