"""DCI-ES: explicitness of codes as ease of use, and their size."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array
from unweave_metrics._counting import Floats
from unweave_metrics._kinds import Declared
from unweave_metrics._quiet import quiet
from unweave_metrics._scaling import train_and_test_in_reach
from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.refits import Refits
from unweave_metrics.predictors._labels import train_and_test_labels
from unweave_metrics.predictors._split import train_and_test
from unweave_metrics.presets import settings_for
from unweave_metrics.score import Score

# Depths of the forests of increasing capacity; the last one hardly limits the trees.
DEPTHS = (1, 2, 3, 4, 6, 8, 12, 16)


@metric(
    "ease of use; size",
    interval=Refits(seconds=4.0),
    threads=False,
    family="probe",
    cost="forests of 8 depths per factor",
    rewards="factors that small predictors predict as well as large ones",
    misses=("which codes they use; it is relative to the least loss, so noise may raise it"),
    with_rows="As for dci: forests learn more from more rows.",
)
def dci_es(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    test_codes: ArrayLike | None = None,
    test_factors: ArrayLike | None = None,
    preset: str | None = None,
    trees: int = 10,
    train_samples: int | None = None,
    test_samples: int | None = None,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute explicitness and size of DCI-ES; the float is explicitness.

    For each factor, predictors of increasing capacity t = 0 to T (the mean or the majority class,
    then random forests of depth 1, 2, 3, 4, 6, 8, 12, 16) have losses on the test rows: the share
    of errors, or squared error over variance. Here l_t is the least loss up to capacity t, and l*
    the least of all. E = 1 - A / Z, at least 0, where A is the area between l_t and l* over t
    (trapezoids), and Z = T (l_0 - l*) / 2. E is near 1 if a small predictor already reaches l*,
    and 0 if the loss falls in a straight line or later, or if no predictor learns the factor. It is
    relative to l*, so noise may raise it. Explicitness is the mean of E over the factors, and size
    is k / d. Higher is better.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k)
    test_codes, test_factors
        Test rows; by default a third of the rows, drawn by the seed.
    preset
        Name of a preset, which sets the numbers of rows.
    trees
        Number of trees of each forest.
    train_samples, test_samples
        Largest numbers of rows; larger tables are subsampled.
    factor_kinds
        ``"class"`` or ``"measurement"``, as for `mig`.
    seed
        Seed of splits, draws and forests.

    Returns
    -------
    Score, with parts `explicitness`, `size`, `per_factor` (k,), `losses` (k, T + 1), `depths` (T,).

    Raises
    ------
    ValueError
        For a constant factor, NaN or infinite values, inconsistent shapes.

    References
    ----------
    C. Eastwood, A. L. Nicolicioiu, J. von Kügelgen et al., "DCI-ES: an extended disentanglement
    framework with connections to identifiability", 2023, sect. 4. Here the capacity is the index t
    of the predictor, the same for all factors.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 2, size=(300, 2))
    >>> float(dci_es(factors + 0.0, factors)) > 0.7
    True
    """
    arguments = {"train_samples": train_samples, "test_samples": test_samples}
    settings = settings_for("probe", preset, arguments) | {"trees": trees, "seed": seed}
    split = train_and_test(codes, factors, test_codes, test_factors, settings, factor_kinds)
    z, y, z_test, y_test = split.z, split.y, split.z_test, split.y_test
    z, z_test, _ = train_and_test_in_reach(z, z_test, single=True)
    labels, test_labels = train_and_test_labels(split, settings["bins"])

    def losses(k: int) -> Floats:
        if split.kinds.measured[k]:
            value, targets, _ = train_and_test_in_reach(y[:, [k]], y_test[:, [k]], single=True)
            return _value_losses(z, value[:, 0], z_test, targets[:, 0], trees, seed)
        return _class_losses(z, labels[k], z_test, test_labels[k], trees, seed)

    with quiet():
        table = np.array([losses(k) for k in range(y.shape[1])])
    per_factor = np.array([ease(row) for row in table])
    parts = {
        "explicitness": float(per_factor.mean()),
        "size": y.shape[1] / z.shape[1],
        "per_factor": per_factor,
        "losses": table,
        "depths": np.array(DEPTHS),
    }
    return Score(per_factor.mean(), name="dci_es", parts=parts, **split.record(settings))


def ease(losses: Floats) -> float:
    """Return E of the losses of predictors of increasing capacity; the first does not use codes."""
    least = np.minimum.accumulate(losses)
    gap = least - least[-1]
    if gap[0] <= 0:
        return 0.0
    area = ((gap[1:] + gap[:-1]) / 2).sum()
    return max(0.0, float(1 - area / (0.5 * (len(losses) - 1) * gap[0])))


def _class_losses(
    z: Array, label: Array, z_test: Array, test_labels: Array, trees: int, seed: int
) -> Floats:
    """Return the share of errors on test rows for the majority class and for each forest."""
    from sklearn.ensemble import RandomForestClassifier

    errors = [float((test_labels != np.bincount(label).argmax()).mean())]
    for depth in DEPTHS:
        forest = RandomForestClassifier(n_estimators=trees, max_depth=depth, random_state=seed)
        errors.append(float((forest.fit(z, label).predict(z_test) != test_labels).mean()))
    return np.array(errors)


def _value_losses(
    z: Array, value: Array, z_test: Array, test_value: Array, trees: int, seed: int
) -> Floats:
    """Return the squared error over the variance on test rows for the mean and for each forest."""
    from sklearn.ensemble import RandomForestRegressor

    errors = [float(((test_value - value.mean()) ** 2).mean())]
    for depth in DEPTHS:
        forest = RandomForestRegressor(n_estimators=trees, max_depth=depth, random_state=seed)
        errors.append(float(((forest.fit(z, value).predict(z_test) - test_value) ** 2).mean()))
    spread = test_value.var()
    return np.array(errors) / spread if spread > 0 else np.zeros(len(errors))
