"""The mean correlation of factors with their regression on all codes."""

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
    "mean correlation after a regression",
    interval=Refits(seconds=0.02),
    family="probe",
    cost="O(n d^2)",
    rewards="factors that all codes together predict, up to the fitted map",
    misses="which code predicts them: blind to mixing",
    with_rows="Grows with the number of train rows until the regressions stop improving.",
)
def mcc_regression(
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
    """Compute the mean correlation coefficient after a regression: identification up to a map.

    MCC = mean_k |corr(f_k(z), y_k)| on test rows, with f_k fitted to train rows. With a linear
    predictor it measures identification up to an affine map, which `mcc` does not allow. A constant
    prediction has correlation 0. Range 0 to 1, best 1.

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
    I. Khemakhem, R. Monti, D. Kingma, A. Hyvärinen, "ICE-BeeM: identifiable conditional energy-
    based deep models", 2020, sect. 4 (weak identifiability); they use canonical correlation
    analysis.

    Examples
    --------
    >>> y = np.random.default_rng(0).normal(size=(300, 2))
    >>> round(float(mcc_regression(y @ [[1.0, 2.0], [0.5, -1.0]], y)), 6)
    1.0
    """
    settings = probe_settings(preset, train_samples, test_samples)
    settings |= {"predictor": predictor, "seed": seed}
    split = train_and_test(codes, factors, test_codes, test_factors, settings, factor_kinds)
    targets = check_varying(split)
    predictions = regress(split, predictor)
    centred = [part - part.mean(axis=0) for part in (predictions, targets)]
    sizes = [np.abs(part).max(axis=0) for part in centred]
    flat = sizes[0] <= 1e-12 * sizes[1]  # a prediction that varies only by rounding
    centred = [relative(part, size) for part, size in zip(centred, sizes, strict=True)]
    lengths = np.sqrt([(part**2).sum(axis=0) for part in centred])
    product = lengths[0] * lengths[1]
    flat |= product == 0
    covariance = np.abs((centred[0] * centred[1]).sum(axis=0))
    per_factor = np.where(flat, 0.0, covariance / np.where(flat, 1.0, product)).clip(max=1.0)
    return Score(
        per_factor.mean(),
        name="mcc_regression",
        parts={"per_factor": per_factor},
        **split.record(settings),
    )
