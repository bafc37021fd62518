"""Select images of a data set: by a condition, by a correlation, or at random for a holdout."""

import re

import numpy as np
from numpy.typing import NDArray

from unweave_data.conditions import evaluate_condition
from unweave_data.dataset import Dataset, Pixel, Progress
from unweave_data.errors import DataError
from unweave_data.factors import Factors
from unweave_data.views.view import View

PARTS = ("train", "holdout", "excluded")
# Fixed seeds, so that every run holds out the same images.
_HOLDOUT_STREAM = [0, 0x686F6C64]
_CORRELATE_STREAM = [0, 0x636F7272]

_CORRELATION = re.compile(r"\s*(?P<a>[^~:]+?)\s*~\s*(?P<b>[^~:]+?)\s*:\s*(?P<width>[0-9.eE+-]+)\s*")


class Subset(Dataset):
    """Some images of a data set, in the order of their rows.

    Parameters
    ----------
    base
        the whole set
    rows
        int64 array, shape (n,), rows of the base
    note
        one line of information for the user

    """

    def __init__(self, base: Dataset, rows: NDArray[np.int64], note: str = "") -> None:
        factors = base.all_factors.rows(rows)
        self.base, self.rows = base, rows
        self._stored: NDArray[Pixel] | None = None
        super().__init__(
            base.name,
            len(rows),
            base.image_shape,
            factors=factors,
            note="; ".join(part for part in (base.note, note, factors.note) if part),
            bits=base.bits,
        )

    def stored(self, progress: Progress | None = None) -> NDArray[Pixel] | None:
        """Return the images of the subset, or None if the whole set stays on the disk."""
        if self._stored is None:
            whole = self.base.stored(progress)
            self._stored = None if whole is None else whole[self.rows]
        return self._stored

    def _read(self, index: NDArray[np.int64]) -> NDArray[Pixel]:
        return self.base.images(self.rows[index])


def select(
    data: Dataset, keep: str = "", correlate: str = "", holdout: float = 0, part: str = "train"
) -> Dataset:
    """Select images of a set; the others are its attributes `holdout` and `excluded`.

    Parameters
    ----------
    data
        the whole set
    keep
        condition on the factors, see `evaluate_condition`; "" keeps all images
    correlate
        "NAME~NAME:WIDTH", see `correlation_mask`; "" keeps all images
    holdout
        number of the remaining images that are held out from training, or their share if it is
        below 1; they are drawn at random, the same in every call
    part
        "train", or one of the removed parts: "holdout", "excluded"

    Raises
    ------
    DataError
        If the value of an option is not allowed, or no image is left.
    """
    if part not in PARTS:
        raise DataError(f"part must be one of {', '.join(PARTS)}, got {part[:80]!r}")
    if not (keep or correlate or holdout):
        if part != "train":
            raise DataError(
                f"part={part} needs an option that removes images; set keep=, correlate= or "
                "holdout="
            )
        return data
    included = np.ones(len(data), bool)
    if keep:
        included &= evaluate_condition(keep, data.all_factors)
    if correlate:
        included &= correlation_mask(correlate, data.all_factors)
    rows = np.flatnonzero(included)
    holdout_rows = _draw_holdout(rows, holdout)
    parts = {
        "train": np.setdiff1d(rows, holdout_rows, assume_unique=True),
        "holdout": holdout_rows,
        "excluded": np.flatnonzero(~included),
    }
    for name in ("train", part):
        if not len(parts[name]):
            raise DataError(f"part {name} has no images; change keep, correlate or holdout")
    subsets = {name: _part(data, name, rows) for name, rows in parts.items() if len(rows)}
    subsets["train"].holdout = subsets.get("holdout")
    subsets["train"].excluded = subsets.get("excluded")
    return subsets[part]


def correlation_mask(text: str, factors: Factors) -> NDArray[np.bool_]:
    """Return which images to keep, so that two factors of a full grid are correlated.

    An image with classes a and b of factors with A and B classes is kept with probability
    exp(-(a / (A - 1) - b / (B - 1))^2 / (2 w^2)), where w is the width of the ridge: 0.2 gives a
    strong correlation, 0.7 a weak one. Every call keeps the same images.

    Parameters
    ----------
    text
        "NAME~NAME:WIDTH"
    factors
        factors of n images

    Returns
    -------
    bool array, shape (n,)

    Raises
    ------
    DataError
        If the text has another form, or a factor does not exist.

    References
    ----------
    F. Träuble et al. On disentangled representations learned from correlated data. 2021, section 3.
    """
    match = _CORRELATION.fullmatch(text)
    width = _positive(match["width"]) if match else 0.0
    if match is None or not width:
        raise DataError(
            "correlate must be NAME~NAME:WIDTH, such as position_x~position_y:0.2, "
            f"got {text[:80]!r}"
        )
    shares = [_share(match[side], factors) for side in "ab"]
    weight = np.exp(-((shares[0] - shares[1]) ** 2) / (2 * width**2))
    mask: NDArray[np.bool_] = np.random.default_rng(_CORRELATE_STREAM).random(len(weight)) < weight
    return mask


def _positive(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        return 0.0


def _share(name: str, factors: Factors) -> NDArray[np.float64]:
    if factors.classes is None or name not in factors.names:
        names = ", ".join(factors.names)[:200] or "unknown"
        raise DataError(f"correlate: there is no factor {name[:40]!r}; the factors are {names}")
    k = factors.names.index(name)
    share: NDArray[np.float64] = factors.classes[:, k] / max(1, factors.sizes[k] - 1)
    return share


def _draw_holdout(rows: NDArray[np.int64], holdout: float) -> NDArray[np.int64]:
    count = round(holdout * len(rows)) if 0 < holdout < 1 else holdout
    if not 0 <= count < max(1, len(rows)) or count != int(count):
        raise DataError(
            f"holdout must be a number of images below {len(rows)}, or a share below 1, "
            f"got {holdout:g}"
        )
    rng = np.random.default_rng(_HOLDOUT_STREAM)
    return np.sort(rng.choice(rows, int(count), replace=False))


def _part(data: Dataset, name: str, rows: NDArray[np.int64]) -> Dataset:
    note = f"{name}: {len(rows):,} of {len(data):,} images"
    if isinstance(data, View):
        return data.over(Subset(data.frames, rows, note))
    return Subset(data, rows, note)
