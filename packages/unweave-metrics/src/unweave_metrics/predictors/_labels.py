"""Classes of train rows and test rows, numbered together."""

from __future__ import annotations

import numpy as np

from unweave_metrics._arrays import Array
from unweave_metrics._binning import bin_columns, check_classes, class_columns
from unweave_metrics._shared import columnwise
from unweave_metrics.predictors._split import Split


def train_and_test_labels(
    split: Split, bins: int, binning: str = "range", bin_factors: bool = False
) -> tuple[Array, Array]:
    """Return dense classes (k, n) of train and test rows, numbered together; measurements are cut.

    With `bin_factors` every column is cut. Test rows of a class that training never saw get a
    number of their own, which no prediction equals.
    """
    cut = tuple(bin_factors or measured for measured in split.kinds.measured)
    # Classes are the same whatever the bins are that none of them is cut into.
    return _labels(split, cut, *((bins, binning) if any(cut) else (1, "range")))


@columnwise(lambda labels, _: labels)
def _labels(split: Split, cut: tuple[bool, ...], bins: int, binning: str) -> tuple[Array, Array]:
    """Return the classes of columns, some of them cut."""
    y, y_test = split.y, split.y_test
    labels = np.empty((y.shape[1], len(y)), dtype=np.int64)
    test_labels = np.empty((y.shape[1], len(y_test)), dtype=np.int64)
    for k in range(y.shape[1]):
        column = np.concatenate([y[:, k], y_test[:, k]])[:, None]
        if cut[k]:
            column = bin_columns(column, bins, binning).T
        classes, values = class_columns(column[: len(y)])
        check_classes(values, first=k)
        labels[k] = classes[0]
        tested = column[len(y) :, 0]
        places = np.searchsorted(values[0], tested).clip(max=len(values[0]) - 1)
        test_labels[k] = np.where(values[0][places] == tested, places, -1)
    return labels, test_labels
