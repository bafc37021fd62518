"""What a run can write for other tools: tables of codes, pictures, arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from unweave.api import Run
from unweave.codetable import encode_table, write_code_table
from unweave.commands.amounts import check_amount
from unweave.density import FILE as DENSITY_FILE
from unweave.density import has_density
from unweave.errors import ConfigError, unknown_name
from unweave.evaluate import code_distances
from unweave.files import replacing
from unweave.frechet import RECONSTRUCTIONS, frechet_distance
from unweave.options import parse_spec
from unweave.progress import counting
from unweave.protocols import Dataset
from unweave.report import save_figure
from unweave.report.dimensions import describe_dimensions, read_codes
from unweave.report.dimensions import name as dimension_name
from unweave.report.figures import draw_pictures, draw_traversals, traversal_values
from unweave.report.scatter import draw_plane, flat
from unweave.trained import SOURCES, source_named

COLUMNS = 16
"""Samples in a row of a picture; more where it would be higher than wide."""


def encode_to_file(
    path: Path, out: Path, data: str | None, rows: int | None, seed: int, device: str = "auto"
) -> Path:
    """Encode the run's data set, or another, into `.h5` or `.npz`."""
    check_suffix(out, (".h5", ".npz"))
    run = Run.open(path, device=device)
    dataset = run.dataset if data is None else _other_dataset(run, data)
    total = rows or len(dataset)
    with counting("encoding", "images") as progress:
        table = encode_table(
            run, run.model, rows=total, seed=seed, dataset=dataset, progress=progress
        )
    if out.suffix == ".h5":
        write_code_table(out, table, dataset, {"method": run.config.method})
        return out
    arrays: dict[str, NDArray[Any]] = {"codes": table.codes, "std": table.std, "index": table.index}
    if dataset.factors is not None:
        arrays["factors"] = dataset.factors[table.index]
        arrays["factor_names"] = np.array(dataset.factor_names)
    return save_arrays(out, arrays)


def fit_density_of(
    path: Path, flow: str, rows: int, seed: int, device: str = "auto"
) -> tuple[Path, list[tuple[str, str]]]:
    """Fit a density to a run's codes; return its file and how far samples are from codes."""
    run = Run.open(path, device=device)
    with counting(f"fitting {parse_spec(flow)[0]}", "epochs") as progress:
        run.fit_density(flow, rows=rows, seed=seed, progress=progress)
    distances = code_distances(run, seed)
    return path / DENSITY_FILE, [(source, f"{d:.3g}") for source, d in distances.items()]


def frechet_distances_of(
    path: Path, data: str | None, images: int, network: str, seed: int, device: str = "auto"
) -> list[tuple[str, str]]:
    """Compare samples of the prior and the fitted density, and reconstructions, with images."""
    run = Run.open(path, device=device)
    dataset = run.dataset if data is None else _other_dataset(run, data)
    rows: list[tuple[str, str]] = []
    sources = SOURCES if has_density(run.path) else SOURCES[:1]
    for source in (*sources, RECONSTRUCTIONS):
        with counting(f"features, {source}", "images") as progress:
            distance = frechet_distance(
                run, source, dataset,
                images=images, network=network, seed=seed, progress=progress,
            )  # fmt: skip
        rows.append((source, f"{distance:.4g}"))
    return rows


def sample_to_file(
    path: Path, out: Path | None, n: int, seed: int, source: str | None, device: str = "auto"
) -> Path:
    """Write pictures of codes from the fitted density or the prior as `.png` or `.npz`."""
    run = Run.open(path, device=device)
    out = out or run.figures / "samples.png"
    check_suffix(out, (".png", ".npz"))
    chosen = run.sample_source if source is None else source_named(source)
    check_amount("n", n, 1, run, out)
    images = run.sample(n, seed, chosen)
    if out.suffix == ".npz":
        return save_arrays(out, {"images": images, "codes": run.prior_codes(n, seed, chosen)})
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
    return save_figure(draw_traversals(run, picture, dimensions, steps), out)


def _columns(n: int, run: Run) -> int:
    height, width, _ = run.facts.image_shape
    return min(n, max(COLUMNS, math.ceil(math.sqrt(n * height / width))))


def _other_dataset(run: Run, text: str) -> Dataset:
    """Open a data set whose images have the shape of the run's."""
    dataset = cast(Dataset, run.registry.build("dataset", text))
    if dataset.image_shape != run.facts.image_shape:
        raise ConfigError(
            f"{dataset.name} has images of shape {dataset.image_shape}, and the run was "
            f"trained on {run.facts.image_shape}; give the data set a resolution"
        )
    return dataset


def check_suffix(path: Path, known: tuple[str, ...]) -> None:
    """Raise unless a file to write has a known suffix and its folder is there.

    Raises
    ------
    ConfigError
        If it has not; `figures` of a run is made when it is needed.
    """
    if path.suffix not in known:
        raise unknown_name("file type", path.suffix or path.name, known)
    if not path.parent.exists() and path.parent != path.parent.parent / "figures":
        raise ConfigError(f"folder {path.parent} does not exist; make it first")


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> Path:
    """Write arrays as a compressed `.npz`, whole or not at all; return its path."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    return path
