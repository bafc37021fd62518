"""Scores of a run: encode a code table once, then compute the registered metrics."""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, Literal

import numpy as np
import pydantic

from unweave.codetable import CodeTable, encode_table, write_code_table
from unweave.density import has_density
from unweave.errors import ConfigError, RunError, expected_by, quote, shorten
from unweave.files import write_text
from unweave.lock import one_at_a_time
from unweave.metrics_package import HOME, METRICS, StudyPart, parts_of_preset
from unweave.model import Autoencoder
from unweave.options import ARRAYS, check_options, options_of_entry, parse_spec
from unweave.owners import explained
from unweave.protocols import Dataset
from unweave.registry import Registry
from unweave.saved_codes import read_table
from unweave.scoring import (
    RESAMPLES,
    ActiveCodes,
    Arrays,
    Call,
    Called,
    Failed,
    of_images,
    score_table,
)
from unweave.trained import SOURCES, Source, Trained

ROWS = 50_000
"""Default number of rows of a code table; smaller data sets are encoded whole."""
ROWS_WHILE_TRAINING = 10_000
VERSION = 2
"""Version of `scores.json`: 1 has no version and no step; 2 keeps scores of several calls."""
LARGEST_SCORES = 1 << 28

Progress = Callable[[int, int], None]
Codes = Literal["mean", "sampled", "both"]
Part = Literal["train", "holdout"]


@explained
def evaluate(
    run: Trained,
    metrics: Sequence[str] | None = None,
    *,
    rows: int = ROWS,
    seed: int = 0,
    codes: Codes = "mean",
    on: Part = "train",
    active: bool = True,
    preset: str | None = None,
    bootstrap: int = RESAMPLES,
    progress: Progress | None = None,
    pool: Executor | None = None,
) -> dict[str, Any]:
    """Score a run; add to its `scores.json`, and write `codes.h5`; return the scores by name.

    A score is named as the metric was requested, `mig:bins=10`. The usual scores are of the mean
    codes of training images, in all dimensions; others have a suffix: `mig/sampled`,
    `mig/holdout`, `mig/active`. Scores of an earlier step are dropped. A metric that fails gives
    NaN with a reason, and the others are still computed. If unweave-metrics is installed, it
    computes all metrics at once, also those of plugins, with bootstrap intervals. Images whose mean
    codes of this step are already in `codes.h5` are not encoded again.

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
        The training images, or the held-out images.
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
        given: dict[str, Any] = {
            "seed": seed, "active": active, "preset": preset, "bootstrap": bootstrap,
            "progress": progress, "pool": pool,
        }  # fmt: skip
        return _as_study(run, parts, rows, given)
    dataset = run.dataset if on == "train" else run.heldout
    calls = _calls(run.registry, metrics, dataset, seed, preset)
    table: CodeTable | None = None
    scores: dict[str, Any] = {}
    for kind in ("mean", "sampled") if codes == "both" else (codes,):
        noisy, model = kind == "sampled", run.model
        kept = None if noisy else read_table(run, dataset, rows=rows, seed=seed, on=on)
        table = kept or encode_table(
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
    _add_scores(run, scores, about)
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
    found = score_table(
        calls, Arrays(run, table, dataset), run.registry, seed=seed, resamples=bootstrap, part=part,
        pool=pool,
    )  # fmt: skip
    return scores | {f"{name}{suffix}": score for name, score in found.items()}


def _suffix(codes: str, on: str) -> str:
    """Return the suffix that names the codes of a score, empty for the usual ones."""
    return ("/sampled" if codes == "sampled" else "") + ("/holdout" if on == "holdout" else "")


def _as_study(
    run: Trained, parts: Sequence[StudyPart], rows: int, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Compute all scores of a study; those of held-out images have no value if there are none."""
    scores: dict[str, Any] = {}
    # Mean codes of training images last: codes.h5 keeps the last.
    for part in sorted(parts, key=lambda part: (part.on == "train", part.codes == "mean")):
        if part.on == "holdout" and not run.config.holdout:
            lost = f"no images were held out; train with holdout={part.rows or rows}"
            of_metrics = (
                _with_preset(run.registry, m, given["preset"], None) for m in part.metrics
            )
            names = ("reconstruction_error", *of_metrics)
            found = {f"{name}{_suffix(part.codes, part.on)}": Failed(lost) for name in names}
            _add_scores(run, found, {"rows": 0, "seed": given["seed"]})
        else:
            found = evaluate(
                run, part.metrics, rows=part.rows or rows, codes=part.codes, on=part.on, **given
            )
        scores |= found
    return scores


def score_model(
    run: Trained, model: Autoencoder, metrics: Sequence[str] | None = None, *, seed: int = 0,
    rows: int = ROWS_WHILE_TRAINING,
) -> dict[str, float]:  # fmt: skip
    """Score a model on images of a run, and write nothing."""
    calls = _calls(run.registry, metrics, run.dataset, seed)
    table = encode_table(run, model, rows=rows, seed=seed)
    scores = _scores(run, table, run.dataset, calls, "", True, seed, 0)
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


def _calls(
    names: Registry, metrics: Sequence[str] | None, dataset: Dataset, seed: int,
    preset: str | None = None,
) -> list[Called]:  # fmt: skip
    """Find metrics; a default one is always taken from its own distribution."""
    home = None if metrics is not None else HOME
    chosen = _default_metrics(names, dataset) if metrics is None else metrics
    texts = dict.fromkeys(_with_preset(names, text, preset, home) for text in chosen)
    return [_metric(names, text, dataset, seed, home) for text in texts]


def _with_preset(names: Registry, text: str, preset: str | None, home: str | None) -> str:
    """Add a preset to a metric that has this option without a value."""
    name, options = parse_spec(text)
    if preset is None or "preset" in options:
        return text
    if "preset" not in options_of_entry(names.lookup("metric", name, home)):
        return text
    return f"{text.strip()}{',' if options else ':'}preset={preset}"


def _default_metrics(names: Registry, dataset: Dataset) -> tuple[str, ...]:
    if dataset.factors is None:
        return ()
    known = {entry.name for entry in names.entries("metric")}
    # Votes for the only factor there is are always right.
    alone = {"factor-vae"} if dataset.factors.shape[1] == 1 else set()
    return tuple(name for name in METRICS if name in known - alone)


def check_metric(names: Registry, text: str, dataset: Dataset) -> None:
    """Raise unless a metric, `NAME` or `NAME:key=value`, can be computed for a data set."""
    _metric(names, text, dataset, 0)


def _metric(
    names: Registry, text: str, dataset: Dataset, seed: int, home: str | None = None
) -> Called:
    """Find a metric and check its options and needs before anything is encoded."""
    name, options = parse_spec(text)
    entry = names.lookup("metric", name, home)
    target = entry.load()
    given: dict[str, Any] = dict(options)
    if "seed" in options_of_entry(entry):
        given.setdefault("seed", seed)
    check_options(entry, given)
    needs = tuple(
        p.name
        for p in inspect.signature(target).parameters.values()
        if p.kind is not p.KEYWORD_ONLY and (p.default is p.empty or p.name in ARRAYS)
    )
    if unknown := sorted(set(needs) - ARRAYS):
        raise ConfigError(f"metric {name} needs {unknown[0]}, which a run does not have")
    if dataset.bits == 32 and of_images(needs):
        raise ConfigError(f"metric {name} needs images, and {dataset.name} has none")
    if "factors" in needs and dataset.factors is None:
        raise ConfigError(f"metric {name} needs factors, and {dataset.name} has none")
    return text.strip(), Call(entry, given, needs)


class _Score(pydantic.BaseModel):
    """One entry of `scores.json`."""

    model_config = pydantic.ConfigDict(extra="allow")
    value: float | None
    settings: dict[str, Any] = {}
    parts: dict[str, Any] = {}
    interval: tuple[float, float] | None = None
    reason: str = ""


class _Scores(pydantic.BaseModel):
    """The content of `scores.json`."""

    version: int = 1
    step: int = -1
    rows: int
    seed: int
    scores: dict[str, _Score]


def read_scores(run: Trained) -> dict[str, Any] | None:
    """Read `scores.json`: `step`, `rows`, `seed`, and `scores` by name; None if it does not exist.

    Raises
    ------
    RunError
        If the file is damaged or of a newer version.
    """
    path = run.scores_path
    try:
        if path.stat().st_size > LARGEST_SCORES:
            raise RunError(f"{path} is larger than any file of scores; delete it")
        content = _Scores.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, pydantic.ValidationError, RecursionError) as error:
        if isinstance(error, pydantic.ValidationError):
            reason = expected_by(error.errors()[0])
        else:
            reason = str(error)
        raise RunError(
            f"{path} is not a file of scores ({shorten(reason)}); delete it and run "
            f"unweave evaluate {run.path}"
        ) from None
    if content.version > VERSION:
        raise RunError(
            f"{path} has version {content.version}, and this unweave reads up to {VERSION}; "
            "upgrade unweave"
        )
    return content.model_dump()


def _add_scores(run: Trained, scores: Mapping[str, Any], about: dict[str, Any]) -> None:
    """Add scores to those of the same step; several processes may do so at once."""
    step = run.model_step  # training may have gone on meanwhile
    with one_at_a_time(run.path):
        try:
            before = read_scores(run)
        except RunError:
            before = None  # what cannot be read is replaced
        kept = before["scores"] if before and before["step"] == step else {}
        entries = kept | {name: _entry(score) | about for name, score in scores.items()}
        content = {"version": VERSION, "step": step, **about, "scores": _plain(entries)}
        write_text(run.scores_path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def reason_of(score: Any) -> str:
    """Return the reason why a score has no value; empty if it has one."""
    if not math.isnan(score):
        return ""
    return getattr(score, "reason", "") or "; ".join(getattr(score, "notes", ()))


def _entry(score: Any) -> dict[str, Any]:
    return {
        "value": float(score),
        "settings": getattr(score, "settings", {}),
        "parts": getattr(score, "parts", {}),
        "interval": getattr(score, "interval", None),
        "reason": reason_of(score),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no NaN
    return value if isinstance(value, str | int | float | bool | None) else str(value)
