"""How estimators of the total correlation rate codes that are arranged in different ways.

    python benchmarks/alignment.py

prints the table of docs/results/tcwae-memory/; `--write` draws its picture, too. Nothing is
trained: 32 x 32 places and six sizes, each factor uniform, become codes of three dimensions with
variance one, and the regulariser of TCWAE-MWS is computed for each way to arrange them.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special, stats
from torch import Tensor
from torch.distributions import Independent, Normal

from unweave.plots.style import INK, QUIET, figure_style, new_figure, save_figure
from unweave_estimators import LOO, MWS
from unweave_estimators.batch_estimators import BatchEstimator
from unweave_estimators.latent import standard_normal

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent / "docs" / "results" / "tcwae-memory"
SIZES = (32, 32, 6)
NOISE = 0.2
"""Standard deviation of every posterior."""
BETA, GAMMA = 1.0, 0.125
IMAGES = 737_280
ROTATIONS = 8
BATCHES = (16, 64, 256, 512, 2_048)
MEMORY = 2_048
CODES = 65_536
"""Number of codes of all batches over which a mean is taken, about."""

Codes = NDArray[np.float64]


def quantiles() -> Codes:
    """Return the factors of all images as numbers between 0 and 1, shape (6144, 3)."""
    axes = np.meshgrid(*(np.arange(n) for n in SIZES), indexing="ij")
    return (np.stack(axes, axis=-1).reshape(-1, len(SIZES)) + 0.5) / SIZES


def scaled(means: Codes) -> Codes:
    """Scale the means so that, with the noise, every dimension has variance one."""
    scale: Codes = math.sqrt(1 - NOISE**2) / means.std(0)
    return means * scale


def uniform(q: Codes) -> Codes:
    """Return means with a dimension per factor, and a uniform distribution in each."""
    return scaled(q - 0.5)


def normal(q: Codes) -> Codes:
    """Return means with a dimension per factor, and nearly a normal distribution in each."""
    return scaled(special.ndtri(q))


def spherical(q: Codes) -> Codes:
    """Return means with places as directions, and sizes as distances from zero."""
    angle, height = 2 * np.pi * q[:, 0], 2 * q[:, 1] - 1
    across = np.sqrt(1 - height**2)
    direction = np.stack([across * np.cos(angle), across * np.sin(angle), height], axis=1)
    return scaled(stats.chi(len(SIZES)).ppf(q[:, 2:]) * direction)


def arrangements() -> dict[str, list[Codes]]:
    """Return the means of the posteriors for every arrangement; several where it is random."""
    q = quantiles()
    turns = stats.special_ortho_group(len(SIZES), seed=0).rvs(ROTATIONS)
    return {
        "uniform, a dimension per factor": [uniform(q)],
        "uniform, rotated": [uniform(q) @ turn for turn in turns],
        "normal, a dimension per factor": [normal(q)],
        "normal, rotated": [normal(q) @ turn for turn in turns],
        "spherical": [spherical(q)],
    }


class Rating(NamedTuple):
    """Mean of the regulariser over batches, and its standard error, in nats."""

    mean: float
    error: float


def estimators() -> dict[str, tuple[BatchEstimator, int]]:
    """Return every estimator with the size of its batches, 0 for all images at once."""
    dim = len(SIZES)
    batches = {f"mws, {size}": (MWS(dim, constants="paper"), size) for size in BATCHES}
    return {
        **batches,
        "mws, 64, memory": (MWS(dim, constants="paper", memory=MEMORY), 64),
        "loo, 64": (LOO(dim), 64),
        "exact": (MWS(dim, constants="batch"), 0),
    }


def rate(estimator: BatchEstimator, size: int, codes: list[Codes]) -> Rating:
    """Rate codes by what training descends, in batches of this size."""
    values = []
    for number, means in enumerate(codes):
        generator = torch.Generator().manual_seed(number)
        mean = torch.from_numpy(means).float()
        if not size:
            values.append(regulariser(estimator, mean, generator))
            continue
        for batch in range(-(MEMORY // size), CODES // (size * len(codes))):
            rows = torch.randint(len(mean), (size,), generator=generator)
            value = regulariser(estimator, mean[rows], generator)
            if batch >= 0:  # until then the memory, if there is one, is not full
                values.append(value)
    return Rating(float(np.mean(values)), float(np.std(values) / math.sqrt(len(values))))


def regulariser(estimator: BatchEstimator, mean: Tensor, generator: torch.Generator) -> float:
    """Return beta times the total correlation plus gamma times the dimension-wise KL."""
    std = torch.full_like(mean, NOISE)
    distribution = Independent(Normal(mean, std), 1)
    latent = SimpleNamespace(
        z=mean + std * torch.randn(mean.shape, generator=generator),
        posterior=SimpleNamespace(mean=mean, std=std, has_density=True, distribution=distribution),
        dataset_size=IMAGES,
        prior=lambda: standard_normal(mean),
    )
    terms = estimator(latent)
    return float(BETA * terms["total_correlation"] + GAMMA * terms["dimension_wise_kl"])


def draw(differences: dict[str, list[Rating]], names: list[str], path: Path) -> None:
    """Draw how much worse than a dimension per factor every estimator rates the others."""
    with figure_style():
        figure = new_figure((7.2, 3.6))
        axes = figure.add_subplot()
        width = 0.8 / len(names)
        for n, name in enumerate(names):
            means = [ratings[n].mean for ratings in differences.values()]
            errors = [ratings[n].error for ratings in differences.values()]
            places = np.arange(len(means)) + (n - (len(names) - 1) / 2) * width
            axes.bar(places, means, width, label=name)
            axes.errorbar(places, means, errors, fmt="none", ecolor=INK, elinewidth=0.8)
        axes.axhline(0, color=QUIET, linewidth=0.8)
        labels = [label.replace(", memory", "\nmemory") for label in differences]
        axes.set_xticks(range(len(labels)), labels)
        axes.set_ylabel("nats above uniform, a dimension per factor")
        axes.legend(ncols=2)
        save_figure(figure, path)


def main() -> None:
    """Print the table, and draw it if asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="draw the picture of the docs")
    write = parser.parse_args().write
    torch.set_num_threads(1)
    (first, base), *others = arrangements().items()
    names = [name for name, _ in others]
    print(f"Nats above {first}, ± standard error:\n")
    print(f"| estimator, batch | {' | '.join(names)} |\n|{'---|' * (1 + len(names))}")
    differences = {}
    for label, (estimator, size) in estimators().items():
        best = rate(estimator, size, base)
        ratings = [rate(estimator, size, codes) for _, codes in others]
        differences[label] = [
            Rating(r.mean - best.mean, math.hypot(r.error, best.error)) for r in ratings
        ]
        cells = (f"{r.mean:+.3f} ± {r.error:.3f}" for r in differences[label])
        print(f"| {label} | {' | '.join(cells)} |", flush=True)
    if write:
        draw(differences, names, FOLDER / "alignment.png")


if __name__ == "__main__":
    main()
