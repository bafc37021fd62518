"""Separated attribute predictability: the gap between the two best single-code predictors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array, check_choice, check_several
from unweave_metrics._counting import Floats
from unweave_metrics._kinds import Declared
from unweave_metrics._options import POSITIVE
from unweave_metrics._quiet import quiet
from unweave_metrics._scaling import in_reach, shifted, train_and_test_in_reach
from unweave_metrics._shared import columnwise
from unweave_metrics.catalogue import metric
from unweave_metrics.information._table import top_two
from unweave_metrics.intervals.refits import Refits
from unweave_metrics.predictors._labels import train_and_test_labels
from unweave_metrics.predictors._split import Split, train_and_test
from unweave_metrics.predictors._svm import fit_one_code, predict_one_code
from unweave_metrics.presets import settings_for
from unweave_metrics.score import Score

PREDICTORS = ("svm", "tree", "linear")


# Number of folds that choose the depth of a tree, as in Carbonneau et al., 2022.
FOLDS = 10

# Largest test code; trees accept numbers up to 3e38, and train codes are within 0 to 1.
FAR = 1e30

# Largest depth of a tree, as in Carbonneau et al., 2022.
MOST_DEEP = 9

# A code with less variance predicts nothing: the threshold of the reference implementation.
DEAD_VARIANCE = 1e-12


@metric(
    "gap between single-code predictors",
    interval=Refits(seconds=0.01),
    usual=True,
    family="sap",
    cost="O(n log n d + n d k)",
    rewards="a factor that one code alone separates linearly",
    misses=(
        "non-monotone codes, and factors of many values, which one line per class "
        "hardly separates; it changes with the scale of the codes"
    ),
    with_rows=(
        "Changes with the number of rows: the more rows, the smaller the effect of the penalty."
    ),
)
def sap(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    test_codes: ArrayLike | None = None,
    test_factors: ArrayLike | None = None,
    preset: str | None = None,
    predictor: str | None = None,
    C: float | None = None,
    balanced: bool | None = None,
    bins: int | None = None,
    bin_factors: bool | None = None,
    evaluate_on: str | None = None,
    train_samples: int | None = None,
    test_samples: int | None = None,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute SAP: the gap between the two codes that alone predict a factor best.

    SAP = mean_k [S_ak - S_bk], where S_ik measures how well code i alone predicts factor k, and a
    and b are the best and second-best codes. Range 0 to 1, best 1.

    S_ik is the accuracy on test rows of a linear support vector machine (squared hinge,
    one-versus-rest, solved exactly) or of a decision tree, whose depth from 1 to 9 is chosen by
    10-fold cross-validation; or, with ``"linear"``, the squared Pearson correlation on the train
    rows, 0 for a constant code. If all factors are measurements, the default is ``"linear"``; for
    classifiers measurements are cut into `bins` bins. The codes are not standardised, so their
    scale and shift change the support vector machine.

    Parameters
    ----------
    codes : float array, shape (n, d), d at least 2
    factors : integer classes or float values, shape (n, k)
    test_codes, test_factors
        Test rows; by default a third of the rows, drawn by the seed.
    preset
        Name of a preset; by default the conventions of ``"locatello2019"``, on all rows.
    predictor
        ``"svm"``, ``"tree"`` or ``"linear"``.
    C, balanced
        For the support vector machine: weight of the errors, and whether classes have equal weight.
    bins
        Number of bins for measurements, if the predictor is a classifier.
    bin_factors
        Bin every factor into `bins` bins, also classes.
    evaluate_on
        ``"test"`` or ``"train"`` rows; ``"train"`` without test arrays fits on all rows.
    train_samples, test_samples
        Largest numbers of rows; larger tables are subsampled.
    factor_kinds
        ``"class"`` or ``"measurement"``, as for `mig`.
    seed
        Seed of splits and draws.

    Returns
    -------
    Score, with parts `per_factor` (k,) and `predictability` (d, k).

    Raises
    ------
    ValueError
        For fewer than two codes, a constant factor, NaN or infinite values, inconsistent shapes.

    References
    ----------
    A. Kumar, P. Sattigeri, A. Balakrishnan, "Variational inference of disentangled latent concepts
    from unlabeled observations", 2018, sect. 3. As in F. Locatello et al., 2019, the accuracy is
    not balanced, and inactive codes are not dropped.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> factors = rng.integers(0, 2, size=(900, 2))
    >>> float(sap(factors + 0.0, factors)) > 0.4
    True
    """
    arguments = {
        "predictor": predictor, "C": C, "balanced": balanced, "bins": bins,
        "bin_factors": bin_factors, "evaluate_on": evaluate_on, "train_samples": train_samples,
        "test_samples": test_samples,
    }  # fmt: skip
    settings = settings_for("sap", preset, arguments) | {"seed": seed}
    check_choice(settings["evaluate_on"], "evaluate_on", ("train", "test"))
    check_choice(settings["predictor"], "predictor", PREDICTORS)
    POSITIVE(settings["C"], "C")
    split = train_and_test(codes, factors, test_codes, test_factors, settings, factor_kinds)
    check_several(split.z.shape[1], "codes", "sap")
    if predictor is None and all(split.kinds.measured):
        settings["predictor"] = "linear"
    matrix = predictability(split, settings)
    first, second = top_two(matrix)
    parts = {"per_factor": first - second, "predictability": matrix}
    value = (first - second).mean()
    return Score(value, name="sap", parts=parts, **split.record(settings))


def predictability(split: Split, settings: dict[str, Any]) -> Floats:
    """Return the matrix S, shape (d, k)."""
    if settings["predictor"] == "linear":
        return squared_correlation(split.z, split.y)
    names = "predictor", "C", "balanced", "bins", "bin_factors"
    accuracies = _accuracies(split, *(settings[name] for name in names))
    return np.asarray(accuracies)


@columnwise(lambda matrix, columns: matrix[columns])
def _accuracies(
    split: Split, predictor: str | None, C: float, balanced: bool, bins: int, bin_factors: bool
) -> Floats:
    """Return the accuracy (d, k) of a classifier of each factor on each code alone."""
    z, y, z_test = split.z, split.y, split.z_test
    labels, test_labels = train_and_test_labels(split, bins, "unit", bin_factors)
    matrix = np.empty((z.shape[1], y.shape[1]))
    train, test, _ = train_and_test_in_reach(z, z_test)
    for i in range(z.shape[1]):
        code, test_code = np.array(train[:, i]), np.array(test[:, i])
        order = np.argsort(code, kind="stable")
        for k in range(y.shape[1]):
            if predictor == "tree":
                hits = _tree_predictions(code, labels[k], test_code) == test_labels[k]
            else:
                classes = int(labels[k].max()) + 1
                lines = fit_one_code(code, labels[k], classes, C, balanced, order)
                hits = predict_one_code(test_code, *lines) == test_labels[k]
            matrix[i, k] = hits.mean()
    return matrix


def squared_correlation(codes: Array, factors: Array) -> Floats:
    """Return squared Pearson correlations of codes and factors (d, k); 0 for constant columns."""
    (z, powers), (y, _) = in_reach(codes), in_reach(factors)
    z, y = z - z.mean(axis=0), y - y.mean(axis=0)
    covariance = z.T @ y / (len(z) - 1)
    variance_z, variance_y = z.var(axis=0, ddof=1), y.var(axis=0, ddof=1)
    dead = shifted(variance_z, 2 * powers) <= DEAD_VARIANCE
    alive = ~dead[:, None] & (variance_y > 0)[None, :]
    scale = np.where(alive, variance_z[:, None] * variance_y[None, :], 1.0)
    return np.where(alive, covariance**2 / scale, 0.0)


def _tree_predictions(code: Floats, labels: Array, test_code: Floats) -> Array:
    """Predict with a decision tree on one code; 10-fold cross-validation chooses its depth."""
    from sklearn.tree import DecisionTreeClassifier

    most = int(np.bincount(labels).max())
    if most < FOLDS:
        raise ValueError(
            f"predictor='tree' needs at least {FOLDS} rows of one class for {FOLDS}-fold "
            f"cross-validation, got at most {most}; use more rows or another predictor"
        )
    low, width = code.min(), np.ptp(code) or 1.0
    # Clipped to what single precision holds, which trees use.
    column, test_column = (
        np.clip((part - low) / width, -FAR, FAR)[:, None] for part in (code, test_code)
    )
    with quiet():
        depth = int(hits_by_depth(column, labels).argmax()) + 1
        tree = DecisionTreeClassifier(max_depth=depth, random_state=0).fit(column, labels)
        return np.asarray(tree.predict(test_column))


def hits_by_depth(column: Floats, labels: Array) -> Floats:
    """Return the mean accuracy (MOST_DEEP,) of trees of depth 1, 2, ... in cross-validation."""
    from sklearn.model_selection import StratifiedKFold

    hits = [
        _hits_of_fold(column[train], labels[train], column[rest], labels[rest])
        for train, rest in StratifiedKFold(FOLDS).split(column, labels)
    ]
    # Sums in scikit-learn's order, because depths of equal accuracy must have equal means.
    return np.asarray(np.ascontiguousarray(np.transpose(hits)).mean(axis=1))


def _hits_of_fold(column: Floats, labels: Array, rest: Floats, targets: Array) -> Floats:
    """Return the accuracy (MOST_DEEP,) of trees of depth 1, 2, ... on the rest of the rows.

    A shallower tree is the upper part of a deeper one, so a single tree is fitted for all depths.
    """
    from sklearn.tree import DecisionTreeClassifier

    model = DecisionTreeClassifier(max_depth=MOST_DEEP, random_state=0).fit(column, labels)
    tree = model.tree_
    own = model.classes_[tree.value[:, 0].argmax(axis=1)]
    depth = np.zeros(len(own), dtype=np.int64)
    predictions = np.tile(own, (MOST_DEEP, 1))  # by depth of the tree and node of the deepest tree
    for node in range(len(own)):  # parents come before their children
        for child in (tree.children_left[node], tree.children_right[node]):
            if child >= 0:
                depth[child] = depth[node] + 1
                predictions[: depth[node], child] = predictions[: depth[node], node]
    return np.asarray((predictions[:, model.apply(rest)] == targets).mean(axis=1))
