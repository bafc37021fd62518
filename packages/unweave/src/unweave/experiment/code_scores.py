"""Scores of the codes of a run as measures: read if they exist, otherwise computed."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

from unweave.errors import ConfigError
from unweave.experiment.definition import Experiment
from unweave.experiment.quantities import ROWS

if TYPE_CHECKING:
    from unweave.trained import Trained

PARTS = ("active", "sampled", "holdout")
"""Kinds of codes of a metric, in the order of the names in `scores.json`."""


def metric(run: Trained, experiment: Experiment, argument: str) -> float:
    """Compute a registered metric of the codes, as in `metric factor-vae`.

    After it, what of: `metric mig/active`, of the active dimensions alone; `metric mig/sampled`,
    of codes z ~ q(z|x) instead of means; `metric mig/holdout`, of images that were held out.
    """
    text, parts = split_parts(argument)
    entries = _known_scores(run)
    name = _score_name(text, parts)
    if name not in entries:
        _score(run, text, parts)
        entries = _known_scores(run)
    if name not in entries and "active" in parts:
        # If all dimensions are active, or none is, the active ones have no separate score.
        if not _some_active(run, parts):
            raise ConfigError("no dimension is active")
        name = _score_name(text, parts - {"active"})
    entry = entries[name]
    if entry["reason"]:
        raise ConfigError(entry["reason"])
    return math.nan if entry["value"] is None else float(entry["value"])


def split_parts(argument: str) -> tuple[str, set[str]]:
    """Split `mig:bins=10/active/sampled` into the metric and the kind of codes."""
    parts: set[str] = set()
    text = argument.strip()
    while (end := text.rpartition("/")[2]) in PARTS and "/" in text:
        parts.add(end)
        text = text.rpartition("/")[0]
    return text, parts


def _score_name(text: str, parts: set[str]) -> str:
    return text + "".join(f"/{part}" for part in PARTS if part in parts)


def _score(run: Trained, text: str, parts: set[str]) -> None:
    from unweave.evaluate import evaluate

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the scores contain the reason
        evaluate(
            run, (text,), rows=ROWS, active="active" in parts, bootstrap=0,
            codes="sampled" if "sampled" in parts else "mean",
            on="holdout" if "holdout" in parts else "train",
        )  # fmt: skip


def _known_scores(run: Trained) -> dict[str, Any]:
    """Read the scores of the newest checkpoint that have the seed and the rows of measures."""
    from unweave.scores.file import read_scores

    content = read_scores(run)
    if content is None or content["step"] != run.step:
        return {}
    return {
        name: entry
        for name, entry in content["scores"].items()
        if entry.get("seed") == 0 and entry.get("rows") == min(ROWS, _size(run, name))
    }


def _size(run: Trained, name: str) -> int:
    return len(run.heldout if "holdout" in name.split("/") else run.dataset)


def _some_active(run: Trained, parts: set[str]) -> bool:
    from unweave.codetable import encode_table

    data = run.heldout if "holdout" in parts else run.dataset
    table = encode_table(run, run.model, rows=ROWS, dataset=data, noisy="sampled" in parts)
    return bool(table.active.any())
