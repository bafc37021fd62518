"""Covariance of codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import (
    check_codes,
    check_several,
    constant_columns,
)
from unweave_metrics._counting import Floats


def covariance_of(codes: ArrayLike, name: str) -> Floats:
    """Return the unbiased covariance (d, d) of at least two codes."""
    z = check_codes(codes)
    check_several(z.shape[1], "codes", name)
    covariance = np.cov(z.astype(np.float64), rowvar=False)
    # Rounding of the mean would leave a constant code a variance of some 1e-33.
    constant = constant_columns(z)
    covariance[constant] = covariance[:, constant] = 0.0
    return np.asarray(covariance)
