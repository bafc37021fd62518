"""The report of a run: figures as files and one self-contained page to play with."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.errors import unknown_name
from unweave.evaluate import evaluate
from unweave.files import write_text
from unweave.options import short_name
from unweave.other_processes import begin
from unweave.owners import explained
from unweave.plots.style import FORMATS, save_drawing
from unweave.report import compare
from unweave.report.compare import check_runs
from unweave.report.content import page_content
from unweave.report.facts import command, describe_run, steps_text, versions
from unweave.report.figure_parts import figure_parts
from unweave.report.figures import FigureOfRun, figures_of
from unweave.report.material import Material, gather
from unweave.report.page import render
from unweave.report.tables import page_tables
from unweave.scores.file import read_scores

if TYPE_CHECKING:
    from unweave.trained import Trained

__all__ = ["write_comparison", "write_figures", "write_report"]

Saved = tuple[FigureOfRun, Callable[[], Path]]
"""A figure, and what returns its path once it is written."""


@explained
def write_report(
    run: Trained, seed: int = 0, *, embed: str | None = None, pool: Executor | None = None
) -> Path:
    """Draw every figure of a run and write `report.html`; return its path.

    Scores are computed first where they are missing or of another step than the newest checkpoint.

    Parameters
    ----------
    seed
        Chooses the images that are shown, and is the seed of everything that is drawn.
    embed
        `tsne` or `umap`: codes in a plane that keeps neighbours together, as a figure and where
        the scatter begins; none by default.
    pool
        Where figures are drawn; here by default.

    Raises
    ------
    ConfigError
        If the embedding is unknown, or the package that computes it is not installed.
    """
    material = _gather(run, seed, embed)
    saved = _begin_figures(material, "png", pool)
    content = page_content(material)
    figures = {figure.stem: figure_parts(figure, path) for figure, path in saved}
    for _, path in saved:
        path()
    page = render("report.html.j2", content | _names(run), _fields(material, content, figures))
    write_text(run.report_path, page)
    return run.report_path


@explained
def write_comparison(runs: Sequence[Trained], seed: int = 0, *, out: Path | None = None) -> Path:
    """Write one page with several runs side by side; return its path.

    Parameters
    ----------
    runs
        Two to eight different runs.
    seed
        Chooses the images that are shown.
    out
        The page; `comparison.html` in the folder that holds all runs unless given.

    Raises
    ------
    ConfigError
        If there are fewer or more runs, or one is named twice.
    """
    check_runs(runs)
    return compare.write_comparison([_gather(run, seed) for run in runs], out)


@explained
def write_figures(run: Trained, seed: int = 0, *, format: str = "png") -> list[Path]:
    """Draw the static figures of a run into its folder `figures`; return their paths.

    Parameters
    ----------
    format
        `png`, or `pdf` and `svg` for print.

    Raises
    ------
    UnknownNameError
        If the format is another.
    """
    if format not in FORMATS:
        raise unknown_name("format of figures", format, FORMATS)
    return [path() for _, path in _begin_figures(_gather(run, seed), format, None)]


def run_title(run: Trained) -> str:
    """Name a run by its method and data."""
    return f"{short_name(run.config.method)} on {run.dataset.name}"


def _gather(run: Trained, seed: int, embedding: str | None = None) -> Material:
    scores = read_scores(run)
    if scores is None or scores["step"] != run.step:
        evaluate(run)
    return gather(run, seed, embedding)


def _begin_figures(material: Material, kind: str, pool: Executor | None) -> list[Saved]:
    folder = material.run.figures
    folder.mkdir(exist_ok=True)

    def start(figure: FigureOfRun) -> Saved:
        path = folder / f"{figure.stem}.{kind}"
        finish = begin(pool, save_drawing, figure.drawing, path)
        return figure, finish

    # The slowest figures are the last of a report, so they start first.
    return [start(figure) for figure in [*figures_of(material)][::-1]][::-1]


def _names(run: Trained) -> dict[str, Any]:
    return {"title": run_title(run), "factorNames": list(run.dataset.factor_names)}


def _fields(
    material: Material, content: dict[str, Any], figures: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    run = material.run
    names = ("traversals", "reconstructions", "samples", "data-plane", "mutual-information")
    absent = dict.fromkeys((*names, "codes", "embedding", "histograms", "losses"))
    return page_tables(material) | {
        "title": run_title(run),
        "steps": steps_text(run),
        "written": time.strftime("%Y-%m-%d %H:%M"),
        "continuous": run.continuous,
        "decoded": content["decoder"] is not None,
        "figures": absent | figures,
        "facts": describe_run(run),
        "versions": versions(run),
        "command": command(run),
        "config": run.config_path.read_text(encoding="utf-8"),
        "version": version("unweave"),
        "uplot": bool(material.steps),
    }
