"""MIG-sup, JEMMIG, DCIMIG and modularity, and all of them from one histogram pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics.arrays import check_choice, check_several
from unweave_metrics.counting import Floats
from unweave_metrics.information import (
    InformationTable,
    best_of,
    information_table,
    mig_of,
    top_two,
)
from unweave_metrics.score import Score


def mig_sup(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    preset: str | None = None,
    bins: int | None = None,
    binning: str | None = None,
    bin_factors: bool | None = None,
    normalizer: str | None = None,
    dead_codes: str | None = None,
    samples: int | None = None,
    seed: int = 0,
) -> Score:
    """Compute MIG-sup: how far the best factor of a code is ahead of its next.

    MIG-sup = mean_i [I(z_i; y_a) - I(z_i; y_b)], each information over the entropy of its factor, a
    and b the two factors that code i knows most about. Range 0 to 1, best 1. Codes that know
    nothing count 0: with more codes than factors even perfect codes stay below 1.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k), k at least 2
    preset, bins, binning, bin_factors, normalizer, dead_codes, samples, seed : as for `mig`

    Returns
    -------
    Score, with parts `per_code` (d,), `best_factor` (d,) and those of `mig`.

    Raises
    ------
    ValueError: fewer than two factors, and what `mig` raises.

    References
    ----------
    Z. Li, J. Murkute, P. Gyawali, L. Wang, "Progressive learning and disentanglement of
    hierarchical representations", 2020, eq. 9.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(1000, 2))
    >>> float(mig_sup(factors + 0.0, factors)) > 0.99
    True
    """
    return mig_sup_of(
        information_table(
            codes, factors, preset=preset, bins=bins, binning=binning, bin_factors=bin_factors,
            normalizer=normalizer, dead_codes=dead_codes, samples=samples, seed=seed,
        )
    )  # fmt: skip


def mig_sup_of(table: InformationTable) -> Score:
    """Compute MIG-sup from a table of information."""
    matrix = table.normalized()
    check_several(matrix.shape[1], "factors", "mig_sup")
    first, second = top_two(matrix, axis=1)
    parts = {"per_code": first - second, "best_factor": best_of(matrix, axis=1)} | table.parts
    return Score((first - second).mean(), name="mig_sup", parts=parts, settings=table.settings)


def jemmig(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    preset: str | None = None,
    bins: int | None = None,
    binning: str | None = None,
    bin_factors: bool | None = None,
    complement: bool = True,
    samples: int | None = None,
    seed: int = 0,
) -> Score:
    """Compute JEMMIG, the joint-entropy-minus-mutual-information gap, normalised.

    JEMMIG = mean_k 1 - [H(y_k, z_a) - I(y_k; z_a) + I(y_k; z_b)] / [H(y_k) + log B], a and b the
    codes that know most about factor k, B the number of bins. Range 0 to 1, best 1; with
    ``complement=False`` the fraction itself, best 0, as its authors print it.

    Parameters
    ----------
    codes : float array, shape (n, d), d at least 2
    factors : integer classes or float values, shape (n, k)
    complement : return 1 minus the fraction
    preset, bins, binning, bin_factors, samples, seed : as for `mig`

    Returns
    -------
    Score, with parts `per_factor` (k,) and those of `mig`.

    Raises
    ------
    ValueError: what `mig` raises.

    References
    ----------
    K. Do, T. Tran, "Theory and evaluation metrics for learning disentangled representations", 2020,
    sect. 4.2; as 1 minus it and from binned means: M.-A. Carbonneau et al., "Measuring
    disentanglement", 2022.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(1000, 2))
    >>> float(jemmig(factors + 0.0, factors, bins=4)) > 0.95
    True
    """
    table = information_table(
        codes, factors, preset=preset, bins=bins, binning=binning, bin_factors=bin_factors,
        samples=samples, seed=seed,
    )  # fmt: skip
    return jemmig_of(table, complement)


def jemmig_of(table: InformationTable, complement: bool = True) -> Score:
    """Compute JEMMIG from a table of information."""
    pairs = table.pairs
    information = pairs.mutual_information
    check_several(len(information), "codes", "jemmig")
    best = information.argmax(axis=0)
    first, second = top_two(information)
    joint = pairs.entropy_a[best] + pairs.entropy_b - first
    largest = pairs.entropy_b + np.log(table.settings["bins"])
    gaps = (joint - first + second) / largest
    gaps = 1 - gaps if complement else gaps
    parts = {"per_factor": gaps, "best_code": best} | table.parts
    settings = table.settings | {"complement": complement}
    return Score(gaps.mean(), name="jemmig", parts=parts, settings=settings)


def dcimig(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    preset: str | None = None,
    bins: int | None = None,
    binning: str | None = None,
    bin_factors: bool | None = None,
    samples: int | None = None,
    seed: int = 0,
) -> Score:
    """Compute DCIMIG: information gaps of codes, the best code of each factor counting.

    The gap of code i is g_i = I(z_i; y_a) - I(z_i; y_b), a and b the two factors that it knows most
    about, credited to factor a; DCIMIG = sum_k max_i (credited to k) g_i / sum_k H(y_k). Range 0 to
    1, best 1.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k), k at least 2
    preset, bins, binning, bin_factors, samples, seed : as for `mig`

    Returns
    -------
    Score, with parts `per_factor` (k,) in nats, `per_code` (d,) in nats, and those of `mig`.

    Raises
    ------
    ValueError: fewer than two factors, and what `mig` raises.

    References
    ----------
    A. Sepliarskaia, J. Kiseleva, M. de Rijke, "How to not measure disentanglement", 2019, sect. 4.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(1000, 2))
    >>> float(dcimig(factors + 0.0, factors)) > 0.99
    True
    """
    return dcimig_of(
        information_table(
            codes, factors, preset=preset, bins=bins, binning=binning, bin_factors=bin_factors,
            samples=samples, seed=seed,
        )
    )  # fmt: skip


def dcimig_of(table: InformationTable) -> Score:
    """Compute DCIMIG from a table of information."""
    information = table.pairs.mutual_information
    check_several(information.shape[1], "factors", "dcimig")
    first, second = top_two(information, axis=1)
    gaps: Floats = first - second
    credited = np.zeros(information.shape[1])
    np.maximum.at(credited, information.argmax(axis=1), gaps)
    parts = {"per_factor": credited, "per_code": gaps} | table.parts
    value = credited.sum() / table.pairs.entropy_b.sum()
    return Score(value, name="dcimig", parts=parts, settings=table.settings)


def modularity(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    preset: str | None = None,
    bins: int | None = None,
    binning: str | None = None,
    bin_factors: bool | None = None,
    dead_codes: str | None = None,
    samples: int | None = None,
    seed: int = 0,
) -> Score:
    """Compute modularity: how far each code knows about one factor only.

    m_i = 1 - [sum_k I_ik^2 - max_k I_ik^2] / [(k - 1) max_k I_ik^2], I_ik = I(z_i; y_k); the mean
    over all codes. Range 0 to 1, best 1. A code without information counts 0, or makes the score
    NaN with ``dead_codes="nan"``. Codes of pure noise get about .6 at 3,000 rows and 20 bins:
    plug-in information is biased upward, and there is no pruning.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k), k at least 2
    preset, bins, binning, bin_factors, dead_codes, samples, seed : as for `mig`

    Returns
    -------
    Score, with parts `per_code` (d,) and those of `mig`.

    Raises
    ------
    ValueError: fewer than two factors, and what `mig` raises.

    References
    ----------
    K. Ridgeway, M. C. Mozer, "Learning deep disentangled embeddings with the F-statistic loss",
    2018, sect. 3; the mean over all codes as F. Locatello et al., 2019.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(1000, 2))
    >>> float(modularity(factors + 0.0, factors)) > 0.99
    True
    """
    return modularity_of(
        information_table(
            codes, factors, preset=preset, bins=bins, binning=binning, bin_factors=bin_factors,
            dead_codes=dead_codes, samples=samples, seed=seed,
        )
    )  # fmt: skip


def modularity_of(table: InformationTable) -> Score:
    """Compute modularity from a table of information."""
    information = table.pairs.mutual_information
    check_several(information.shape[1], "factors", "modularity")
    dead = np.nan if table.settings["dead_codes"] == "nan" else 0.0
    per_code = modularity_per_code(information, dead)
    parts = {"per_code": per_code} | table.parts
    return Score(per_code.mean(), name="modularity", parts=parts, settings=table.settings)


def modularity_per_code(information: Floats, dead: float = 0.0) -> Floats:
    """Return m_i of a matrix of information (d, k); codes without any get `dead`."""
    square = np.asarray(information, dtype=np.float64) ** 2
    largest = square.max(axis=1)
    rest = (square.sum(axis=1) - largest) / (square.shape[1] - 1)
    return np.where(largest > 0, 1 - rest / np.where(largest > 0, largest, 1.0), dead)


_FROM_TABLE: dict[str, Callable[[InformationTable], Score]] = {
    "mig": mig_of,
    "mig_sup": mig_sup_of,
    "jemmig": jemmig_of,
    "dcimig": dcimig_of,
    "modularity": modularity_of,
}


def scores_of(table: InformationTable, metrics: Sequence[str] | None = None) -> dict[str, Score]:
    """Compute several information scores from one table.

    Parameters
    ----------
    table : what `information_table` gave
    metrics : of ``"mig"``, ``"mig_sup"``, ``"jemmig"``, ``"dcimig"``, ``"modularity"``; all unless
        given

    Raises
    ------
    ValueError: a name that is none of these.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(1000, 2))
    >>> sorted(scores_of(information_table(factors + 0.0, factors)))
    ['dcimig', 'jemmig', 'mig', 'mig_sup', 'modularity']
    """
    wanted = tuple(_FROM_TABLE) if metrics is None else tuple(metrics)
    for name in wanted:
        check_choice(name, "metrics", tuple(_FROM_TABLE))
    return {name: _FROM_TABLE[name](table) for name in wanted}
