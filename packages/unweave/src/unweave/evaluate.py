"""Scores of a run: encode a code table once, then ask the registered metrics."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pydantic
from numpy.typing import NDArray

from unweave.codetable import CodeTable, encode_table, rows_of, write_code_table
from unweave.density import has_density
from unweave.errors import ConfigError, RunError, UnweaveError, blaming, quote, shorten
from unweave.files import write_text
from unweave.model import Autoencoder
from unweave.options import ARRAYS, check_options, options_of_entry, parse_spec
from unweave.options import build as build_entry
from unweave.protocols import Dataset
from unweave.registry import Registry
from unweave.trained import SOURCES, Source, Trained

ROWS = 50_000
"""Rows of a code table unless said; of smaller data sets every image is taken."""
ROWS_WHILE_TRAINING = 10_000
IMAGE_ROWS = 2000
"""Images that metrics of images look at, the first of the table's rows."""
METRICS = ("mig", "factor-vae", "sap")
"""Metrics that `unweave evaluate` asks for unless told."""
VERSION = 2
"""Of `scores.json`: 1 had neither version nor step; 2 keeps scores of several calls."""
LARGEST_SCORES = 1 << 28

Progress = Callable[[int, int], None]
Codes = Literal["mean", "sampled", "both"]
Part = Literal["train", "holdout"]


def evaluate(
    run: Trained,
    metrics: Sequence[str] | None = None,
    *,
    rows: int = ROWS,
    seed: int = 0,
    codes: Codes = "mean",
    on: Part = "train",
    active: bool = True,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score a run; add to its `scores.json`, and write `codes.h5`; return the scores by name.

    A score is named by the metric as it was asked for, `mig:bins=10`, and by what it was computed
    from where that is not the mean codes of all dimensions of training images: `mig/sampled`,
    `mig/holdout`, `mig/active`. Scores of an earlier step are dropped. A metric that fails is a
    score of NaN with its reason, and costs the others nothing.

    Parameters
    ----------
    metrics : registered names, with options as in `mig:bins=10`; by default MIG, FactorVAE
        score and SAP where the factors are known.
    rows : images that are encoded, drawn without replacement.
    seed : of that draw and of the metrics that draw.
    codes : means of q(z|x), one draw from it of each image, or both.
    on : the images trained on, or those held out.
    active : whether to compute every score of codes over the active dimensions alone as well, where
        some are not: unused dimensions inflate what MIG calls the runner-up.

    Raises
    ------
    ConfigError
        If a metric is unknown, or needs factors that the data set does not have.
    """
    dataset = run.dataset if on == "train" else run.heldout
    calls = _calls(run.registry, metrics, dataset, seed)
    table: CodeTable | None = None
    scores: dict[str, Any] = {}
    for kind in ("mean", "sampled") if codes == "both" else (codes,):
        noisy = kind == "sampled"
        table = encode_table(
            run, run.model, rows=rows, seed=seed, dataset=dataset, noisy=noisy, progress=progress
        )
        suffix = ("/sampled" if noisy else "") + ("/holdout" if on == "holdout" else "")
        scores |= _scores(run, table, dataset, calls, suffix, active)
        if kind == "mean" or codes == "sampled":
            attributes: dict[str, str | int] = {
                "method": run.config.method, "codes": kind, "on": on, "step": run.model_step,
            }  # fmt: skip
            write_code_table(run.codes_path, table, dataset, attributes)
    assert table is not None
    about: dict[str, Any] = {"rows": len(table.codes), "seed": seed}
    if constant := _Arrays(run, table, dataset).constant_factors:
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
    calls: Sequence[tuple[str, _Call]],
    suffix: str,
    active: bool,
) -> dict[str, Any]:
    error = float(table.reconstruction_error.mean(dtype=np.float64))
    scores: dict[str, Any] = {f"reconstruction_error{suffix}": error}
    arrays = _Arrays(run, table, dataset)
    used = table.active
    part = dataclasses.replace(table, codes=table.codes[:, used], std=table.std[:, used])
    for name, call in calls:
        scores[f"{name}{suffix}"] = _guarded(name, call, arrays)
        if active and "codes" in call.needs and used.any() and not used.all():
            scores[f"{name}/active{suffix}"] = _guarded(name, call, _Arrays(run, part, dataset))
    return scores


def score_model(
    run: Trained, model: Autoencoder, metrics: Sequence[str] | None = None, *, seed: int = 0,
    rows: int = ROWS_WHILE_TRAINING,
) -> dict[str, float]:  # fmt: skip
    """Score a model on images of a run, and write nothing."""
    calls = _calls(run.registry, metrics, run.dataset, seed)
    table = encode_table(run, model, rows=rows, seed=seed)
    scores = _scores(run, table, run.dataset, calls, "", True)
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


class _Arrays:
    """What metrics are handed over, by name; images are decoded only if one asks for them."""

    def __init__(self, run: Trained, table: CodeTable, dataset: Dataset) -> None:
        self._run, self._table, self._dataset = run, table, dataset

    def get(self, name: str, needs: Sequence[str]) -> NDArray[Any] | None:
        """Return an array; the first rows alone where a metric looks at images, too."""
        of_images = {"images", "reconstructions"} & set(needs)
        rows = slice(IMAGE_ROWS if of_images else None)
        if name == "codes":
            return self._table.codes[rows]
        if name == "std":
            return self._table.std[rows]
        if name == "factors":
            return self._factors[rows]
        return self._pictures[name]

    @functools.cached_property
    def _factors(self) -> NDArray[Any]:
        """The factors that differ between the encoded images, shape (n, K')."""
        factors = rows_of(self._dataset.factors, self._table.index)
        assert factors is not None
        if not self._differ.any():
            raise ConfigError("every factor is the same in all encoded images")
        return factors[:, self._differ]

    @functools.cached_property
    def _differ(self) -> NDArray[np.bool_]:
        """Tell which factors differ between the encoded images, (K,); (0,) without factors."""
        factors = rows_of(self._dataset.factors, self._table.index)
        found = np.zeros(0, bool) if factors is None else (factors != factors[:1]).any(0)
        return np.asarray(found, bool)

    @property
    def constant_factors(self) -> tuple[str, ...]:
        """Names of the factors that are the same in all encoded images."""
        names = self._dataset.factor_names if len(self._differ) else ()
        return tuple(name for name, differs in zip(names, self._differ, strict=True) if not differs)

    @functools.cached_property
    def _pictures(self) -> dict[str, NDArray[Any]]:
        images = self._dataset.images(self._table.index[:IMAGE_ROWS])
        decoded = self._run.decode(self._table.codes[:IMAGE_ROWS])
        return {"images": images / np.float32(255), "reconstructions": decoded / np.float32(255)}


@dataclasses.dataclass(frozen=True)
class _Call:
    """A metric with its options, ready for arrays."""

    entry: Any
    options: Mapping[str, Any]
    needs: tuple[str, ...]

    def __call__(self, arrays: _Arrays) -> Any:
        given = (arrays.get(need, self.needs) for need in self.needs)
        return build_entry(self.entry, *given, options=self.options)


class _Failed(float):
    """A score that could not be computed: NaN with a reason."""

    reason: str

    def __new__(cls, reason: str) -> _Failed:
        """Make one."""
        made = super().__new__(cls, math.nan)
        made.reason = reason
        return made


def _guarded(name: str, call: _Call, arrays: _Arrays) -> Any:
    """Compute a score; whatever goes wrong becomes a score without a value."""
    try:
        score = call(arrays)
        _check_number(str(call.entry), score)
    except UnweaveError as error:
        failed = _Failed(str(error))
    else:
        return score
    warnings.warn(f"no score {name}: {failed.reason}", stacklevel=3)
    return failed


def _check_number(owner: str, score: Any) -> None:
    """Raise unless a score is one number, or behaves as one."""
    shape = getattr(score, "shape", ())
    if isinstance(score, bool | str | bytes) or not hasattr(score, "__float__") or shape != ():
        what = f" of shape {shape}" if shape else ""
        raise ConfigError(f"{owner} must give one number, got {type(score).__name__}{what}")
    with blaming(owner, "when its score was read as a number"):
        float(score)


def _calls(
    names: Registry, metrics: Sequence[str] | None, dataset: Dataset, seed: int
) -> list[tuple[str, _Call]]:
    """Find metrics; a default one is looked up where it comes from, whatever else is installed."""
    if metrics is not None:
        return [_metric(names, text, dataset, seed) for text in metrics]
    chosen = _default_metrics(names, dataset)
    return [_metric(names, text, dataset, seed, "unweave-metrics") for text in chosen]


def _default_metrics(names: Registry, dataset: Dataset) -> tuple[str, ...]:
    if dataset.factors is None:
        return ()
    known = {entry.name for entry in names.entries("metric")}
    # Votes for the only factor there is are always right.
    alone = {"factor-vae"} if dataset.factors.shape[1] == 1 else set()
    return tuple(name for name in METRICS if name in known - alone)


def check_metric(names: Registry, text: str, dataset: Dataset) -> None:
    """Raise unless a metric, `NAME` or `NAME:key=value`, can be computed of a data set's codes."""
    _metric(names, text, dataset, 0)


def _metric(
    names: Registry, text: str, dataset: Dataset, seed: int, home: str | None = None
) -> tuple[str, _Call]:
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
    if dataset.bits == 32 and {"images", "reconstructions"} & set(needs):
        raise ConfigError(f"metric {name} needs images, and {dataset.name} has none")
    if "factors" in needs and dataset.factors is None:
        raise ConfigError(f"metric {name} needs factors, and {dataset.name} has none")
    return text.strip(), _Call(entry, given, needs)


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
    """Read `scores.json`: `step`, `rows`, `seed`, and `scores` by name; None where there is none.

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
        reason = error.errors()[0]["msg"] if isinstance(error, pydantic.ValidationError) else error
        raise RunError(
            f"{path} is no file of scores ({shorten(str(reason))}); delete it and run "
            f"unweave evaluate {run.path}"
        ) from None
    if content.version > VERSION:
        raise RunError(
            f"{path} has version {content.version}, and this unweave reads up to {VERSION}; "
            "upgrade unweave"
        )
    return content.model_dump()


def _add_scores(run: Trained, scores: Mapping[str, Any], about: dict[str, Any]) -> None:
    """Add scores to those of the same step."""
    try:
        before = read_scores(run)
    except RunError:
        before = None  # what cannot be read is replaced
    step = run.model_step  # training may have gone on meanwhile
    kept = before["scores"] if before and before["step"] == step else {}
    entries = kept | {name: _entry(score) | about for name, score in scores.items()}
    content = {"version": VERSION, "step": step, **about, "scores": _plain(entries)}
    write_text(run.scores_path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def reason_of(score: Any) -> str:
    """Say why a score has no value; empty where it has one."""
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
