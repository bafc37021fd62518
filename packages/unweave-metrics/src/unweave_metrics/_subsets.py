"""Check subsets of the columns of codes, each of which is scored separately."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_metrics._arrays import quoted

Columns = NDArray[np.int64]
Subsets = Mapping[str, Sequence[int] | Sequence[bool] | NDArray[Any]]


def check_subsets(subsets: Any, d: int) -> dict[str, Columns]:
    """Return the columns of each subset by name.

    Raises
    ------
    TypeError, ValueError
        If `subsets` is not a mapping, a name is not a non-empty string, or the columns of a subset
        are neither column numbers nor d booleans, are none, or repeat.

    Examples
    --------
    >>> check_subsets({"active": [True, False, True]}, 3)["active"].tolist()
    [0, 2]
    """
    if subsets is None:
        return {}
    if not isinstance(subsets, Mapping):
        raise TypeError(
            f"subsets must be a mapping from names to columns of codes, got {quoted(subsets)}"
        )
    for name in subsets:
        if not isinstance(name, str) or not name.strip():
            raise TypeError(f"subsets must have non-empty strings as names, got {quoted(name)}")
    return {
        name: _columns(columns, f"subsets[{name!r:.40}]", d) for name, columns in subsets.items()
    }


def _columns(subset: Any, name: str, d: int) -> Columns:
    """Return the column numbers of a subset of d codes."""
    array = np.asarray(list(subset) if isinstance(subset, Iterable) else subset)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "biu"):
        raise TypeError(f"{name} must be a list of column numbers, got {quoted(subset)}")
    if array.dtype.kind == "b":
        if len(array) != d:
            raise ValueError(f"{name} must have one boolean per code ({d}), got {len(array)}")
        array = np.flatnonzero(array)
    if not array.size:
        raise ValueError(f"{name} must name at least one column, got none; leave the subset out")
    if array.min() < 0 or array.max() >= d:
        raise ValueError(
            f"{name} must hold column numbers of codes, 0 to {d - 1}, got {quoted(subset)}"
        )
    if len(np.unique(array)) < len(array):
        raise ValueError(f"{name} must name each column once, got {quoted(subset)}")
    return array.astype(np.int64)
