"""Measure what moves each score: rows, noise, rotations, copies, dependent factors, spare codes.

    python docs/metrics/which_study.py

Writes which-study.json and the pictures of the page that helps to choose; make_pages.py makes its
tables of them. Two minutes of one core. Three factors of four classes, 1,000 rows and codes with
noise of a quarter of a step unless a curve says otherwise; the curve of rows is of three draws.
"""

import argparse
import functools
import json
from pathlib import Path

import numpy as np
from drawing import curves, rank_map, strips
from scipy.linalg import expm

import unweave_metrics as um

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "which-study.json"

METRICS = (
    "mig", "mig_sup", "jemmig", "dcimig", "modularity", "infomec", "med", "minimality",
    "sufficiency", "dmig", "sap", "dci", "explicitness", "linear_probe", "r2", "factor_vae",
    "beta_vae", "z_min_var", "irs", "mcc", "mcc_regression", "mutual_information_score",
    "gaussian_total_correlation", "total_correlation_knn",
)  # fmt: skip
# Parts that are scores themselves.
PARTS = {"dci": ("completeness", "informativeness"), "infomec": ("infoe", "infoc")}

ROWS, ROTATIONS, RUNS = 1_000, 20, 24
DRAWS = {"rows": 3}  # of few rows every draw is another; elsewhere one is enough
LEVELS = {
    "rows": (100, 300, 1_000, 4_000),
    "noise": (0.0, 0.25, 0.5, 1.0, 2.0),
    "copies": (0, 1, 2, 4),
    "dependence": (0.0, 0.3, 0.6, 0.9),
    "spare": (0, 2, 5, 10, 20),
}


def encoded(rng, rows=ROWS, noise=0.25, turned=None, copies=0, dependence=0.0, spare=0):
    """Return codes and factors.

    With probability `dependence` the second factor is the first; codes are the factors with noise,
    turned by a matrix, so many times over, and so many codes of noise more.
    """
    y = rng.integers(0, 4, size=(rows, 3))
    y[:, 1] = np.where(rng.random(rows) < dependence, y[:, 0], y[:, 1])
    z = y - 1.5
    z = z if turned is None else z @ turned
    z = np.hstack([z + noise * rng.normal(size=z.shape) for _ in range(copies + 1)])
    return np.hstack([z, rng.normal(size=(rows, spare))]), y


def scored(codes, factors):
    """Return score -> value, parts that are scores among them."""
    table = um.evaluate(codes, factors, metrics=METRICS, bootstrap=0, jobs=1, progress=False)
    values = {}
    for name, score in table.items():
        values[name] = float(score)
        for part in PARTS.get(name, ()):
            values[f"{name}: {part}"] = float(score.parts[part])
    return {name: value if np.isfinite(value) else None for name, value in values.items()}


def rotation(rng, strength=None):
    """Return a random rotation of three codes; with `strength` between none (0) and a wild one."""
    if strength is None:
        q, r = np.linalg.qr(rng.normal(size=(3, 3)))
        return q * np.sign(np.diag(r))
    skew = rng.normal(size=(3, 3))
    skew = skew - skew.T
    return expm(strength * skew / np.linalg.norm(skew))


def run(rng):
    """Return the scores of an encoder that errs in every way at once, as trained ones do."""
    options = {
        "noise": rng.choice([0.1, 0.25, 0.5, 1.0]),
        "turned": rotation(rng, rng.uniform(0, 1.5)),
        "copies": rng.integers(0, 2),
        "spare": rng.integers(0, 6),
    }
    return scored(*encoded(rng, **options))


def measured(name, seed):
    """Return the scores of one point of one curve."""
    rng = np.random.default_rng((seed, len(name)))
    kind, _, level = name.partition("=")
    if kind == "rotation":
        return scored(*encoded(rng, turned=rotation(rng)))
    if kind == "run":
        return run(rng)
    if kind == "rows":
        return scored(*encoded(rng, rows=int(level), noise=0.5, spare=2))
    return scored(*encoded(rng, **{kind: float(level) if "." in level else int(level)}))


def points():
    """Return name and seed of every evaluation."""
    evaluations = [(f"{kind}={level}", s) for kind, levels in LEVELS.items() for level in levels
            for s in range(DRAWS.get(kind, 1))]  # fmt: skip
    evaluations += [("rotation", s) for s in range(ROTATIONS)]
    return evaluations + [("run", s) for s in range(RUNS)]


def main():
    """Measure what is not there yet, then draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--again", action="store_true", help="measure everything anew")
    record = {}
    if RESULTS.exists() and not parser.parse_args().again:
        record = json.loads(RESULTS.read_text())
    for name, seed in points():
        values = record.setdefault(name, [])
        if len(values) <= seed:
            values.append(measured(name, seed))
            _write(record)
    draw()


def _write(record):
    """Write the results beside their place and rename them."""
    rounded = {
        name: [{k: v if v is None else round(v, 4) for k, v in each.items()} for each in values]
        for name, values in record.items()
    }
    part = RESULTS.with_suffix(".part")
    part.write_text(json.dumps(rounded, separators=(",", ":")).replace("}],", "}],\n") + "\n")
    part.replace(RESULTS)


@functools.cache
def results():
    """Return name of point -> list of score -> value."""
    return json.loads(RESULTS.read_text())


def values_of(point, score):
    """Return the values of a score at a point, NaN where it has none."""
    values = [each.get(score) for each in results()[point]]
    return np.array([np.nan if value is None else value for value in values])


def curve(kind, score):
    """Return the mean of a score at each level."""
    return [float(values_of(f"{kind}={level}", score).mean()) for level in LEVELS[kind]]


def scores():
    """Return the names of all scores, parts beside their whole."""
    return list(results()["rotation"][0])


def ranks():
    """Return the rank correlation of the scores over the runs."""
    return um.rank_correlation({name: values_of("run", name) for name in scores()})


SELECTION = (
    "mig", "modularity", "infomec", "sap", "dci", "dci: informativeness", "linear_probe",
    "factor_vae", "mcc", "irs",
)  # fmt: skip


def draw():
    """Draw the curves, the rotations and the rank correlation."""
    results.cache_clear()
    words = {
        "rows": "rows",
        "noise": "noise, in steps of a factor",
        "copies": "copies of every code",
        "dependence": "chance that factor 2 is factor 1",
        "spare": "codes of noise",
    }
    panels = {
        words[kind]: (levels, {name: curve(kind, name) for name in SELECTION})
        for kind, levels in LEVELS.items()
    }
    curves(HERE / "pictures" / "which-curves.svg", panels, logarithmic=(words["rows"],))
    turned = {name: values_of("rotation", name) for name in scores() if bounded(name)}
    strips(HERE / "pictures" / "which-rotations.svg", turned)
    table = ranks()
    rank_map(HERE / "pictures" / "which-ranks.svg", table.metrics, table.matrix)


def bounded(name):
    """Tell whether a score lies between 0 and 1, so that it fits in one picture."""
    from unweave_metrics.catalogue import CATALOGUE, UNIT

    return CATALOGUE[name.partition(":")[0]].bounds == UNIT


if __name__ == "__main__":
    main()
