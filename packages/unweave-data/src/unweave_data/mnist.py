"""MNIST and Fashion-MNIST, from their idx files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unweave_data.dataset import ArrayDataset, Dataset
from unweave_data.errors import DataError
from unweave_data.factors import make_factors
from unweave_data.files import directory, places
from unweave_data.idx import read_idx
from unweave_data.layout import Pixels

_PREFIX = {"train": "train", "test": "t10k"}


def mnist(*, path: Path | None = None, split: str = "train", first: int = 0) -> Dataset:
    """Read MNIST: handwritten digits, 28 x 28, one factor `digit` of 10 classes.

    Parameters
    ----------
    path
        directory of the idx files, gz or not; else $UNWEAVE_DATA/mnist or $UNWEAVE_DATA/MNIST/raw
    split
        "train" (60,000 images) or "test" (10,000)
    first
        keep the first so many images; 0 for all

    Raises
    ------
    DataError : no such files, or damaged ones

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. Gradient-based learning applied to document
    recognition. Proceedings of the IEEE, 1998.

    """
    return _idx_set("mnist", path, split, "digit", places("mnist", "MNIST/raw"), first)


def fashion_mnist(*, path: Path | None = None, split: str = "train", first: int = 0) -> Dataset:
    """Read Fashion-MNIST: clothes, 28 x 28, one factor `class` of 10 classes.

    Parameters
    ----------
    path
        directory of the idx files, gz or not; else $UNWEAVE_DATA/fashion-mnist,
        $UNWEAVE_DATA/FashionMNIST/raw or /usr/share/datasets/fashion-mnist (where Debian's package
        dataset-fashion-mnist puts them)
    split
        "train" (60,000 images) or "test" (10,000)
    first
        keep the first so many images; 0 for all

    Raises
    ------
    DataError : no such files, or damaged ones

    References
    ----------
    H. Xiao, K. Rasul, R. Vollgraf. Fashion-MNIST: a novel image dataset for benchmarking machine
    learning algorithms. 2017.

    """
    debian = Path("/usr/share/datasets/fashion-mnist")
    own = places("fashion-mnist", "FashionMNIST/raw")
    return _idx_set("fashion-mnist", path, split, "class", [*own, debian], first)


def _idx_set(
    name: str, path: Path | None, split: str, factor: str, known: Sequence[Path], first: int
) -> Dataset:
    if split not in _PREFIX:
        raise DataError(f"split must be one of {', '.join(_PREFIX)}, got {split!r}")
    folder = _folder(name, path, known)
    images = _read_member(folder, f"{_PREFIX[split]}-images", 3)
    labels = _read_member(folder, f"{_PREFIX[split]}-labels", 1)
    if len(images) != len(labels) or len(images) == 0:
        raise DataError(
            f"path: {folder} has {len(images)} images but {len(labels)} labels for {split}; "
            "get both files again"
        )
    if labels.max() > 9:
        raise DataError(f"path: labels in {folder} must be 0 to 9, got {labels.max()}")
    if not 0 <= first <= len(images):
        raise DataError(f"first must lie between 0 and {len(images)}, got {first}")
    if first:
        images, labels = images[:first], labels[:first]
    known_factors = make_factors(len(images), labels, names=(factor,), sizes=(10,))
    return ArrayDataset.of(Pixels.of(images[..., None]), name=name, factors=known_factors)


def _folder(name: str, path: Path | None, known: Sequence[Path]) -> Path:
    if path is not None:
        return directory(path, f"the directory of the idx files of {name}")
    for folder in known:
        if folder.is_dir():
            return folder
    raise DataError(
        f"path must name the directory of the idx files of {name}, got nothing; give path=, or "
        f"set UNWEAVE_DATA to a directory with a sub-folder {name}"
    )


def _read_member(folder: Path, stem: str, axes: int) -> NDArray[np.uint8]:
    kind = f"idx{axes}-ubyte"
    names = [f"{stem}{dot}{kind}{gz}" for dot in "-." for gz in ("", ".gz")]
    for name in names:
        if (folder / name).exists():
            return _checked(read_idx(folder / name, f"the idx file {name}"), folder / name, axes)
    raise DataError(f"path: {folder} has no file {names[0]} or {names[1]}; put it there")


def _checked(array: NDArray[np.generic], path: Path, axes: int) -> NDArray[np.uint8]:
    if array.dtype != np.uint8 or array.ndim != axes or 0 in array.shape[1:]:
        raise DataError(
            f"path: {path} should hold uint8 with {axes} axes, got {array.dtype} of shape "
            f"{array.shape}; get the file again"
        )
    return array.astype(np.uint8, copy=False)
