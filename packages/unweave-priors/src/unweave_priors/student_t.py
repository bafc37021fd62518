"""Product of Student-t densities: a prior with heavy tails and a preferred rotation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Chi2, Distribution
from torch.distributions import StudentT as _StudentT

from unweave_priors.base import Factorised, Reparametrised, positive, product, register, vector


class StudentT(Reparametrised):
    """Product of Student-t densities, p(z) = prod_d t(z_d; df, loc, scale).

    t(z; df, loc, scale) is proportional to (1 + u^2 / df)^(-(df + 1) / 2) with
    u = (z - loc) / scale. It becomes N(loc, scale^2) as df grows. Each dimension has a chi-squared
    variable of its own, so that the density is not invariant to rotations, unlike that of the
    multivariate t.

    Parameters
    ----------
    dim : int
        Number of code dimensions.
    df : float, positive
        Degrees of freedom of every dimension; for 2 and fewer the variance is not finite.
    loc : float
        Centre of every dimension.
    scale : float, positive
        Scale of every dimension.
    learned : bool
        Whether the degrees of freedom of each dimension are parameters with initial value `df`.

    Raises
    ------
    ValueError
        If `dim` is not a positive integer, or `df` or `scale` not positive.

    References
    ----------
    Mathieu et al., "Disentangling Disentanglement in Variational
    Autoencoders", 2019, section 6.1.

    Examples
    --------
    >>> import torch
    >>> from unweave_priors import StudentT
    >>> StudentT(2, df=1.0)().log_prob(torch.zeros(1, 2))  # two Cauchy densities, 1 / pi^2
    tensor([-2.2895])
    """

    log_df: Tensor
    loc: Tensor
    scale: Tensor

    def __init__(
        self,
        dim: int,
        *,
        df: float = 5.0,
        loc: float = 0.0,
        scale: float = 1.0,
        learned: bool = False,
    ) -> None:
        super().__init__(dim)
        register(self, "log_df", positive("df", df, dim).log(), learned=learned)
        self.register_buffer("loc", vector("loc", loc, dim))
        self.register_buffer("scale", positive("scale", scale, dim))

    def forward(self) -> Factorised:
        """Return p(z) as an Independent Student-t with event shape (dim,)."""
        return product(_Unvalidated(self.log_df.exp(), self.loc, self.scale))

    def _draw(self, n: int, generator: torch.Generator | None) -> Tensor:
        half = (self.log_df.exp() / 2).expand(n, self.dim)
        # chi2(df) = 2 gamma(df / 2). The clamp is for small df, where float gammas reach zero.
        gamma = torch._standard_gamma(half, generator).clamp_min(torch.finfo(half.dtype).tiny)
        noise = torch.randn(half.shape, generator=generator, dtype=half.dtype, device=half.device)
        return self.loc + self.scale * noise * (half / gamma).sqrt()


# Argument of torch's Distribution.expand.
_Shape = torch.Size | list[int] | tuple[int, ...]


class _Unvalidated(_StudentT):
    """Student-t of torch that does not validate its parameters.

    torch's own validates its chi-squared variable even with `validate_args=False`. This waits for
    the device at every call and cannot be captured in a CUDA graph.
    """

    def __init__(self, df: Tensor, loc: Tensor, scale: Tensor) -> None:
        self.df, self.loc, self.scale = df, loc, scale
        self._chi2 = Chi2(df, validate_args=False)
        Distribution.__init__(self, df.shape, validate_args=False)

    def expand(self, batch_shape: _Shape, _instance: Distribution | None = None) -> _StudentT:
        """Return the same marginals with a larger batch shape."""
        parameters = (self.df, self.loc, self.scale)
        return _Unvalidated(*(parameter.expand(batch_shape) for parameter in parameters))
