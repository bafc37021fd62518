"""Sparsity of the rows of codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import (
    check_codes,
    check_several,
    constant_columns,
)
from unweave_metrics._scaling import in_reach
from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.strategies import Rows
from unweave_metrics.score import Score


@metric(
    "few codes per input",
    interval=Rows(),
    best="-",
    usual=True,
    cost="O(n d)",
    rewards="few active codes an input",
    misses="which ones; codes far from zero",
)
def hoyer_sparsity(codes: ArrayLike, *, normalize: bool = True) -> Score:
    """Compute Hoyer's sparsity of the rows: how few codes each input uses.

    Mean over rows of (sqrt d - |z|_1 / |z|_2) / (sqrt d - 1), with `normalize` after division of
    each code by its standard deviation, so that codes of small scale do not pass for zeros. Range 0
    (all equal) to 1 (one code alone). A row of zeros counts 0; a constant code is 0 when
    normalised.

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
    z = check_codes(codes)
    check_several(z.shape[1], "codes", "hoyer_sparsity")
    if normalize:
        constant = constant_columns(z)
        z, _ = in_reach(z)
        spread = np.where(constant, 1.0, z.std(axis=0))
        z = np.where(constant, 0.0, z / spread)
    z = in_reach(z.T)[0].T  # each row by itself: only its proportions count
    length = np.sqrt((z**2).sum(axis=1))
    ratio = np.abs(z).sum(axis=1) / np.where(length > 0, length, 1.0)
    root = np.sqrt(z.shape[1])
    per_row = np.where(length > 0, (root - ratio) / (root - 1), 0.0)
    settings = {"normalize": normalize, "rows": len(z)}
    return Score(
        per_row.mean(), name="hoyer_sparsity", parts={"per_row": per_row}, settings=settings
    )
