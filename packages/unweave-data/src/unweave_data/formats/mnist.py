"""MNIST and other sets in its idx format: Fashion-MNIST, KMNIST and EMNIST."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unweave_data.containers.idx import read_idx
from unweave_data.dataset import ArrayDataset, Dataset
from unweave_data.entries import BY_NAME
from unweave_data.errors import DataError
from unweave_data.factors import make_factors
from unweave_data.files import check_memory, directory
from unweave_data.layout import Pixels
from unweave_data.loader import find, loader
from unweave_data.resizing import check_resolution, resize

_PREFIX = {"train": "train", "test": "t10k"}
# Number of classes of each kind of EMNIST; labels of letters begin at 1.
EMNIST = {"balanced": 47, "byclass": 62, "bymerge": 47, "digits": 10, "letters": 26, "mnist": 10}


@loader("mnist")
def mnist(
    *,
    path: Path | None = None,
    split: str = "train",
    first: int = 0,
    resolution: int | None = None,
) -> Dataset:
    """Read MNIST: handwritten digits, 28 x 28, one factor `digit` of 10 classes.

    Parameters
    ----------
    path
        directory of the idx files, gzipped or not; by default $UNWEAVE_DATA/mnist or
        $UNWEAVE_DATA/MNIST/raw
    split
        "train" (60,000 images) or "test" (10,000)
    first
        number of images to keep from the start; 0 for all
    resolution
        number of rows and columns to which images are resized with a Lanczos filter; by default
        they are not resized

    Raises
    ------
    DataError
        If the files do not exist or are damaged.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. Gradient-based learning applied to document
    recognition. Proceedings of the IEEE, 1998.
    """
    return _idx_set("mnist", path, split, "digit", first, resolution)


@loader("fashion-mnist")
def fashion_mnist(
    *,
    path: Path | None = None,
    split: str = "train",
    first: int = 0,
    resolution: int | None = None,
) -> Dataset:
    """Read Fashion-MNIST: clothes, 28 x 28, one factor `class` of 10 classes.

    Parameters
    ----------
    path
        directory of the idx files, gzipped or not; by default $UNWEAVE_DATA/fashion-mnist,
        $UNWEAVE_DATA/FashionMNIST/raw or /usr/share/datasets/fashion-mnist (the folder of Debian's
        package dataset-fashion-mnist)
    split
        "train" (60,000 images) or "test" (10,000)
    first
        number of images to keep from the start; 0 for all
    resolution
        number of rows and columns to which images are resized with a Lanczos filter; by default
        they are not resized

    Raises
    ------
    DataError
        If the files do not exist or are damaged.

    References
    ----------
    H. Xiao, K. Rasul, R. Vollgraf. Fashion-MNIST: a novel image dataset for benchmarking machine
    learning algorithms. 2017.
    """
    return _idx_set("fashion-mnist", path, split, "class", first, resolution)


@loader("kmnist")
def kmnist(
    *,
    path: Path | None = None,
    split: str = "train",
    first: int = 0,
    resolution: int | None = None,
) -> Dataset:
    """Read KMNIST: cursive Japanese characters, 28 x 28, one factor `character` of 10 classes.

    Parameters
    ----------
    path
        directory of the idx files, gzipped or not; by default $UNWEAVE_DATA/kmnist or
        $UNWEAVE_DATA/KMNIST/raw
    split
        "train" (60,000 images) or "test" (10,000)
    first
        number of images to keep from the start; 0 for all
    resolution
        number of rows and columns to which images are resized with a Lanczos filter; by default
        they are not resized

    Raises
    ------
    DataError
        If the files do not exist or are damaged.

    References
    ----------
    T. Clanuwat, M. Bober-Irizar, A. Kitamoto, A. Lamb, K. Yamamoto, D. Ha. Deep learning for
    classical Japanese literature. 2018.
    """
    return _idx_set("kmnist", path, split, "character", first, resolution)


@loader("emnist")
def emnist(
    *,
    path: Path | None = None,
    kind: str = "balanced",
    split: str = "train",
    first: int = 0,
    resolution: int | None = None,
) -> Dataset:
    """Read EMNIST: handwritten letters and digits, 28 x 28, one factor `character`.

    In the files rows and columns are exchanged; here the images are upright.

    Parameters
    ----------
    path
        directory of emnist-KIND-train-images-idx3-ubyte ..., gzipped or not
    kind
        "balanced" (47 classes), "byclass" (62), "bymerge" (47), "digits" (10), "letters" (26) or
        "mnist" (10)
    split
        "train" or "test"
    first
        number of images to keep from the start; 0 for all
    resolution
        number of rows and columns to which images are resized with a Lanczos filter; by default
        they are not resized

    Raises
    ------
    DataError
        If the files do not exist or are damaged.

    References
    ----------
    G. Cohen, S. Afshar, J. Tapson, A. van Schaik. EMNIST: extending MNIST to handwritten letters.
    2017.
    """
    if kind not in EMNIST:
        raise DataError(f"kind must be one of {', '.join(EMNIST)}, got {kind[:80]!r}")
    _check_options(split, resolution)
    folder = directory(find(path, BY_NAME["emnist"]), "the directory of the files of EMNIST")
    stem = f"emnist-{kind}-{split}"
    images = _read_member(folder, f"{stem}-images", 3).swapaxes(1, 2)
    labels = _read_member(folder, f"{stem}-labels", 1)
    if kind == "letters":
        if len(labels) and labels.min() < 1:
            raise DataError(
                f"path: labels of letters in {folder} must be 1 to 26, got 0; get the file again"
            )
        labels = labels - np.uint8(1)
    return _make("emnist", folder, images, labels, "character", EMNIST[kind], first, resolution)


def _idx_set(
    name: str, path: Path | None, split: str, factor: str, first: int, resolution: int | None
) -> Dataset:
    _check_options(split, resolution)
    place = find(path, BY_NAME[name])
    folder = directory(place, f"the directory of the idx files of {name}")
    images = _read_member(folder, f"{_PREFIX[split]}-images", 3)
    labels = _read_member(folder, f"{_PREFIX[split]}-labels", 1)
    return _make(name, folder, images, labels, factor, 10, first, resolution)


def _check_options(split: str, resolution: int | None) -> None:
    if resolution is not None:
        check_resolution(resolution)
    if split not in _PREFIX:
        raise DataError(f"split must be one of {', '.join(_PREFIX)}, got {split[:80]!r}")


def _make(
    name: str,
    folder: Path,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    factor: str,
    classes: int,
    first: int,
    resolution: int | None,
) -> Dataset:
    if len(images) != len(labels) or len(images) == 0:
        raise DataError(
            f"path: {folder} must have one label per image, got {len(images)} images and "
            f"{len(labels)} labels; get both files again"
        )
    if labels.max() >= classes:
        raise DataError(
            f"path: labels in {folder} must be 0 to {classes - 1}, got {labels.max()}; get the "
            "file again"
        )
    if not 0 <= first <= len(images):
        raise DataError(f"first must lie between 0 and {len(images)}, got {first}")
    if first:
        images, labels = images[:first], labels[:first]
    factors = make_factors(len(images), labels, names=(factor,), sizes=(classes,))
    height, width = images.shape[1:]
    pixels, note = np.ascontiguousarray(images[..., None]), ""
    if resolution is not None and (height, width) != (resolution, resolution):
        check_memory(len(images) * resolution**2, folder, "a set of all images")
        pixels = resize(pixels, resolution)
        note = f"resized from {height} x {width} to {resolution} x {resolution}"
    return ArrayDataset.of(Pixels.of(pixels), name=name, factors=factors, note=note)


def _read_member(folder: Path, stem: str, axes: int) -> NDArray[np.uint8]:
    kind = f"idx{axes}-ubyte"
    names = [f"{stem}{dot}{kind}{gz}" for dot in "-." for gz in ("", ".gz")]
    for name in names:
        if (folder / name).exists():
            return _check(read_idx(folder / name, f"the idx file {name}"), folder / name, axes)
    raise DataError(f"path: {folder} has no file {names[0]} or {names[1]}; put it there")


def _check(array: NDArray[np.generic], path: Path, axes: int) -> NDArray[np.uint8]:
    if array.dtype != np.uint8 or array.ndim != axes or 0 in array.shape[1:]:
        raise DataError(
            f"path: {path} should be uint8 with {axes} axes, got {array.dtype} of shape "
            f"{array.shape}; get the file again"
        )
    return array.astype(np.uint8, copy=False)
