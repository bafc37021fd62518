"""The beta-VAE score and Z-diff: can a linear classifier tell which factor two rows share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics.arrays import Array, check_pair, check_positive
from unweave_metrics.binning import factor_labels
from unweave_metrics.compiled import Kernel
from unweave_metrics.counting import Floats
from unweave_metrics.draws import Groups, Rows, draw_pairs, make_groups
from unweave_metrics.factor_vae import rescaled
from unweave_metrics.kinds import Declared, FactorKinds, kinds_of
from unweave_metrics.logistic import fit_logistic
from unweave_metrics.presets import settings_for
from unweave_metrics.sampling import generator
from unweave_metrics.score import Score


def beta_vae(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    preset: str | None = None,
    train_points: int | None = None,
    eval_points: int | None = None,
    batch_size: int | None = None,
    bins: int | None = None,
    rescale: bool | None = None,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute the beta-VAE score: accuracy of telling which factor pairs of rows share.

    One point: draw a random factor k and `batch_size` pairs of rows, each pair with one value of
    y_k; its features are mean |z - z'| of each code. A logistic regression predicts k from them;
    the score is its accuracy on fresh points. Range about 1/k to 1, best 1. It sees codes in raw
    units: scale matters. O(points * batch_size * d) time.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k), k at least 2; measurements are cut into
        `bins` bins
    preset : convention by name; without one ``"locatello2019"``
    train_points, eval_points : points that the classifier is fitted to, and scored on
    batch_size : pairs of one point
    bins : number of bins for measurements
    rescale : return (accuracy - 1/k) / (1 - 1/k)
    factor_kinds : ``"class"`` or ``"measurement"``, as for `mig`
    seed : decides every draw

    Returns
    -------
    Score, with parts `train_accuracy` and `correct` (right and all evaluation points).

    Raises
    ------
    ValueError: a single factor, a factor of one value, NaN or infinite values, shapes that do not
    fit.

    References
    ----------
    I. Higgins et al., "beta-VAE: learning basic visual concepts with a constrained variational
    framework", 2017, sect. 3; sizes and classifier as F. Locatello et al., 2019.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> factors = rng.integers(0, 4, size=(500, 2))
    >>> float(beta_vae(factors + 0.0, factors, train_points=200, eval_points=50))
    1.0
    """
    given = {
        "train_points": train_points, "eval_points": eval_points, "batch_size": batch_size,
        "bins": bins, "rescale": rescale,
    }  # fmt: skip
    settings = settings_for("beta_vae", preset, given) | {"seed": seed}
    z, y = check_pair(codes, factors)
    kinds = kinds_of(y, factor_kinds)
    groups = make_groups(factor_labels(y, kinds.measured, settings["bins"]))
    return _pair_score("beta_vae", z, groups, settings, kinds, max_iter=100)


def z_diff(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    preset: str | None = None,
    train_points: int | None = None,
    eval_points: int | None = None,
    batch_size: int | None = None,
    bins: int | None = None,
    bin_factors: bool | None = None,
    rescale: bool | None = None,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute Z-diff: the beta-VAE score on given rows, shared values drawn uniformly, rescaled.

    As `beta_vae`, but the shared value is uniform among values of at least two rows, the two rows
    of a pair differ, the logistic regression converges, and chance is mapped to 0. Range about 0 to
    1, best 1.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k), k at least 2
    bin_factors : cut every factor into `bins` bins, classes too
    preset, train_points, eval_points, batch_size, bins, rescale, factor_kinds, seed :
        as for `beta_vae`

    Returns
    -------
    Score, with parts as `beta_vae`.

    Raises
    ------
    ValueError: as `beta_vae`, and a factor of which no two rows share a value.

    References
    ----------
    M.-A. Carbonneau et al., "Measuring disentanglement: a review of metrics", 2022, sect. 3.1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> factors = rng.integers(0, 4, size=(500, 2))
    >>> float(z_diff(factors + 0.0, factors, train_points=200, eval_points=50))
    1.0
    """
    given = {
        "train_points": train_points, "eval_points": eval_points, "batch_size": batch_size,
        "bins": bins, "bin_factors": bin_factors, "rescale": rescale,
    }  # fmt: skip
    settings = settings_for("z_diff", preset, given) | {"seed": seed, "by_value": True}
    z, y = check_pair(codes, factors)
    kinds = kinds_of(y, factor_kinds)
    labels = factor_labels(y, kinds.measured, settings["bins"], settings["bin_factors"], "unit")
    return _pair_score("z_diff", z, make_groups(labels), settings, kinds, max_iter=10_000)


def _pair_score(
    name: str,
    z: Array,
    groups: Groups,
    settings: dict[str, Any],
    kinds: FactorKinds,
    max_iter: int,
) -> Score:
    """Fit the classifier to training points and score it on evaluation points."""
    for count in ("train_points", "eval_points", "batch_size"):
        check_positive(settings[count], count)
    k = len(groups.labels)
    if k < 2:
        raise ValueError(f"{name} needs at least two factors to tell apart, got {k}")
    rng = generator(settings["seed"])
    values = np.array(z, dtype=np.float64, order="C")
    train, train_factor = _points(values, groups, settings["train_points"], settings, rng)
    fresh, fresh_factor = _points(values, groups, settings["eval_points"], settings, rng)
    if len(np.unique(train_factor)) < 2:
        raise ValueError(f"train_points must reach two factors, got {settings['train_points']}")
    model = fit_logistic(train, train_factor, k, max_iter=max_iter)
    trained = float((model.predict(train) == train_factor).mean())
    right = int((model.predict(fresh) == fresh_factor).sum())
    accuracy = right / len(fresh_factor)
    if settings["rescale"]:
        trained, accuracy = rescaled(trained, k), rescaled(accuracy, k)
    parts = {"train_accuracy": trained, "correct": np.array([right, len(fresh_factor)])}
    settings = settings | {"factor_kinds": kinds.words, "rows": len(z)}
    return Score(accuracy, name=name, parts=parts, settings=settings, notes=kinds.notes)


def _points(
    values: Floats, groups: Groups, count: int, settings: dict[str, Any], rng: Any
) -> tuple[Floats, Rows]:
    """Return features (count, d) and factor numbers (count,)."""
    by_value = settings.get("by_value", False)
    factor, rows = draw_pairs(groups, count, settings["batch_size"], rng, by_value=by_value)
    return mean_differences(values, rows), factor


def mean_differences(values: Floats, rows: Rows) -> Floats:
    """Return mean |z - z'| (b, d) over pairs of rows (b, size, 2) of codes (n, d)."""
    out = np.zeros((len(rows), values.shape[1]))
    _add_differences(values, rows, out)
    out /= rows.shape[1]
    return out


@Kernel
def _add_differences(values, rows, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add |z - z'| over the pairs of each batch."""
    for j in range(rows.shape[0]):
        for i in range(rows.shape[1]):
            for c in range(values.shape[1]):
                out[j, c] += abs(values[rows[j, i, 0], c] - values[rows[j, i, 1], c])
