"""DCI-ES: explicitness of codes as the ease of use, and their size."""

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

# Depths of the forests of rising capacity; the last is unlimited in all but name.
DEPTHS = (1, 2, 3, 4, 6, 8, 12, 16)


@metric(
    "ease of use; size",
    interval=Refits(seconds=4.0),
    threads=False,
    family="probe",
    cost="forests of 8 depths per factor",
    rewards="factors that small predictors predict as well as large ones",
    misses=(
        "which codes they use; it is relative to the best loss reached, so that noise may raise it"
    ),
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

    For each factor, predictors of rising capacity t = 0 to T (the mean or majority alone, then
    random forests of depth 1, 2, 3, 4, 6, 8, 12, 16) have test losses l_t (share of errors, or
    squared error over variance), made monotone (l_t = the least so far). With l* the least loss, E
    = 1 - A / Z, where A is the area between l_t and l* over capacity (trapezoids, from t = 0 to the
    first t of least loss), and Z = T (l_0 - l*) / 2. E is 1 if a small predictor already reaches
    the least loss, and 0 if the loss falls in a straight line or later, or if no predictor learns
    the factor. It is relative to the least loss that is reached, so noise may raise it. Size
    S = k / d. Best: high.

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
    framework with connections to identifiability", 2023, sect. 4. Capacity is the step of the
    ladder here, for all factors alike.

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
    labels, tested = train_and_test_labels(split, settings["bins"])

    def losses(k: int) -> Floats:
        if split.kinds.measured[k]:
            value, targets, _ = train_and_test_in_reach(y[:, [k]], y_test[:, [k]], single=True)
            return _value_losses(z, value[:, 0], z_test, targets[:, 0], trees, seed)
        return _class_losses(z, labels[k], z_test, tested[k], trees, seed)

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
    return Score(per_factor.mean(), name="dci_es", parts=parts, **split.described(settings))


def ease(losses: Floats) -> float:
    """Return E of the losses of predictors of rising capacity, the first one knowing no codes."""
    falling = np.minimum.accumulate(losses)
    gap = falling - falling[-1]
    if gap[0] <= 0:
        return 0.0
    area = ((gap[1:] + gap[:-1]) / 2).sum()
    return max(0.0, float(1 - area / (0.5 * (len(losses) - 1) * gap[0])))


def _class_losses(
    z: Array, label: Array, z_test: Array, tested: Array, trees: int, seed: int
) -> Floats:
    """Return the share of errors on test rows of the majority class and of each forest."""
    from sklearn.ensemble import RandomForestClassifier

    errors = [float((tested != np.bincount(label).argmax()).mean())]
    for depth in DEPTHS:
        forest = RandomForestClassifier(n_estimators=trees, max_depth=depth, random_state=seed)
        errors.append(float((forest.fit(z, label).predict(z_test) != tested).mean()))
    return np.array(errors)


def _value_losses(
    z: Array, value: Array, z_test: Array, tested: Array, trees: int, seed: int
) -> Floats:
    """Return squared error over variance on test rows of the mean and of each forest."""
    from sklearn.ensemble import RandomForestRegressor

    errors = [float(((tested - value.mean()) ** 2).mean())]
    for depth in DEPTHS:
        forest = RandomForestRegressor(n_estimators=trees, max_depth=depth, random_state=seed)
        errors.append(float(((forest.fit(z, value).predict(z_test) - tested) ** 2).mean()))
    spread = tested.var()
    return np.array(errors) / spread if spread > 0 else np.zeros(len(errors))
