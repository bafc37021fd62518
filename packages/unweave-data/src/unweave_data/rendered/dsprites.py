"""dSprites: read from the original file, or rendered."""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unweave_data.containers.arrayfile import ArrayFile
from unweave_data.containers.hdf5 import open_hdf5
from unweave_data.containers.npz import open_npz
from unweave_data.dataset import ArrayDataset, Dataset, Progress, unpack
from unweave_data.errors import DataError, read_errors
from unweave_data.factors import Factors, make_factors
from unweave_data.files import regular_file
from unweave_data.layout import Layout, Pixels, pack
from unweave_data.loader import loader
from unweave_data.rendered.dsprites_fill import Fill, fill_few, fill_many
from unweave_data.rendered.dsprites_geometry import (
    FACTOR_NAMES,
    FACTOR_SIZES,
    FRAMES,
    corners,
    grid_corners,
)

RESOLUTIONS = (16, 32, 64, 128)

# fill_few takes 0.03 ms per frame, and the compilation of fill_many 1 s: from here on it pays off.
_FEW = 30_000
# Number of frames per call of fill_few: more frames take more memory, but no less time each.
_BLOCK = 512

_OUTLINES = math.prod(FACTOR_SIZES[:3])
_POSITIONS = math.prod(FACTOR_SIZES[3:])
_WHAT = "the npz or hdf5 of dSprites"
_DIFFERENCE = "9 of 64,834 frames checked differ from the original by one pixel each"


@loader("dsprites")
def dsprites(*, path: Path | None = None, resolution: int = 64) -> Dataset:
    """Read dSprites from the original npz or hdf5, or render it if there is no path.

    There are 737,280 black and white frames: all combinations of 3 shapes (square, ellipse, heart),
    6 scales, 40 orientations and 32 x 32 positions, in C order (the last factor varies fastest).

    Parameters
    ----------
    path
        path of the original npz or hdf5, or of a file with some of its frames; by default the set
        is rendered
    resolution
        number of rows and columns of a rendered frame: 16, 32, 64 or 128; in memory the whole set
        takes 24, 94, 377 or 1,510 MB after a call of `stored()`

    Raises
    ------
    DataError
        For another resolution, or a file that is not dSprites.

    References
    ----------
    L. Matthey, I. Higgins, D. Hassabis, A. Lerchner. dSprites: disentanglement testing sprites
    dataset. 2017.

    Examples
    --------
    >>> data = dsprites()
    >>> len(data), data.image_shape, data.factor_sizes
    (737280, (64, 64, 1), (3, 6, 40, 32, 32))
    >>> data.images([0, 737279]).shape
    (2, 64, 64, 1)
    """
    if resolution not in RESOLUTIONS:
        sizes = ", ".join(str(r) for r in RESOLUTIONS)
        raise DataError(f"resolution must be one of {sizes}, got {resolution!r}")
    if path is None:
        return RenderedSprites(resolution)
    if resolution != 64:
        raise DataError(
            f"resolution must be 64 with path=, got {resolution}; leave out path= to render the set"
        )
    return _from_file(Path(path))


class RenderedSprites(Dataset):
    """dSprites rendered from its geometry: some frames on demand, or all of them in `stored`.

    Parameters
    ----------
    resolution
        number of rows and columns of a frame

    """

    def __init__(self, resolution: int = 64) -> None:
        self._resolution = resolution
        self._bits: NDArray[np.uint8] | None = None
        at = ":" if resolution == 64 else f" at {resolution} x {resolution}; at 64 x 64,"
        super().__init__(
            "dsprites",
            FRAMES,
            (resolution, resolution, 1),
            factors=Factors(names=FACTOR_NAMES, sizes=FACTOR_SIZES),
            note=f"rendered from the geometry of dSprites{at} {_DIFFERENCE}",
            bits=1,
        )

    @property
    def factors(self) -> NDArray[np.uint8]:
        """Factor classes, uint8 of shape (737280, 5)."""
        return _all_classes()

    @property
    def factor_values(self) -> NDArray[np.float64]:
        """Shape 1 to 3, scale, angle in radians, position x and y in [0, 1]; (737280, 5)."""
        return _all_values()

    def stored(self, progress: Progress | None = None) -> NDArray[np.uint8]:
        """Render all frames once and store them as bits; do not change the array."""
        if self._bits is None:
            self._bits = render_all(self._resolution, progress)
        return self._bits

    def _read(self, index: NDArray[np.int64]) -> NDArray[np.uint8]:
        if self._bits is None:
            return unpack(render(index, self._resolution), self.image_shape)
        return unpack(self._bits[index], self.image_shape)


def render(index: NDArray[np.int64], resolution: int = 64) -> NDArray[np.uint8]:
    """Render some frames.

    Parameters
    ----------
    index
        integer array, shape (n,), 0 <= index < 737,280
    resolution
        number of rows and columns of a frame, one of RESOLUTIONS

    Returns
    -------
    uint8 array, shape (n, resolution^2 / 8): the pixels, packed by numpy.packbits

    Examples
    --------
    >>> int(np.unpackbits(render(np.array([0]))).sum())
    100
    """
    fill: Fill = fill_few if len(index) <= _FEW else fill_many
    classes = np.stack(np.unravel_index(index, FACTOR_SIZES), axis=1)
    frames = np.empty((len(index), resolution**2 // 8), np.uint8)
    for shape in range(FACTOR_SIZES[0]):
        of_shape = np.flatnonzero(classes[:, 0] == shape)
        for start in range(0, len(of_shape), _BLOCK):
            rows = of_shape[start : start + _BLOCK]
            frames[rows] = fill(*corners(classes[rows]), resolution)
    return frames


def render_all(resolution: int = 64, progress: Progress | None = None) -> NDArray[np.uint8]:
    """Render all frames, on all cores.

    Parameters
    ----------
    resolution
        number of rows and columns of a frame, one of RESOLUTIONS
    progress
        function that is called as progress(done, total), in frames

    Returns
    -------
    uint8 array, shape (737280, resolution^2 / 8): the pixels, packed by numpy.packbits

    """
    frames = np.empty((_OUTLINES, _POSITIONS, resolution**2 // 8), np.uint8)

    def render_outline(outline: int) -> None:
        shape, scale, turn = (int(i) for i in np.unravel_index(outline, FACTOR_SIZES[:3]))
        frames[outline] = fill_many(*grid_corners(shape, scale, turn), resolution)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for count, _ in enumerate(pool.map(render_outline, range(_OUTLINES)), start=1):
            if progress is not None:
                progress(count * _POSITIONS, FRAMES)
    return frames.reshape(FRAMES, -1)


@lru_cache(maxsize=1)
def _all_classes() -> NDArray[np.uint8]:
    return np.indices(FACTOR_SIZES, np.uint8).reshape(len(FACTOR_SIZES), -1).T.copy()


@lru_cache(maxsize=1)
def _all_values() -> NDArray[np.float64]:
    levels = (
        np.arange(1.0, 4.0),
        np.linspace(0.5, 1, 6),
        np.linspace(0, 2 * np.pi, 40),
        np.linspace(0, 1, 32),
        np.linspace(0, 1, 32),
    )
    # All combinations in C order, as for the classes.
    grid = np.meshgrid(*levels, indexing="ij", copy=False)
    return np.stack(grid, axis=-1).reshape(FRAMES, -1)


def _from_file(path: Path) -> Dataset:
    path = regular_file(path, _WHAT)
    with read_errors(path, _WHAT), path.open("rb") as head:
        is_zip = head.read(2) == b"PK"
    if is_zip:
        with open_npz(path, _WHAT) as file:
            return _original(file, "latents_classes", "latents_values")
    with open_hdf5(path, _WHAT) as file:
        return _original(file, "latents/classes", "latents/values")


def _original(file: ArrayFile, classes: str, values: str) -> Dataset:
    header = file.header("imgs")
    if header.dtype != np.uint8 or header.shape[1:] != (64, 64) or header.shape[0] == 0:
        raise DataError(
            f"path: imgs in {file.path} should be uint8 of shape (n, 64, 64), got {header.dtype} "
            f"of shape {header.shape}; load it as npz or hdf5 if it is another set"
        )
    factors = _original_factors(file, header.shape[0], classes, values)
    layout = Layout((64, 64, 1), channels_first=False, dtype=np.dtype(np.uint8), ones=True)
    bits = np.empty((header.shape[0], 512), np.uint8)
    row = 0
    for block in file.blocks("imgs"):
        bits[row : row + len(block)] = pack(layout.convert(block))
        row += len(block)
    pixels = Pixels(bits, (64, 64, 1), bits=1)
    return ArrayDataset.of(pixels, name="dsprites", factors=factors)


def _original_factors(file: ArrayFile, n: int, classes: str, values: str) -> Factors:
    tables = [file.read(name) for name in (classes, values)]
    for name, table in zip((classes, values), tables, strict=True):
        if table.ndim != 2 or len(table) != n or table.shape[1] not in (5, 6):
            raise DataError(
                f"path: {name} in {file.path} should have shape ({n}, 6), or ({n}, 5) without the "
                f"colour, got {table.shape}; get the file again"
            )
    # The first of six latents is the colour, which is constant.
    latents = tables[0][:, -5:]
    if tables[0].dtype.kind not in "iu" or (latents >= np.array(FACTOR_SIZES)).any():
        raise DataError(
            f"path: {classes} in {file.path} should be integers with at most {FACTOR_SIZES} "
            f"classes, got {tables[0].dtype} up to {latents.max(axis=0).tolist()}; "
            "get the file again"
        )
    return make_factors(n, latents, tables[1][:, -5:], FACTOR_NAMES)
