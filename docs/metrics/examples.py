"""Codes that the pages of this folder score: five kinds, a ladder of noise, one for conventions."""

import numpy as np

import unweave_metrics as um
from unweave_metrics.catalogue import CATALOGUE

KINDS = ("perfect", "rotated", "redundant", "noisy", "entangled")
LEVELS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
ROWS = 600
OF_CODES = [entry.name for entry in CATALOGUE.values() if "codes" in entry.needs]
OF_TRAVERSALS = [entry.name for entry in CATALOGUE.values() if "positions" in entry.needs]
SEVERAL = [
    entry.name
    for entry in CATALOGUE.values()
    if not entry.of_table and entry.name not in OF_TRAVERSALS
]
# Scores of posteriors: the examples have one spread for all.
OF_POSTERIORS = ("wsepin", "windin")
SPREAD = 0.1
OF_IMAGES = [entry.name for entry in CATALOGUE.values() if "reconstructions" in entry.needs]


def true_factors(seed=0):
    """Return three factors of four values."""
    return np.random.default_rng(seed).integers(0, 4, size=(ROWS, 3))


def codes_of(kind, factors, seed=1):
    """Return codes of one kind for factors (n, 3)."""
    rng = np.random.default_rng(seed)
    base = factors - 1.5
    if kind == "rotated":
        return base @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    if kind == "redundant":
        return np.hstack([base, base])
    if kind == "noisy":
        return with_noise(factors, 1.0, seed)
    if kind == "entangled":
        return np.tanh(base @ rng.normal(size=(3, 3))) + 0.1 * rng.normal(size=base.shape)
    return base


def with_noise(factors, level, seed=1):
    """Return the factors with noise of a standard deviation of so many steps."""
    return factors - 1.5 + level * np.random.default_rng(seed).normal(size=factors.shape)


def scores(codes, factors):
    """Return metric -> score, of all that can be had."""
    names = [name for name in OF_CODES if name not in OF_POSTERIORS]
    table = um.evaluate(codes, factors, metrics=names, bootstrap=0, jobs=1)
    for name in OF_POSTERIORS:
        table.scores[name] = getattr(um, name)(codes, std=np.full(codes.shape, SPREAD))
    return table


def kinds_and_ladder():
    """Return metric -> values of the five kinds, metric -> values along the ladder, and tables."""
    factors = true_factors()
    tables = [scores(codes_of(kind, factors), factors) for kind in KINDS]
    ladder = [scores(with_noise(factors, level), factors) for level in LEVELS]
    kinds = {name: [value(table, name) for table in tables] for name in OF_CODES}
    steps = {name: [value(table, name) for table in ladder] for name in OF_CODES}
    for name in SEVERAL:
        kinds[name] = [of_two(name, kind) for kind in KINDS]
        steps[name] = [of_two(name, level) for level in LEVELS]
    return kinds, steps, tables


def value(table, name):
    """Return a score, NaN where there is none."""
    return float(table[name]) if name in table else float("nan")


def of_two(name, how):
    """Score two models (udr), or codes against perfect ones of other rows (distances)."""
    factors, metric = true_factors(), getattr(um, name)
    models = [
        codes_of(how, factors, seed) if isinstance(how, str) else with_noise(factors, how, seed)
        for seed in (1, 2, 3)
    ]
    if name == "udr":
        return float(metric(models))
    return float(metric(models[0][:, :3], codes_of("perfect", true_factors(5))))


def traversal_scores(name):
    """Return scores of a line that is bent and of one that is disturbed, more and more."""
    metric, z = getattr(um, name), np.linspace(-2, 2, 21)
    noise = np.random.default_rng(0).normal(size=(50, 1, len(z)))
    bent = [z + level * np.sin(3 * z) for level in LEVELS]
    return [
        [float(metric(z, line[None])) for line in bent],
        [float(metric(z, z + 0.1 * level * noise)) for level in LEVELS],
    ]


def image_scores(name):
    """Return scores of discs with more and more noise, and with more and more blur."""
    x, y = np.mgrid[:32, :32] - 15.5
    radii = np.linspace(4, 12, 20)
    images = np.stack([(np.hypot(x, y) < radius) * 1.0 for radius in radii])
    noise = np.random.default_rng(0).normal(size=images.shape)
    noisy = [np.clip(images + 0.1 * level * noise, 0, 1) for level in LEVELS]
    blurred = [_blur(images, int(4 * level)) for level in LEVELS]
    metric = getattr(um, name)
    needs = CATALOGUE[name].needs
    return [
        [
            float(metric(images, pictures)) if "images" in needs else float(metric(pictures))
            for pictures in ladder
        ]
        for ladder in (noisy, blurred)
    ]


def _blur(images, times):
    """Average each pixel with its neighbours along both axes, so many times."""
    for _ in range(times):
        for axis in (1, 2):
            images = (np.roll(images, 1, axis) + 2 * images + np.roll(images, -1, axis)) / 4
    return images


def convention_table(rows=1_200):
    """Return codes (n, 6) and factors (n, 3): 3 mixed codes, noise, a small, a constant one."""
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(0, size, rows) for size in (3, 6, 10)], axis=1)
    mixed = factors / np.array([3, 6, 10]) @ np.array([[1, 0, 0.7], [0.9, 1, 0], [0, 0.3, 1]])
    codes = mixed + 0.3 * rng.normal(size=factors.shape)
    small = 0.02 * (factors[:, 0] + rng.normal(size=rows))
    return np.column_stack([codes, rng.normal(size=rows), small, np.zeros(rows)]), factors
