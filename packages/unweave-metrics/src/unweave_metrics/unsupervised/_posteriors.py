"""Entropies of Gaussian posteriors mixed over the rows: of all codes, of all but one, of each."""

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

# Densities held at a time: draws x rows x codes numbers, 64 MB.
HELD = 8_000_000


@dataclass(frozen=True)
class Posteriors:
    """Information in nats, each (d,), and of all codes together.

    `about` I(x; z_i); `separate` I(x; z_i | the others); `shared` I(z_i; the others).
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
        """Return what both scores carry."""
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
            "std must hold the posteriors' standard deviations (n, d), got none; without them the "
            "information is infinite"
        )
    spread = as_array(std, "std").astype(np.float64)
    if spread.shape != mean.shape:
        raise ValueError(f"std must have the shape of codes {mean.shape}, got {spread.shape}")
    check_finite(spread, "std")
    if not (spread > 0).all():
        raise ValueError(f"std must be above 0, got {spread.min():g}")
    check_positive(samples, "samples")
    beyond = excess(np.concatenate([mean, spread]))  # information has no units
    return _posteriors(shifted(mean, -beyond), shifted(spread, -beyond), int(samples), seed)


@shared
def _posteriors(mean: Floats, std: Floats, samples: int, seed: int) -> Posteriors:
    """Draw codes of rows and compare their own densities with those of the mixture."""
    n, d = mean.shape
    # A stream of its own: codes that a caller drew with the same seed would be their own noise.
    rng = np.random.default_rng((seed, 1))
    rows = draw_rows(n, samples, rng)
    rows = np.arange(n) if rows is None else rows
    z = mean[rows] + std[rows] * rng.normal(size=(len(rows), d))
    own = _log_normal(z, mean[rows], std[rows])
    each, others, all_codes = _mixed(z, mean, std)
    about = (own - each).mean(axis=0)
    whole = float((own.sum(axis=1) - all_codes).mean())
    without = (own.sum(axis=1, keepdims=True) - own - others).mean(axis=0)
    between = (all_codes[:, None] - each - others).mean(axis=0)
    settings = {"samples": samples, "rows": n, "seed": seed}
    return Posteriors(about, whole - without, between, whole, settings)


def _log_normal(z: Floats, mean: Floats, std: Floats) -> Floats:
    """Return log N(z; mean, std^2) code by code."""
    std = np.maximum(std, np.finfo(float).tiny)
    with np.errstate(over="ignore"):
        far = far_clipped((z - mean) / std)
    return np.asarray(-0.5 * far**2 - np.log(std) - 0.5 * np.log(2 * np.pi))


def _mixed(z: Floats, mean: Floats, std: Floats) -> tuple[Floats, Floats, Floats]:
    """Return log q of each code (m, d), of all but one (m, d), and of all (m,) for draws (m, d)."""
    n, d = mean.shape
    at_a_time = max(1, HELD // (n * d))
    parts = []
    for start in range(0, len(z), at_a_time):
        density = _log_normal(z[start : start + at_a_time, None, :], mean, std)
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
