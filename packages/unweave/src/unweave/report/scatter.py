"""Figures of codes, and of data that are vectors, in the plane."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from unweave.density import has_density
from unweave.plots.planes import MANY_CLASSES, draw_plane, flat
from unweave.plots.style import readable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from unweave.report.material import Material

POINTS = 2000


def describe_vectors(material: Material) -> Iterator[tuple[str, str, Callable[[], Figure]]]:
    """Describe the figure of data, reconstructions and samples of a run on vectors."""
    run, seed = material.run, material.seed
    if not run.continuous:
        return
    rng = np.random.default_rng(seed)
    index = rng.choice(len(run.dataset), min(POINTS, len(run.dataset)), replace=False)
    data = run.dataset.images(index)
    panels = {
        "data": data,
        "reconstructions": run.reconstruct(data),
        "decoded prior samples": run.sample(len(data), seed, "prior"),
    }
    if has_density(run.path):
        panels["decoded samples of the fitted density"] = run.sample(len(data), seed, "density")
    yield (
        "Data and reconstructions",
        _of_plane("The data", int(np.prod(run.dataset.image_shape))),
        partial(draw_plane, {name: flat(points) for name, points in panels.items()}),
    )  # fmt: skip


def describe_codes(material: Material) -> Iterator[tuple[str, str, Callable[[], Figure]]]:
    """Describe the figure of codes beside draws from the prior and the fitted density."""
    run, codes = material.run, material.codes.z[material.rows]
    panels = {"codes z ~ q(z|x)": codes, "prior": material.prior[: len(codes)]}
    if has_density(run.path):
        panels["fitted density"] = run.prior_codes(len(codes), material.seed, "density")
    classes, k = material.factor_classes, _colouring(run.dataset.factor_sizes)
    caption = _of_plane("Codes", codes.shape[1])
    if classes is None or k is None:
        yield "Codes and prior", caption, partial(draw_plane, panels)
        return
    factor = readable(run.dataset.factor_names[k])
    drawing = partial(draw_plane, panels, classes[:, k], factor)
    yield "Codes and prior", f"{caption} Colours: {factor}.", drawing


def _colouring(sizes: Sequence[int]) -> int | None:
    """Choose the first factor of at least two and few classes, else the first of many."""
    few = [k for k, size in enumerate(sizes) if 2 <= size <= MANY_CLASSES]
    many = [k for k, size in enumerate(sizes) if size > MANY_CLASSES]
    return next(iter([*few, *many]), None)


def _of_plane(what: str, dim: int) -> str:
    if dim <= 2:
        return f"{what} as they are."
    return f"{what} along their first two of {dim} principal components; all panels show one plane."
