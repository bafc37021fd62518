"""Read images and factors of the user from an npz, an npy or an HDF5 file."""

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
    """Read images of the user, and factors if there are any, from an npz file.

    The arrays `factor_values` (n, k), `factor_names` (k,) and `factor_sizes` (k,) are used if they
    are present. For a file without factors that `disent` wrote, the factors are those of the
    published set whose name is in the name of the file and whose number of images is the same.

    Parameters
    ----------
    path
        path of the npz
    images
        name of the array of images, in a form that ArrayDataset accepts; by default `images`,
        `imgs`, `x`, `X`, `data` or the only array in the file
    factors
        name of the array of factors; by default `factors`, `factor_classes`, `latents_classes`,
        `labels` or `y`
    range_
        how levels are scaled to 8 bits: LOW,HIGH, percentile, minmax, full, or keep for floats of
        any size
    channels
        "first" or "last", if the shape does not show it
    background
        colour under transparent pixels, such as white or #ff8800; by default alpha is kept as a
        channel
    in_memory
        whether to read all images at once; by default if they take up to 1 GiB or are compressed
    unpack
        folder into which the images are unpacked once, and from which they are then read

    Raises
    ------
    DataError
        If the file is not an npz, is truncated, lacks the arrays, or they are not images or
        factors.
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
    """Read images of the user, and factors if there are any, from an HDF5 file.

    `factor_values` as a data set, and `factor_names` and `factor_sizes` as data sets or as
    attributes of the factors or of the file, are used if they are present. Links are never
    followed.

    Parameters
    ----------
    path
        path of the HDF5 file
    images
        name of the data set of images, in a form that ArrayDataset accepts; by default `images`,
        `imgs`, `x`, `X`, `data` or the only data set at the root
    factors
        name of the data set of factors; by default `factors`, `factor_classes`, `latents_classes`,
        `labels` or `y`
    range_
        how levels are scaled to 8 bits: LOW,HIGH, percentile, minmax, full, or keep for floats of
        any size
    channels
        "first" or "last", if the shape does not show it
    background
        colour under transparent pixels, such as white or #ff8800; by default alpha is kept as a
        channel
    in_memory
        whether to read all images at once; by default if they take up to 1 GiB
    unpack
        folder into which the images are unpacked once, and from which they are then read

    Raises
    ------
    DataError
        If the file is not an HDF5 file, is truncated, lacks the data sets, or they are not images
        or factors.
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
    """Read images of the user from an npy file, and factors from another.

    Parameters
    ----------
    path
        path of an npy of images in a form that ArrayDataset accepts
    factors
        path of an npy of factors, shape (n, k) or (n,)
    range_
        how levels are scaled to 8 bits: LOW,HIGH, percentile, minmax, full, or keep for floats of
        any size
    channels
        "first" or "last", if the shape does not show it
    background
        colour under transparent pixels, such as white or #ff8800; by default alpha is kept as a
        channel
    in_memory
        whether to read all images at once; by default if they take up to 1 GiB

    Raises
    ------
    DataError
        If a file is not an npy, is truncated, or its array is not images or factors.
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
            f"images must have shape (n, h, w) or (n, h, w, c), got {str(shape)[:80]}; load the "
            "file as vectors or as series if it is one of them"
        )
    factor_table, note = known_factors(file, factors, shape[0])
    return open_stack(file, array, name, factor_table, options, storage, note)


def images_name(file: ArrayFile, choice: str | None) -> str:
    """Return the name of the array of images: the user's choice, a usual name, or the only array.

    Raises
    ------
    DataError
        If the array does not exist.
    """
    name = _choose(file, choice, IMAGES, "images")
    if name is None and len(file.names) == 1:
        name = file.names[0]
    if name is None:
        raise DataError(
            f"path: {file.path} has no array {' or '.join(IMAGES[:2])}, but {_names(file)}; set "
            "images= to one of them"
        )
    return name


def known_factors(file: ArrayFile, choice: str | None, n: int) -> tuple[Factors, str]:
    """Read the factors of n images, or return those of a published set if the file has none.

    Returns
    -------
    Factors, and one line of information for the user

    Raises
    ------
    DataError
        If the array does not exist, or is not factors.
    """
    name = _choose(file, choice, FACTORS, "factors")
    if name is None:
        return factors_of_grid(file.path.stem, n)
    names, sizes = (_attribute(file, name, key) for key in ("factor_names", "factor_sizes"))
    values = next((file.read(v) for v in VALUES if v in file.names), None)
    return make_factors(n, file.read(name), values, names, sizes), ""


def _attribute(file: ArrayFile, name: str, key: str) -> Sequence[Any]:
    values = file.attribute(name, key)
    entries: Sequence[Any] = [] if values is None else np.atleast_1d(values).ravel().tolist()
    return entries


def _choose(file: ArrayFile, choice: str | None, usual: Sequence[str], option: str) -> str | None:
    if choice is None:
        return next((name for name in usual if name in file.names), None)
    if not file.has(choice):
        raise DataError(
            f"{option}: {file.path} has no array {choice[:80]!r}; known: {_names(file)}"
        )
    return choice


def _names(file: ArrayFile) -> str:
    return ", ".join(name[:40] for name in sorted(file.names)[:20]) or "nothing"
