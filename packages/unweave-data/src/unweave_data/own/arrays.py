"""The user's own images in arrays, from an npz, an npy or an HDF5."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unweave_data.colours import background_colour
from unweave_data.containers.arrayfile import ArrayFile
from unweave_data.containers.hdf5 import open_hdf5
from unweave_data.containers.npy import open_npy
from unweave_data.containers.npz import open_npz
from unweave_data.dataset import Dataset
from unweave_data.errors import DataError
from unweave_data.factors import UNKNOWN, Factors, make_factors
from unweave_data.files import require_path
from unweave_data.layout import ReadOptions
from unweave_data.loader import loader
from unweave_data.own.grids import factors_of_grid
from unweave_data.stack import Storage, open_stack

IMAGES = ("images", "imgs", "x", "X", "data")
FACTORS = ("factors", "factor_classes", "latents_classes", "labels", "y")
VALUES = ("factor_values", "latents_values")


@loader("npz")
def npz(
    *,
    path: Path | None = None,
    images: str | None = None,
    factors: str | None = None,
    range_: str = "",
    channels: str = "",
    background: str = "",
    in_memory: bool | None = None,
    unpack: Path | None = None,
) -> Dataset:
    """Read the user's own images, and factors if there are any, from an npz.

    Arrays `factor_values` (n, k), `factor_names` (k,) and `factor_sizes` (k,) are used where
    present. Where they are not, and the images are as many as the combinations of a published set
    that `disent` writes without its factors, those are taken.

    Parameters
    ----------
    path
        the npz
    images
        array of the images, as ArrayDataset takes them; else `images`, `imgs`, `x`, `data` or the
        only array in the file
    factors
        array of the factors; else `factors`, `factor_classes`, `latents_classes`, `labels` or `y`
    range_
        how levels of other than 8 bits become 8: LOW,HIGH, percentile, minmax, full, or keep for
        floats of any size
    channels
        "first" or "last", where the shape does not tell
    background
        colour under the alpha channel, as white or #ff8800; else that is kept as a channel
    in_memory
        whether to read all images at once
    unpack
        folder into which the images are unpacked once, and from which they are then read

    Raises
    ------
    DataError
        If it is not an npz, truncated, no such arrays, or arrays that are not images or factors.
    """
    options = ReadOptions(range_, channels, background_colour(background))
    with open_npz(require_path(path, "the npz"), "an npz with images") as file:
        return _open(file, "npz", images, factors, options, Storage(in_memory, unpack))


@loader("hdf5")
def hdf5(
    *,
    path: Path | None = None,
    images: str | None = None,
    factors: str | None = None,
    range_: str = "",
    channels: str = "",
    background: str = "",
    in_memory: bool | None = None,
    unpack: Path | None = None,
) -> Dataset:
    """Read the user's own images, and factors if there are any, from an HDF5.

    `factor_values`, `factor_names` and `factor_sizes` are used where present, as data sets or as
    attributes of the factors or of the file. Links out of the file are never followed.

    Parameters
    ----------
    path
        the HDF5
    images
        data set of the images, as ArrayDataset takes them; else `images`, `imgs`, `x`, `data` or
        the only one at the root
    factors
        data set of the factors; else `factors`, `factor_classes`, `latents_classes`, `labels`, `y`
    range_
        how levels of other than 8 bits become 8: LOW,HIGH, percentile, minmax, full, or keep for
        floats of any size
    channels
        "first" or "last", where the shape does not tell
    background
        colour under the alpha channel, as white or #ff8800; else that is kept as a channel
    in_memory
        whether to read all images at once; else where they take up to 1 GiB
    unpack
        folder into which packed images are unpacked once, and from which they are then read

    Raises
    ------
    DataError
        If it is not an HDF5, truncated, no such data sets, or ones that are not images or
        factors.
    """
    options = ReadOptions(range_, channels, background_colour(background))
    with open_hdf5(require_path(path, "the HDF5"), "an HDF5 with images") as file:
        return _open(file, "hdf5", images, factors, options, Storage(in_memory, unpack))


@loader("npy")
def npy(
    *,
    path: Path | None = None,
    factors: Path | None = None,
    range_: str = "",
    channels: str = "",
    background: str = "",
    in_memory: bool | None = None,
) -> Dataset:
    """Read the user's own images from an npy, and factors from another.

    Parameters
    ----------
    path
        the npy, as ArrayDataset takes its images
    factors
        npy of the factors, shape (n, k) or (n,)
    range_
        how levels of other than 8 bits become 8: LOW,HIGH, percentile, minmax, full, or keep for
        floats of any size
    channels
        "first" or "last", where the shape does not tell
    background
        colour under the alpha channel, as white or #ff8800; else that is kept as a channel
    in_memory
        whether to read all images at once; else where they take up to 1 GiB

    Raises
    ------
    DataError
        If it is not an npy, truncated, or an array that is not images or factors.
    """
    options = ReadOptions(range_, channels, background_colour(background))
    with open_npy(require_path(path, "the npy"), "an npy with images") as file:
        n = file.header("array").shape[0] if file.header("array").shape else 0
        factor_table = UNKNOWN
        if factors is not None:
            with open_npy(factors, "an npy with factors") as other:
                factor_table = make_factors(n, other.read("array"))
        return open_stack(file, "array", "npy", factor_table, options, Storage(in_memory))


def _open(
    file: ArrayFile,
    name: str,
    images: str | None,
    factors: str | None,
    options: ReadOptions,
    storage: Storage,
) -> Dataset:
    array = images_name(file, images)
    shape = file.header(array).shape
    if len(shape) < 3:
        raise DataError(
            f"images must have shape (n, h, w) or (n, h, w, c), got {str(shape)[:80]}; load "
            "vectors as vectors, time series as series"
        )
    factor_table, note = known_factors(file, factors, shape[0])
    return open_stack(file, array, name, factor_table, options, storage, note)


def images_name(file: ArrayFile, choice: str | None) -> str:
    """Choose the array of the images: the one that was asked for, a usual one, or the only one.

    Raises
    ------
    DataError
        If there is no such array.
    """
    name = _choose(file, choice, IMAGES, "images")
    if name is None and len(file.names) == 1:
        name = file.names[0]
    if name is None:
        raise DataError(
            f"path: {file.path} has no array named {' or '.join(IMAGES[:2])}, but "
            f"{_listed(file)}; name one with images="
        )
    return name


def known_factors(file: ArrayFile, choice: str | None, n: int) -> tuple[Factors, str]:
    """Read the factors of n images and what describes them, or take those of a published set.

    Returns
    -------
    Factors, and one line that the user should know

    Raises
    ------
    DataError
        If there is no such array, or one that is not factors.
    """
    name = _choose(file, choice, FACTORS, "factors")
    if name is None:
        return factors_of_grid(file.path.stem, n)
    names, sizes = (_described(file, name, key) for key in ("factor_names", "factor_sizes"))
    values = next((file.read(v) for v in VALUES if v in file.names), None)
    return make_factors(n, file.read(name), values, names, sizes), ""


def _described(file: ArrayFile, name: str, key: str) -> Sequence[Any]:
    values = file.attribute(name, key)
    described: Sequence[Any] = [] if values is None else np.atleast_1d(values).ravel().tolist()
    return described


def _choose(file: ArrayFile, choice: str | None, usual: Sequence[str], option: str) -> str | None:
    if choice is None:
        return next((name for name in usual if name in file.names), None)
    if not file.has(choice):
        raise DataError(f"{option}: {file.path} has no array {choice[:80]!r}, but {_listed(file)}")
    return choice


def _listed(file: ArrayFile) -> str:
    return ", ".join(name[:40] for name in sorted(file.names)[:20]) or "nothing"
