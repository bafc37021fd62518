"""All aggregations of a given matrix of codes by factors: importances, information, accuracies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import as_array, check_finite, check_matrix, quoted
from unweave_metrics._column_names import add_names, names_of
from unweave_metrics._counting import Floats
from unweave_metrics._scaling import shifted, shifted_number, together_in_reach
from unweave_metrics.information._aggregations import (
    disentanglement,
    independent_groups,
    modular,
    precision_area_of,
    shares_of_factors,
)
from unweave_metrics.information._table import top_two
from unweave_metrics.score import Score
from unweave_metrics.scoretable import ScoreTable


def aggregate(matrix: ArrayLike, *, factor_entropy: ArrayLike | None = None) -> ScoreTable:
    """Compute every aggregation of a matrix that relates codes to factors.

    The matrix R (d, k) may hold importances, mutual information, accuracies, or anything that is 0
    for unrelated codes and factors. If it is a frame, its names are kept. The scores:

    - ``disentanglement``: sum_i w_i [1 - H_K(R_i. / sum)], w the rows' shares of sum R
    - ``completeness``: the same of columns, entropy to base D
    - ``gap``: mean_k (largest - second largest of column k), as in SAP
    - ``normalized_gap``: each gap over the factor's entropy, as in MIG; only with `factor_entropy`
    - ``modularity``: mean_i of 1 - (sum_k R_ik^2 - max) / ((K - 1) max)
    - ``med``: disentanglement of R after division of each column by its sum
    - ``precision_area``, ``most_groups``: see `precision_area`

    Scores of rows need two factors, scores of columns two codes; otherwise they are left out.

    Parameters
    ----------
    matrix : float array, shape (d, k), nothing below 0
    factor_entropy : float array, shape (k,), above 0, in the unit of the matrix

    Raises
    ------
    ValueError
        For a wrong shape, negative values, or an invalid `factor_entropy`.

    References
    ----------
    F. Locatello et al., "A sober look at the unsupervised learning of disentangled representations
    and their evaluation", 2020, sect. 5 (unified scores).

    Examples
    --------
    >>> table = aggregate(np.eye(3))
    >>> float(table["disentanglement"]), float(table["gap"]), float(table["precision_area"])
    (1.0, 1.0, 2.0)
    """
    checked = check_matrix(matrix, "matrix", "(d, k)", rows=1)
    if (checked < 0).any():
        raise ValueError(f"matrix must hold nothing below 0, got {checked.min():g}")
    (values,), power = together_in_reach(checked)
    scores: dict[str, Score] = {}
    d, k = values.shape
    if k > 1:
        for name, (per_code, value) in {
            "disentanglement": disentanglement(values),
            "modularity": modular(values),
            "med": disentanglement(shares_of_factors(values)),
        }.items():
            scores[name] = Score(value, name=name, parts={"per_code": per_code})
    if d > 1:
        scores |= _of_columns(values, power, factor_entropy)
    thresholds, groups = independent_groups(values)
    curve = {"thresholds": shifted(thresholds, power), "groups": groups}
    area = shifted_number(precision_area_of(values), power)
    scores["precision_area"] = Score(area, name="precision_area", parts=curve)
    scores["most_groups"] = Score(groups.max(), name="most_groups")
    for score in scores.values():
        if not math.isfinite(score):
            raise ValueError(
                f"{score.name} is {float(score)} of this matrix: its numbers are too large, or too "
                "unlike those of factor_entropy; divide them by one power of ten"
            )
        add_names(score, _names(matrix))
    return ScoreTable(scores)


def _names(matrix: Any) -> dict[str, tuple[str, ...]]:
    """Return the names of a frame's rows, which are codes, and columns, which are factors."""
    factors = names_of(matrix)
    index = getattr(matrix, "index", None)
    if not factors or index is None:
        return {"factor_names": factors} if factors else {}
    return {"factor_names": factors, "code_names": tuple(map(str, index))}


def _of_columns(values: Floats, power: int, factor_entropy: ArrayLike | None) -> dict[str, Score]:
    """Return the scores that compare codes, factor by factor; the matrix is values 2^power."""
    per_factor, complete = disentanglement(values.T)
    first, second = top_two(values)
    each = {
        "completeness": (complete, per_factor),
        "gap": _mean_and_each(first - second, power),
    }
    if factor_entropy is not None:
        entropy = as_array(factor_entropy, "factor_entropy")
        check_finite(entropy, "factor_entropy")
        if entropy.shape != (values.shape[1],) or not (entropy > 0).all():
            raise ValueError(
                f"factor_entropy must hold {values.shape[1]} numbers above 0, got {quoted(entropy)}"
            )
        (within,), less = together_in_reach(entropy)
        with np.errstate(over="ignore", divide="ignore"):
            gaps = (first - second) / within
        each["normalized_gap"] = _mean_and_each(gaps, power - less)
    return {
        name: Score(value, name=name, parts={"per_factor": gaps})
        for name, (value, gaps) in each.items()
    }


def _mean_and_each(values: Floats, power: int) -> tuple[float, Floats]:
    """Return the mean of values 2^power, and each of them; infinite where it is too large."""
    with np.errstate(over="ignore"):
        return shifted_number(float(values.mean()), power), shifted(values, power)
