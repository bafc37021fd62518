"""Read and extend the file `scores.json` of a run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pydantic

from unweave.errors import RunError, expected_by, shorten
from unweave.files import write_text
from unweave.lock import one_at_a_time
from unweave.trained import Trained

VERSION = 2
"""Version of `scores.json`: 1 has no version and no step; 2 keeps scores of several calls."""
LARGEST_SCORES = 1 << 28


class _Score(pydantic.BaseModel):
    """One entry of `scores.json`."""

    model_config = pydantic.ConfigDict(extra="allow")
    value: float | None
    settings: dict[str, Any] = {}
    parts: dict[str, Any] = {}
    interval: tuple[float, float] | None = None
    reason: str = ""
    source: str = ""


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


def add_scores(
    run: Trained,
    scores: Mapping[str, Any],
    about: dict[str, Any],
    sources: Mapping[str, str] | None = None,
) -> None:
    """Add scores to those of the same step; several processes may do so at once.

    Parameters
    ----------
    about
        What all of them were computed with.
    sources
        The distribution, with its version, whose metric a score is.
    """
    step = run.model_step  # training may have gone on meanwhile
    with one_at_a_time(run.path):
        try:
            before = read_scores(run)
        except RunError:
            before = None  # what cannot be read is replaced
        earlier = before["scores"] if before and before["step"] == step else {}
        entries = earlier | {
            name: _entry(score) | {"source": (sources or {}).get(name, "")} | about
            for name, score in scores.items()
        }
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
