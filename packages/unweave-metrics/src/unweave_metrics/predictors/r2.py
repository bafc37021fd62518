"""R^2 of a regression of factors on all codes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._kinds import Declared
from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.refits import Refits
from unweave_metrics.predictors._probe import probe_settings
from unweave_metrics.predictors._regression import check_varying, regress, relative
from unweave_metrics.predictors._split import train_and_test
from unweave_metrics.score import Score


@metric(
    "explained variance of factors in a regression",
    interval=Refits(seconds=0.02),
    bounds=(-float("inf"), 1.0),
    family="probe",
    cost="O(n d^2)",
    rewards="factors that all codes together predict",
    misses="which code predicts them: blind to mixing",
    with_rows="Grows with the number of train rows until the regressions stop improving.",
)
def r2(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    test_codes: ArrayLike | None = None,
    test_factors: ArrayLike | None = None,
    preset: str | None = None,
    predictor: Any = "linear",
    train_samples: int | None = None,
    test_samples: int | None = None,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute R^2, the share of each factor's variance that a regression on all codes explains.

    R^2 = mean_k [1 - sum (y_k - f_k(z))^2 / sum (y_k - mean y_k)^2] on test rows, with f_k fitted
    to train rows. Best 1. The mean of the test rows as prediction has R^2 = 0, and a worse
    prediction is below 0.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : float values or ordered classes, shape (n, k)
    test_codes, test_factors
        Test rows; by default a third of the rows, drawn by the seed.
    preset
        Name of a preset, which sets the numbers of rows.
    predictor
        ``"linear"``: least squares with an intercept; or a scikit-learn regressor, such as
        ``KernelRidge(kernel="rbf")``, fitted to standardised codes.
    train_samples, test_samples
        Largest numbers of rows; larger tables are subsampled.
    factor_kinds
        As for `mig`; it has no effect on the score, because all factors are regressed as numbers.
    seed
        Seed of splits and draws.

    Returns
    -------
    Score, with part `per_factor` (k,).

    Raises
    ------
    ValueError
        For a factor that is constant on the test rows, NaN or infinite values, inconsistent shapes.
    TypeError
        For a predictor that cannot be fitted.

    References
    ----------
    J. von Kügelgen et al., "Self-supervised learning with data augmentations provably isolates
    content from style", 2021, sect. 5.

    Examples
    --------
    >>> y = np.random.default_rng(0).normal(size=(300, 2))
    >>> round(float(r2(y @ [[1.0, 2.0], [0.5, -1.0]], y)), 6)
    1.0
    """
    settings = probe_settings(preset, train_samples, test_samples)
    settings |= {"predictor": predictor, "seed": seed}
    split = train_and_test(codes, factors, test_codes, test_factors, settings, factor_kinds)
    targets = check_varying(split)
    predictions = regress(split, predictor)
    centred = targets - targets.mean(axis=0)
    size = np.abs(centred).max(axis=0)
    error, spread = (
        (relative(part, size) ** 2).sum(axis=0) for part in (targets - predictions, centred)
    )
    per_factor = np.where(spread > 0, 1 - error / np.where(spread > 0, spread, 1.0), 0.0)
    return Score(
        per_factor.mean(),
        name="r2",
        parts={"per_factor": per_factor},
        **split.record(settings),
    )
