"""Moments of codes, computed once for all scores of a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array, check_codes, check_several, constant_columns
from unweave_metrics._counting import Floats
from unweave_metrics._scaling import Exponents, in_reach, shifted
from unweave_metrics._shared import columnwise, shared


@dataclass(frozen=True)
class Moments:
    """Codes, a row each, within reach of squares: that layout is what numpy is fast with.

    `columns` (d, n), `centred` (d, n) about their means, exactly 0 for a constant code, and the
    `powers` (d,) of two that were taken out.
    """

    columns: Floats
    centred: Floats
    powers: Exponents

    def part(self, columns: Exponents) -> Moments:
        """Return the moments of some codes."""
        return Moments(self.columns[columns], self.centred[columns], self.powers[columns])

    @property
    def variances(self) -> Floats:
        """Return the sums of squares over n - 1, shape (d,)."""
        return np.asarray((self.centred**2).sum(axis=1) / (self.centred.shape[1] - 1))


def several_codes(codes: ArrayLike, name: str) -> Array:
    """Return codes (n, d), refusing a single one."""
    z = check_codes(codes)
    check_several(z.shape[1], "codes", name)
    return z


@columnwise(lambda moments, columns: moments.part(columns))
def moments_of(z: Array) -> Moments:
    """Return the moments of codes (n, d), each code brought in reach alone."""
    return _moments(z, *in_reach(z))


def moments_together(z: Array, power: int) -> Moments:
    """Return the moments of codes (n, d) that are all divided by one power of two."""
    return _moments(z, shifted(z.astype(np.float64), -power), np.full(z.shape[1], power))


def _moments(z: Array, values: Floats, powers: Exponents) -> Moments:
    columns = np.ascontiguousarray(values.T)
    centred = columns - columns.mean(axis=1, keepdims=True)
    # Rounding of the mean would leave a constant code a variance of some 1e-33.
    centred[constant_columns(z)] = 0.0
    return Moments(columns, centred, powers)


@shared
def covariance_of(moments: Moments) -> Floats:
    """Return the unbiased covariance (d, d)."""
    return np.asarray(moments.centred @ moments.centred.T / (moments.centred.shape[1] - 1))
