"""Measure the estimators against exact values; write results.json beside this file.

    python docs/estimators/study.py                 # everything, about 30 minutes on one core
    python docs/estimators/study.py --only mmd      # one of: batch, ratio, plane, mmd

`python docs/estimators/figures.py` then draws the figures and fills the tables of
docs/estimators.md.
"""

import argparse
import json
import math
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, MultivariateNormal, Normal

from unweave_estimators import DensityRatio, decompose, mmd, permute_dimensions
from unweave_estimators.critics import classification_loss
from unweave_estimators.posterior_sums import pool_of, posterior_sums
from unweave_estimators.weights import log_densities

HERE = Path(__file__).parent
DATASET = 4096
BATCHES = (16, 64, 256, 1024)
NOISES = (0.1, 0.3, 0.9)
DIMENSIONS = (2, 10, 32)
ESTIMATORS = (("mws", "paper"), ("mws", "batch"), ("mws", "loo"), ("mss", "loo"), ("loo", "loo"))
CODES = 8192  # codes seen per setting: every sample of the data set twice
MOST_BATCHES = 128
PAIRS = 5  # of correlated Gaussians, for the critics
DISTANCES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.002)  # of codes from a plane, standard deviations
CRITIC_BATCH, CRITIC_STEPS, HELD_OUT = 2048, 4000, 100_000


def posteriors(dim: int, noise: float, correlated: bool, g: torch.Generator):
    """Return codes, means and stds of a data set, float64; means have unit variance."""
    mean = torch.randn(DATASET, dim, generator=g, dtype=torch.float64)
    if correlated:
        place = torch.arange(dim, dtype=torch.float64)
        mean = mean @ torch.linalg.cholesky(0.8 ** (place - place[:, None]).abs()).mT
    std = torch.full_like(mean, noise)
    noises = torch.randn(DATASET, dim, generator=g, dtype=torch.float64)
    return noises, mean, std


def exact(noises: Tensor, mean: Tensor, std: Tensor):
    """Return per-code log q(z|x), log q(z), log q_d(z_d) and the gradient of TC for the means.

    Every code under all posteriors in float64; the first 64 are checked against plain sums.
    """
    mean = mean.clone().requires_grad_()
    z = mean + std * noises
    sums = posterior_sums(z, pool_of(Normal(mean, std)))
    own, joint, marginals = log_densities(sums, len(mean), "loo")
    (gradient,) = torch.autograd.grad((joint - marginals.sum(1)).mean(), mean)
    s = Normal(mean, std).log_prob(z[:64, None]).detach()
    torch.testing.assert_close(joint[:64], s.sum(2).logsumexp(1) - math.log(len(mean)))
    torch.testing.assert_close(marginals[:64], s.logsumexp(1) - math.log(len(mean)))
    return own.detach(), joint.detach(), marginals.detach(), gradient


def exact_terms(z: Tensor, own: Tensor, joint: Tensor, marginals: Tensor) -> Tensor:
    """Return index-code MI, TC and dimension-wise KL of each code under the exact q, (n, 3)."""
    log_prior = Normal(0.0, 1.0).log_prob(z)
    terms = [own - joint, joint - marginals.sum(1), (marginals - log_prior).sum(1)]
    return torch.stack(terms, 1)


def cosine(a: Tensor, b: Tensor) -> float:
    """Return the cosine of two gradients, 0 where one of them is none."""
    return float((a * b).sum() / (a.norm() * b.norm()).clamp(min=1e-300))


def batch_setting(dim: int, noise: float, correlated: bool) -> list[dict]:
    """Measure every batch estimator at one noise, dimension and kind of means."""
    g = torch.Generator().manual_seed(1000 * dim + int(10 * noise) + correlated)
    noises, mean, std = posteriors(dim, noise, correlated, g)
    own, joint, marginals, exact_gradient = exact(noises, mean, std)
    truth = exact_terms(mean + std * noises, own, joint, marginals)
    results = []
    for batch in BATCHES:
        batches = [
            torch.randperm(DATASET, generator=g)[:batch]
            for _ in range(
                min(MOST_BATCHES, max(4, CODES // batch // 2 if batch > 256 else CODES // batch))
            )
        ]
        for name, constants in ESTIMATORS:
            values, errors, cosines = [], [], []
            total, visits = torch.zeros_like(mean), torch.zeros(DATASET, 1, dtype=mean.dtype)
            for rows in batches:
                m = mean[rows].float().requires_grad_()
                s = std[rows].float()
                z = m + s * noises[rows].float()
                terms = torch.stack(
                    decompose(z, m, s, dataset_size=DATASET, estimator=name, constants=constants)
                ).double()
                values.append(terms.detach())
                errors.append(terms.detach() - truth[rows].mean(0))
                if constants == "loo":
                    (gradient,) = torch.autograd.grad(terms[1], m)
                    cosines.append(cosine(gradient.double(), exact_gradient[rows]))
                    total[rows] += gradient.double()
                    visits[rows] += 1
            values, errors = torch.stack(values), torch.stack(errors)
            visited = visits[:, 0] > 0
            mean_gradient = total[visited] / visits[visited]
            results.append(
                {
                    "dim": dim, "noise": noise, "correlated": correlated, "batch": batch,
                    "estimator": name, "constants": constants,
                    "exact": truth.mean(0).tolist(),
                    "bias": errors.mean(0).tolist(),
                    "bias_se": (errors.std(0) / len(errors) ** 0.5).tolist(),
                    "std": values.std(0).tolist(),
                    "cosine": sum(cosines) / len(cosines) if cosines else None,
                    "cosine_of_mean": cosine(mean_gradient, exact_gradient[visited])
                    if cosines else None,
                }
            )  # fmt: skip
    return results


def batch_study() -> Iterator[list[dict]]:
    """Measure MWS, MSS and LOO over noise, dimension, correlation and batch size."""
    results = []
    for dim, noise, correlated in product(DIMENSIONS, NOISES, (False, True)):
        results += batch_setting(dim, noise, correlated)
        print("batch", dim, noise, correlated, flush=True)
        yield results


class Codes:
    """A latent of bare codes with a standard normal prior, for the critic."""

    def __init__(self, z: Tensor, generator: torch.Generator) -> None:
        self.z, self.generator = z, generator

    def prior(self) -> Distribution:
        """Return the standard normal."""
        zero = torch.zeros(self.z.shape[1])
        return Independent(Normal(zero, zero + 1), 1)

    def prior_sample(self) -> Tensor:
        """Return standard normal draws."""
        return torch.randn(self.z.shape, generator=self.generator)


class Pairs:
    """Pairs of correlated Gaussians with a known total correlation, shared evenly.

    Each pair has -1/2 log(1 - rho^2) = truth / PAIRS. Every second dimension has mean 1/2, so that
    the dimension-wise KL is PAIRS / 8.
    """

    def __init__(self, truth: float) -> None:
        self.truth = truth
        self.rho = math.sqrt(1 - math.exp(-2 * truth / PAIRS))
        self.generator = torch.Generator().manual_seed(1)

    def draw(self, n: int) -> Codes:
        """Return fresh codes."""
        first, second = torch.randn(2, n, PAIRS, generator=self.generator)
        second = self.rho * first + math.sqrt(1 - self.rho**2) * second
        return Codes(torch.stack([first, second + 0.5], 2).flatten(1), self.generator)

    def log_ratio(self, z: Tensor) -> Tensor:
        """Return log q(z) - sum_d log q_d(z_d), exactly."""
        first, second = z[:, ::2].double(), z[:, 1::2].double() - 0.5
        alone = Normal(self.rho * first, math.sqrt(1 - self.rho**2)).log_prob(second)
        return (alone - Normal(0.0, 1.0).log_prob(second)).sum(1)


class Plane:
    """Gaussian codes near a plane of PAIRS dimensions among twice as many, each of variance 1.

    Before they are scaled, codes are A u + distance e with u and e standard normal; A is drawn
    once.
    """

    def __init__(self, distance: float) -> None:
        self.distance = distance
        self.generator = torch.Generator().manual_seed(1)
        self.map = torch.randn(2 * PAIRS, PAIRS, generator=self.generator)
        wide = self.map.double()
        covariance = wide @ wide.T + distance**2 * torch.eye(2 * PAIRS)
        self.scale = covariance.diagonal().rsqrt()
        correlation = self.scale[:, None] * covariance * self.scale
        self.joint = MultivariateNormal(torch.zeros(2 * PAIRS).double(), correlation)
        self.truth = -float(torch.logdet(correlation)) / 2

    def draw(self, n: int) -> Codes:
        """Return fresh codes."""
        on_plane = torch.randn(n, PAIRS, generator=self.generator) @ self.map.T
        noise = self.distance * torch.randn(n, 2 * PAIRS, generator=self.generator)
        return Codes((on_plane + noise) * self.scale.float(), self.generator)

    def log_ratio(self, z: Tensor) -> Tensor:
        """Return log q(z) - sum_d log q_d(z_d), exactly."""
        z = z.double()
        return self.joint.log_prob(z) - Normal(0.0, 1.0).log_prob(z).sum(1)


def train(
    estimator: DensityRatio, draw: Callable[[], Codes], rate: float, steps: int
) -> Iterator[int]:
    """Train critics with two fresh batches per step and a cosine decay; yield every step."""
    optimizer = torch.optim.Adam(estimator.parameters(), lr=rate, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        estimator.critic_loss(draw(), draw()).backward()
        optimizer.step()
        schedule.step()
        yield step


def ratio_setting(source: Pairs | Plane, dimension_wise: bool = False) -> dict:
    """Train critics on fresh codes in every step, and estimate from codes held out.

    `excess` is by how much the critic's cross-entropy exceeds that of the exact log-ratio on the
    same codes, in nats per code: what is left to learn.
    """
    torch.manual_seed(0)
    estimator = DensityRatio(2 * PAIRS, width=128, layers=2, dimension_wise=dimension_wise)
    held_out = source.draw(HELD_OUT)
    permuted = permute_dimensions(source.draw(HELD_OUT).z, source.generator)
    curve = []
    for step in train(estimator, lambda: source.draw(CRITIC_BATCH), 4e-3, CRITIC_STEPS):
        if CRITIC_STEPS // step * step == CRITIC_STEPS and step >= 125:
            with torch.no_grad():
                terms = {k: float(v) for k, v in estimator(held_out).items()}
            curve.append([step, terms["total_correlation"]])
    with torch.no_grad():
        critic = [estimator.critics[0](z)[:, 0] for z in (held_out.z, permuted)]
    best = classification_loss(*(source.log_ratio(z) for z in (held_out.z, permuted)))
    log_ratio = source.log_ratio(held_out.z)
    return {
        "tc": source.truth, "curve": curve, "estimate": terms["total_correlation"],
        "excess": float(classification_loss(*critic) - best),
        "exact_on_held_out": float(log_ratio.mean()),
        "se": float((critic[0] - log_ratio).std() / HELD_OUT**0.5),
        "dimension_wise_kl": terms.get("dimension_wise_kl"),
    }  # fmt: skip


def ratio_study() -> Iterator[list[dict]]:
    """Measure the density ratio at known total correlations."""
    results = []
    for truth in (0.0, 0.5, 1.0, 2.0, 3.0, 5.0):
        # the dimension-wise KL is the same in all settings: its critic is trained in one of them
        results.append(ratio_setting(Pairs(truth), dimension_wise=truth == 1.0))
        print("ratio", results[-1], flush=True)
        yield results


def plane_study() -> Iterator[list[dict]]:
    """Measure the density ratio of codes that come ever closer to a plane."""
    results = []
    for distance in DISTANCES:
        results.append({"distance": distance} | ratio_setting(Plane(distance)))
        print("plane", results[-1], flush=True)
        yield results


def rbf_mmd(shift: float, scale: float, dim: int, width: float) -> float:
    """Return MMD^2 of N(shift, scale^2 I) and N(0, I) under exp(-|x - y|^2 / (2 width^2))."""

    def mean_kernel(variance: float, distance: float) -> float:
        spread = width**2 + variance
        return (width**2 / spread) ** (dim / 2) * math.exp(-(distance**2) * dim / (2 * spread))

    within = mean_kernel(2 * scale**2, 0.0) + mean_kernel(2.0, 0.0)
    return within - 2 * mean_kernel(1 + scale**2, shift)


def mmd_study() -> Iterator[list[dict]]:
    """Measure U- and V-statistics of MMD against the closed form under one RBF kernel."""
    results = []
    g = torch.Generator().manual_seed(2)
    for dim in (2, 10):
        width = math.sqrt(dim)
        for shift, scale in ((0.0, 1.0), (0.5, 1.0), (0.0, 0.5)):
            for batch in (16, 64, 256):
                draws = {True: [], False: []}
                for _ in range(500):
                    x = shift + scale * torch.randn(batch, dim, generator=g)
                    y = torch.randn(batch, dim, generator=g)
                    for unbiased, values in draws.items():
                        value = mmd(
                            x, y, kernel="rbf", scales=(1.0,), bandwidth=width, unbiased=unbiased
                        )
                        values.append(float(value))
                u, v = (torch.tensor(draws[unbiased]) for unbiased in (True, False))
                results.append(
                    {
                        "dim": dim, "shift": shift, "scale": scale, "batch": batch,
                        "exact": rbf_mmd(shift, scale, dim, width),
                        "u": [float(u.mean()), float(u.std())],
                        "v": [float(v.mean()), float(v.std())],
                    }
                )  # fmt: skip
    yield results


def main() -> None:
    """Run the parts asked for and merge them into results.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {"mmd": mmd_study, "ratio": ratio_study, "plane": plane_study, "batch": batch_study}
    parser.add_argument("--only", choices=parts, action="append")
    torch.set_num_threads(1)
    path = HERE / "results.json"
    for name in parser.parse_args().only or parts:
        for part in parts[name]():
            results = json.loads(path.read_text()) if path.exists() else {}
            path.write_text(json.dumps(results | {name: part}) + "\n")


if __name__ == "__main__":
    main()
