"""What of the codes would spoil a fit: rows far from all others, and dimensions without spread."""

from __future__ import annotations

import warnings
from statistics import NormalDist

import torch
from torch import Tensor

FAR = 20.0
"""Robust deviations from the median beyond which a code is left out of a fit.

Of normal codes none lies there, of Student-t codes with three degrees of freedom one in 50,000.
"""
TAIL = 0.001
"""Fraction of the codes, at least one code, on each side that does not move the deviation."""
NARROW = 1e-3
"""Deviation that a constant dimension gets, in mean deviations of the others."""


def near_rows(codes: Tensor) -> Tensor:
    """Return the rows of codes (n, dim) that lie near the others, and warn of those left out.

    A code is far if it is more than `FAR` robust deviations from the median in a dimension. The
    robust deviation is the width between two order statistics in units of that of the normal
    distribution: the standard deviation where codes are normal, and no single code moves it.

    Returns
    -------
    rows : int64 tensor, shape (m,), ascending
    """
    n = len(codes)
    tail = max(1, round(TAIL * n))
    ordered = codes.sort(dim=0).values
    width = 2 * NormalDist().inv_cdf(1 - (tail + 0.5) / n)
    deviation = (ordered[-1 - tail] - ordered[tail]) / width
    # Nearly all of a dimension is one value: its spread is that of the few.
    deviation = torch.where(deviation > 0, deviation, codes.std(dim=0))
    far = (codes - ordered[n // 2]).abs() > FAR * deviation
    lost = far.any(dim=1)
    if bool(lost.any()):
        _warn(
            f"{int(lost.sum())} of {n} codes lie more than {FAR:g} deviations from the median, in "
            f"dimensions {far.any(dim=0).nonzero().flatten().tolist()}; the fit leaves them out"
        )
    return (~lost).nonzero().flatten()


def narrow_scale(codes: Tensor, dtype: torch.dtype) -> Tensor:
    """Return deviations for the constant dimensions of codes (n, dim), 0 for the others.

    A warning names the constant dimensions.

    Parameters
    ----------
    codes : float tensor, shape (n, dim)
    dtype
        Of the density, which must tell values of such a dimension apart.

    Returns
    -------
    scale : float tensor, shape (dim,)

    Raises
    ------
    ValueError
        If all dimensions are constant.
    """
    constant = (codes == codes[0]).all(dim=0)
    if not bool(constant.any()):
        return torch.zeros_like(codes[0])
    if bool(constant.all()):
        raise ValueError("codes must vary in at least one dimension, got constant codes")
    typical = codes[:, ~constant].std(dim=0).mean()
    least = 1e3 * torch.finfo(dtype).eps * codes[0].abs()
    _warn(
        f"code dimensions {constant.nonzero().flatten().tolist()} are constant; the fit leaves "
        "them out, and the density puts them back as narrow normal ones"
    )
    return torch.where(constant, torch.maximum(NARROW * typical, least), 0.0)


def _warn(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=4)
