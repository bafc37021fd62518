"""LPC sprites: small figures in colour, composed of parts, with six factors."""

from pathlib import Path

import numpy as np

from unweave_data.containers.npz import NpzFile, open_npz
from unweave_data.dataset import ArrayDataset, Dataset
from unweave_data.entries import BY_NAME
from unweave_data.errors import DataError
from unweave_data.factors import make_factors
from unweave_data.layout import Pixels
from unweave_data.loader import find, loader

FACTOR_NAMES = ("body", "bottomwear", "topwear", "hair", "action", "direction")
_MEMBERS = ("imgs", "factor_classes", "factor_sizes")


@loader("lpc-sprites")
def lpc_sprites(*, path: Path | None = None) -> Dataset:
    """Read LPC sprites from an npz: 11,664 images, 64 x 64 x 3, 6 factors.

    Parameters
    ----------
    path
        npz with `imgs` (n, h, w, 3) uint8, `factor_classes` (n, 6), `factor_sizes` (6,); by default
        the only npz in $UNWEAVE_DATA/lpc-sprites

    Raises
    ------
    DataError
        If the file does not exist or is damaged.
    """
    place = find(path, BY_NAME["lpc-sprites"])
    place = _only_npz(place) if place.is_dir() else place
    with open_npz(place, "the npz of LPC sprites") as file:
        return _read(file)


def _read(file: NpzFile) -> Dataset:
    missing = [name for name in _MEMBERS if name not in file.names]
    if missing:
        raise DataError(
            f"path: {file.path} should be the npz of LPC sprites, but has no array {missing[0]}; "
            "set path= to that file, or load this one as npz"
        )
    header = file.header("imgs")
    if header.dtype != np.uint8 or len(header.shape) != 4 or header.shape[3] != 3:
        raise DataError(
            f"path: imgs in {file.path} should be uint8 of shape (n, h, w, 3), got {header.dtype} "
            f"of shape {header.shape}; get the file again"
        )
    classes, sizes = file.read("factor_classes"), file.read("factor_sizes").tolist()
    if classes.shape != (header.shape[0], len(FACTOR_NAMES)):
        raise DataError(
            f"path: factor_classes in {file.path} should have shape ({header.shape[0]}, "
            f"{len(FACTOR_NAMES)}), got {classes.shape}; get the file again"
        )
    factors = make_factors(header.shape[0], classes, None, FACTOR_NAMES, sizes)
    pixels = Pixels.collect(header.shape, header.dtype, lambda: file.blocks("imgs"))
    return ArrayDataset.of(pixels, name="lpc-sprites", factors=factors)


def _only_npz(folder: Path) -> Path:
    files = sorted(folder.glob("*.npz"))
    if len(files) != 1:
        raise DataError(
            f"path: {folder} should contain one npz of LPC sprites, got {len(files)}; set path= to "
            "the file"
        )
    return files[0]
