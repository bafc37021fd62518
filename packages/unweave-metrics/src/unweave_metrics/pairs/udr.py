"""Unsupervised disentanglement ranking: whether models of one kind have the same codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array, as_array, check_choice, check_codes, quoted
from unweave_metrics._counting import Floats
from unweave_metrics._quiet import quiet
from unweave_metrics._standardized import standardized
from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.rows import Rows
from unweave_metrics.score import Score

CORRELATIONS = ("lasso", "spearman")

# The reference implementation sets codes up to this divergence to 0, whatever `kl_threshold` is.
EMPTY_KL = 0.01


@metric(
    "unsupervised ranking: agreement between models",
    interval=Rows(seconds=0.5),
    cost="O(models^2 n d^2)",
    rewards="models of one kind that agree code by code",
    misses="whether they agree on the right factors",
    threads=False,
)
def udr(
    representations: Sequence[ArrayLike] | Array,
    kls: Sequence[ArrayLike] | Array | None = None,
    *,
    correlation: str = "lasso",
    alpha: float = 0.1,
    filter_low_kl: bool = True,
    kl_threshold: float = 0.01,
) -> Score:
    """Compute the unsupervised disentanglement ranking of several models of one kind.

    For models i and j, R is the matrix of |Lasso coefficients| that predict the codes of j from
    those of i, or of |Spearman correlations|, and U_ij = [mean_b (max_a R_ab)^2 / sum_a R_ab +
    mean_a (max_b R_ab)^2 / sum_b R_ab] / 2 over informative codes; a model's score is the median of
    U_ij over the other models. The float is the mean over models. Range 0 to 1; best 1 for rank
    correlations, and 1 - `alpha` for the Lasso, whose penalty shrinks the coefficients of perfect
    agreement by this amount. O(m^2) regressions for m models.

    Parameters
    ----------
    representations
        Codes of each model on the same inputs, m arrays of shape (n, d).
    kls
        Mean divergence of each code from the prior, m arrays of shape (d,) in nats; by default
        all codes are informative.
    correlation
        ``"lasso"`` or ``"spearman"``.
    alpha
        Penalty of the Lasso.
    filter_low_kl
        Leave codes with a divergence up to `kl_threshold` out of both means.
    kl_threshold
        In nats; codes up to .01 are always set to 0.

    Returns
    -------
    Score, with parts `per_model` (m,), `pairwise` (m, m) and `correlations` (m, m, d, d).

    Raises
    ------
    ValueError
        For fewer than two models, arrays of different shapes, NaN or infinite values.

    References
    ----------
    S. Duan et al., "Unsupervised model selection for variational disentangled representation
    learning", 2020, sect. 5. Each mean over its own codes, as the authors' program has it, where
    the paper pools both.

    Examples
    --------
    >>> codes = np.random.default_rng(0).normal(size=(500, 3))
    >>> round(float(udr([codes, -codes[:, ::-1]], correlation="spearman")), 2)
    0.98
    """
    check_choice(correlation, "correlation", CORRELATIONS)
    codes, divergence = _check(representations, kls)
    inputs = [standardized(z) for z in codes]
    for z, kl in zip(inputs, divergence, strict=True):
        z[:, kl <= EMPTY_KL] = 0.0
    with quiet():
        matrices = _lasso(inputs, alpha) if correlation == "lasso" else _spearman(inputs)
    m = len(inputs)
    pairwise = np.zeros((m, m))
    for i in range(m):
        for j in range(m):
            if i != j:
                matrix = matrices[i, j]
                if filter_low_kl:
                    informative = np.ix_(divergence[i] > kl_threshold, divergence[j] > kl_threshold)
                    matrix = matrix[informative]
                pairwise[i, j] = relative_strength(matrix)
    others = ~np.eye(m, dtype=bool)
    per_model = np.array([np.median(pairwise[others[:, j], j]) for j in range(m)])
    parts = {"per_model": per_model, "pairwise": pairwise, "correlations": matrices}
    settings = {
        "correlation": correlation, "alpha": alpha, "filter_low_kl": filter_low_kl,
        "kl_threshold": kl_threshold, "rows": len(codes[0]),
    }  # fmt: skip
    return Score(per_model.mean(), name="udr", parts=parts, settings=settings)


def _check(
    representations: Sequence[ArrayLike] | Array, kls: Sequence[ArrayLike] | Array | None
) -> tuple[list[Array], list[Floats]]:
    """Return codes and divergences of each model."""
    codes = [
        check_codes(z, f"representations[{i}]")
        for i, z in enumerate(_as_list(representations, "representations"))
    ]
    if len(codes) < 2:
        raise ValueError(f"representations must hold at least two models, got {len(codes)}")
    for i, z in enumerate(codes):
        if z.shape != codes[0].shape:
            raise ValueError(
                f"representations must have equal shapes, got {codes[0].shape} for model 0 and "
                f"{z.shape} for model {i}"
            )
    if kls is None:
        return codes, [np.full(z.shape[1], np.inf) for z in codes]
    divergence = [as_array(kl, "kls").astype(np.float64) for kl in _as_list(kls, "kls")]
    if len(divergence) != len(codes) or any(kl.shape != (codes[0].shape[1],) for kl in divergence):
        raise ValueError(
            f"kls must have one array of shape ({codes[0].shape[1]},) per model ({len(codes)})"
        )
    if any(np.isnan(kl).any() for kl in divergence):
        raise ValueError(
            "kls must be divergences in nats, got nan; drop that code, or set its divergence to inf"
        )
    return codes, divergence


def _as_list(arrays: Any, name: str) -> list[Any]:
    """Return the arrays of all models as a list."""
    if isinstance(arrays, str | bytes | dict) or not hasattr(arrays, "__len__"):
        raise TypeError(f"{name} must be a list of arrays, one per model, got {quoted(arrays)}")
    if getattr(arrays, "ndim", 1) < 1:
        raise TypeError(f"{name} must be a list of arrays, one per model, got a single number")
    return list(arrays)


def relative_strength(matrix: Floats) -> float:
    """Return U of a matrix R (a, b), half the sum of both means.

    0/0 counts as 0, and so does a sum with NaN.
    """
    strength = np.asarray(matrix, dtype=np.float64)
    if strength.size == 0:
        return 0.0
    means = []
    for axis in (0, 1):
        total = strength.sum(axis=axis)
        square = strength.max(axis=axis) ** 2
        # False for NaN too.
        positive = total > 0
        means.append(np.divide(square, total, out=np.zeros(len(total)), where=positive).mean())
    return float(sum(means) / 2)


def _lasso(inputs: list[Floats], alpha: float) -> Floats:
    """Return |coefficients| (m, m, d, d), [i, j, a, b] of code b of model j on a of model i."""
    from sklearn.linear_model import Lasso

    m, d = len(inputs), inputs[0].shape[1]
    matrices = np.zeros((m, m, d, d))
    for i in range(m):
        for j in range(m):
            # Codes that were set to 0 are not predicted; older solvers warn about them.
            alive = np.flatnonzero(inputs[j].any(axis=0))
            if i != j and len(alive):
                model = Lasso(alpha=alpha).fit(inputs[i], inputs[j][:, alive])
                matrices[i, j][:, alive] = np.abs(np.reshape(model.coef_, (len(alive), d))).T
    return matrices


def _spearman(inputs: list[Floats]) -> Floats:
    """Return |rank correlations| (m, m, d, d), NaN with a constant code; each is ranked once."""
    from scipy.stats import rankdata

    ranks = []
    for z in inputs:
        rank = rankdata(z, axis=0)
        rank -= rank.mean(axis=0)
        length = np.sqrt((rank**2).sum(axis=0))
        ranks.append(rank / np.where(length > 0, length, np.nan))
    m, d = len(inputs), inputs[0].shape[1]
    matrices = np.zeros((m, m, d, d))
    for i in range(m):
        for j in range(m):
            if i != j:
                matrices[i, j] = np.abs(ranks[i].T @ ranks[j])
    return matrices
