"""One function that builds a density by the name of its kind and fits it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch

from unweave_flows.autoregressive import IAF, MAF, NSF
from unweave_flows.coupling import RealNVP
from unweave_flows.density import Density, Progress
from unweave_flows.gaussian import Gaussian
from unweave_flows.gaussian_mixture import GaussianMixture

KINDS: Mapping[str, type[Density]] = {
    "gaussian": Gaussian,
    "gaussian-mixture": GaussianMixture,
    "iaf": IAF,
    "maf": MAF,
    "nsf": NSF,
    "realnvp": RealNVP,
}


def fit_flow(
    codes: Any,
    kind: str = "maf",
    *,
    generator: torch.Generator | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Density:
    """Build a density of one kind and fit it to codes.

    Parameters
    ----------
    codes : float array or tensor, shape (n, dim)
        Samples to fit.
    kind : str
        One of `KINDS`.
    generator : torch.Generator, optional
        Source of all randomness of the fit, by default torch's global generator.
    progress : callable, optional
        Called as progress(count, total), such as epochs so far and at most.
    **options
        Keyword arguments of the kind's class or of its `fit`, such as `transforms` and `epochs`.

    Returns
    -------
    density : Density
        On the device of the codes, and in their dtype if it is a floating-point one.

    Raises
    ------
    ValueError
        If the kind is unknown, or the codes have a wrong shape, are not finite or too few, or are
        constant.
    TypeError
        If an option is unknown.

    Examples
    --------
    >>> import torch
    >>> from unweave_flows import fit_flow
    >>> g = torch.Generator().manual_seed(0)
    >>> codes = 3 + 2 * torch.randn(500, 2, generator=g)
    >>> flow = fit_flow(codes, kind="maf", generator=g, epochs=2)
    >>> flow().sample((64,)).shape
    torch.Size([64, 2])
    >>> normal = torch.distributions.Normal(3.0, 2.0)
    >>> bool((flow.log_prob(codes) - normal.log_prob(codes).sum(dim=1)).mean().abs() < 0.1)
    True
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    codes = torch.as_tensor(codes)
    if codes.ndim != 2:
        raise ValueError(f"codes must have shape (n, dim), got {tuple(codes.shape)}")
    dtype = codes.dtype if codes.is_floating_point() else torch.get_default_dtype()
    build, fit = _sort(KINDS[kind], kind, options)
    density = KINDS[kind](codes.shape[1], **build).to(codes.device, dtype)
    return density.fit(codes, generator=generator, progress=progress, **fit)


def _sort(
    target: type[Density], kind: str, options: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split options into those of the class and those of its `fit`."""
    of_class, of_fit = _keywords(target), _keywords(target.fit) - {"generator", "progress"}
    unknown = sorted(set(options) - of_class - of_fit)
    if unknown:
        choices = ", ".join(sorted(of_class | of_fit))
        raise TypeError(f"{kind} has no option {', '.join(unknown)}; known options: {choices}")
    build = {name: value for name, value in options.items() if name in of_class}
    return build, {name: value for name, value in options.items() if name in of_fit}


def _keywords(target: Any) -> set[str]:
    parameters = inspect.signature(target).parameters.values()
    return {parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}
