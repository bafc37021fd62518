"""Data sets of an image array in a file: in memory, or on the disk and read for each batch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.containers.arrayfile import ArrayFile, Rows
from unweave_data.containers.unpack import unpacked_rows
from unweave_data.dataset import ArrayDataset, Dataset
from unweave_data.errors import DataError, read_errors
from unweave_data.factors import Factors
from unweave_data.files import check_memory
from unweave_data.layout import Layout, Pixels, ReadOptions

# Images of more bytes than this stay on the disk if their rows can be read one by one.
LARGE = 1 << 30
# Number of evenly spaced images from which the levels of a set on the disk are estimated.
_PROBES = 256


@dataclass(frozen=True)
class Storage:
    """Where images are stored: `in_memory` or not; `unpack` is a folder to unpack them into."""

    in_memory: bool | None = None
    unpack: Path | None = None


class DiskImages(Dataset):
    """Images on the disk that are read for each batch, from any thread.

    Parameters
    ----------
    name
        name of the set
    rows
        access to the rows
    path
        path of the file, for messages
    layout
        layout of the images
    factors
        factors of the images, if known
    note
        one line of information for the user

    """

    def __init__(
        self, name: str, rows: Rows, path: Path, layout: Layout, factors: Factors, note: str = ""
    ) -> None:
        self._rows, self._path = rows, path
        self._layout = layout.detect_ones(rows.read(probes(rows.shape[0])))
        notes = [note, "read from disk batch by batch", self._layout.note, factors.note, rows.note]
        super().__init__(
            name,
            rows.shape[0],
            layout.image_shape,
            factors=factors,
            note="; ".join(part for part in notes if part),
            bits=layout.bits,
        )

    def stored(self, progress: object = None) -> None:
        """Return None: the set stays on the disk."""
        return

    def _read(self, index: NDArray[np.int64]) -> NDArray[Any]:
        with read_errors(self._path, "the same file as before"):
            images = self._layout.convert(self._rows.read(index))
        return images if images.flags.writeable else images.copy()


def probes(n: int) -> NDArray[np.int64]:
    """Return up to 256 evenly spaced row numbers out of n."""
    return np.unique(np.linspace(0, n - 1, min(n, _PROBES)).astype(np.int64))


def open_stack(
    file: ArrayFile,
    array: str,
    name: str,
    factors: Factors,
    options: ReadOptions | None = None,
    storage: Storage | None = None,
    note: str = "",
) -> Dataset:
    """Make a data set of the images in one array of a file.

    Parameters
    ----------
    file, array
        the file and the name of the array
    name
        name of the set
    factors
        factors of all images
    options
        options for reading
    storage
        in memory or not; by default in memory up to 1 GiB, or if rows cannot be read one by one
    note
        one line of information for the user

    Raises
    ------
    DataError
        For an array that is not images, or images that do not fit into memory.
    """
    storage = storage or Storage()
    header = file.header(array)
    rows = file.rows(array)
    if storage.unpack is not None:
        stem, key = file.path.stem, _key(file.path, array)
        rows = unpacked_rows(stem, key, header, lambda: file.blocks(array), storage.unpack)
    keep = ReadOptions("keep", (options or ReadOptions()).channels)
    plain = Layout.of(header.shape, header.dtype, keep)
    size = header.shape[0] * int(np.prod(plain.image_shape, dtype=np.int64))
    in_memory = storage.in_memory
    if in_memory is None:
        in_memory = storage.unpack is None and (size <= LARGE or rows is None)
    if not in_memory:
        return _on_disk(rows, file.path, name, factors, options, note)
    check_memory(size, file.path, array)
    pixels = Pixels.collect(header.shape, header.dtype, lambda: file.blocks(array), options)
    return ArrayDataset.of(pixels, name=name, factors=factors, note=note)


def _key(path: Path, array: str) -> str:
    status = path.stat()
    return f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}\0{array}"


def _on_disk(
    rows: Rows | None,
    path: Path,
    name: str,
    factors: Factors,
    options: ReadOptions | None,
    note: str,
) -> Dataset:
    if rows is None:
        raise DataError(
            f"in_memory=false needs images that can be read one by one, but those in {path} can "
            "only be read in order; set unpack= to a folder to unpack them into, or leave "
            "in_memory out"
        )
    sample = rows.read(probes(rows.shape[0]))
    layout = Layout.of(rows.shape, rows.dtype, options, lambda: [sample])
    return DiskImages(name, rows, path, layout, factors, note)
