"""Scores of codes after the map that makes every marginal of the prior standard normal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from unweave.errors import ConfigError
from unweave.options import options_of, parse_spec, spec_text

if TYPE_CHECKING:
    from unweave.trained import Trained

SMALLEST = 1e-15
"""Least distance of a distribution function from 0 and 1 if its tail is not computed."""


def mapped_score(run: Trained, argument: str, rows: int) -> float:
    """Compute a registered metric of mapped mean codes and factors.

    Scores that depend on distances compare priors of unlike tails unfairly; the published code of
    Mathieu et al. maps codes of its Student t prior so before it scores them.

    References
    ----------
    Mathieu, Rainforth, Siddharth and Teh, "Disentangling disentanglement in variational
    autoencoders", 2019, section 6.1.
    """
    from unweave.codetable import encode_table, rows_of

    table = encode_table(run, run.model, rows=rows)
    with torch.no_grad():
        codes = normal_margins(run.model.prior(), table.codes)
    name, options = parse_spec(argument)
    settings: dict[str, Any] = dict(options)
    if "seed" in options_of(run.registry.lookup("metric", name).load()):
        settings.setdefault("seed", 0)
    factors = rows_of(run.dataset.factors, table.index)
    text = spec_text(name, settings)
    return float(run.registry.build("metric", text, codes.astype(np.float32), factors))


def normal_margins(prior: Any, codes: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Map codes so that z ~ p(z) would get standard normal marginals, u = Φ^-1(F_d(z_d)).

    Parameters
    ----------
    prior
        An `Independent` of a torch distribution over dimensions.
    codes : float array, shape (n, D).

    Returns
    -------
    u : float array, shape (n, D).

    Raises
    ------
    ConfigError
        If the prior does not factorise, or has no distribution function.
    """
    from scipy.special import ndtri, stdtr

    base = getattr(prior, "base_dist", None)
    z = np.asarray(codes, np.float64)
    if base is None:
        raise ConfigError(f"{type(prior).__name__} does not factorise; choose a prior that does")
    if isinstance(base, torch.distributions.Normal):
        return np.asarray((z - base.loc.cpu().numpy()) / base.scale.cpu().numpy())
    if isinstance(base, torch.distributions.StudentT):
        df, centre, scale = (
            x.expand(z.shape[1:]).double().cpu().numpy() for x in (base.df, base.loc, base.scale)
        )
        t = (z - centre) / scale
        # Only the lower tail has full precision; the upper one follows by symmetry.
        return np.asarray(-np.sign(t) * ndtri(stdtr(df, -np.abs(t))))
    try:
        below = base.cdf(torch.as_tensor(z, dtype=torch.float64)).cpu().numpy()
    except NotImplementedError as error:
        raise ConfigError(f"{type(base).__name__} has no distribution function") from error
    return np.asarray(ndtri(np.clip(below, SMALLEST, 1 - SMALLEST)))
