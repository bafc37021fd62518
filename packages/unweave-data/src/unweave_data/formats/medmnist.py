"""MedMNIST: medical images, one npz per set."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unweave_data.containers.npz import open_npz
from unweave_data.dataset import ArrayDataset, Dataset
from unweave_data.entries import BY_NAME
from unweave_data.errors import DataError
from unweave_data.factors import Factors, make_factors
from unweave_data.files import named_file
from unweave_data.layout import Pixels
from unweave_data.loader import find, loader
from unweave_data.stack import Storage, open_stack

_PARTS: dict[str, tuple[str, ...]] = {"train": ("train",), "valid": ("val",), "test": ("test",)}
_PARTS["all"] = ("train", "val", "test")


@loader("medmnist")
def medmnist(
    *,
    path: Path | None = None,
    kind: str = "pathmnist",
    split: str = "train",
    unpack: Path | None = None,
) -> Dataset:
    """Read a two-dimensional set of MedMNIST: 28 x 28 to 224 x 224 pixels, grey or in colour.

    There is one factor `label`, or `label_0`, `label_1` ... if an image may have several labels
    (ChestMNIST).

    Parameters
    ----------
    path
        npz with train_images, train_labels, val_images ...; or folder of KIND.npz
    kind
        name of the set, if path is a folder or missing
    split
        "train", "valid", "test" or "all"
    unpack
        folder into which the images of one split are unpacked once, and from which they are then
        read; the larger sets of 224 x 224 pixels need more memory than most machines have

    Raises
    ------
    DataError
        If the file does not exist, is damaged, or is a set of volumes.
    """
    if split not in _PARTS:
        raise DataError(f"split must be one of {', '.join(_PARTS)}, got {split[:80]!r}")
    if Path(kind).name != kind:
        raise DataError(f"kind must be the name of a set, such as pathmnist, got {kind[:80]!r}")
    place = find(path, BY_NAME["medmnist"])
    place = named_file(place, [f"{kind}.npz"], "the npz of a set") if place.is_dir() else place
    with open_npz(place, "the npz of a set of MedMNIST") as file:
        parts = _PARTS[split]
        header = file.header(f"{parts[0]}_images")
        if len(header.shape) not in (3, 4) or (len(header.shape) == 4 and header.shape[3] != 3):
            raise DataError(
                f"path: {parts[0]}_images in {file.path} should have shape (n, h, w) or "
                f"(n, h, w, 3), got {str(header.shape)[:80]}; choose a set of images, not volumes"
            )
        labels = np.concatenate([_table(file.read(f"{part}_labels")) for part in parts])
        if len(parts) == 1:
            factors = _factors(labels, header.shape[0])
            array = f"{parts[0]}_images"
            return open_stack(file, array, place.stem, factors, storage=Storage(unpack=unpack))
        if unpack is not None:
            raise DataError(
                "unpack needs a single split, got split=all; set split=train, valid or test"
            )
        images = np.concatenate([file.read(f"{part}_images") for part in parts])
    pixels = Pixels.collect(images.shape, images.dtype, lambda: [images])
    return ArrayDataset.of(pixels, name=place.stem, factors=_factors(labels, len(images)))


def _table(labels: NDArray[np.generic]) -> NDArray[np.generic]:
    return labels[:, None] if labels.ndim == 1 else labels


def _factors(labels: NDArray[np.generic], n: int) -> Factors:
    k = labels.shape[-1]
    names = ("label",) if k == 1 else tuple(f"label_{j}" for j in range(k))
    return make_factors(n, labels, names=names)
