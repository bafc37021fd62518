"""SVHN: single digits that are cropped from photographs of house numbers."""

from pathlib import Path

import numpy as np

from unweave_data.containers.mat import read_mat
from unweave_data.dataset import ArrayDataset, Dataset
from unweave_data.entries import BY_NAME
from unweave_data.errors import DataError
from unweave_data.factors import make_factors
from unweave_data.files import named_file
from unweave_data.layout import Pixels
from unweave_data.loader import find, loader

SPLITS = ("train", "test", "extra")


@loader("svhn")
def svhn(*, path: Path | None = None, split: str = "train") -> Dataset:
    """Read SVHN: digits of house numbers, 32 x 32 x 3, one factor `digit` of 10 classes.

    Parameters
    ----------
    path
        folder of train_32x32.mat, test_32x32.mat and extra_32x32.mat, or one of these files
    split
        "train" (73,257 images), "test" (26,032) or "extra" (531,131), if path is a folder

    Raises
    ------
    DataError
        If the file does not exist or is damaged.
    """
    if split not in SPLITS:
        raise DataError(f"split must be one of {', '.join(SPLITS)}, got {split[:80]!r}")
    place = find(path, BY_NAME["svhn"])
    if place.is_dir():
        place = named_file(place, [f"{split}_32x32.mat"], "the mat file of SVHN")
    arrays = read_mat(place, ("X", "y"), "a cropped mat file of SVHN")
    images, labels = arrays["X"], arrays["y"].ravel()
    if images.dtype != np.uint8 or images.shape[:3] != (32, 32, 3) or images.ndim != 4:
        raise DataError(
            f"path: X in {place} should be uint8 of shape (32, 32, 3, n), got {images.dtype} of "
            f"shape {str(images.shape)[:80]}; get the file again"
        )
    n = images.shape[3]
    if len(labels) != n or labels.dtype.kind not in "uif" or not np.isin(labels, range(11)).all():
        raise DataError(f"path: y in {place} should be {n} digits from 1 to 10; get the file again")
    digits = labels.astype(np.int64) % 10  # the label of the digit 0 is 10
    factors = make_factors(n, digits, names=("digit",), sizes=(10,))
    pixels = Pixels.of(np.ascontiguousarray(images.transpose(3, 0, 1, 2)))
    return ArrayDataset.of(pixels, name="svhn", factors=factors)
