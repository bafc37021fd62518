"""Several runs side by side in one self-contained page."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.errors import ConfigError
from unweave.files import write_text
from unweave.plots.style import PALETTE
from unweave.report.content import page_content
from unweave.report.figure_parts import figure_parts
from unweave.report.figures import figures_of
from unweave.report.material import Material
from unweave.report.page import render
from unweave.report.scores import ReadScore, ReadScores
from unweave.report.tables import score_text
from unweave.settings import read_settings

if TYPE_CHECKING:
    from unweave.trained import Trained

MOST_RUNS = len(PALETTE)
FIGURES = ("data-plane", "reconstructions", "traversals", "mutual-information", "histograms")
EXPLORED = (
    "continuous", "shape", "dimensions", "order", "starts", "samples", "decoder", "reason",
    "check", "grid", "plane", "histograms", "losses",
)  # fmt: skip
"""The fields of a run's content that the page needs."""
ABSENT = "–"
INTERVAL = "interval"
"""The setting of a score that says how its interval was computed."""
PRESET = "preset"
ROOM = 0.1
"""Margin beyond the outermost marks of a line, as a share of the range between them."""


def check_runs(runs: Sequence[Trained]) -> None:
    """Raise unless there are two to eight runs, all different."""
    if not 2 <= len(runs) <= MOST_RUNS:
        raise ConfigError(f"a comparison takes 2 to {MOST_RUNS} runs, got {len(runs)}")
    paths = [run.path.resolve() for run in runs]
    for path in paths:
        if paths.count(path) > 1:
            raise ConfigError(f"{path} is named twice; a comparison needs different runs")


def write_comparison(materials: Sequence[Material], out: Path | None = None) -> Path:
    """Write one page with several runs side by side; return its path.

    Parameters
    ----------
    materials
        Of two to eight runs.
    out
        The page; `comparison.html` in the folder that holds all runs unless given.
    """
    runs = [material.run for material in materials]
    labels = run_labels([run.path for run in runs])
    content = {
        "runs": [
            {
                key: value
                for key, value in page_content(m, share=len(runs)).items()
                if key in EXPLORED
            }
            | {"title": label}
            for m, label in zip(materials, labels, strict=True)
        ]
    }
    fields = {
        "title": " / ".join(labels),
        "labels": labels,
        "colours": PALETTE[: len(runs)],
        "written": time.strftime("%Y-%m-%d %H:%M"),
        "differences": list(differences(runs)),
        "collapsed": [material.collapsed for material in materials],
        "scores": list(score_rows(materials)),
        "scored_on": [scored_on(material) for material in materials],
        "scored_differently": list(scored_differently([m.scores for m in materials])),
        "figures": _figures(materials),
        "losses": any(material.steps for material in materials),
        "version": version("unweave"),
    }
    path = out or Path(os.path.commonpath([run.path.resolve().parent for run in runs]))
    path = path if out else path / "comparison.html"
    write_text(path, render("compare.html.j2", content, fields))
    return path


def run_labels(paths: Sequence[Path]) -> list[str]:
    """Name runs by their folders, with as many folders above as tell them apart."""
    for depth in range(1, max(len(p.resolve().parts) for p in paths) + 1):
        labels = ["/".join(path.resolve().parts[-depth:]) for path in paths]
        if len(set(labels)) == len(labels):
            return labels
    return [str(path) for path in paths]


def differences(runs: Sequence[Trained]) -> Iterator[tuple[str, list[str]]]:
    """List the settings that are not equal in all runs: name, and the value in each."""
    tables = [dict(_flat(read_settings(run.config_path))) for run in runs]
    for key in dict.fromkeys(key for table in tables for key in table):
        values = [table.get(key, ABSENT) for table in tables]
        if len(set(values)) > 1:
            yield key, values


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, str(value)


def score_rows(materials: Sequence[Material]) -> Iterator[dict[str, Any]]:
    """List every score that a run has: its name, each run's value, and marks on a line."""
    tables = [{score.name: score for score in m.scores.scores} for m in materials]
    for name in dict.fromkeys(name for table in tables for name in table):
        scores = [table.get(name) for table in tables]
        cells = [
            {
                "text": "–" if score is None else score_text(score.value),
                "interval": ""
                if score is None or score.interval is None
                else "[{:.4g}, {:.4g}]".format(*score.interval),
            }
            for score in scores
        ]
        yield {"name": name.replace("_", " "), "cells": cells, "line": _marks(scores)}


def _marks(scores: Sequence[Any]) -> dict[str, Any] | None:
    """Return the positions of values and intervals on a line; None if no run has a value.

    The line goes from 0 to 1 if all numbers lie in this range. Otherwise, as for an error of
    pixels, it goes from the smallest to the largest number with a margin at both ends, so that
    marks are distinct.
    """
    with_values = [s for s in scores if s is not None and s.value is not None]
    numbers = [v for s in with_values for v in (s.value, *(s.interval or ()))]
    if not numbers:
        return None
    low, high = min(numbers), max(numbers)
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    else:
        room = ROOM * (high - low) or ROOM * abs(high)
        low, high = low - room, high + room

    def place(value: float) -> float:
        return float(round(8 + 184 * (value - low) / (high - low), 1))

    marks = [
        {
            "run": number,
            "at": place(s.value),
            "low": None if s.interval is None else place(s.interval[0]),
            "high": None if s.interval is None else place(s.interval[1]),
        }
        for number, s in enumerate(scores)
        if s is not None and s.value is not None
    ]
    return {"low": f"{low:.3g}", "high": f"{high:.3g}", "marks": marks}


def scored_on(material: Material) -> str:
    """Say on how many images, with which seed and by which preset a run was scored."""
    scores = material.scores.scores
    noun = "rows" if material.run.continuous else "images"
    rows = _distinct(f"{s.rows:,}" for s in scores if s.rows is not None)
    seeds = _distinct(str(s.seed) for s in scores if s.seed is not None)
    presets = _distinct(s.settings[PRESET] for s in scores if PRESET in s.settings)
    parts = ((f"{rows} {noun}", rows), (f"seed {seeds}", seeds), (f"preset {presets}", presets))
    return ", ".join(text for text, is_known in parts if is_known)


def _distinct(texts: Iterable[str]) -> str:
    return " or ".join(dict.fromkeys(texts))


def scored_differently(runs: Sequence[ReadScores]) -> Iterator[tuple[str, str, list[str]]]:
    """List what scores were computed with where runs differ: scores, setting, and each value.

    Scores that only some runs have are compared among those.
    """
    tables = [{score.name: _conditions(score) for score in run.scores} for run in runs]
    by_setting: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for name in dict.fromkeys(name for table in tables for name in table):
        by_run = [table[name] for table in tables if name in table]
        for key in dict.fromkeys(key for conditions in by_run for key in conditions):
            if len({conditions.get(key, ABSENT) for conditions in by_run}) > 1:
                values = tuple(table.get(name, {}).get(key, ABSENT) for table in tables)
                by_setting.setdefault((key, values), []).append(name)
    for (key, values), names in by_setting.items():
        yield ", ".join(names).replace("_", " "), key.replace("_", " "), list(values)


def _conditions(score: ReadScore) -> dict[str, str]:
    """Return the settings that determine the value of a score, without those of its interval."""
    sample = {"images drawn": score.rows, "seed of the draw": score.seed}
    settings = {key: text for key, text in score.settings.items() if key != INTERVAL}
    return {k: f"{v:,}" for k, v in sample.items() if v is not None} | settings


def _figures(materials: Sequence[Material]) -> list[dict[str, Any]]:
    """Draw each figure of every run: a title, and the figure of each run, or None."""
    by_run = [{f.stem: figure_parts(f) for f in figures_of(m, FIGURES)} for m in materials]
    rows = []
    for name in FIGURES:
        row = [figures.get(name) for figures in by_run]
        title = next((figure["title"] for figure in row if figure), None)
        if title:
            rows.append({"title": title, "runs": row})
    return rows
