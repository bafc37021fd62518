"""Codes that would spoil a fit: rows far from all others, and constant dimensions."""

from __future__ import annotations

import warnings
from statistics import NormalDist

import torch
from torch import Tensor

FAR = 20.0
"""Robust deviations from the median beyond which a fit leaves out a code.

No normal code lies there, and one in 50,000 Student-t codes with three degrees of freedom.
"""
TAIL = 0.001
"""Fraction of codes on each side, at least one code, that has no effect on the deviation."""
NARROW = 1e-3
"""Deviation of a constant dimension, relative to the mean deviation of the others."""


def near_rows(codes: Tensor) -> Tensor:
    """Return the rows of codes (n, dim) that lie near the others, and warn of the rest.

    A code is far if it is more than `FAR` robust deviations from the median in a dimension. The
    robust deviation is the distance of two order statistics, divided by that of the standard
    normal distribution. For normal codes it is the standard deviation, and no single outlier
    changes it.

    Returns
    -------
    rows : int64 tensor, shape (m,), ascending
    """
    n = len(codes)
    tail = max(1, round(TAIL * n))
    order_statistics = codes.sort(dim=0).values
    width = 2 * NormalDist().inv_cdf(1 - (tail + 0.5) / n)
    deviation = (order_statistics[-1 - tail] - order_statistics[tail]) / width
    # Zero if nearly all codes have one value in a dimension; then the few others count.
    deviation = torch.where(deviation > 0, deviation, codes.std(dim=0))
    far = (codes - order_statistics[n // 2]).abs() > FAR * deviation
    outliers = far.any(dim=1)
    if bool(outliers.any()):
        _warn(
            f"{int(outliers.sum())} of {n} codes lie more than {FAR:g} deviations from the median, "
            f"in dimensions {far.any(dim=0).nonzero().flatten().tolist()}; the fit leaves them out"
        )
    return (~outliers).nonzero().flatten()


def narrow_scale(codes: Tensor, dtype: torch.dtype) -> Tensor:
    """Return deviations for the constant dimensions of codes (n, dim), 0 for the others.

    A warning names the constant dimensions.

    Parameters
    ----------
    codes : float tensor, shape (n, dim)
    dtype
        Dtype of the density. A deviation is large enough for its rounding.

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
        "them out, and the density gives them narrow normal distributions"
    )
    return torch.where(constant, torch.maximum(NARROW * typical, least), 0.0)


def _warn(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=4)
