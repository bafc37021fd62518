"""Codes as tables, what is fitted to them, and how far pictures of codes are from images.

None of it draws, so nothing here imports matplotlib.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave.api import Run
from unweave.codetable import encode_table, write_code_table
from unweave.commands.outputs import check_suffix, save_arrays
from unweave.density import FILE as DENSITY_FILE
from unweave.density import has_density
from unweave.evaluate import code_distances
from unweave.options import parse_spec
from unweave.progress import counting
from unweave.scores.frechet import RECONSTRUCTIONS, frechet_distance
from unweave.trained import SOURCES


def encode_to_file(
    path: Path,
    out: Path,
    data: str,
    rows: int | None,
    seed: int,
    device: str = "auto",
    *,
    codes: str = "mean",
) -> Path:
    """Encode the images of `Run.images_of` into `.h5` or `.npz`: means of q(z|x), or draws."""
    check_suffix(out, (".h5", ".npz"))
    run = Run.open(path, device=device)
    dataset = run.images_of(data)
    total = rows or len(dataset)
    with counting("encoding", "images") as progress:
        table = encode_table(
            run, run.model, rows=total, seed=seed, dataset=dataset, noisy=codes == "sampled",
            progress=progress,
        )  # fmt: skip
    if out.suffix == ".h5":
        write_code_table(out, table, dataset, {"method": run.config.method, "codes": codes})
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
    path: Path, data: str, images: int, network: str, seed: int, device: str = "auto"
) -> list[tuple[str, str]]:
    """Compare samples of the prior and the fitted density, and reconstructions, with images."""
    run = Run.open(path, device=device)
    dataset = run.images_of(data)
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
