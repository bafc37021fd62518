"""Data sets of image files: decoded into memory, to the disk, or for each batch."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from unweave_data.containers.arrayfile import BLOCK_BYTES, Header
from unweave_data.containers.unpack import unpacked_rows
from unweave_data.dataset import ArrayDataset, Dataset
from unweave_data.decoding import Decoder
from unweave_data.factors import Factors
from unweave_data.files import check_memory
from unweave_data.layout import Layout, Pixels
from unweave_data.pictures import quiet
from unweave_data.stack import LARGE, DiskImages, Storage

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Map a function over items in order on threads; Pillow releases the lock when it decodes."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(function, items)


class PictureRows:
    """Image files as rows of an array."""

    note = "decoded for each batch; set unpack= to a folder to decode them once"

    def __init__(self, files: Sequence[Path], decoder: Decoder) -> None:
        self.files, self.decoder = files, decoder
        self.image_shape = (*decoder.size, decoder.channels)
        self.shape: tuple[int, ...] = (len(files), *self.image_shape)
        self.dtype: np.dtype[Any] = np.dtype(np.uint8)

    def read(self, index: NDArray[np.int64]) -> NDArray[Any]:
        """Decode the files at some indices, shape (n, h, w, c)."""
        return self.decode([self.files[i] for i in index.tolist()])

    def decode(self, files: Sequence[Path]) -> NDArray[np.uint8]:
        """Decode files, shape (n, h, w, c)."""
        images = np.empty((len(files), *self.shape[1:]), np.uint8)
        for i, pixels in enumerate(in_threads(self.decoder, files)):
            images[i] = pixels
        return images

    def blocks(self) -> Iterator[NDArray[np.uint8]]:
        """Decode all files in blocks."""
        step = max(1, BLOCK_BYTES // int(np.prod(self.shape[1:])))
        for start in range(0, len(self.files), step):
            yield self.decode(self.files[start : start + step])

    def key(self) -> str:
        """Return a text of everything that the pixels depend on."""
        facts = [f"{self.decoder}"]
        for file in self.files:
            status = file.stat()
            facts.append(f"{file.resolve()}\0{status.st_size}\0{status.st_mtime_ns}")
        return "\n".join(facts)


def open_pictures(
    files: Sequence[Path],
    decoder: Decoder,
    name: str,
    factors: Factors,
    storage: Storage,
    folder: Path,
    note: str = "",
) -> Dataset:
    """Make a data set of image files.

    Parameters
    ----------
    files
        paths in the order of the rows
    decoder
        decoder of a file
    name
        name of the set
    factors
        factors of all files
    storage
        in memory (by default up to 1 GiB), decoded for each batch, or unpacked into a folder
    folder
        folder of the files, for messages
    note
        one line of information for the user

    Raises
    ------
    DataError
        For a file that cannot be decoded, or images that do not fit into memory.
    """
    rows = PictureRows(files, decoder)
    size = int(np.prod(rows.shape, dtype=np.int64))
    in_memory = storage.in_memory
    if in_memory is None:
        in_memory = storage.unpack is None and size <= LARGE
    with quiet():
        if in_memory:
            check_memory(size, folder, "a set of all images")
            pixels = Pixels.of(np.concatenate(list(rows.blocks())))
            return ArrayDataset.of(pixels, name=name, factors=factors, note=note)
        layout = Layout(rows.image_shape, False, rows.dtype)
        if storage.unpack is None:
            return DiskImages(name, rows, folder, layout, factors, note)
        header = Header(rows.shape, rows.dtype)
        raw = unpacked_rows(folder.name, rows.key(), header, rows.blocks, storage.unpack)
        return DiskImages(name, raw, folder, layout, factors, note)
