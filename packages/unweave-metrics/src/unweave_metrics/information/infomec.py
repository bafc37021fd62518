"""InfoM, InfoE and InfoC: modularity, explicitness and compactness by information."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array, check_choice, check_pair
from unweave_metrics._binning import class_columns, factor_labels
from unweave_metrics._counting import Floats, pair_information
from unweave_metrics._kinds import Declared, kinds_of
from unweave_metrics._logistic import fit_logistic
from unweave_metrics._sampling import subsample
from unweave_metrics._scaling import together_in_reach
from unweave_metrics._standardized import standardized
from unweave_metrics.catalogue import metric
from unweave_metrics.information._neighbors import class_information
from unweave_metrics.intervals.refits import Refits
from unweave_metrics.presets import settings_for
from unweave_metrics.score import Score

ACTIVE = ("range", "iqr", "all")


@metric(
    "InfoM; InfoE, InfoC",
    interval=Refits(seconds=0.5),
    threads=False,
    family="infomec",
    undefined=(
        "with a single factor InfoM has nothing to compare; with dead_codes='nan' an active code "
        "without any information makes it NaN"
    ),
    cost="O(n log n d k)",
    rewards=("InfoM: one factor per code; InfoC: one code per factor; InfoE: linear readability"),
    misses=(
        "the amount of information: InfoM and InfoC are ratios, which noise may make high; report "
        "all three"
    ),
    with_rows=("InfoE is measured on the rows that it was fitted to, so few rows raise it."),
)
def infomec(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    preset: str | None = None,
    discrete_codes: bool | None = None,
    neighbors: int | None = None,
    active: str | None = None,
    active_fraction: float | None = None,
    dead_codes: str | None = None,
    bins: int | None = None,
    samples: int | None = None,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute InfoMEC: the float is InfoM, and the parts are InfoM, InfoE and InfoC.

    With NMI_ki = I(z_i; y_k) / H(y_k) of the active codes:
    InfoM = (mean_i max_k NMI_ki / sum_k NMI_ki - 1/K) / (1 - 1/K). InfoC is the same with the D
    active codes and the K factors exchanged. InfoE = mean_k [1 - CE_k / CE0_k], where CE_k is the
    cross-entropy, on the rows of the fit, of an unpenalised, class-balanced multinomial logistic
    regression on all codes, and CE0_k the same without codes. Each has range 0 to 1, best 1. An
    active code, or a factor, without any information has the share of chance, 1/K or 1/D (or makes
    the score NaN, as in the authors' program). Without an active code InfoM and InfoC are 0. InfoM
    is NaN with a single factor, InfoC with a single active code.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k); measurements are cut into `bins` bins
    preset
        Name of a preset; by default the conventions of ``"hsu2023"``, on all rows, except
        `dead_codes`.
    discrete_codes
        Use code values as classes (plug-in information) instead of nearest neighbours.
    neighbors
        Number of neighbours of the nearest-neighbour estimate.
    active
        A code is active if its ``"range"``, or its interquartile range ``"iqr"``, is above
        `active_fraction` of the widest; or ``"all"``.
    dead_codes
        ``"zero"``: an active code without any information has the share of chance, which adds 0;
        ``"nan"``: it makes InfoM NaN, and such a factor makes InfoC NaN.
    samples
        Largest number of rows; larger tables are subsampled without replacement.
    factor_kinds
        ``"class"`` or ``"measurement"``, as for `mig`.
    seed
        Seed of the subsample and of the estimator's jitter.

    Returns
    -------
    Score, with parts `infom`, `infoe`, `infoc`, `normalized_information` (k, d), `active` (d,).

    Raises
    ------
    ValueError
        For a constant factor, too few rows for the neighbours, NaN or infinite values, inconsistent
        shapes.

    References
    ----------
    K. Hsu, W. Dorrell, J. Whittington, J. Wu, C. Finn, "Disentanglement via latent quantization",
    2023, sect. 4; information by B. Ross, "Mutual information between discrete and continuous data
    sets", 2014.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> factors = rng.integers(0, 3, size=(300, 2))
    >>> score = infomec(factors + 0.01 * rng.normal(size=(300, 2)), factors)
    >>> round(float(score), 1), round(score.parts["infoe"], 2)
    (1.0, 1.0)
    """
    arguments = {
        "discrete_codes": discrete_codes, "neighbors": neighbors, "active": active,
        "active_fraction": active_fraction, "dead_codes": dead_codes, "bins": bins,
        "samples": samples,
    }  # fmt: skip
    settings = settings_for("infomec", preset, arguments) | {"seed": seed}
    check_choice(settings["active"], "active", ACTIVE)
    check_choice(settings["dead_codes"], "dead_codes", ("zero", "nan"))
    z, y = check_pair(codes, factors)
    kinds = kinds_of(y, factor_kinds)
    z, y = subsample(z, y, settings["samples"], seed)
    labels = factor_labels(y, kinds.measured, settings["bins"])
    normalized = _normalized_information(z, labels, settings)
    active_columns = active_codes(z, settings)
    dead = settings["dead_codes"] == "nan"
    parts: dict[str, Any] = {
        "infom": _concentration(normalized[:, active_columns], 0, dead),
        "infoe": _explicitness(z, labels, settings["discrete_codes"]),
        "infoc": _concentration(normalized[:, active_columns], 1, dead),
        "normalized_information": normalized,
        "active": active_columns,
    }
    settings |= {"factor_kinds": kinds.words, "rows": len(z)}
    return Score(parts["infom"], name="infomec", parts=parts, settings=settings, notes=kinds.notes)


def active_codes(z: Array, settings: dict[str, Any]) -> Array:
    """Return which codes are active (d,)."""
    if settings["active"] == "all":
        return np.ones(z.shape[1], dtype=bool)
    (values,), _ = together_in_reach(z)  # only proportions count
    if settings["active"] == "range":
        spread = np.ptp(values, axis=0)
    else:
        spread = np.subtract(*np.percentile(values, [75, 25], axis=0))
    limit = 0.0 if settings["discrete_codes"] else spread.max() * settings["active_fraction"]
    return np.asarray(spread > limit)


def _normalized_information(z: Array, labels: Array, settings: dict[str, Any]) -> Floats:
    """Return I(z_i; y_k) / H(y_k), shape (k, d)."""
    if settings["discrete_codes"]:
        pairs = pair_information(class_columns(z, "codes")[0], labels)
        return (pairs.mutual_information / pairs.entropy_b).T
    if len(z) <= settings["neighbors"]:
        raise ValueError(
            f"codes must have more rows than neighbors={settings['neighbors']}, got {len(z)}"
        )
    standard = standardized(z)
    entropy = pair_information(labels, labels).entropy_b
    # One legacy generator for all pairs in order gives the jitter of the authors' program.
    jitter = np.random.RandomState(settings["seed"])
    information = [
        class_information(code, label, settings["neighbors"], jitter.standard_normal(len(z)))
        for label in labels
        for code in standard.T
    ]
    return np.asarray(np.reshape(information, (len(labels), z.shape[1])) / entropy[:, None])


def _concentration(normalized: Floats, axis: int, dead_is_nan: bool) -> float:
    """Return the mean share of the largest entry along an axis, scaled so that chance is 0."""
    count = normalized.shape[axis]
    if normalized.size == 0:
        return 0.0
    if count < 2:
        return float("nan")
    total = normalized.sum(axis=axis)
    nothing = np.full(len(total), np.nan if dead_is_nan else 1 / count)
    share = np.divide(normalized.max(axis=axis), total, out=nothing, where=total > 0)
    return float((share.mean() - 1 / count) / (1 - 1 / count))


def _explicitness(z: Array, labels: Array, discrete: bool) -> float:
    """Return InfoE: the share of the class-balanced cross-entropy that all codes remove."""
    inputs = _one_hot(z) if discrete else standardized(z)
    shares = []
    for label in labels:
        cross_entropy = balanced_cross_entropy(inputs, label)
        nothing = balanced_cross_entropy(np.zeros((len(label), 1)), label)
        shares.append(1 - cross_entropy / nothing)
    return float(np.mean(shares))


def _one_hot(z: Array) -> Floats:
    """Return a column of zeros and ones for each value of each code."""
    return np.concatenate(
        [(column[:, None] == np.unique(column)).astype(np.float64) for column in z.T], axis=1
    )


def balanced_cross_entropy(inputs: Floats, label: Array) -> float:
    """Return the in-sample log loss of an unpenalised, class-balanced logistic regression."""
    classes = int(label.max()) + 1
    # The authors' program compares the gradient of the sum, not of the mean, with 1e-4.
    tolerance = 1e-4 / len(label)
    model = fit_logistic(
        inputs, label.astype(np.int64), classes, C=np.inf, balanced=True, tolerance=tolerance
    )
    own = model.probabilities(inputs)[np.arange(len(label)), label]
    return float(-np.log(np.maximum(own, np.finfo(float).eps)).mean())
