"""Sparsity of the rows of codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array, constant_columns
from unweave_metrics._counting import Floats
from unweave_metrics._scaling import in_reach
from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.rows import Rows
from unweave_metrics.score import Score
from unweave_metrics.unsupervised._moments import moments_of, several_codes


@metric(
    "sparsity of the codes of an input",
    interval=Rows(),
    best="-",
    usual=True,
    cost="O(n d)",
    rewards="few active codes per input",
    misses="which ones; codes far from zero",
)
def hoyer_sparsity(codes: ArrayLike, *, normalize: bool = True) -> Score:
    """Compute Hoyer's sparsity of the rows: how few codes each input uses.

    The score is the mean over rows of (sqrt d - |z|_1 / |z|_2) / (sqrt d - 1). With `normalize`,
    each code is first divided by its standard deviation, so that codes of small scale do not count
    as zeros, and a constant code becomes 0. Range 0 (all codes equal) to 1 (only one code is not
    0). A row of zeros counts as 0.

    Parameters
    ----------
    codes : float array, shape (n, d), d at least 2
    normalize
        Divide codes by their standard deviation over the rows first.

    Returns
    -------
    Score, with part `per_row` (n,).

    Raises
    ------
    ValueError
        For fewer than two codes, NaN or infinite values.

    References
    ----------
    P. O. Hoyer, "Non-negative matrix factorization with sparseness constraints", 2004, eq. 2;
    normalised: E. Mathieu, T. Rainforth, N. Siddharth, Y. W. Teh, "Disentangling disentanglement in
    variational autoencoders", 2019, sect. 6.3.

    Examples
    --------
    >>> float(hoyer_sparsity(np.eye(4), normalize=False))
    1.0
    """
    z = several_codes(codes, "hoyer_sparsity")
    columns = _normalized(z) if normalize else np.ascontiguousarray(z.T)
    columns, _ = in_reach(columns)  # each input separately: only the proportions of its codes count
    length = np.sqrt((columns**2).sum(axis=0))
    ratio = np.abs(columns).sum(axis=0) / np.where(length > 0, length, 1.0)
    root = np.sqrt(len(columns))
    per_row = np.where(length > 0, (root - ratio) / (root - 1), 0.0)
    settings = {"normalize": normalize, "rows": len(z)}
    return Score(
        per_row.mean(), name="hoyer_sparsity", parts={"per_row": per_row}, settings=settings
    )


def _normalized(z: Array) -> Floats:
    """Return codes (d, n), each over its standard deviation; constant codes are 0."""
    moments, constant = moments_of(z), constant_columns(z)
    spread = np.where(constant, 1.0, np.sqrt((moments.centred**2).mean(axis=1)))
    return np.where(constant[:, None], 0.0, moments.columns / spread[:, None])
