"""Scale grey levels of any depth to 8 bits, with a note that says how."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.errors import DataError

_FLOAT = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_PAIR = re.compile(rf"\s*({_FLOAT})\s*(?:,|\.\.|:)\s*({_FLOAT})\s*")
_PERCENTILE = re.compile(rf"percentile(?::{_PAIR.pattern})?")
# One pixel in a thousand at either end: dead and hot pixels of a camera.
_PERCENTILES = (0.1, 99.9)
# Depths of cameras and scanners in bits; images have the smallest depth that contains their levels.
_DEPTHS = (8, 10, 12, 14, 16, 24, 32)
# Number of pixels of each block that estimate the percentiles of floats and of 32-bit levels.
_SAMPLE = 1 << 16

HOW = "full, minmax, percentile, percentile:LOW,HIGH, LOW,HIGH or keep"


@dataclass(frozen=True)
class Scale:
    """Levels `low` to `high` become 0 to 255; others are clipped or, if `strict`, refused."""

    low: float
    high: float
    strict: bool
    note: str

    def __call__(self, block: NDArray[Any]) -> NDArray[np.uint8]:
        """Return round(255 (x - low) / (high - low)) of levels x, clipped to 0 to 255.

        Raises
        ------
        DataError
            For NaN, and, if `strict`, for a level outside `low` to `high`.
        """
        wide = np.float64 if block.dtype.itemsize > 2 and block.dtype != np.float32 else np.float32
        levels: NDArray[np.floating] = block.astype(wide)
        if self.strict or block.dtype.kind == "f":
            self._check(levels)
        levels = np.multiply(levels - wide(self.low), wide(255 / (self.high - self.low)))
        pixels: NDArray[np.uint8] = np.rint(np.clip(levels, 0, 255)).astype(np.uint8)
        return pixels

    def _check(self, levels: NDArray[np.floating]) -> None:
        least, most = (float(levels.min()), float(levels.max())) if levels.size else (0.0, 0.0)
        if np.isnan(least):
            raise DataError("images must be finite, got NaN; remove these images")
        if self.strict and not (self.low <= least and most <= self.high):
            kind = "float images must lie in [0, 1]" if self.high == 1 else self._outside()
            raise DataError(
                f"{kind}, got values from {least:g} to {most:g}; scale them, or set range= to {HOW}"
            )

    def _outside(self) -> str:
        return f"images must lie in {self.low:g} to {self.high:g}, as the first ones do"


class LevelStatistics:
    """Smallest level, largest level and percentiles of the levels of images."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.least, self.most = np.inf, -np.inf
        self._has_counts = dtype.kind in "ub" and dtype.itemsize <= 2
        self._counts = np.zeros(1 << 16, np.int64)
        self._samples: list[NDArray[Any]] = []

    @classmethod
    def of(cls, dtype: np.dtype[Any], blocks: Iterable[NDArray[Any]]) -> "LevelStatistics":
        """Collect the statistics of images that come in blocks."""
        statistics = cls(dtype)
        for block in blocks:
            statistics.add(block)
        return statistics

    def add(self, block: NDArray[Any]) -> None:
        """Add the levels of more images."""
        if not block.size:
            return
        least, most = float(block.min()), float(block.max())
        if np.isnan(least) or np.isinf([least, most]).any():
            raise DataError("images must be finite, got NaN or infinity; remove these images")
        self.least, self.most = min(self.least, least), max(self.most, most)
        flat = block.reshape(-1)
        if self._has_counts:
            self._counts += np.bincount(flat, minlength=1 << 16)
        else:
            self._samples.append(flat[:: max(1, flat.size // _SAMPLE)].copy())

    def percentile(self, percent: float) -> float:
        """Return the level below which `percent` percent of the pixels lie."""
        if self._has_counts:
            total = np.cumsum(self._counts)
            return float(np.searchsorted(total, percent / 100 * total[-1]))
        return float(np.percentile(np.concatenate(self._samples), percent))


def needs_look(text: str, dtype: np.dtype[Any]) -> bool:
    """Return whether the scale depends on the levels of the images."""
    if text.startswith(("minmax", "percentile")):
        return True
    return not text and dtype.kind in "iu" and dtype != np.uint8


def choose_scale(
    text: str, dtype: np.dtype[Any], statistics: LevelStatistics | None
) -> Scale | None:
    """Choose the scale from levels to 8 bits.

    Parameters
    ----------
    text
        "LOW,HIGH"; "percentile" (0.1 and 99.9) or "percentile:LOW,HIGH"; "minmax"; "full" for the
        whole range of the dtype; or "" for the default: [0, 1] for floats, and for integers the
        smallest depth of 8, 10, 12, 14, 16, 24, 32 or 64 bits that contains them
    dtype
        dtype of the images
    statistics
        statistics of the levels, if `needs_look` is true

    Returns
    -------
    Scale, or None if the images have 8 bits already

    Raises
    ------
    DataError
        If the text is not a range, or the range is empty.

    Examples
    --------
    >>> statistics = LevelStatistics.of(np.dtype("u2"), [np.array([[0, 4000]], "u2")])
    >>> choose_scale("", np.dtype("u2"), statistics).note
    'levels 0 to 4095 (12 bits, the largest is 4000) became 0 to 255'
    """
    if not text:
        return _usual(dtype, statistics)
    if text == "full":
        if dtype.kind == "f":
            raise DataError(
                "range=full is only for integers, but the images are floats; set range=LOW,HIGH or "
                "range=minmax"
            )
        info = np.iinfo(np.uint8 if dtype.kind == "b" else dtype)
        return _scale(float(info.min), float(info.max), f"all of {dtype}")
    if pair := _PAIR.fullmatch(text):
        return _scale(float(pair[1]), float(pair[2]), "as set, the rest clipped")
    if text == "minmax" and statistics:
        return _scale(statistics.least, statistics.most, "the smallest and the largest")
    if (match := _PERCENTILE.fullmatch(text)) and statistics:
        low, high = (float(match[1]), float(match[2])) if match[1] else _PERCENTILES
        if not 0 <= low < high <= 100:
            raise DataError(f"range must have percentiles from 0 to 100, got {text[:80]}")
        how = f"percentiles {low:g} and {high:g}, the rest clipped"
        return _scale(statistics.percentile(low), statistics.percentile(high), how)
    raise DataError(f"range must be {HOW}, got {text[:80]!r}")


def _usual(dtype: np.dtype[Any], statistics: LevelStatistics | None) -> Scale | None:
    if dtype.kind == "b" or dtype == np.uint8:
        return None
    if dtype.kind == "f":
        return Scale(0.0, 1.0, True, f"{dtype} images in [0, 1] rounded to uint8")
    assert statistics is not None
    if statistics.least < 0:
        raise DataError(
            f"images must have levels of at least 0, got {statistics.least:g}; set range= to {HOW}"
        )
    bits = next((b for b in _DEPTHS if statistics.most < 2**b), 64)
    white = float(2**bits - 1)
    if bits == 8:
        return Scale(0.0, white, True, f"{dtype} levels 0 to 255 kept as uint8")
    how = f"{bits} bits, the largest is {statistics.most:g}"
    return Scale(0.0, white, True, _describe(0, white, how))


def _scale(low: float, high: float, how: str) -> Scale:
    if not (np.isfinite([low, high]).all() and low < high):
        raise DataError(
            f"range must go from a lower to a higher level, got {low:g} to {high:g}; "
            "set range=LOW,HIGH"
        )
    return Scale(low, high, False, _describe(low, high, how))


def _describe(low: float, high: float, how: str) -> str:
    return f"levels {low:.6g} to {high:.6g} ({how}) became 0 to 255"
