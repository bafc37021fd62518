"""Standardise codes to mean 0 and standard deviation 1."""

from __future__ import annotations

import numpy as np

from unweave_metrics._arrays import Array, constant_columns
from unweave_metrics._counting import Floats
from unweave_metrics._scaling import in_reach


def standardized(z: Array) -> Floats:
    """Return codes with mean 0 and standard deviation 1; constant codes become 0."""
    values, _ = in_reach(z)
    values -= values.mean(axis=0)
    spread = values.std(axis=0)
    # A rounded mean gives a constant column a standard deviation slightly above 0.
    constant = constant_columns(z)
    values[:, constant] = 0.0
    return np.asarray(values / np.where(constant, 1.0, spread))
