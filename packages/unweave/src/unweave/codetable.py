"""Codes of a sample of images, and the file that holds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unweave.batches import derive_seed
from unweave.encoding import CHUNK, encode_chunks
from unweave.files import writing_hdf5
from unweave.model import Autoencoder
from unweave.protocols import Dataset, member
from unweave.trained import Trained, sample_rows, squared_error

Progress = Callable[[int, int], None]
ACTIVE = 0.1
"""A dimension is active if more than this share of its variance is between images."""


@dataclass(frozen=True)
class CodeTable:
    """Codes of a sample of images.

    Attributes
    ----------
    index
        Rows of the data set, shape (n,).
    codes
        Means of q(z|x), or draws from it, float32, shape (n, D).
    std
        Standard deviations of q(z|x), float32, shape (n, D).
    reconstruction_error
        Squared error of each image, float32, shape (n,).
    """

    index: NDArray[np.int64]
    codes: NDArray[np.float32]
    std: NDArray[np.float32]
    reconstruction_error: NDArray[np.float32]

    @property
    def active(self) -> NDArray[np.bool_]:
        """Which dimensions are active: Var(mean_d) / (Var(mean_d) + E[std_d²]) > .1; shape (D,)."""
        between = self.codes.var(axis=0, dtype=np.float64)
        total = between + np.square(self.std, dtype=np.float64).mean(axis=0)
        used: NDArray[np.bool_] = between > ACTIVE * np.maximum(total, np.finfo(np.float64).tiny)
        return used


@torch.no_grad()
def encode_table(
    run: Trained,
    model: Autoencoder,
    *,
    rows: int,
    seed: int = 0,
    dataset: Dataset | None = None,
    noisy: bool = False,
    progress: Progress | None = None,
) -> CodeTable:
    """Encode and reconstruct a random sample of a data set, by default the run's own.

    Parameters
    ----------
    noisy
        Take a draw z ~ q(z|x) for the code of each image instead of the mean, and reconstruct
        from it.
    """
    dataset = dataset or run.dataset
    index = sample_rows(len(dataset), rows, seed)
    size = len(index)
    generator = torch.Generator(run.device).manual_seed(derive_seed(seed, "noise"))
    codes, stds, errors = [], [], []
    for start in range(0, size, CHUNK):
        images = dataset.images(index[start : start + CHUNK])
        for posterior, x in encode_chunks(model, images, run.device):
            z = posterior.rsample(generator) if noisy else posterior.mean
            codes.append(z.cpu().numpy())
            stds.append(posterior.std.cpu().numpy())
            errors.append(squared_error(run, x, model.decode(z)).cpu().numpy())
        if progress:
            progress(min(start + CHUNK, size), size)
    return CodeTable(index, np.concatenate(codes), np.concatenate(stds), np.concatenate(errors))


def write_code_table(
    path: Path, table: CodeTable, dataset: Dataset, attributes: Mapping[str, str | int]
) -> None:
    """Write a code table as HDF5, the format that the metrics read.

    `/codes` (n, D), `/std`, `/reconstruction_error` (n,), and, if known, `/factors` (n, K) and
    `/factor_values`; factor names and sizes are attributes of the file.
    """
    arrays = {
        "codes": table.codes,
        "std": table.std,
        "reconstruction_error": table.reconstruction_error,
        "index": table.index,
        "factors": rows_of(dataset.factors, table.index),
        "factor_values": rows_of(member(dataset, "factor_values"), table.index),
    }
    with writing_hdf5(path) as file:
        for name, array in arrays.items():
            if array is not None:
                file[name] = array
        if dataset.factors is not None:
            file.attrs["factor_names"] = list(dataset.factor_names)
            file.attrs["factor_sizes"] = list(dataset.factor_sizes)
        file.attrs.update({"data": dataset.name, **attributes})


def rows_of(array: NDArray[np.generic] | None, index: NDArray[np.int64]) -> NDArray[Any] | None:
    """Return rows of an array, or None for None."""
    return None if array is None else array[index]
