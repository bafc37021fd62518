"""Images of an array in a file: taken into memory, or left on the disk and read batch by batch."""

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

# Images that take more than this stay on the disk where their rows can be read one by one.
LARGE = 1 << 30
# So many images, spread evenly, tell the levels of a set on the disk.
_PROBES = 256


@dataclass(frozen=True)
class Storage:
    """Where images are kept: `in_memory` or not, and `unpack`, a folder to unpack them into."""

    in_memory: bool | None = None
    unpack: Path | None = None


class DiskImages(Dataset):
    """Images that stay on the disk and are read batch by batch, from any thread.

    Parameters
    ----------
    name
        what the set is called
    rows
        reads them
    path
        of the file, for messages
    layout
        how they are read
    factors
        where known
    note
        one line that the user should know

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
        """Give None: the set stays on disk."""
        return

    def _read(self, index: NDArray[np.int64]) -> NDArray[Any]:
        with read_errors(self._path, "the file that was opened before"):
            images = self._layout.convert(self._rows.read(index))
        return images if images.flags.writeable else images.copy()


def probes(n: int) -> NDArray[np.int64]:
    """Choose up to 256 of n rows, spread evenly."""
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
        where they are
    name
        what the set is called
    factors
        of all images
    options
        how to read them
    storage
        in memory or not; by default in memory up to 1 GiB, and where rows cannot be read singly
    note
        one line that the user should know

    Raises
    ------
    DataError
        For arrays that are not images, or more than the memory holds.
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
            f"in_memory: the images in {path} are packed and can only be read in order; give "
            "unpack= with a folder to unpack them into, or leave in_memory out"
        )
    few = rows.read(probes(rows.shape[0]))
    layout = Layout.of(rows.shape, rows.dtype, options, lambda: [few])
    return DiskImages(name, rows, path, layout, factors, note)
