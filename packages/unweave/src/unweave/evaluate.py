"""Scores of a run: encode a code table once, then compute the registered metrics."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, Literal

import numpy as np

from unweave.codetable import CodeTable, encode_table, write_code_table
from unweave.density import has_density
from unweave.errors import quote
from unweave.model import Autoencoder
from unweave.owners import explained
from unweave.protocols import Dataset
from unweave.saved_codes import read_table
from unweave.scores.arrays import ActiveCodes, Arrays
from unweave.scores.calls import Called, metric_calls, with_preset
from unweave.scores.failed import Failed
from unweave.scores.file import add_scores
from unweave.scores.file import read_scores as read_scores  # scores are read where they are made
from unweave.scores.package import StudyPart, parts_of_preset
from unweave.scores.scoring import RESAMPLES, score_table
from unweave.trained import SOURCES, Source, Trained

ROWS = 50_000
"""Default number of rows of a code table; smaller data sets are encoded whole."""
ROWS_WHILE_TRAINING = 10_000

Progress = Callable[[int, int], None]
Codes = Literal["mean", "sampled", "both"]


@explained
def evaluate(
    run: Trained,
    metrics: Sequence[str] | None = None,
    *,
    rows: int = ROWS,
    seed: int = 0,
    codes: Codes = "mean",
    on: str = "train",
    active: bool = True,
    preset: str | None = None,
    bootstrap: int = RESAMPLES,
    progress: Progress | None = None,
    pool: Executor | None = None,
) -> dict[str, Any]:
    """Score a run; add to its `scores.json`, and write `codes.h5`; return the scores by name.

    A score is named as the metric was requested, `mig:bins=10`. The usual scores are of the mean
    codes of training images, in all dimensions; others have a suffix: `mig/sampled`,
    `mig/holdout`, `mig/noisy-dsprites`, `mig/active`. Scores of an earlier step are dropped. A
    metric that fails gives NaN with a reason, and the others are still computed. If unweave-metrics
    is installed, it computes all metrics at once, also those of plugins, with bootstrap intervals.
    Images whose mean codes of this step are already in `codes.h5` are not encoded again.

    Parameters
    ----------
    metrics
        Registered names, with options as in `mig:bins=10`; by default MIG, FactorVAE score and SAP
        if the factors are known.
    rows
        Number of images to encode, drawn without replacement.
    seed
        Seed of this draw and of metrics that draw.
    codes
        Means of q(z|x), one draw from it per image, or both.
    on
        Training images (`train`), held-out images (`holdout`), or a data set by its name and
        options, `noisy-dsprites:resolution=16`, with images like those of the run.
    active
        Whether to compute every score of codes also for the active dimensions alone, if some are
        inactive: noise of unused dimensions raises the second-largest information in MIG.
    preset
        A preset of unweave-metrics, for every metric that has it. If `metrics` is not given and
        the preset lists the scores of its study, all of them are computed: `gaujac2021` scores
        mean codes, sampled codes, and codes of held-out images.
    bootstrap
        Largest number of resamples for the intervals; 0 for no intervals.
    pool
        Processes in which unweave-metrics computes; by default this one.

    Raises
    ------
    ConfigError
        If a metric or the preset is unknown, or a metric needs factors that the data set does not
        have.
    """
    parts = () if preset is None else parts_of_preset(run.registry, preset)
    if parts and metrics is None:
        options: dict[str, Any] = {
            "seed": seed, "active": active, "preset": preset, "bootstrap": bootstrap,
            "progress": progress, "pool": pool,
        }  # fmt: skip
        return _as_study(run, parts, rows, options)
    dataset = run.images_of(on)
    calls = metric_calls(run.registry, metrics, dataset, seed, preset)
    table: CodeTable | None = None
    scores: dict[str, Any] = {}
    for kind in _kinds(codes):
        noisy, model = kind == "sampled", run.model
        stored = None if noisy else read_table(run, dataset, rows=rows, seed=seed, on=on)
        table = stored or encode_table(
            run, model, rows=rows, seed=seed, dataset=dataset, noisy=noisy, progress=progress
        )
        suffix = _suffix(kind, on)
        scores |= _scores(run, table, dataset, calls, suffix, active, seed, bootstrap, pool)
        if kind == "mean" or codes == "sampled":
            attributes: dict[str, str | int] = {
                "method": run.config.method, "codes": kind, "on": on, "step": run.model_step,
            }  # fmt: skip
            write_code_table(run.codes_path, table, dataset, attributes)
    assert table is not None
    about: dict[str, Any] = {"rows": len(table.codes), "seed": seed}
    if constant := Arrays(run, table, dataset).constant_factors:
        about["left_out"] = list(constant)
        warnings.warn(
            f"factor {', '.join(map(quote, constant))} is the same in every encoded image and is "
            "left out of the scores",
            stacklevel=2,
        )
    add_scores(run, scores, about, _sources(scores, calls))
    return scores


def _scores(
    run: Trained,
    table: CodeTable,
    dataset: Dataset,
    calls: Sequence[Called],
    suffix: str,
    active: bool,
    seed: int,
    bootstrap: int,
    pool: Executor | None = None,
) -> dict[str, Any]:
    error = float(table.reconstruction_error.mean(dtype=np.float64))
    scores: dict[str, Any] = {f"reconstruction_error{suffix}": error}
    used, part = table.active, None
    if active and used.any() and not used.all():
        some = dataclasses.replace(table, codes=table.codes[:, used], std=table.std[:, used])
        part = ActiveCodes(np.flatnonzero(used).tolist(), Arrays(run, some, dataset))
    metric_scores = score_table(
        calls, Arrays(run, table, dataset), run.registry, seed=seed, resamples=bootstrap, part=part,
        pool=pool,
    )  # fmt: skip
    return scores | {f"{name}{suffix}": score for name, score in metric_scores.items()}


def _sources(scores: Iterable[str], calls: Sequence[Called]) -> dict[str, str]:
    """Return the distribution, with its version, whose metric each score is."""
    return {
        score: f"{call.entry.distribution} {call.entry.version}"
        for score in scores
        for name, call in calls
        if score == name or score.startswith(f"{name}/")
    }


def _kinds(codes: Codes) -> tuple[str, ...]:
    """Return the kinds of codes that a name stands for."""
    return ("mean", "sampled") if codes == "both" else (codes,)


def _suffix(codes: str, on: str) -> str:
    """Return the suffix that names the codes of a score, empty for the usual ones."""
    return ("/sampled" if codes == "sampled" else "") + ("" if on == "train" else f"/{on}")


def _as_study(
    run: Trained, parts: Sequence[StudyPart], rows: int, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Compute all scores of a study; those of held-out images have no value if there are none."""
    scores: dict[str, Any] = {}
    # Mean codes of training images last: codes.h5 keeps the last.
    for part in sorted(parts, key=lambda part: (part.on == "train", part.codes == "mean")):
        if part.on == "holdout" and not run.config.holdout:
            reason = f"no images were held out; train with holdout={part.rows or rows}"
            preset = options["preset"]
            texts = (with_preset(run.registry, metric, preset, None) for metric in part.metrics)
            names = ("reconstruction_error", *texts)
            suffix = _suffix(part.codes, part.on)
            part_scores = {f"{name}{suffix}": Failed(reason) for name in names}
            add_scores(run, part_scores, {"rows": 0, "seed": options["seed"]})
        else:
            part_scores = evaluate(
                run, part.metrics, rows=part.rows or rows, codes=part.codes, on=part.on, **options
            )
        scores |= part_scores
    return scores


def score_model(
    run: Trained, model: Autoencoder, metrics: Sequence[str] | None = None, *, seed: int = 0,
    rows: int = ROWS_WHILE_TRAINING, codes: Codes = "mean",
) -> dict[str, float]:  # fmt: skip
    """Score a model on images of a run, and write nothing."""
    calls = metric_calls(run.registry, metrics, run.dataset, seed)
    scores: dict[str, Any] = {}
    for kind in _kinds(codes):
        table = encode_table(run, model, rows=rows, seed=seed, noisy=kind == "sampled")
        suffix = _suffix(kind, "train")
        scores |= _scores(run, table, run.dataset, calls, suffix, True, seed, 0)
    return {name: float(score) for name, score in scores.items()}


def untrained_score(run: Trained, metric: str, *, rows: int = ROWS, seed: int = 0) -> float:
    """Score the encoder as it was before the first step."""
    return score_model(run, run.untrained_model, (metric,), rows=rows, seed=seed)[metric]


def code_distances(run: Trained, seed: int = 0, rows: int = 2000) -> dict[str, float]:
    """Compute MMD² between codes z ~ q(z|x) and samples of the prior and the fitted density.

    By the metric `mmd`; empty where none is registered.
    """
    if not any(entry.name == "mmd" for entry in run.registry.entries("metric")):
        return {}
    distance = run.registry.lookup("metric", "mmd", "unweave-metrics").load()
    codes = run.posterior_codes(rows, seed)
    sources: tuple[Source, ...] = SOURCES if has_density(run.path) else ("prior",)
    return {s: float(distance(codes, run.prior_codes(len(codes), seed, s))) for s in sources}
