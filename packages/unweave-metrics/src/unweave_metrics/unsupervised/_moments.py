"""Moments of codes, which several scores share."""

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
    """Codes as rows, a layout in which numpy is fast, scaled so that squares do not overflow.

    `columns` (d, n) are the codes, `centred` (d, n) are the codes minus their means, exactly 0 for
    a constant code, and `powers` (d,) are the exponents of the powers of two divided out.
    """

    columns: Floats
    centred: Floats
    powers: Exponents

    def part(self, columns: Exponents) -> Moments:
        """Return the moments of some codes."""
        return Moments(self.columns[columns], self.centred[columns], self.powers[columns])

    @property
    def variances(self) -> Floats:
        """Return the unbiased variances (d,) of the scaled codes."""
        return np.asarray((self.centred**2).sum(axis=1) / (self.centred.shape[1] - 1))


def several_codes(codes: ArrayLike, name: str) -> Array:
    """Return codes (n, d); refuse a single code."""
    z = check_codes(codes)
    check_several(z.shape[1], "codes", name)
    return z


@columnwise(lambda moments, columns: moments.part(columns))
def moments_of(z: Array) -> Moments:
    """Return the moments of codes (n, d), each scaled by its own power of two."""
    return _moments(z, *in_reach(z))


def moments_together(z: Array, power: int) -> Moments:
    """Return the moments of codes (n, d), all divided by 2^power."""
    return _moments(z, shifted(z.astype(np.float64), -power), np.full(z.shape[1], power))


def _moments(z: Array, values: Floats, powers: Exponents) -> Moments:
    columns = np.ascontiguousarray(values.T)
    centred = columns - columns.mean(axis=1, keepdims=True)
    # A rounded mean would give a constant code a variance of about 1e-33.
    centred[constant_columns(z)] = 0.0
    return Moments(columns, centred, powers)


@shared
def covariance_of(moments: Moments) -> Floats:
    """Return the unbiased covariance (d, d)."""
    return np.asarray(moments.centred @ moments.centred.T / (moments.centred.shape[1] - 1))
