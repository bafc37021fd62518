"""Grey levels of any depth, brought to 8 bits by a rule that is told."""

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
# One pixel in a thousand at either end: dead and hot pixels of a camera, not the picture.
_PERCENTILES = (0.1, 99.9)
# Bits that cameras and scanners have; levels are taken to have the fewest that hold them.
_DEPTHS = (8, 10, 12, 14, 16, 24, 32)
# So many pixels of each block tell the percentiles of floats and of 32-bit levels.
_SAMPLE = 1 << 16

HOW = "full, minmax, percentile, percentile:LOW,HIGH, LOW,HIGH or keep"


@dataclass(frozen=True)
class Scale:
    """Levels `low` to `high` become 0 to 255; others are cut off or, if `strict`, refused."""

    low: float
    high: float
    strict: bool
    note: str

    def __call__(self, block: NDArray[Any]) -> NDArray[np.uint8]:
        """Convert: round(255 (x - low) / (high - low)).

        Raises
        ------
        DataError
            If `strict`, and a level lies outside; or NaN.
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
            raise DataError("images must be finite, got NaN; remove those images")
        if self.strict and not (self.low <= least and most <= self.high):
            kind = "float images must lie in [0, 1]" if self.high == 1 else self._outside()
            raise DataError(
                f"{kind}, got values from {least:g} to {most:g}; scale them, or give range= with "
                f"{HOW}"
            )

    def _outside(self) -> str:
        return f"images must lie in {self.low:g} to {self.high:g}, as the first of them do"


class LevelStatistics:
    """What the levels of some images are: their least, their greatest, and their distribution."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.least, self.most = np.inf, -np.inf
        self._counted = dtype.kind in "ub" and dtype.itemsize <= 2
        self._counts = np.zeros(1 << 16, np.int64)
        self._samples: list[NDArray[Any]] = []

    @classmethod
    def of(cls, dtype: np.dtype[Any], blocks: Iterable[NDArray[Any]]) -> "LevelStatistics":
        """Look at images that come in blocks."""
        statistics = cls(dtype)
        for block in blocks:
            statistics.add(block)
        return statistics

    def add(self, block: NDArray[Any]) -> None:
        """Look at more images."""
        if not block.size:
            return
        least, most = float(block.min()), float(block.max())
        if np.isnan(least) or np.isinf([least, most]).any():
            raise DataError("images must be finite, got NaN or infinity; remove those images")
        self.least, self.most = min(self.least, least), max(self.most, most)
        flat = block.reshape(-1)
        if self._counted:
            self._counts += np.bincount(flat, minlength=1 << 16)
        else:
            self._samples.append(flat[:: max(1, flat.size // _SAMPLE)].copy())

    def percentile(self, percent: float) -> float:
        """Give the level below which `percent` percent of the pixels lie."""
        if self._counted:
            total = np.cumsum(self._counts)
            return float(np.searchsorted(total, percent / 100 * total[-1]))
        return float(np.percentile(np.concatenate(self._samples), percent))


def needs_look(text: str, dtype: np.dtype[Any]) -> bool:
    """Say whether the scale depends on the levels that are there."""
    if text.startswith(("minmax", "percentile")):
        return True
    return not text and dtype.kind in "iu" and dtype != np.uint8


def choose_scale(
    text: str, dtype: np.dtype[Any], statistics: LevelStatistics | None
) -> Scale | None:
    """Choose how levels become 8 bits.

    Parameters
    ----------
    text
        "LOW,HIGH"; "percentile" (0.1 and 99.9), "percentile:LOW,HIGH"; "minmax"; "full", all that
        the dtype holds; "" for the usual: floats in [0, 1], and for integers the fewest bits of 8,
        10, 12, 14, 16 ... that hold them
    dtype
        of the images
    statistics
        what the levels are, where `needs_look` asks for it

    Returns
    -------
    Scale, or None where the images have 8 bits already

    Raises
    ------
    DataError
        If there is no such range, or one that is empty.

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
            raise DataError("range=full is for integers; give floats range=LOW,HIGH or minmax")
        info = np.iinfo(np.uint8 if dtype.kind == "b" else dtype)
        return _scale(float(info.min), float(info.max), f"all of {dtype}")
    if pair := _PAIR.fullmatch(text):
        return _scale(float(pair[1]), float(pair[2]), "as given, the rest cut off")
    if text == "minmax" and statistics:
        return _scale(statistics.least, statistics.most, "the least and the greatest")
    if (match := _PERCENTILE.fullmatch(text)) and statistics:
        low, high = (float(match[1]), float(match[2])) if match[1] else _PERCENTILES
        if not 0 <= low < high <= 100:
            raise DataError(f"range must have percentiles from 0 to 100, got {text[:80]}")
        how = f"percentiles {low:g} and {high:g}, the rest cut off"
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
            f"images must have levels from 0, got {statistics.least:g}; give range= with {HOW}"
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
            "give range=LOW,HIGH"
        )
    return Scale(low, high, False, _describe(low, high, how))


def _describe(low: float, high: float, how: str) -> str:
    return f"levels {low:.6g} to {high:.6g} ({how}) became 0 to 255"
