"""Covariance of codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array, check_codes, check_several, constant_columns
from unweave_metrics._counting import Floats


def several_codes(codes: ArrayLike, name: str) -> Array:
    """Return codes (n, d), refusing a single one."""
    z = check_codes(codes)
    check_several(z.shape[1], "codes", name)
    return z


def covariance_of(values: Floats) -> Floats:
    """Return the unbiased covariance (d, d) of codes that are within reach of squares."""
    covariance = np.cov(values, rowvar=False)
    # Rounding of the mean would leave a constant code a variance of some 1e-33.
    constant = constant_columns(values)
    covariance[constant] = covariance[:, constant] = 0.0
    return np.asarray(covariance)
