"""Pictures of codes, and of data that are vectors, as points of the plane."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from unweave.density import has_density

if TYPE_CHECKING:
    from unweave.trained import Trained

POINTS = 2000
MANY_CLASSES = 12
"""A factor of more classes than this is no help as colours."""


def flat(images: NDArray[Any]) -> NDArray[np.float64]:
    """Turn images (n, h, w, c) into rows (n, h w c)."""
    return np.asarray(images, np.float64).reshape(len(images), -1)


def draw_vectors(run: Trained, seed: int) -> Iterator[tuple[str, str, str, Figure]]:
    """Draw reconstructions, samples and codes of a run on vectors."""
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
        "data-plane", "Data and reconstructions",
        _of_plane("The data", int(np.prod(run.dataset.image_shape))),
        draw_plane({name: flat(points) for name, points in panels.items()}),
    )  # fmt: skip
    yield from draw_codes(run, seed)


def draw_codes(run: Trained, seed: int) -> Iterator[tuple[str, str, str, Figure]]:
    """Draw the codes of a run beside samples of its prior and of its fitted density."""
    codes = run.posterior_codes(POINTS, seed)
    panels = {"codes z ~ q(z|x)": codes, "prior": run.prior_codes(len(codes), seed)}
    if has_density(run.path):
        panels["fitted density"] = run.prior_codes(len(codes), seed, "density")
    yield (
        "codes", "Codes and prior", _of_plane("Codes", codes.shape[1]),
        draw_plane(panels, colours=code_classes(run, seed)),
    )  # fmt: skip


def code_classes(run: Trained, seed: int) -> NDArray[Any] | None:
    """Give the classes of the first factor that has few, for the rows of `posterior_codes`."""
    from unweave.trained import sample_rows

    few = [k for k, size in enumerate(run.dataset.factor_sizes) if size <= MANY_CLASSES]
    if run.dataset.factors is None or not few:
        return None
    return np.asarray(run.dataset.factors[sample_rows(len(run.dataset), POINTS, seed), few[0]])


def draw_plane(panels: Mapping[str, NDArray[Any]], colours: NDArray[Any] | None = None) -> Figure:
    """Draw sets of rows (n, d) side by side, in the plane of the first set.

    The plane is the rows' own where d = 2, else that of the first set's two principal components.

    colours : classes of the first set's rows.
    """
    first = next(iter(panels.values()))
    project = principal_plane(first)
    figure = Figure(figsize=(10, 10 / max(2, len(panels)) + 0.3), layout="constrained")
    axes = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    for panel, (name, rows) in zip(axes, panels.items(), strict=True):
        scatter(panel, project(rows), colours if rows is first else None, name)
    return figure


def scatter(panel: Any, points: NDArray[Any], classes: NDArray[Any] | None, title: str) -> None:
    """Draw points (n, 2) into a panel, coloured by class where classes are given."""
    style = {"color": "#2b5fb3"} if classes is None else {"c": classes, "cmap": "tab10"}
    panel.scatter(*points.T, s=3, alpha=0.6, linewidths=0, **style)
    panel.set_title(title, fontsize=10)
    panel.tick_params(labelsize=8)
    panel.set_aspect("equal", adjustable="box")
    panel.grid(alpha=0.25)


def principal_plane(rows: NDArray[Any]) -> Any:
    """Return a function from rows (n, d) to points (n, 2): the two principal components of some.

    Of two dimensions it changes nothing; one dimension gets zeros beside it.
    """
    dim = rows.shape[1]
    if dim == 1:
        return lambda other: np.column_stack([other, np.zeros(len(other))])
    if dim == 2:
        return lambda other: other
    centre = rows.mean(0)
    axes = np.linalg.svd(rows - centre, full_matrices=False)[2][:2]
    return lambda other: (other - centre) @ axes.T


def _of_plane(what: str, dim: int) -> str:
    if dim == 2:
        return f"{what} as they are, in two dimensions."
    return f"{what} along their first two of {dim} principal components; all panels show one plane."
