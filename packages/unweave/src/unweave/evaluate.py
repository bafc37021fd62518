"""Scores of a run: encode a code table once, then ask the registered metrics."""

from __future__ import annotations

import functools
import inspect
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from unweave.batches import derive_seed
from unweave.density import has_density
from unweave.errors import ConfigError
from unweave.files import replacing, write_text
from unweave.model import Autoencoder
from unweave.options import build, check_options, options_of, parse_spec
from unweave.protocols import Dataset
from unweave.registry import Registry
from unweave.run import CHUNK, SOURCES, Run, Source, encode_chunks, sample_rows, squared_error

ROWS = 50_000
"""Rows of a code table unless said; of smaller data sets every image is taken."""
IMAGE_ROWS = 2000
"""Images that metrics of images look at, the first of the table's rows."""
METRICS = ("mig", "factor-vae", "sap")
"""Metrics that `unweave evaluate` asks for unless told."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CodeTable:
    """Codes of a sample of images.

    index : rows of the data set, shape (n,).
    codes, std : means and standard deviations of q(z|x), float32, shape (n, D).
    reconstruction_error : squared error of each image, float32, shape (n,).
    """

    index: NDArray[np.int64]
    codes: NDArray[np.float32]
    std: NDArray[np.float32]
    reconstruction_error: NDArray[np.float32]


def evaluate(
    run: Run,
    metrics: tuple[str, ...] | None = None,
    *,
    rows: int = ROWS,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write `codes.h5` and `scores.json` of a run; return the scores by name.

    Parameters
    ----------
    metrics : registered names, with options as in `mig:bins=10`; by default MIG, FactorVAE
        score and SAP where the factors are known.
    rows : images that are encoded, drawn without replacement.
    seed : of that draw and of the metrics that draw.

    Raises
    ------
    ConfigError
        If a metric is unknown, or needs factors that the data set does not have.
    """
    chosen = metrics if metrics is not None else _default_metrics(run)
    calls = [_metric(run.registry, text, run.dataset, seed) for text in chosen]
    table = encode_table(run, run.model, rows=rows, seed=seed, progress=progress)
    write_code_table(run.codes_path, table, run.dataset, {"method": run.config.method})
    scores: dict[str, Any] = {
        "reconstruction_error": float(table.reconstruction_error.mean(dtype=np.float64))
    }
    arrays = _Arrays(run, table)
    for name, call in calls:
        scores[name] = call(arrays)
    content = {"rows": len(table.codes), "seed": seed, "scores": _to_json(scores)}
    write_text(run.scores_path, json.dumps(content, indent=2, allow_nan=False) + "\n")
    return scores


def untrained_score(run: Run, metric: str, *, rows: int = ROWS, seed: int = 0) -> float:
    """Score the encoder as it was before the first step."""
    table = encode_table(run, run.untrained_model, rows=rows, seed=seed)
    _, call = _metric(run.registry, metric, run.dataset, seed)
    return float(call(_Arrays(run, table)))


def code_distances(run: Run, seed: int = 0, rows: int = 2000) -> dict[str, float]:
    """Compute MMD² between codes z ~ q(z|x) and samples of the prior and the fitted density.

    By the registered metric `mmd`; empty where none is registered.
    """
    if "mmd" not in run.registry.names("metric"):
        return {}
    distance = run.registry.lookup("metric", "mmd").load()
    codes = run.posterior_codes(rows, seed)
    sources: tuple[Source, ...] = SOURCES if has_density(run.path) else ("prior",)
    return {s: float(distance(codes, run.prior_codes(len(codes), seed, s))) for s in sources}


@torch.no_grad()
def encode_table(
    run: Run,
    model: Autoencoder,
    *,
    rows: int,
    seed: int = 0,
    dataset: Dataset | None = None,
    noisy: bool = False,
    progress: Progress | None = None,
) -> CodeTable:
    """Encode and reconstruct a random sample of a data set, the run's own unless another is given.

    noisy : reconstruct from a draw z ~ q(z|x) instead of from the mean code.
    """
    dataset = dataset or run.dataset
    index = sample_rows(len(dataset), rows, seed)
    size = len(index)
    generator = torch.Generator(run.device).manual_seed(derive_seed(seed, "noise"))
    means, stds, errors = [], [], []
    for start in range(0, size, CHUNK):
        images = dataset.images(index[start : start + CHUNK])
        for posterior, x in encode_chunks(model, images, run.device):
            means.append(posterior.mean.cpu().numpy())
            stds.append(posterior.std.cpu().numpy())
            z = posterior.rsample(generator) if noisy else posterior.mean
            errors.append(squared_error(run, x, model.decode(z)).cpu().numpy())
        if progress:
            progress(min(start + CHUNK, size), size)
    return CodeTable(index, np.concatenate(means), np.concatenate(stds), np.concatenate(errors))


def write_code_table(
    path: Path, table: CodeTable, dataset: Dataset, attributes: Mapping[str, str]
) -> None:
    """Write a code table as HDF5: the contract between the core and the metrics.

    `/codes` (n, D), `/std`, `/reconstruction_error` (n,), and where known `/factors` (n, K) and
    `/factor_values`; factor names and sizes are attributes of the file.
    """
    arrays = {
        "codes": table.codes,
        "std": table.std,
        "reconstruction_error": table.reconstruction_error,
        "index": table.index,
        "factors": _factors(dataset, table.index),
        "factor_values": None
        if dataset.factor_values is None
        else dataset.factor_values[table.index],
    }
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        for name, array in arrays.items():
            if array is not None:
                file[name] = array
        if dataset.factors is not None:
            file.attrs["factor_names"] = list(dataset.factor_names)
            file.attrs["factor_sizes"] = list(dataset.factor_sizes)
        file.attrs.update({"data": dataset.name, **attributes})


class _Arrays:
    """What metrics are handed over, by name; images are decoded only if one asks for them."""

    names = frozenset({"codes", "factors", "images", "reconstructions"})

    def __init__(self, run: Run, table: CodeTable) -> None:
        self._run, self._table = run, table

    def get(self, name: str, needs: Sequence[str]) -> NDArray[Any] | None:
        """Return an array; the first rows alone where a metric looks at images, too."""
        of_images = {"images", "reconstructions"} & set(needs)
        rows = slice(IMAGE_ROWS if of_images else None)
        if name == "codes":
            return self._table.codes[rows]
        if name == "factors":
            return _factors(self._run.dataset, self._table.index[rows])
        return self._pictures[name]

    @functools.cached_property
    def _pictures(self) -> dict[str, NDArray[Any]]:
        images = self._run.dataset.images(self._table.index[:IMAGE_ROWS])
        decoded = self._run.decode(self._table.codes[:IMAGE_ROWS])
        return {"images": images / np.float32(255), "reconstructions": decoded / np.float32(255)}


def _factors(dataset: Dataset, index: NDArray[np.int64]) -> NDArray[np.integer[Any]] | None:
    return None if dataset.factors is None else dataset.factors[index]


def _default_metrics(run: Run) -> tuple[str, ...]:
    known = run.registry.names("metric") if run.dataset.factors is not None else []
    return tuple(name for name in METRICS if name in known)


def _metric(
    names: Registry, text: str, dataset: Dataset, seed: int
) -> tuple[str, Callable[..., Any]]:
    """Find a metric and check its options and needs before anything is encoded."""
    name, options = parse_spec(text)
    entry = names.lookup("metric", name)
    target = entry.load()
    given: dict[str, Any] = dict(options)
    if "seed" in options_of(target):
        given.setdefault("seed", seed)
    check_options(entry, given)
    needs = [
        p.name
        for p in inspect.signature(target).parameters.values()
        if p.kind is not p.KEYWORD_ONLY
    ]
    if unknown := sorted(set(needs) - _Arrays.names):
        raise ConfigError(f"metric {name} needs {unknown[0]}, which a run does not have")
    if dataset.bits == 32 and {"images", "reconstructions"} & set(needs):
        raise ConfigError(f"metric {name} needs images, and {dataset.name} has none")
    if "factors" in needs and dataset.factors is None:
        raise ConfigError(f"metric {name} needs factors, and {dataset.name} has none")

    def call(arrays: _Arrays) -> Any:
        return build(entry, *(arrays.get(need, needs) for need in needs), options=given)

    return entry.name, call


def _to_json(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Give every score as `{"value": ..., "settings": ..., "parts": ...}`."""
    return {
        name: {
            "value": _plain(float(score)),
            "settings": _plain(getattr(score, "settings", {})),
            "parts": _plain(getattr(score, "parts", {})),
        }
        for name, score in scores.items()
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
