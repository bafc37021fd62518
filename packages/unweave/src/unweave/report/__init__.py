"""The report of a run: figures as PNG files and one self-contained HTML page."""

from __future__ import annotations

import base64
import importlib.resources
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from unweave.evaluate import evaluate, read_scores
from unweave.files import replacing, write_text
from unweave.report.figures import draw_figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from unweave.trained import Trained

DPI = 120


def write_report(run: Trained, seed: int = 0) -> Path:
    """Draw every figure of a run and write `report.html`; return its path.

    Scores are computed first where they are missing or older than the newest checkpoint.

    seed : chooses the images that are shown.
    """
    scores = read_scores(run)
    if scores is None or scores["step"] != run.step:
        evaluate(run)
        scores = read_scores(run)
    assert scores is not None
    run.figures.mkdir(exist_ok=True)
    drawn = [
        (title, caption, _embed(save_figure(figure, run.figures / f"{name}.png")))
        for name, title, caption, figure in draw_figures(run, scores["scores"], seed)
    ]
    template = importlib.resources.files(__package__).joinpath("report.html.j2")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string(template.read_text(encoding="utf-8")).render(
        title=_title(run),
        rows=scores["rows"],
        seed=scores["seed"],
        scores=scores["scores"],
        figures=drawn,
        config=run.config_path.read_text(encoding="utf-8"),
        steps=_steps(run),
        written=time.strftime("%Y-%m-%d %H:%M"),
    )
    write_text(run.report_path, page)
    return run.report_path


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, whole or not at all."""
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=DPI, format="png", bbox_inches="tight", pad_inches=0.05)
    return path


def _embed(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def _title(run: Trained) -> str:
    return f"{run.config.method.rpartition(':')[2]} on {run.dataset.name}"


def _steps(run: Trained) -> dict[str, Any]:
    lines = run.scalars()
    return {"done": int(lines[-1]["step"]) if lines else 0, "wanted": run.config.steps}
