"""Scores of codes alone: dependence between codes, sparsity, active units."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics.arrays import (
    check_choice,
    check_codes,
    check_positive,
    check_several,
    constant_columns,
)
from unweave_metrics.binning import bin_columns
from unweave_metrics.correction import CORRECTIONS, corrected_information
from unweave_metrics.counting import Floats
from unweave_metrics.information import InformationTable
from unweave_metrics.score import Score


def _covariance(codes: ArrayLike, name: str) -> Floats:
    """Return the unbiased covariance (d, d) of at least two codes."""
    z = check_codes(codes)
    check_several(z.shape[1], "codes", name)
    covariance = np.cov(z.astype(np.float64), rowvar=False)
    # Rounding of the mean would leave a constant code a variance of some 1e-33.
    constant = constant_columns(z)
    covariance[constant] = covariance[:, constant] = 0.0
    return np.asarray(covariance)


def gaussian_total_correlation(codes: ArrayLike) -> Score:
    """Compute the total correlation of a Gaussian with the codes' covariance, in nats.

    TC = (sum_i log S_ii - log det S) / 2, S the covariance over n - 1. Range 0 upward, best 0;
    infinite where codes depend linearly; NaN with a constant code, whose correlation is not
    defined.

    Parameters
    ----------
    codes : float array, shape (n, d), d at least 2

    Returns
    -------
    Score, with part `covariance` (d, d).

    References
    ----------
    F. Locatello et al., "Challenging common assumptions", 2019, sect. 5.3.

    Examples
    --------
    >>> codes = np.random.default_rng(0).normal(size=(1000, 2))
    >>> float(gaussian_total_correlation(codes)) < 0.01
    True
    """
    covariance = _covariance(codes, "gaussian_total_correlation")
    value = total_correlation_of(covariance)
    return Score(value, name="gaussian_total_correlation", parts={"covariance": covariance})


def total_correlation_of(covariance: Floats) -> float:
    """Return the total correlation of a Gaussian of this covariance, in nats."""
    variances = np.diag(covariance)
    if (variances <= 0).any():
        return float("nan")
    sign, logdet = np.linalg.slogdet(covariance)
    if sign <= 0:
        return float("inf")
    return float(0.5 * (np.log(variances).sum() - logdet))


def gaussian_wasserstein(codes: ArrayLike, *, normalize: bool = False) -> Score:
    """Compute the Wasserstein distance between a Gaussian and its independent version.

    W = 2 tr S - 2 tr (D^1/2 S D^1/2)^1/2, the squared 2-Wasserstein distance between N(0, S) and
    N(0, D), S the covariance over n - 1 and D its diagonal; over tr S with `normalize`. Range 0
    upward, best 0. In squared units of the codes, unless normalised.

    Parameters
    ----------
    codes : float array, shape (n, d), d at least 2
    normalize : divide by tr S

    Returns
    -------
    Score, with parts `covariance` (d, d) and `normalized`.

    References
    ----------
    F. Locatello et al., "Challenging common assumptions", 2019, sect. 5.3. They take the square
    root of D S itself; its trace is the same, the symmetric form is stable.

    Examples
    --------
    >>> codes = np.random.default_rng(0).normal(size=(1000, 2))
    >>> float(gaussian_wasserstein(codes)) < 0.01
    True
    """
    covariance = _covariance(codes, "gaussian_wasserstein")
    value = wasserstein_of(covariance)
    total = float(np.trace(covariance))
    share = value / total if total > 0 else 0.0
    return Score(
        share if normalize else value,
        name="gaussian_wasserstein",
        parts={"covariance": covariance, "normalized": share},
        settings={"normalize": normalize},
    )


def wasserstein_of(covariance: Floats) -> float:
    """Return the squared 2-Wasserstein distance between N(0, S) and N(0, diag S)."""
    scale = np.sqrt(np.diag(covariance))
    symmetric = covariance * scale[:, None] * scale[None, :]
    roots = np.sqrt(np.maximum(np.linalg.eigvalsh(symmetric), 0.0))
    return max(float(2 * np.trace(covariance) - 2 * roots.sum()), 0.0)


def mutual_information_score(
    codes: ArrayLike, *, bins: int = 20, bias_correction: str = "none", seed: int = 0
) -> Score:
    """Compute the mean mutual information of pairs of codes, in nats.

    mean over i != j of I(z_i; z_j), codes cut into equal-width bins. Range 0 upward, best 0. On n
    rows independent codes get about (bins - 1)^2 / (2 n); ``bias_correction="shuffle"`` takes that
    away.

    Parameters
    ----------
    codes : float array, shape (n, d), d at least 2
    bins : number of bins a code
    bias_correction : ``"none"``, ``"miller-madow"``, ``"shuffle"`` or ``"extrapolate"``, as for
        `mig`
    seed : decides shuffles and parts

    Returns
    -------
    Score, with part `mutual_information` (d, d), entropies on its diagonal.

    References
    ----------
    F. Locatello et al., "Challenging common assumptions", 2019, sect. 5.3.

    Examples
    --------
    >>> codes = np.random.default_rng(0).normal(size=(5000, 2))
    >>> float(mutual_information_score(codes, bins=5)) < 0.01
    True
    """
    table = code_table(codes, bins=bins, bias_correction=bias_correction, seed=seed)
    information = table.pairs.mutual_information
    return Score(
        mean_between(information),
        name="mutual_information_score",
        parts={"mutual_information": information},
        settings=table.settings,
    )


def code_table(
    codes: ArrayLike, *, bins: int = 20, bias_correction: str = "none", seed: int = 0
) -> InformationTable:
    """Count the codes against each other."""
    z = check_codes(codes)
    check_several(z.shape[1], "codes", "mutual_information_score")
    check_choice(bias_correction, "bias_correction", CORRECTIONS)
    labels = bin_columns(z, bins)
    pairs = corrected_information(labels, labels, bias_correction, seed)
    settings = {"bins": bins, "bias_correction": bias_correction, "seed": seed, "rows": len(z)}
    return InformationTable(pairs, settings, labels, labels)


def mean_between(matrix: Floats) -> float:
    """Return the mean of a square matrix off its diagonal."""
    d = len(matrix)
    return float((matrix.sum() - np.trace(matrix)) / (d * (d - 1)))


def hoyer_sparsity(codes: ArrayLike, *, normalize: bool = True) -> Score:
    """Compute Hoyer's sparsity of the rows: how few codes each input uses.

    mean over rows of (sqrt d - |z|_1 / |z|_2) / (sqrt d - 1), with `normalize` after division of
    each code by its standard deviation, so that codes of small scale do not pass for zeros. Range 0
    (all equal) to 1 (one code alone). A row of zeros counts 0; a constant code is 0 when
    normalised.

    Parameters
    ----------
    codes : float array, shape (n, d), d at least 2
    normalize : divide codes by their standard deviation over the rows first

    Returns
    -------
    Score, with part `per_row` (n,).

    References
    ----------
    P. O. Hoyer, "Non-negative matrix factorization with sparseness constraints", 2004, eq. 2;
    normalised: E. Mathieu, T. Rainforth, N. Siddharth, Y. W. Teh, "Disentangling disentanglement in
    variational autoencoders", 2019, sect. 7.

    Examples
    --------
    >>> float(hoyer_sparsity(np.eye(4), normalize=False))
    1.0
    """
    z = check_codes(codes).astype(np.float64)
    check_several(z.shape[1], "codes", "hoyer_sparsity")
    if normalize:
        constant = constant_columns(z)
        spread = np.where(constant, 1.0, z.std(axis=0))
        z = np.where(constant, 0.0, z / spread)
    length = np.sqrt((z**2).sum(axis=1))
    ratio = np.abs(z).sum(axis=1) / np.where(length > 0, length, 1.0)
    root = np.sqrt(z.shape[1])
    per_row = np.where(length > 0, (root - ratio) / (root - 1), 0.0)
    settings = {"normalize": normalize, "rows": len(z)}
    return Score(
        per_row.mean(), name="hoyer_sparsity", parts={"per_row": per_row}, settings=settings
    )


def active_units(codes: ArrayLike, *, threshold: float = 0.01) -> Score:
    """Count the codes whose mean varies over the data.

    The number of codes with Var(z_i) > `threshold` (raw units squared), codes being posterior
    means. Range 0 to d; more is not better in itself.

    Parameters
    ----------
    codes : float array, shape (n, d)
    threshold : least variance of an active code

    Returns
    -------
    Score, with parts `active` (d,) and `variances` (d,).

    References
    ----------
    Y. Burda, R. Grosse, R. Salakhutdinov, "Importance weighted autoencoders", 2016, sect. 5.

    Examples
    --------
    >>> codes = np.random.default_rng(0).normal(size=(100, 3)) * [1, 0.01, 1]
    >>> float(active_units(codes))
    2.0
    """
    check_positive(threshold, "threshold", 0)
    variances = check_codes(codes).var(axis=0, ddof=1, dtype=np.float64)
    active = variances > threshold
    return Score(
        active.sum(),
        name="active_units",
        parts={"active": active, "variances": variances},
        settings={"threshold": threshold},
    )
