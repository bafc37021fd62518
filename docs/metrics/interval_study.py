"""Measure how often the intervals of scores cover what they claim, on populations that are known.

    python docs/metrics/interval_study.py [--sets 200] [--metrics mig,sap]

Data sets of each population are drawn, scored with their interval, and added to a file of one line
per score; what is there is not done again, so that a run may be stopped, resumed, or done in
pieces. At the end the table of the page on intervals is written anew from all lines. The truth is
the score of a large table of the population, or, for intervals that are for tables of as many rows,
the mean score of all data sets.
"""

import argparse
import functools
import json
import re
from pathlib import Path

import numpy as np

import unweave_metrics as um
from unweave_metrics._signatures import accepted
from unweave_metrics.catalogue import CATALOGUE
from unweave_metrics.intervals.interval import POPULATION, SAME_BINS, SAME_SIZE

PAGE = Path(__file__).resolve().parent / "intervals.md"
LARGE = 400_000

PAIRS = [
    "mmd", "frechet_distance", "kernel_distance", "precision", "recall", "density", "coverage",
]  # fmt: skip
PATHS = ["smoothness", "monotonicity"]
SEVERAL = ["udr", *PAIRS, *PATHS]
OF_POSTERIORS = ["rmig", "wsepin", "windin"]
OF_CODES = [
    name
    for name, entry in CATALOGUE.items()
    if "codes" in entry.needs and name not in OF_POSTERIORS and not entry.interval.without
]
# Ten or more seconds a data set: only when they are asked for.
SLOW = ("infomec", "dci_es", "downstream")
CLAIMS = {POPULATION: "population", SAME_BINS: "population, same bins", SAME_SIZE: "same size"}
# Corrected estimators are scores of their own.
CORRECTED = {
    f"{name}:{how}": (name, {"bias_correction": how})
    for name in ("mig", "modularity", "mutual_information_score")
    for how in ("shuffle", "miller-madow", "extrapolate")
}


def classes(n, rng, draw=None):
    """Three factors of four classes; codes of one factor, of two, noisy ones, and noise."""
    y = rng.integers(0, 4, size=(n, 3))
    noise = (rng.random((n, 5)) - 0.5) * np.sqrt(12) if draw is None else draw((n, 5))
    mixed = y @ np.array([[1, 0.6, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0.8, 0]])
    return mixed + noise * [0.5, 0.5, 1, 0.8, 1], y


def tails(n, rng):
    """The same with normal noise: equal-width bins widen as rows are added."""
    return classes(n, rng, lambda shape: rng.normal(size=shape))


def grid(n, rng):
    """Factors of 3, 6 and 40 values, as of a data set of rendered images; four codes."""
    sizes = np.array([3, 6, 40])
    y = rng.integers(0, sizes, size=(n, 3))
    mixed = (y / sizes) @ np.array([[1, 0, 0.3, 0], [0.4, 1, 0, 0], [0, 0, 1, 0.7]])
    return mixed + 0.15 * rng.normal(size=(n, 4)), y


def measurements(n, rng):
    """Two uniform measurements; codes bent, mixed, and noise."""
    y = rng.random(size=(n, 2))
    bent = np.stack([y[:, 0] ** 2, y[:, 1] + 0.3 * y[:, 0], y[:, 1]], axis=1)
    return np.column_stack([bent + 0.1 * rng.normal(size=bent.shape), rng.normal(size=n)]), y


def models(n, rng):
    """Three models of the same four sources: turned, noisy, mixed."""
    z = rng.normal(size=(n, 4))
    turned = -z[:, ::-1] + 0.3 * rng.normal(size=z.shape)
    mixed = z @ (np.eye(4) + 0.5 * np.eye(4, k=1)) + 0.3 * rng.normal(size=z.shape)
    return ([z, turned, mixed],)


def posteriors(n, rng):
    """Means of three codes of two factors, the third noise, and deviations of their posteriors."""
    y = rng.integers(0, 4, size=(n, 2))
    means = np.column_stack([y @ [[1, 0.5], [0, 1]], np.zeros(n)]) + 0.3 * rng.normal(size=(n, 3))
    return means, y, rng.uniform([0.1, 0.1, 0.7], [0.4, 0.4, 1.0], size=means.shape)


def traversals(n, rng):
    """Positions of two codes in nine steps, and attributes that bend, and waver with noise."""
    z = np.broadcast_to(np.linspace(-2, 2, 9), (n, 2, 9))
    steepness = rng.uniform(0.3, 2, size=(n, 2, 1))
    return z, np.tanh(steepness * z) + 0.1 * rng.normal(size=z.shape)


def apart(n, rng):
    """Two sets of three features that differ in mean and scale."""
    return rng.normal(size=(n, 3)), 1.2 * rng.normal(size=(n, 3)) + [0.3, 0, 0]


def alike(n, rng):
    """Two sets of three features from one law."""
    return rng.normal(size=(n, 3)), rng.normal(size=(n, 3))


POPULATIONS = {
    "classes": (classes, OF_CODES),
    "tails": (tails, OF_CODES),
    "grid": (grid, OF_CODES),
    "measurements": (measurements, OF_CODES),
    "posteriors": (posteriors, OF_POSTERIORS),
    "models": (models, ["udr"]),
    "apart": (apart, PAIRS),
    "alike": (alike, PAIRS),
    "traversals": (traversals, PATHS),
}


def scored(population, name, n, number, resamples):
    """Return value, interval and claim of one score of one data set."""
    metric, options = CORRECTED.get(name, (name, {}))
    arrays = POPULATIONS[population][0](n, np.random.default_rng((n, number)))
    if metric in SEVERAL:
        score = um.bootstrap(getattr(um, metric), *arrays, seed=number)
    else:
        options = options | dict(zip(["std"], arrays[2:], strict=False))
        score = um.evaluate(
            *arrays[:2], metrics=[metric], bootstrap=resamples, seed=number, jobs=1,
            progress=False, **options,
        )[metric]  # fmt: skip
    interval = score.settings["interval"] if score.interval else {"covers": ""}
    low, high = score.interval or (None, None)
    record = {"value": float(score), "low": low, "high": high, "covers": interval["covers"]}
    if record["covers"] == SAME_BINS:
        record["truth"] = float(getattr(um, metric)(*in_bins_of(population, arrays, metric)))
    return record


@functools.cache
def large(population, rows=100_000):
    """Return a large table of a population."""
    return POPULATIONS[population][0](rows, np.random.default_rng(12_345))


def in_bins_of(population, arrays, metric):
    """Return a large table whose columns end where those of a small one do: its bins are equal."""
    wide = [
        np.clip(whole, part.min(axis=0), part.max(axis=0))
        for whole, part in zip(large(population), arrays, strict=True)
    ]
    return wide[: len(CATALOGUE[metric].needs)]


def truth(population, name):
    """Return the score of a large table, with votes enough to forget their noise."""
    metric, _ = CORRECTED.get(name, (name, {}))
    rows = 5_000 if metric in PAIRS else LARGE // 10 if metric in PATHS else LARGE
    arrays = POPULATIONS[population][0](rows, np.random.default_rng(12_345))
    if metric not in SEVERAL:
        arrays = arrays[: len(CATALOGUE[metric].needs)]
    many = {"train_votes": 50_000, "eval_votes": 200_000,
            "train_points": 10_000, "eval_points": 100_000}  # fmt: skip
    function = getattr(um, metric)
    return float(function(*arrays, **accepted(function, many)))


def key(record):
    """Return what tells one line from the others."""
    return record["population"], record["name"], record["n"], record["set"]


def read(path):
    """Return the lines there are."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def run(options, path):
    """Add the lines that are lacking."""
    finished = {key(record) for record in read(path)}
    selection = set(options.metrics.split(",")) - {""}
    for population, (_, metrics) in POPULATIONS.items():
        names = [*metrics, *(c for c, (metric, _) in CORRECTED.items() if metric in metrics)]
        for name in names:
            is_selected = name in selection or (not selection and name not in SLOW)
            if not is_selected or (options.population and population != options.population):
                continue
            for number in range(options.sets):
                record = {"population": population, "name": name, "n": options.rows, "set": number}
                if key(record) in finished:
                    continue
                record |= scored(population, name, options.rows, number, options.resamples)
                with path.open("a") as file:
                    file.write(json.dumps(record) + "\n")
            print(population, name, options.rows, flush=True)


def rows_of_table(path):
    """Return one row per population, score and number of rows: claim, truth, bias, coverage."""
    groups = {}
    for record in read(path):
        groups.setdefault(key(record)[:3], []).append(record)
    rows = []
    for (population, name, n), records in groups.items():
        claims = {record["covers"] for record in records} - {""}
        values = np.array([record["value"] for record in records])
        with_interval = [record for record in records if record["low"] is not None]
        if len(claims) != 1 or len(with_interval) < 20:
            continue
        whole = claims == {POPULATION}
        if claims == {SAME_BINS}:
            true = np.array([record["truth"] for record in with_interval])
        else:
            true = cached_truth(path, population, name) if whole else values.mean()
        low, high = (np.array([record[end] for record in with_interval]) for end in ("low", "high"))
        hits = ((low <= true + 1e-12) & (true - 1e-12 <= high)).mean()
        rows.append([
            name, population, f"{n:,}", CLAIMS[claims.pop()], f"{np.mean(true):.4f}",
            f"{values.mean() - np.mean(true):+.4f}", f"{values.std(ddof=1):.4f}",
            f"{(high - low).mean() / 2:.4f}", f"{100 * hits:.1f}", str(len(with_interval)),
        ])  # fmt: skip
    return sorted(rows)


def cached_truth(path, population, name):
    """Return the truth, computed once and kept beside the lines."""
    file = path.with_suffix(".truth.json")
    truths = json.loads(file.read_text()) if file.exists() else {}
    metric = CORRECTED.get(name, (name, {}))[0]
    if f"{population} {metric}" not in truths:
        truths[f"{population} {metric}"] = truth(population, metric)
        file.write_text(json.dumps(truths, indent=1))
    return truths[f"{population} {metric}"]


def main():
    """Run what is lacking, then write the table into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=200, help="data sets per population")
    parser.add_argument("--rows", type=int, default=1_000, help="rows of each")
    parser.add_argument("--resamples", type=int, default=400)
    parser.add_argument("--metrics", default="", help="names joined by commas; all fast ones")
    parser.add_argument("--population", default="", help="one alone")
    parser.add_argument("--lines", default="coverage.jsonl", help="file that results are added to")
    parser.add_argument("--page", default=str(PAGE), help="page whose table is written")
    options = parser.parse_args()
    path = Path(options.lines)
    run(options, path)
    head = ["score", "data", "rows", "interval is for", "truth", "bias", "deviation",
            "half width", "covers %", "sets"]  # fmt: skip
    lines = ["| " + " | ".join(row) + " |" for row in [head, *rows_of_table(path)]]
    table = "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])
    page = Path(options.page)
    marked = r"(?s)(<!-- coverage -->\n).*(\n<!-- end -->)"
    text = page.read_text() if page.exists() else "<!-- coverage -->\n\n<!-- end -->\n"
    page.write_text(re.sub(marked, lambda match: match[1] + table + match[2], text))


if __name__ == "__main__":
    main()
