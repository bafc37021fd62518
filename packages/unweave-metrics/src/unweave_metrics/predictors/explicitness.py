"""Explicitness: how well linear classifiers separate the classes of the factors."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array, check_choice
from unweave_metrics._counting import Floats
from unweave_metrics._kinds import Declared
from unweave_metrics._logistic import fit_logistic
from unweave_metrics._parallel import in_parallel
from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.refits import Refits
from unweave_metrics.predictors._importances import scaled_pair
from unweave_metrics.predictors._labels import train_and_test_labels
from unweave_metrics.predictors._split import train_and_test
from unweave_metrics.presets import settings_for
from unweave_metrics.score import Score

MODELS = ("multinomial", "ovr", "binary")
SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


@metric(
    "area under the ROC curve of linear classifiers",
    interval=Refits(seconds=0.06),
    usual=True,
    family="explicitness",
    undefined="train and test rows have fewer than two classes of a factor in common",
    cost="O(iterations n d classes)",
    rewards="linearly separable classes, from all codes",
    misses="any entanglement that a linear map undoes",
    with_rows=("Grows with the number of train rows until the linear models stop improving."),
)
def explicitness(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    test_codes: ArrayLike | None = None,
    test_factors: ArrayLike | None = None,
    preset: str | None = None,
    model: str | None = None,
    C: float | None = None,
    balanced: bool | None = None,
    scale: str | None = None,
    evaluate_on: str | None = None,
    rescale: bool | None = None,
    bins: int | None = None,
    bin_factors: bool | None = None,
    train_samples: int | None = None,
    test_samples: int | None = None,
    jobs: int = 1,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute explicitness: area under the ROC curve of logistic regressions on all codes.

    For each factor a logistic regression predicts its classes; the factor's score is the mean over
    classes of the area under the one-versus-rest curve. The score is the mean over factors. Range
    .5 (chance) to 1, best 1; 0 to 1 with `rescale`. Classes that are missing among the train or
    test rows are left out of the mean.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k); measurements are cut into `bins` bins
    test_codes, test_factors
        Test rows; by default a third of the rows, drawn by the seed.
    preset
        Name of a preset; by default the conventions of ``"locatello2019"``, on all rows.
    model
        ``"multinomial"``; ``"ovr"``: one model per class, probabilities normalised;
        ``"binary"``: not normalised.
    C, balanced
        Inverse strength of the penalty, and whether classes have equal weight.
    scale
        Scale of the codes: ``"standard"`` (mean 0 and standard deviation 1 on the train rows) or
        ``"unit"`` (range [0, 1] on the train rows).
    evaluate_on
        ``"test"`` or ``"train"`` rows; ``"train"`` without test arrays fits on all rows.
    rescale
        Return 2 (area - 1/2).
    bin_factors
        Bin every factor into `bins` bins, also classes.
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
    Score, with parts `per_factor` and `per_factor_train` (k,) and `train`, the mean of the latter.

    Raises
    ------
    ValueError
        For a constant factor, NaN or infinite values, inconsistent shapes.

    References
    ----------
    K. Ridgeway, M. C. Mozer, "Learning deep disentangled embeddings with the F-statistic loss",
    2018, sect. 3; held-out rows as F. Locatello et al., 2019, in-sample as M.-A. Carbonneau et al.,
    2022.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 3, size=(600, 2))
    >>> float(explicitness(factors + 0.0, factors)) > 0.8
    True
    """
    arguments = {
        "model": model, "C": C, "balanced": balanced, "scale": scale, "evaluate_on": evaluate_on,
        "rescale": rescale, "bins": bins, "bin_factors": bin_factors,
        "train_samples": train_samples, "test_samples": test_samples,
    }  # fmt: skip
    settings = settings_for("explicitness", preset, arguments) | {"seed": seed}
    check_choice(settings["model"], "model", MODELS)
    check_choice(settings["scale"], "scale", ("standard", "unit"))
    check_choice(settings["evaluate_on"], "evaluate_on", ("train", "test"))
    split = train_and_test(codes, factors, test_codes, test_factors, settings, factor_kinds)
    bins, bin_factors = settings["bins"], settings["bin_factors"]
    labels, test_labels = train_and_test_labels(split, bins, "unit", bin_factors)
    inputs, inputs_test = scaled_pair(split.z, split.z_test, settings["scale"])

    def area(k: int) -> tuple[float, float]:
        chance = _probabilities(inputs, labels[k], [inputs, inputs_test], settings)
        return mean_area(chance[0], labels[k]), mean_area(chance[1], test_labels[k])

    areas = np.array(in_parallel(area, len(labels), jobs, labels.max(axis=1).tolist()))
    if settings["rescale"]:
        areas = 2 * (areas - 0.5)
    parts = {
        "per_factor": areas[:, 1],
        "per_factor_train": areas[:, 0],
        "train": float(areas[:, 0].mean()),
    }
    value = areas[:, 1].mean()
    return Score(value, name="explicitness", parts=parts, **split.record(settings))


def _probabilities(
    inputs: Floats, label: Array, others: list[Floats], settings: dict[str, Any]
) -> list[Floats]:
    """Return the probabilities (n, classes) of other rows by models of the train rows."""
    classes = int(label.max()) + 1
    options: dict[str, Any] = {"C": settings["C"], "balanced": settings["balanced"]}
    if settings["model"] == "multinomial":
        model = fit_logistic(inputs, label, classes, **options)
        return [model.probabilities(rows) for rows in others]
    models = [
        fit_logistic(inputs, (label == c).astype(np.int64), 2, **options) for c in range(classes)
    ]
    chance = [np.stack([m.probabilities(rows)[:, 1] for m in models], axis=1) for rows in others]
    if settings["model"] == "ovr":
        chance = [part / part.sum(axis=1, keepdims=True) for part in chance]
    return chance


def mean_area(chance: Floats, label: Array) -> float:
    """Return the mean over classes of the area under the one-versus-rest ROC curve.

    The area is the share of pairs (row of the class, other row) in the right order; ties count as
    one half.
    """
    areas = []
    for c in range(chance.shape[1]):
        own = label == c
        inside, outside = int(own.sum()), int((~own).sum())
        if inside and outside:
            ordered, values = np.sort(chance[:, c]), np.sort(chance[own, c])
            below, up_to = (np.searchsorted(ordered, values, side) for side in SIDES)
            ranks = (below + up_to + 1).sum() / 2  # equal rows have their mean rank
            areas.append((ranks - inside * (inside + 1) / 2) / (inside * outside))
    return float(np.mean(areas)) if areas else float("nan")
