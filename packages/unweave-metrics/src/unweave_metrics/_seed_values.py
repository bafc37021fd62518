"""Check the scores of several seeds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import as_array, quoted
from unweave_metrics._counting import Floats
from unweave_metrics._options import MUCH


def seeds_of(values: ArrayLike, name: str, *, infinite: bool = False) -> Floats:
    """Return the scores of all seeds, NaN among them where one has none; infinite ones if asked."""
    array = as_array(values, name).astype(np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must hold one score per seed, shape (seeds,), got {array.shape}")
    if (np.abs(array[~(infinite & np.isinf(array))]) > MUCH).any():
        raise ValueError(f"{name} must hold scores of at most 1e100 in size, got {quoted(values)}")
    return array
