"""CelebA: faces with forty attributes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unweave_data.dataset import Dataset
from unweave_data.decoding import Decoder
from unweave_data.entries import BY_NAME
from unweave_data.errors import DataError, read_errors
from unweave_data.factors import Factors, make_factors
from unweave_data.files import directory, regular_file
from unweave_data.loader import find, loader
from unweave_data.picturefiles import open_pictures
from unweave_data.resizing import check_resolution
from unweave_data.stack import Storage

SPLITS = {"train": 0, "valid": 1, "test": 2}
_IMAGES = ("img_align_celeba", "img_align_celeba/img_align_celeba", "images")
_PLACES = ("", "Anno", "Eval", "anno", "eval")


@loader("celeba")
def celeba(
    *,
    path: Path | None = None,
    split: str = "train",
    crop: int = 148,
    resolution: int = 64,
    attributes: str = "",
    in_memory: bool | None = None,
    unpack: Path | None = None,
) -> Dataset:
    """Read CelebA: 202,599 faces, 178 x 218 pixels in colour; 40 attributes of 2 classes.

    Parameters
    ----------
    path
        folder of img_align_celeba, list_attr_celeba.txt and list_eval_partition.txt; the two lists
        may also be csv
    split
        "train" (162,770 images), "valid" (19,867), "test" (19,962) or "all"
    crop
        side in pixels of the square that is cropped from the centre: 140 (Tolstikhin et al. 2018),
        148 (Liu et al. 2015 and most others); 0 means 178
    resolution
        number of rows and columns to which the square is resized
    attributes
        names of the factors, separated by `;`; by default all forty
    in_memory
        whether to decode all images at once; by default if they take up to 1 GiB
    unpack
        folder into which images are decoded once, and from which they are then read

    Raises
    ------
    DataError
        If the folder or a list does not exist, or an image is damaged.
    """
    check_resolution(resolution)
    if isinstance(crop, bool) or not isinstance(crop, int) or not 0 <= crop <= 178:
        raise DataError(f"crop must be an integer from 0 to 178, got {str(crop)[:80]}")
    if split not in (*SPLITS, "all"):
        raise DataError(f"split must be one of {', '.join(SPLITS)}, all, got {split[:80]!r}")
    folder = directory(find(path, BY_NAME["celeba"]), "the folder of CelebA")
    pictures = next((folder / name for name in _IMAGES[1::-1] if (folder / name).is_dir()), folder)
    names, files, table = _attributes(folder)
    rows = _rows(folder, files, split)
    columns = _columns_of(names, attributes)
    factors = _factors(table[rows][:, columns], [names[j] for j in columns])
    decoder = Decoder((resolution, resolution), 3, "crop", centre=crop)
    storage = Storage(in_memory, unpack)
    paths = [pictures / files[i] for i in rows]
    side = crop or 178
    note = f"{side} x {side} pixels of the centre resized to {resolution} x {resolution}"
    return open_pictures(paths, decoder, "celeba", factors, storage, pictures, note)


def _list(folder: Path, stem: str) -> list[list[str]]:
    """Read a list in either format as rows of words."""
    places = [folder / p / f"{stem}.{suffix}" for p in _PLACES for suffix in ("txt", "csv")]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise DataError(f"path: {folder} has no {stem}.txt or {stem}.csv; put it there")
    path = regular_file(path, f"the list {stem}")
    separator = "," if path.suffix == ".csv" else None
    with read_errors(path, f"the list {stem}"):
        lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split(separator) for line in lines if line.strip()]


def _attributes(folder: Path) -> tuple[list[str], list[str], NDArray[np.int64]]:
    """Read names (k,), files (n,), and attributes (n, k) of -1 and 1."""
    rows = _list(folder, "list_attr_celeba")
    declared = None
    if rows and len(rows[0]) == 1 and rows[0][0].strip().isdigit():
        declared = int(rows[0][0][:20])  # the text begins with the number of images
        rows = rows[1:]
    if not rows or (declared is not None and declared != len(rows) - 1):
        raise DataError(
            f"path: list_attr_celeba in {folder} should declare its number of images, but has "
            f"{max(0, len(rows) - 1)} rows and declares {declared or 'none'}; get it again"
        )
    names = [name.strip() for name in rows[0]]
    names = names[1:] if names and names[0] == "image_id" else names
    rows = rows[1:]
    if not rows or any(len(row) != len(names) + 1 for row in rows):
        raise DataError(
            f"path: list_attr_celeba in {folder} should have a file name and {len(names)} numbers "
            "in each row; get it again"
        )
    table = _numbers(folder, "list_attr_celeba", [row[1:] for row in rows])
    if not np.isin(table, (-1, 0, 1)).all():
        raise DataError(f"path: attributes in {folder} should be -1 or 1; get the list again")
    return names, [_plain(folder, row[0]) for row in rows], table


def _plain(folder: Path, name: str) -> str:
    if Path(name).name != name or name in ("", ".", ".."):
        raise DataError(
            f"path: a list in {folder} contains {name[:80]!r}, which is not a file name; get it "
            "again"
        )
    return name


def _numbers(folder: Path, stem: str, rows: Sequence[Sequence[str]]) -> NDArray[np.int64]:
    try:
        return np.array(rows, dtype=np.int64)
    except (ValueError, OverflowError):
        raise DataError(
            f"path: {stem} in {folder} has text instead of numbers; get it again"
        ) from None


def _rows(folder: Path, files: list[str], split: str) -> NDArray[np.int64]:
    if split == "all":
        return np.arange(len(files))
    rows = [row for row in _list(folder, "list_eval_partition") if len(row) == 2]
    is_number: Callable[[list[str]], bool] = lambda row: row[1].strip().isdigit()  # noqa: E731
    part = {row[0].strip(): int(row[1]) for row in rows if is_number(row)}
    matches = np.flatnonzero([part.get(file) == SPLITS[split] for file in files])
    if not len(matches):
        raise DataError(
            f"path: list_eval_partition in {folder} has no image of the split {split}; get it again"
        )
    return matches


def _columns_of(names: list[str], attributes: str) -> list[int]:
    selection = [name.strip() for name in attributes.split(";") if name.strip()]
    for name in selection:
        if name not in names:
            raise DataError(
                f"attributes: there is no {name[:40]!r}; known: {', '.join(names)[:600]}"
            )
    return [names.index(name) for name in selection] or list(range(len(names)))


def _factors(table: NDArray[np.int64], names: list[str]) -> Factors:
    return make_factors(len(table), (table > 0).astype(np.uint8), names=names)
