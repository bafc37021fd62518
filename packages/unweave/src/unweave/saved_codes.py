"""The code table of a run directory, read as an untrusted file."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from unweave.codetable import CodeTable
from unweave.encoding import CHUNK, encode_chunks
from unweave.protocols import Dataset
from unweave.trained import Trained, sample_rows, squared_error

MOST_ROWS = 10_000_000
"""Largest code table that is read; a file that declares more is ignored."""
NAMES = ("index", "codes", "std", "reconstruction_error")
RELATIVE, ABSOLUTE = 1e-4, 1e-5
"""Tolerance for codes from other devices and other batches."""


def read_means(
    run: Trained,
    dataset: Dataset,
    *,
    on: str = "train",
    names: tuple[str, ...] = NAMES,
) -> tuple[NDArray[Any], ...] | None:
    """Read arrays of the run's table, if it holds mean codes of the loaded step.

    None if it does not, or is not such a table: an untrusted file may hold anything.

    Parameters
    ----------
    dataset
        Data set of the rows in the table's index.
    on
        The images that must have been encoded.
    """
    try:
        with h5py.File(run.codes_path) as file:
            kind = (file.attrs.get("codes", "mean"), file.attrs.get("on", "train"))
            fresh = int(file.attrs.get("step", -1)) == run.model_step
            if not fresh or kind != ("mean", on):
                return None
            rows, dim = _shape(file, "index")[0], run.config.dim
            shapes = {"index": (rows,), "reconstruction_error": (rows,)}
            if not 1 < rows <= MOST_ROWS or any(
                _shape(file, name) != shapes.get(name, (rows, dim)) for name in names
            ):
                return None
            arrays = {name: np.asarray(file[name]) for name in names}
    # HDF5 says a loop of links or a damaged file as RuntimeError.
    except (OSError, LookupError, TypeError, ValueError, RuntimeError):
        return None
    index = arrays["index"]
    if index.dtype.kind == "f" or not 0 <= index.min() <= index.max() < len(dataset):
        return None
    return tuple(arrays.values()) if all(np.isfinite(a).all() for a in arrays.values()) else None


def read_table(
    run: Trained, dataset: Dataset, *, rows: int, seed: int, on: str
) -> CodeTable | None:
    """Return the run's table if it equals the one that `encode_table` would make of mean codes.

    It must have the same images, and for the first of them the codes of the model.
    """
    arrays = read_means(run, dataset, on=on)
    if arrays is None or not np.array_equal(arrays[0], sample_rows(len(dataset), rows, seed)):
        return None
    if any(array.dtype != np.float32 for array in arrays[1:]):
        return None
    table = CodeTable(*arrays)
    return table if _agrees(run, table, dataset) else None


@torch.no_grad()
def _agrees(run: Trained, table: CodeTable, dataset: Dataset) -> bool:
    """Whether the first rows of a table are the model's codes of their images."""
    images = dataset.images(table.index[:CHUNK])
    ((posterior, x),) = encode_chunks(run.model, images, run.device)
    error = squared_error(run, x, run.model.decode(posterior.mean))
    pairs = zip(
        (table.codes, table.std, table.reconstruction_error),
        (posterior.mean, posterior.std, error),
        strict=True,
    )
    return all(np.allclose(a[:CHUNK], b.cpu().numpy(), RELATIVE, ABSOLUTE) for a, b in pairs)


def _shape(file: h5py.File, name: str) -> tuple[int, ...]:
    """Return the shape of a dataset of numbers in the file itself.

    Raises
    ------
    ValueError
        If it is not one: an untrusted file may link to others, or hold text.
    """
    here = isinstance(file.get(name, getlink=True), h5py.HardLink)
    dataset = file[name] if here else None
    if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.dtype.kind not in "iuf":
        raise ValueError(f"{name} is not a dataset of numbers")
    return tuple(dataset.shape or ())
