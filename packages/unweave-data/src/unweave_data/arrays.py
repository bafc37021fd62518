"""The user's own arrays, from an npz or an HDF5."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from unweave_data.dataset import ArrayDataset, Dataset
from unweave_data.errors import DataError
from unweave_data.factors import Factors, make_factors
from unweave_data.files import check_memory, required
from unweave_data.hdf5file import Hdf5File, open_hdf5
from unweave_data.layout import Layout, Pixels
from unweave_data.npzfile import Header, open_npz

IMAGES = ("images", "imgs")
FACTORS = ("factors", "factor_classes", "latents_classes", "labels")
VALUES = ("factor_values", "latents_values")

# An HDF5 whose images take more than this as uint8 stays on disk.
LARGE = 1 << 30
# So many images, spread evenly, tell whether an HDF5 on disk holds 0 and 1 only.
_PROBES = 256


class ArrayFile(Protocol):
    """A file of named arrays: what npz and HDF5 have in common."""

    path: Path
    what: str

    @property
    def names(self) -> list[str]:
        """Name the arrays."""

    def header(self, name: str) -> Header:
        """Read shape and dtype of an array."""

    def read(self, name: str) -> NDArray[np.generic]:
        """Read an array as a whole."""

    def blocks(self, name: str) -> Iterator[NDArray[np.generic]]:
        """Read an array in blocks along axis 0."""

    def attribute(self, name: str, key: str) -> Any:
        """Give what describes an array, or None."""


def npz(
    *, path: Path | None = None, images: str | None = None, factors: str | None = None
) -> Dataset:
    """Read the user's own images, and factors if there are any, from an npz.

    Arrays `factor_values` (n, k), `factor_names` (k,) and `factor_sizes` (k,) are used where
    present. Everything is kept in memory.

    Parameters
    ----------
    path
        the npz
    images
        array of the images, as ArrayDataset takes them; else `images`, `imgs` or the only array in
        the file
    factors
        array of the factors; else `factors`, `factor_classes`, `latents_classes` or `labels`

    Raises
    ------
    DataError : not an npz, truncated, no such arrays, or arrays that are no images or factors

    """
    with open_npz(required(path, "the npz"), "an npz with images") as file:
        return _in_memory(file, "npz", images, factors)


def hdf5(
    *,
    path: Path | None = None,
    images: str | None = None,
    factors: str | None = None,
    in_memory: bool | None = None,
) -> Dataset:
    """Read the user's own images, and factors if there are any, from an HDF5.

    `factor_values`, `factor_names` and `factor_sizes` are used where present, as data sets or as
    attributes of the factors or of the file. Links out of the file are never followed.

    Parameters
    ----------
    path
        the HDF5
    images
        data set of the images, as ArrayDataset takes them; else `images`, `imgs` or the only one at
        the root
    factors
        data set of the factors; else `factors`, `factor_classes`, `latents_classes` or `labels`
    in_memory
        whether to read all images at once; else where they take up to 1 GiB

    Raises
    ------
    DataError : not an HDF5, truncated, no such data sets, or ones that are no images or factors

    """
    with open_hdf5(required(path, "the HDF5"), "an HDF5 with images") as file:
        name = _images_name(file, images)
        header = file.header(name)
        layout = Layout.of(header.shape, header.dtype)
        size = header.shape[0] * int(np.prod(layout.image_shape))
        if size <= LARGE if in_memory is None else in_memory:
            return _in_memory(file, "hdf5", images, factors)
        known = _factors(file, factors, header.shape[0])
        return DiskImages(file, name, layout, known)


class DiskImages(Dataset):
    """Images that stay in an HDF5 on disk and are read batch by batch."""

    def __init__(self, file: Hdf5File, images: str, layout: Layout, factors: Factors) -> None:
        found = file.open(images)
        self._path = file.path
        self._images = images
        self._layout = layout.seen(_probe(found))
        self._shape = found.shape
        notes = ["read from disk batch by batch", self._layout.note, factors.note]
        if found.chunks and found.chunks[0] > 64:
            notes.append(
                f"stored in chunks of {found.chunks[0]} images, so random batches are slow; "
                "chunks of one image are fast"
            )
        super().__init__(
            "hdf5",
            len(found),
            layout.image_shape,
            factors=factors,
            note="; ".join(note for note in notes if note),
        )

    def stored(self, progress: object = None) -> None:
        """Give None: the set stays on disk."""
        return

    def _read(self, index: NDArray[np.int64]) -> NDArray[np.uint8]:
        with open_hdf5(self._path, "the HDF5 that was opened before") as file:
            found = file.open(self._images)
            if found.shape != self._shape or found.dtype != self._layout.dtype:
                raise DataError(f"path: {self._path} has changed since; load it again")
            distinct, back = np.unique(index, return_inverse=True)
            return self._layout.convert(_rows(found, distinct))[back]


def _rows(found: Any, distinct: NDArray[np.int64]) -> NDArray[np.generic]:
    """Read some rows, sorted and distinct, run by run: h5py's own list selection is slower."""
    rows = np.empty((len(distinct), *found.shape[1:]), found.dtype)
    breaks = np.flatnonzero(np.diff(distinct) > 1) + 1
    start = 0
    for run in np.split(distinct, breaks):
        if len(run):
            rows[start : start + len(run)] = found[run[0] : run[-1] + 1]
        start += len(run)
    return rows


def _probe(found: Any) -> NDArray[np.generic]:
    n = len(found)
    return _rows(found, np.unique(np.linspace(0, n - 1, min(n, _PROBES)).astype(np.int64)))


def _in_memory(file: ArrayFile, name: str, images: str | None, factors: str | None) -> Dataset:
    array = _images_name(file, images)
    header = file.header(array)
    layout = Layout.of(header.shape, header.dtype)
    check_memory(header.shape[0] * int(np.prod(layout.image_shape)), file.path, array)
    known = _factors(file, factors, header.shape[0])
    pixels = Pixels.collect(header.shape, header.dtype, file.blocks(array))
    return ArrayDataset.of(pixels, name=name, factors=known)


def _images_name(file: ArrayFile, asked: str | None) -> str:
    found = _choose(file, asked, IMAGES, "images")
    if found is None and len(file.names) == 1:
        found = file.names[0]
    if found is None:
        raise DataError(
            f"path: {file.path} has no array named {' or '.join(IMAGES)}, but "
            f"{_listed(file)}; name one with images="
        )
    return found


def _factors(file: ArrayFile, asked: str | None, n: int) -> Factors:
    name = _choose(file, asked, FACTORS, "factors")
    if name is None:
        return make_factors(n, None)
    extras = (file.attribute(name, key) for key in ("factor_names", "factor_sizes"))
    names, sizes = ([] if extra is None else np.atleast_1d(extra).tolist() for extra in extras)
    values = next((file.read(v) for v in VALUES if v in file.names), None)
    return make_factors(n, file.read(name), values, names, sizes)


def _choose(file: ArrayFile, asked: str | None, usual: Sequence[str], option: str) -> str | None:
    if asked is None:
        return next((name for name in usual if name in file.names), None)
    if asked not in file.names and not (isinstance(file, Hdf5File) and file.has(asked)):
        raise DataError(f"{option}: {file.path} has no array {asked!r}, but {_listed(file)}")
    return asked


def _listed(file: ArrayFile) -> str:
    return ", ".join(sorted(file.names)[:20]) or "nothing"
