"""Disentanglement, completeness and informativeness from importances of codes for factors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array, check_choice
from unweave_metrics._counting import Floats
from unweave_metrics._kinds import Declared
from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.refits import Refits
from unweave_metrics.predictors._importances import PREDICTORS, FactorFits, fit_factors
from unweave_metrics.predictors._split import train_and_test
from unweave_metrics.presets import settings_for
from unweave_metrics.score import Score

# Added to importances so that a row of zeros has an entropy, as in the reference implementation.
LITTLE = 1e-11


@metric(
    "disentanglement; completeness, informativeness",
    interval=Refits(seconds=0.6),
    usual=True,
    family="dci",
    undefined=(
        "with a single factor disentanglement has nothing to compare; with dead_codes='nan' a code "
        "without importance makes it NaN"
    ),
    cost="O(rounds classes n d)",
    rewards="sparse importances",
    misses=("what the predictor cannot use; boosted trees memorise noise on small grids"),
    with_rows=(
        "Grows with the number of rows: only with many do trees find weak codes and "
        "ignore noise. Compare tables of equal size."
    ),
)
def dci(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    test_codes: ArrayLike | None = None,
    test_factors: ArrayLike | None = None,
    preset: str | None = None,
    predictor: Any = None,
    alpha: float | None = None,
    scale: str | None = None,
    completeness: str | None = None,
    dead_codes: str | None = None,
    evaluate_on: str | None = None,
    test_fraction: float | None = None,
    bins: int | None = None,
    train_samples: int | None = None,
    test_samples: int | None = None,
    jobs: int = 1,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute DCI: the float is disentanglement; completeness and informativeness are parts.

    R_ik is the importance of code i for predicting factor k. Disentanglement: mean over codes,
    weighted by sum_k R_ik, of 1 - H_K(R_i. / sum), entropy to base K (number of factors);
    completeness: mean over factors of 1 - H_D(R_.k / sum), base D (number of codes);
    informativeness: mean accuracy of the predictors on test rows, or 1 - 12 MSE of regressions of
    factors scaled to [0, 1]. Each has range 0 to 1, best 1. With one factor disentanglement is NaN,
    with one code completeness.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k)
    test_codes, test_factors
        Test rows; by default the share `test_fraction` of the rows, drawn by the seed.
    preset
        Name of a preset; by default the conventions of ``"locatello2019"``, on all rows.
    predictor
        ``"histogram-boosting"``: boosted trees, whose exact splits are searched with histograms;
        ``"gradient-boosting"``: those of scikit-learn, the reference implementation, slow;
        ``"random-forest"`` (100 trees, entropy, depth 10); ``"lasso"``; ``"forest-regression"``
        (10 trees; 10-fold cross-validation chooses depth and share of codes per split; slow); or a
        scikit-learn classifier or regressor with ``feature_importances_`` or ``coef_``.
    alpha
        Penalty of the lasso; by default 10-fold cross-validation chooses it.
    scale
        Scale of the arrays of a regression: ``"unit"`` ([0, 1]), ``"standard"`` (mean 0, standard
        deviation 1) or ``"none"``. The default is ``"standard"`` for a lasso with `alpha`, else
        ``"unit"``.
    completeness
        Mean over factors, ``"weighted"`` by their importance, or ``"mean"``.
    dead_codes
        What a code without importance does: its value is ``"zero"`` or ``"one"``, with weight 0 in
        the mean; or it makes disentanglement ``"nan"``; or, with ``"stop"``, it and all codes after
        it have value 0 and weight 0.
    evaluate_on
        ``"test"`` or ``"train"`` rows; ``"train"`` without test arrays fits on all rows.
    test_fraction
        Share of the rows that are test rows.
    bins
        Number of bins for measurements, if the predictor is a classifier.
    train_samples, test_samples
        Largest numbers of rows; larger tables are subsampled.
    jobs
        Number of factors that are fitted at a time; -1: one per core.
    factor_kinds
        ``"class"`` or ``"measurement"``, as for `mig`.
    seed
        Seed of splits, draws, and ties between codes.

    Returns
    -------
    Score, with parts `disentanglement`, `completeness`, `informativeness`, `informativeness_train`,
    `per_code` (d,), `per_factor` (k,), `importance` (d, k); for regressions also `nrmse` and
    `nrmse_train`, the root mean squared error over the standard deviation, as mean over factors.

    Raises
    ------
    ValueError
        For a constant factor, NaN or infinite values, inconsistent shapes.

    References
    ----------
    C. Eastwood, C. K. I. Williams, "A framework for the quantitative evaluation of disentangled
    representations", 2018, sect. 2; boosting, accuracy and weights as F. Locatello et al., 2019.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 3, size=(600, 2))
    >>> score = dci(factors + 0.0, factors)
    >>> round(float(score), 2), round(score.parts["completeness"], 2)
    (1.0, 1.0)
    """
    arguments = {
        "predictor": predictor, "alpha": alpha, "scale": scale, "completeness": completeness,
        "dead_codes": dead_codes, "evaluate_on": evaluate_on, "test_fraction": test_fraction,
        "bins": bins, "train_samples": train_samples, "test_samples": test_samples,
    }  # fmt: skip
    settings = settings_for("dci", preset, arguments) | {"seed": seed}
    _check_predictor(settings["predictor"])
    if settings["scale"] is not None:
        check_choice(settings["scale"], "scale", ("unit", "standard", "none"))
    check_choice(settings["evaluate_on"], "evaluate_on", ("train", "test"))
    check_choice(settings["completeness"], "completeness", ("weighted", "mean"))
    check_choice(settings["dead_codes"], "dead_codes", ("zero", "one", "nan", "stop"))
    split = train_and_test(codes, factors, test_codes, test_factors, settings, factor_kinds)
    return _score(fit_factors(split, settings, jobs), **split.record(settings))


def _check_predictor(predictor: Any) -> None:
    """Refuse a predictor that is neither a known word nor an instance of an estimator."""
    ready = all(hasattr(predictor, name) for name in ("fit", "predict", "get_params"))
    if isinstance(predictor, str) or not ready or isinstance(predictor, type):
        check_choice(predictor, "predictor must be a scikit-learn estimator or", PREDICTORS)


def _score(fits: FactorFits, settings: dict[str, Any], notes: tuple[str, ...]) -> Score:
    """Return the score of the predictors."""
    per_code, value = disentanglement_of(fits.importance, settings["dead_codes"])
    per_factor, complete = completeness_of(fits.importance, settings["completeness"])
    parts: dict[str, Any] = {
        "disentanglement": value,
        "completeness": complete,
        "informativeness": float(fits.test.mean()),
        "informativeness_train": float(fits.train.mean()),
        "per_code": per_code,
        "per_factor": per_factor,
        "importance": fits.importance,
    }
    if fits.nrmse is not None:
        parts["nrmse_train"], parts["nrmse"] = fits.nrmse.mean(axis=1).tolist()
    return Score(value, name="dci", parts=parts, settings=settings, notes=notes)


def certainty(importance: Array) -> Floats:
    """Return 1 - entropy of the shares of each row, to the base of their number; NaN for one."""
    share = np.asarray(importance, dtype=np.float64) + LITTLE
    share /= share.sum(axis=1, keepdims=True)
    if share.shape[1] < 2:
        return np.full(len(share), np.nan)
    return np.asarray(1 + (share * np.log(share)).sum(axis=1) / np.log(share.shape[1]))


def disentanglement_of(importance: Array, dead_codes: str = "zero") -> tuple[Floats, float]:
    """Return disentanglement per code (d,) and its weighted mean, of importances (d, k)."""
    weight = np.asarray(importance, dtype=np.float64).sum(axis=1)
    per_code = certainty(importance)
    dead = weight == 0
    if dead_codes == "nan":
        per_code[dead] = np.nan
    elif dead_codes == "one":
        per_code[dead] = 1.0
    elif dead_codes == "stop" and dead.any():
        first = int(dead.argmax())
        weight[first:] = 0.0
        per_code[first:] = 0.0
    if weight.sum() == 0:
        weight = np.ones(len(weight))
    return per_code, float((per_code * weight).sum() / weight.sum())


def completeness_of(importance: Array, mean: str = "weighted") -> tuple[Floats, float]:
    """Return completeness per factor (k,) and its mean, of importances (d, k)."""
    per_factor = certainty(np.asarray(importance).T)
    weight = np.asarray(importance, dtype=np.float64).sum(axis=0)
    if mean == "mean" or weight.sum() == 0:
        weight = np.ones(len(weight))
    return per_factor, float((per_factor * weight).sum() / weight.sum())
