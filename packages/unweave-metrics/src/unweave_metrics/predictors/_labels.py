"""Class numbers of train and test rows."""

from __future__ import annotations

import numpy as np

from unweave_metrics._arrays import Array
from unweave_metrics._binning import bin_columns, check_classes, class_columns
from unweave_metrics._shared import columnwise
from unweave_metrics.predictors._split import Split


def train_and_test_labels(
    split: Split, bins: int, binning: str = "range", bin_factors: bool = False
) -> tuple[Array, Array]:
    """Return class numbers (k, n) of train rows and of test rows; measurements are binned.

    With `bin_factors` every column is binned. A test row whose class is missing among the train
    rows has the number -1, which no prediction equals.
    """
    binned = tuple(bin_factors or measured for measured in split.kinds.measured)
    # Without binned columns the bins have no effect, and all calls can share one result.
    return _labels(split, binned, *((bins, binning) if any(binned) else (1, "range")))


@columnwise(lambda labels, _: labels)
def _labels(split: Split, binned: tuple[bool, ...], bins: int, binning: str) -> tuple[Array, Array]:
    """Return the class numbers of all columns; those in `binned` are binned first."""
    y, y_test = split.y, split.y_test
    labels = np.empty((y.shape[1], len(y)), dtype=np.int64)
    test_labels = np.empty((y.shape[1], len(y_test)), dtype=np.int64)
    for k in range(y.shape[1]):
        column = np.concatenate([y[:, k], y_test[:, k]])[:, None]
        if binned[k]:
            column = bin_columns(column, bins, binning).T
        classes, values = class_columns(column[: len(y)])
        check_classes(values, first=k)
        labels[k] = classes[0]
        test_column = column[len(y) :, 0]
        places = np.searchsorted(values[0], test_column).clip(max=len(values[0]) - 1)
        test_labels[k] = np.where(values[0][places] == test_column, places, -1)
    return labels, test_labels
