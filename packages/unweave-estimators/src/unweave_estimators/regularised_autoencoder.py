"""Penalties that replace noise in a deterministic autoencoder, for small codes, smooth decoders.

References
    [RAE] P. Ghosh, M. S. M. Sajjadi, A. Vergari, M. Black, B. Schoelkopf, From variational to
    deterministic autoencoders, 2020, section 3: loss = reconstruction + beta code_norm + lambda r,
    where r is `decoder_l2` (RAE-L2) or `decoder_gradient_penalty` (RAE-GP).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unweave_estimators.checks import check_at_least_one, check_codes, check_finite, wide
from unweave_estimators.latent import Latent, decoder_of


def code_norm(z: Tensor) -> Tensor:
    """Return half the mean squared norm of codes, (1/b) sum_i 1/2 |z_i|^2.

    Up to a constant this is the mean -log p(z) of a standard normal prior.

    Parameters
    ----------
    z : float tensor, shape (b, d)
        Codes.

    Returns
    -------
    code_norm : scalar tensor, in squared units of z

    Raises
    ------
    ValueError
        If z has another shape, or is not finite.

    References
    ----------
    Ghosh et al., From variational to deterministic autoencoders, 2020, section 3.

    Examples
    --------
    >>> code_norm(torch.tensor([[0.0, 0.0], [3.0, 4.0]]))  # (0 + 25) / 4
    tensor(6.2500)
    """
    check_codes(z, least=1)
    check_finite(z=z)
    return _code_norm(z)


def _code_norm(z: Tensor) -> Tensor:
    (z,) = wide(z)
    return 0.5 * z.square().sum(1).mean()


def decoder_l2(decoder: nn.Module) -> Tensor:
    """Return the sum of squares of all parameters of a decoder, |theta|^2.

    Biases and the scales of normalisation layers are included.

    Returns
    -------
    decoder_l2 : scalar tensor, without unit

    Raises
    ------
    TypeError
        If the decoder is not a torch module.

    References
    ----------
    Ghosh et al. 2020, section 3 (RAE-L2).

    Examples
    --------
    >>> decoder = nn.PReLU(3, init=2.0)
    >>> decoder_l2(decoder).item()  # 4 + 4 + 4
    12.0
    """
    if not isinstance(decoder, nn.Module):
        raise TypeError(f"decoder must be a torch module, got {type(decoder).__name__}")
    squares = [wide(p)[0].square().sum() for p in decoder.parameters()]
    return torch.stack(squares).sum() if squares else torch.zeros(())


def decoder_gradient_penalty(
    decoder: nn.Module,
    z: Tensor,
    *,
    probes: int = 1,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Estimate the mean squared norm of a decoder's Jacobian, (1/b) sum_i |d D(z_i) / d z_i|_F^2.

    With a vector v of independent random signs, one per output, E |v^T J|^2 = |J|_F^2 (Hutchinson).
    So one backward pass per probe gives an unbiased estimate, while the exact norm needs one per
    output. The decoder runs once more. A layer that mixes the batch, such as batch normalisation,
    adds the derivatives of each output by the other codes.

    Parameters
    ----------
    decoder
        Maps codes (b, d) to outputs (b, ...).
    z : float tensor, shape (b, d)
        Codes.
    probes
        Number of vectors v per code; the variance falls as 1 / probes.
    generator
        Source of v.

    Returns
    -------
    penalty : scalar tensor, in squared units of the output over those of z
        It has a gradient to the decoder, and to z if z requires one.

    Raises
    ------
    ValueError
        If z has another shape, is not finite, or probes is below 1.

    References
    ----------
    Ghosh et al. 2020, section 3 (RAE-GP), |grad D(z)|_2^2: we take the norm of the whole
    Jacobian, not of the gradient of the summed outputs, in which outputs cancel.
    Hutchinson, A stochastic estimator of the trace of the influence matrix, 1990.

    Examples
    --------
    >>> decoder = nn.Linear(1, 3)
    >>> z = torch.zeros(4, 1)
    >>> exact = decoder.weight.square().sum()
    >>> g = torch.Generator().manual_seed(0)
    >>> estimate = decoder_gradient_penalty(decoder, z, probes=4000, generator=g)
    >>> bool((estimate / exact - 1).abs() < 0.1)
    True
    """
    check_codes(z, least=1)
    check_finite(z=z)
    check_at_least_one(probes=probes)
    return _gradient_penalty(decoder, z, probes, generator)


def _gradient_penalty(
    decoder: nn.Module, z: Tensor, probes: int, generator: torch.Generator | None
) -> Tensor:
    keep = torch.is_grad_enabled()
    with torch.enable_grad():
        codes = z if z.requires_grad else z.detach().requires_grad_()
        (output,) = wide(decoder(codes))
        penalties = []
        for _ in range(probes):
            v = _random_signs(output, generator)
            (product,) = torch.autograd.grad(output, codes, v, retain_graph=True, create_graph=keep)
            penalties.append(wide(product)[0].square().sum(1).mean())
    return torch.stack(penalties).mean()


def _random_signs(like: Tensor, generator: torch.Generator | None) -> Tensor:
    bits = torch.randint(2, like.shape, generator=generator, device=like.device, dtype=torch.int8)
    return (2 * bits - 1).to(like.dtype)


class CodeNorm(nn.Module):
    """Half the mean squared norm of the codes, `code_norm`.

    Parameters
    ----------
    dim
        Number d of code dimensions.
    """

    terms = ("code_norm",)
    needs_density = False

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, latent: Latent) -> dict[str, Tensor]:
        """Return `code_norm`, in squared units of z.

        Raises
        ------
        ValueError
            If the codes do not have shape (b, d).
        """
        check_codes(latent.z, least=1)
        return {"code_norm": _code_norm(latent.z)}


class DecoderL2(nn.Module):
    """The sum of squares of the decoder's parameters, `decoder_l2`; only they get a gradient.

    Parameters
    ----------
    dim
        Number d of code dimensions.
    """

    terms = ("decoder_l2",)
    needs_density = False

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, latent: Latent) -> dict[str, Tensor]:
        """Return `decoder_l2`, without unit.

        Raises
        ------
        ValueError
            If the latent has no decoder.
        """
        return {"decoder_l2": decoder_l2(decoder_of(latent, "decoder_l2"))}


class DecoderGradientPenalty(nn.Module):
    """The mean squared norm of the decoder's Jacobian at the codes, `decoder_gradient_penalty`.

    Parameters
    ----------
    dim
        Number d of code dimensions.
    probes
        Number of random directions per code.
    """

    terms = ("gradient_penalty",)
    needs_density = False

    def __init__(self, dim: int, *, probes: int = 1) -> None:
        super().__init__()
        check_at_least_one(probes=probes)
        self.dim, self.probes = dim, probes

    def forward(self, latent: Latent) -> dict[str, Tensor]:
        """Return `gradient_penalty`, with a gradient to decoder and encoder.

        Raises
        ------
        ValueError
            If the codes do not have shape (b, d), or the latent has no decoder.
        """
        check_codes(latent.z, least=1)
        decoder = decoder_of(latent, "gradient_penalty")
        penalty = _gradient_penalty(decoder, latent.z, self.probes, latent.generator)
        return {"gradient_penalty": penalty}
