"""Maximum mean discrepancy between two samples, in blocks of rows.

References
    Gretton et al., A kernel two-sample test, 2012, lemma 6 and equation 3.
    Tolstikhin et al., Wasserstein auto-encoders, 2018.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from unweave_estimators.checks import (
    check_above_zero,
    check_choice,
    check_codes,
    check_finite,
    check_same_width,
    wide,
)
from unweave_estimators.kernel_sums import (
    Gaussian,
    InverseMultiquadric,
    Kernel,
    kernel_sum,
    squared_distances,
)
from unweave_estimators.latent import Latent

KERNELS = ("imq", "imq-single", "rbf")
# The mixture of Tolstikhin et al.'s experiments; Braithwaite et al. 2020 take s = 1 alone
IMQ_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
# Multiples of the median squared distance: with a mixture nobody has to choose one bandwidth
RBF_SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)

_MEDIAN_ROWS = 128  # rows per sample, which give the bandwidth to a few per cent


def mmd(
    x: Tensor,
    y: Tensor,
    *,
    kernel: str = "imq",
    scales: Sequence[float] | None = None,
    prior_variance: float = 1.0,
    bandwidth: float | None = None,
    unbiased: bool = True,
    per_dimension: bool = False,
) -> Tensor:
    """Estimate the squared MMD between the distributions of two samples.

    MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y), where k is a sum over scales s of

        imq : C / (C + |x - y|^2), C = 2 d prior_variance s; "imq-single" has s = 1 alone
        rbf : exp(-|x - y|^2 / (2 h s)), h the squared bandwidth

    O((n + m)^2 d) time, O((n + m) d) memory and one block.

    Parameters
    ----------
    x, y : float tensors, shapes (n, d) and (m, d)
        The samples.
    kernel
        "imq", "imq-single" or "rbf".
    scales
        The s of the mixture; None for the seven of Tolstikhin et al. (imq), 1 (imq-single) or five
        powers of two (rbf).
    prior_variance
        sigma_z^2 of the IMQ kernel.
    bandwidth
        Square root of h; None for the median distance within the pooled sample, which is a
        constant in the gradient.
    unbiased
        Whether to return the U-statistic, which has mean 0 for equal distributions and may be
        negative, or the V-statistic, which also pairs each point with itself and is never negative.
    per_dimension
        Whether to sum the MMD^2 of the d marginals, which ignores their dependence.

    Returns
    -------
    mmd : scalar tensor, without unit
        The true value is at most 2 per scale (and dimension).

    Raises
    ------
    ValueError
        If a shape, a value or the kernel's name is invalid.

    Examples
    --------
    >>> g = torch.Generator().manual_seed(0)
    >>> x, y = torch.randn(200, 2, generator=g), torch.randn(200, 2, generator=g)
    >>> bool(mmd(x, y).abs() < 0.05), bool(mmd(x, y + 1) > 0.5)
    (True, True)
    """
    check_codes(x, "x")
    check_codes(y, "y")
    check_same_width(x=x, y=y)
    check_finite(x=x, y=y)
    x, y = _marginals(x, y) if per_dimension else (x[None], y[None])
    k, widths = kernel_of(x, y, kernel, scales, prior_variance, bandwidth)
    return discrepancy(k, widths, x, y, unbiased)


def _marginals(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Turn (n, d) into d problems of one dimension, (d, n, 1)."""
    return x.mT[:, :, None], y.mT[:, :, None]


def kernel_of(
    x: Tensor,
    y: Tensor,
    kernel: str,
    scales: Sequence[float] | None,
    prior_variance: float,
    bandwidth: float | None,
) -> tuple[Kernel, Tensor]:
    """Return the kernel for p problems, and its widths w = C or 2 h s, shape (s, p, 1, 1)."""
    check_choice("kernel", kernel, KERNELS)
    check_above_zero(prior_variance=prior_variance, bandwidth=bandwidth)
    if scales is not None and not (scales and min(scales) > 0):
        raise ValueError(f"scales must be positive numbers, got {tuple(scales)}")
    unit = x.new_full((x.shape[0], 1, 1), 2.0)
    if kernel == "rbf":
        unit = unit * (bandwidth**2 if bandwidth else _median_squared_distance(x, y))
        return Gaussian(), torch.stack([unit * s for s in scales or RBF_SCALES])
    scales = scales or (IMQ_SCALES if kernel == "imq" else (1.0,))
    unit = unit * x.shape[-1] * prior_variance
    return InverseMultiquadric(), torch.stack([unit * s for s in scales])


def discrepancy(kernel: Kernel, widths: Tensor, x: Tensor, y: Tensor, unbiased: bool) -> Tensor:
    """Return the U- or V-statistic of MMD^2, summed over problems: (p, n, d) and (p, m, d)."""
    x, y, widths = wide(x, y, widths)

    def within(a: Tensor) -> Tensor:
        n, total = a.shape[1], kernel_sum(kernel, a, a, widths)
        if not unbiased:
            return total / n**2
        own = n * widths.shape[:2].numel()  # k_s(0) = 1 for every point
        return (total - own) / (n * (n - 1))

    cross = kernel_sum(kernel, x, y, widths) / (x.shape[1] * y.shape[1])
    return within(x) + within(y) - 2.0 * cross


def _median_squared_distance(x: Tensor, y: Tensor) -> Tensor:
    """Return the median over pairs of the pooled sample, shape (p, 1, 1), without gradient."""
    sample = torch.cat([x[:, :_MEDIAN_ROWS], y[:, :_MEDIAN_ROWS]], 1).detach()
    first, second = torch.triu_indices(
        sample.shape[1], sample.shape[1], offset=1, device=sample.device
    )
    median = squared_distances(sample, sample)[:, first, second].median(1).values
    return median.clamp(min=torch.finfo(median.dtype).tiny)[:, None, None]


class MMD(nn.Module):
    """Squared MMD between the codes of a batch and as many prior samples.

    The gradient reaches the codes, and a learned prior if its samples carry a gradient. See
    `unweave_estimators.mmd`.

    Parameters
    ----------
    dim
        Number d of code dimensions.
    kernel
        "imq", the mixture of Tolstikhin et al. 2018; "imq-single", s = 1 alone; or "rbf".
    prior_variance
        sigma_z^2 of the IMQ kernel.
    bandwidth
        Bandwidth of the RBF kernel; 0 for the median distance.
    unbiased
        Whether the term is the U-statistic, not the V-statistic.
    per_dimension
        Whether to sum the MMD^2 of the marginals (Mathieu et al. 2019, section 6.3).
    """

    terms = ("mmd",)
    needs_density = False

    def __init__(
        self,
        dim: int,
        *,
        kernel: str = "imq",
        prior_variance: float = 1.0,
        bandwidth: float = 0.0,
        unbiased: bool = True,
        per_dimension: bool = False,
    ) -> None:
        super().__init__()
        check_choice("kernel", kernel, KERNELS)
        self.dim, self.kernel, self.prior_variance = dim, kernel, prior_variance
        self.bandwidth, self.unbiased, self.per_dimension = bandwidth, unbiased, per_dimension

    def forward(self, latent: Latent) -> dict[str, Tensor]:
        """Return `mmd`, without unit.

        Raises
        ------
        ValueError
            If the codes do not have shape (b, d), or there is only one.
        """
        check_codes(latent.z)
        x, y = wide(latent.z, latent.prior_sample())
        check_same_width(x=x, y=y)
        x, y = _marginals(x, y) if self.per_dimension else (x[None], y[None])
        bandwidth = self.bandwidth or None
        k, widths = kernel_of(x, y, self.kernel, None, self.prior_variance, bandwidth)
        return {"mmd": discrepancy(k, widths, x, y, self.unbiased)}
