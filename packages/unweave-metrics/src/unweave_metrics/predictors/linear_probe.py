"""Accuracy of a linear model on frozen codes."""

from __future__ import annotations

from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array
from unweave_metrics._kinds import Declared
from unweave_metrics._logistic import fit_logistic
from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.refits import Refits
from unweave_metrics.predictors._importances import scaled_pair
from unweave_metrics.predictors._probe import accuracies, probe, probe_settings
from unweave_metrics.predictors._split import train_and_test
from unweave_metrics.score import Score


@metric(
    "linear test accuracy",
    interval=Refits(seconds=0.05),
    usual=True,
    family="probe",
    cost="O(iterations n d classes)",
    rewards="factors that a linear model predicts",
    misses="as explicitness",
    with_rows=("Grows with the number of train rows until the linear models stop improving."),
)
def linear_probe(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    test_codes: ArrayLike | None = None,
    test_factors: ArrayLike | None = None,
    preset: str | None = None,
    C: float = 1.0,
    max_iter: int = 1_000,
    train_samples: int | None = None,
    test_samples: int | None = None,
    jobs: int = 1,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute how well a linear model predicts the factors from frozen codes, on test rows.

    For classes it is the accuracy of a multinomial logistic regression, for measurements R^2 of
    least squares, at least 0. Codes are standardised by the train rows. The score is the mean over
    factors. Range 0 to 1, best 1.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k)
    test_codes, test_factors
        Test rows; by default a third of the rows, drawn by the seed.
    preset
        Name of a preset, which sets the numbers of rows.
    C
        Inverse strength of the penalty of the logistic regression.
    max_iter
        Largest number of steps of the logistic regression.
    train_samples, test_samples
        Largest numbers of rows; larger tables are subsampled.
    jobs
        Number of factors that are fitted at a time; -1: one per core.
    factor_kinds
        ``"class"`` or ``"measurement"``, as for `mig`.
    seed
        Seed of splits and draws.

    Returns
    -------
    Score, with parts `per_factor` and `per_factor_train` (k,).

    Raises
    ------
    ValueError
        For a constant factor, NaN or infinite values, inconsistent shapes.

    References
    ----------
    G. Alain, Y. Bengio, "Understanding intermediate layers using linear classifier probes", 2016.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 2, size=(300, 2))
    >>> float(linear_probe(factors + 0.0, factors))
    1.0
    """
    settings = probe_settings(preset, train_samples, test_samples) | {
        "C": C, "max_iter": max_iter, "seed": seed,
    }  # fmt: skip
    split = train_and_test(codes, factors, test_codes, test_factors, settings, factor_kinds)
    inputs = scaled_pair(split.z, split.z_test, "standard")

    def classify(label: Array, test_labels: Array) -> tuple[float, float]:
        model = fit_logistic(inputs[0], label, int(label.max()) + 1, C=C, max_iter=max_iter)
        return accuracies(model.predict(inputs[0]), label, model.predict(inputs[1]), test_labels)

    return probe("linear_probe", split, inputs, classify, settings, jobs)
