"""All aggregations of a given matrix of codes by factors: importances, information, accuracies."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import as_array, check_matrix
from unweave_metrics._counting import Floats
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
    """Compute every aggregation of a matrix that tells what each code knows about each factor.

    The matrix R (d, k) may hold importances, mutual information, accuracies, anything that is 0
    where there is nothing. The scores:

    - ``disentanglement``: sum_i w_i [1 - H_K(R_i. / sum)], w the rows' shares of sum R
    - ``completeness``: the same of columns, entropy to base D
    - ``gap``: mean_k (largest - second largest of column k), as SAP takes it
    - ``normalized_gap``: each gap over the factor's entropy, as MIG; with `factor_entropy` only
    - ``modularity``: mean_i of 1 - (sum_k R_ik^2 - max) / ((K - 1) max)
    - ``med``: disentanglement of R whose columns were divided by their sums
    - ``precision_area``, ``most_groups``: see `precision_area`

    Scores of rows need two factors, scores of columns two codes; those that lack them are left out.

    Parameters
    ----------
    matrix : float array, shape (d, k), nothing below 0
    factor_entropy : float array, shape (k,), above 0, in the unit of the matrix

    Raises
    ------
    ValueError
        For another shape, negative values, entropies that do not fit.

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
    values = check_matrix(matrix, "matrix", "(d, k)", rows=1).astype(np.float64)
    if (values < 0).any():
        raise ValueError(f"matrix must hold nothing below 0, got {values.min():g}")
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
        scores |= _of_columns(values, factor_entropy)
    thresholds, groups = independent_groups(values)
    curve = {"thresholds": thresholds, "groups": groups}
    scores["precision_area"] = Score(precision_area_of(values), name="precision_area", parts=curve)
    scores["most_groups"] = Score(groups.max(), name="most_groups")
    return ScoreTable(scores)


def _of_columns(values: Floats, factor_entropy: ArrayLike | None) -> dict[str, Score]:
    """Return the scores that compare codes, factor by factor."""
    per_factor, complete = disentanglement(values.T)
    first, second = top_two(values)
    each = {
        "completeness": (complete, per_factor),
        "gap": ((first - second).mean(), first - second),
    }
    if factor_entropy is not None:
        entropy = as_array(factor_entropy, "factor_entropy").astype(np.float64)
        if entropy.shape != (values.shape[1],) or not (entropy > 0).all():
            raise ValueError(
                f"factor_entropy must hold {values.shape[1]} numbers above 0, got {entropy}"[:160]
            )
        gaps = (first - second) / entropy
        each["normalized_gap"] = (gaps.mean(), gaps)
    return {
        name: Score(value, name=name, parts={"per_factor": gaps})
        for name, (value, gaps) in each.items()
    }
