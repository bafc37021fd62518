"""Figures of codes, and of data that are vectors, in the plane."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unweave.density import has_density
from unweave.plots.planes import MANY_CLASSES, draw_plane, flat
from unweave.plots.style import readable
from unweave.report.dimensions import name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from unweave.report.material import Material

POINTS = 2000
Described = tuple[str, str, Callable[[], "Figure"]]
"""Title, caption, drawing."""


def describe_vectors(material: Material) -> Iterator[Described]:
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
    size = int(np.prod(run.dataset.image_shape))
    points = {title: flat(rows) for title, rows in panels.items()}
    axes = _axes([f"number {i + 1} of a row" for i in range(size)])
    drawing = partial(draw_plane, points, axes=axes)
    yield "Data and reconstructions", _of_plane("The data", size), drawing


def describe_codes(material: Material) -> Iterator[Described]:
    """Describe the figure of codes beside draws from the prior and the fitted density."""
    run, codes = material.run, material.codes.z[material.rows]
    panels = {"codes z ~ q(z|x)": codes, "prior": material.prior[: len(codes)]}
    if has_density(run.path):
        panels["fitted density"] = run.prior_codes(len(codes), material.seed, "density")
    axes = _axes([name(d) for d in range(codes.shape[1])])
    yield _by_factor(material, "Codes and prior", _of_plane("Codes", codes.shape[1]), panels, axes)


def describe_embedding(material: Material) -> Iterator[Described]:
    """Describe the figure of mean codes in the plane of t-SNE or UMAP, if it was asked for."""
    if material.embedding is None:
        return
    method, points = material.embedding
    caption = (
        f"Means of q(z|x) in the plane of {method}, which keeps neighbours together; distances "
        "between groups, and the axes, have no meaning."
    )
    axes = (f"first axis of {method}", f"second axis of {method}")
    yield _by_factor(material, f"Codes by {method}", caption, {method: points}, axes)


def _by_factor(
    material: Material,
    title: str,
    caption: str,
    panels: Mapping[str, NDArray[Any]],
    axes: tuple[str, str],
) -> Described:
    """Describe a figure of points; a factor, if there is one, colours the first panel."""
    classes, dataset = material.factor_classes, material.run.dataset
    k = None if classes is None else _factor_of_colours(dataset.factor_sizes)
    if classes is None or k is None:
        return title, caption, partial(draw_plane, panels, axes=axes)
    factor = readable(dataset.factor_names[k])
    colours = classes[: len(next(iter(panels.values()))), k]
    drawing = partial(draw_plane, panels, colours, factor, axes=axes)
    return title, f"{caption} Colours: {factor}.", drawing


def _axes(names: Sequence[str]) -> tuple[str, str]:
    """Return the names of the axes of a plane: the dimensions, or principal components."""
    if len(names) > 2:
        return "first principal component", "second principal component"
    return names[0], names[1] if len(names) == 2 else ""


def _factor_of_colours(sizes: Sequence[int]) -> int | None:
    """Return the first factor of two to `MANY_CLASSES` classes, else the first of more, or None."""
    few = [k for k, size in enumerate(sizes) if 2 <= size <= MANY_CLASSES]
    many = [k for k, size in enumerate(sizes) if size > MANY_CLASSES]
    return next(iter([*few, *many]), None)


def _of_plane(what: str, dim: int) -> str:
    if dim <= 2:
        return f"{what} as they are."
    return f"{what} along their first two of {dim} principal components; all panels show one plane."
