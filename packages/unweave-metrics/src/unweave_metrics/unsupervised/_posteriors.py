"""Information of codes from the mixture of their Gaussian posteriors over the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import as_array, check_codes, check_finite, check_positive
from unweave_metrics._counting import Floats
from unweave_metrics._sampling import draw_rows
from unweave_metrics._scaling import excess, far_clipped, shifted
from unweave_metrics._shared import shared

# Number of densities in memory at a time, draws x rows x codes: 64 MB.
MOST_DENSITIES = 8_000_000


@dataclass(frozen=True)
class Posteriors:
    """Information in nats, where z_-i are all codes but i.

    `about` (d,) is I(x; z_i), `separate` (d,) is I(x; z_i | z_-i), `shared` (d,) is I(z_i; z_-i),
    and `whole` is I(x; z).
    """

    about: Floats
    separate: Floats
    shared: Floats
    whole: float
    settings: dict[str, Any]

    @property
    def weights(self) -> Floats:
        """Return the share of each code in the information about the input, (d,)."""
        total = float(self.about.sum())
        d = len(self.about)
        return self.about / total if total > 0 else np.full(d, 1 / d)

    @property
    def parts(self) -> dict[str, Any]:
        """Return the parts of both scores."""
        order = np.argsort(-self.about, kind="stable")
        counts = np.arange(1, len(order) + 1)
        return {
            "informativeness": self.about,
            "separate": self.separate,
            "shared": self.shared,
            "order": order,
            "at_k": np.cumsum(self.separate[order]) / counts,
            "shared_at_k": np.cumsum(self.shared[order]) / counts,
            "information": self.whole,
        }


def posteriors(codes: ArrayLike, std: ArrayLike | None, samples: int, seed: int) -> Posteriors:
    """Estimate the information of posteriors N(codes, std^2) of rows drawn uniformly."""
    mean = check_codes(codes).astype(np.float64)
    if std is None:
        raise ValueError(
            "std must be the standard deviations of the posteriors, shape (n, d), got None; "
            "without them the information is infinite"
        )
    spread = as_array(std, "std").astype(np.float64)
    if spread.shape != mean.shape:
        raise ValueError(f"std must have the shape of codes, {mean.shape}, got {spread.shape}")
    check_finite(spread, "std")
    if not (spread > 0).all():
        raise ValueError(f"std must be positive, got {spread.min():g} as its smallest value")
    check_positive(samples, "samples")
    beyond = excess(np.concatenate([mean, spread]))  # information has no units
    return _posteriors(shifted(mean, -beyond), shifted(spread, -beyond), int(samples), seed)


@shared
def _posteriors(mean: Floats, std: Floats, samples: int, seed: int) -> Posteriors:
    """Draw codes from posteriors, and compare their own densities with those of the mixture."""
    n, d = mean.shape
    # A separate stream: a caller who drew codes with the same seed must not get the same noise.
    rng = np.random.default_rng((seed, 1))
    rows = draw_rows(n, samples, rng)
    rows = np.arange(n) if rows is None else rows
    z = mean[rows] + std[rows] * rng.normal(size=(len(rows), d))
    own = _log_normal(z, mean[rows], std[rows])
    each, others, all_codes = _mixture_densities(z, mean, std)
    about = (own - each).mean(axis=0)
    whole = float((own.sum(axis=1) - all_codes).mean())
    without = (own.sum(axis=1, keepdims=True) - own - others).mean(axis=0)
    between = (all_codes[:, None] - each - others).mean(axis=0)
    settings = {"samples": samples, "rows": n, "seed": seed}
    return Posteriors(about, whole - without, between, whole, settings)


def _log_normal(z: Floats, mean: Floats, std: Floats) -> Floats:
    """Return log N(z; mean, std^2) of each code."""
    std = np.maximum(std, np.finfo(float).tiny)
    with np.errstate(over="ignore"):
        far = far_clipped((z - mean) / std)
    return np.asarray(-0.5 * far**2 - np.log(std) - 0.5 * np.log(2 * np.pi))


def _mixture_densities(z: Floats, mean: Floats, std: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the log densities of draws z (m, d) in the mixture.

    They are those of each code (m, d), of all codes but one (m, d), and of all codes (m,).
    """
    n, d = mean.shape
    block = max(1, MOST_DENSITIES // (n * d))
    parts = []
    for start in range(0, len(z), block):
        density = _log_normal(z[start : start + block, None, :], mean, std)
        joint = density.sum(axis=2)
        parts.append((
            _log_mean(density), _log_mean(joint[:, :, None] - density), _log_mean(joint[:, :, None])
        ))  # fmt: skip
    each, others, whole = (np.concatenate(values) for values in zip(*parts, strict=True))
    return each, others, whole[:, 0]


def _log_mean(values: Floats) -> Floats:
    """Return the logarithm of the mean of exp(values) over rows, axis 1."""
    largest = values.max(axis=1, keepdims=True)
    return np.asarray(np.log(np.exp(values - largest).mean(axis=1)) + largest[:, 0])
