"""The page of an experiment: tables and figures in one self-contained HTML file."""

from __future__ import annotations

import base64
import importlib.resources
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jinja2

from unweave.experiment.comparison import Comparison
from unweave.experiment.definition import Picture, place_text
from unweave.experiment.layout import (
    CONTRASTS,
    MISSING,
    TESTS,
    as_csv,
    as_latex,
    as_markdown,
    contrast_rows,
    data_note,
    missing_rows,
    note,
    summary_rows,
    test_note,
    tests_as_csv,
)
from unweave.experiment.measures import is_reconstruction
from unweave.experiment.pictures import draw
from unweave.experiment.results import Results
from unweave.experiment.rows import Row
from unweave.experiment.sweep import definition_text
from unweave.experiment.sweep_display import duration
from unweave.files import write_text
from unweave.plots.style import save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = "experiment.html"
MARK = "\x02{}"
"""Format that marks the best cells, for the template."""


class DrawnPicture(NamedTuple):
    """A picture that was drawn, or the reason why it was not.

    Attributes
    ----------
    path
        None where it could not be drawn; the caption then says why.
    """

    picture: Picture
    caption: str
    path: Path | None


def write_comparison(
    comparison: Comparison, folder: Path, drawn: Sequence[DrawnPicture] = ()
) -> Path:
    """Write the comparison as text, tables and `experiment.html`; return the path of the page.

    The page holds its figures and loads nothing.

    Parameters
    ----------
    drawn
        Pictures that are drawn already; without any, those of the experiment are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    results = comparison.results
    for name, text in (
        ("comparison.md", as_markdown(comparison)),
        ("comparison.csv", as_csv(comparison)),
        ("comparison.tex", as_latex(comparison)),
        (TESTS, tests_as_csv(comparison)),
    ):
        write_text(folder / name, text)
    pictures = results.experiment.pictures or usual_pictures(comparison)
    figures = [
        (one.picture.name.replace("-", " "), one.caption, _data_url(one.path))
        for one in drawn or draw_all(results, pictures, folder)
    ]
    header, rows = summary_rows(comparison, bold=MARK)
    template = importlib.resources.files(__package__).joinpath("experiment.html.j2")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string(template.read_text(encoding="utf-8")).render(
        title=results.experiment.title or results.experiment.name,
        finished=sum(row.finished for row in results.rows), total=len(results.rows),
        data=data_note(comparison), header=header, rows=rows, note=note(comparison, "Bold"),
        contrast_header=CONTRASTS, contrasts=contrast_rows(comparison, bold=MARK),
        test_note=test_note(comparison), missing_header=MISSING, missing=missing_rows(comparison),
        figures=figures, runs=[_row_with_links(row, folder) for row in results.rows],
        definition=definition_text(results.experiment),
        written=time.strftime("%Y-%m-%d %H:%M"),
    )  # fmt: skip
    write_text(folder / PAGE, page)
    return folder / PAGE


def draw_all(results: Results, pictures: list[Picture], folder: Path) -> Iterator[DrawnPicture]:
    """Draw pictures into PNG files; one that fails says why, and the others are still drawn.

    It says so on stderr, too, for those who do not open the page.
    """
    for picture in pictures:
        path = folder / f"{picture.name}.png"
        try:
            figure: Figure = draw(results, picture)
            save_figure(figure, path)
        except (ValueError, ArithmeticError, LookupError, RuntimeError) as error:
            reason = str(error).rstrip(".")
            print(f"picture {picture.name} is not drawn: {reason}", file=sys.stderr)
            yield DrawnPicture(picture, f"Not drawn: {reason}.", None)
        else:
            yield DrawnPicture(picture, picture.caption, path)


def usual_pictures(comparison: Comparison) -> list[Picture]:
    """Choose the default pictures of an experiment."""
    experiment = comparison.results.experiment
    grid = list(experiment.grid)
    varying = [name for name, values in experiment.grid.items() if len(values) > 1]
    ranked = [m for m in comparison.measures if comparison.better(m) != "neither"]
    error = next((m for m in ranked if is_reconstruction(experiment.measures[m])), None)
    scores = [m for m in ranked if not is_reconstruction(experiment.measures[m])]
    pictures = [_violins(comparison.measures)]
    for number, score in enumerate(scores if error else []):
        pictures.append(_trade(number, error or "", score, varying))
    if len(grid) > 1 and any(experiment.axes(v).keys() >= set(grid[:2]) for v in experiment.runs):
        pictures += [_heat_map(n, m, grid) for n, m in enumerate(comparison.measures)]
    several = len({group.label for group in comparison.groups}) > 1
    if several and any(len(comparison.mean_ranks(measure)[1]) for measure in ranked):
        pictures.append(_ranks(ranked))
    steps = "Logged terms at each step: mean and range over seeds."
    moved = "One image's code with one dimension after the other moved two standard deviations to "
    return [
        *pictures,
        Picture(kind="steps", name="steps", caption=steps),
        Picture(kind="traversals", name="traversals",
                caption=f"{moved}both sides of its mean, those first whose means vary the most."),
    ]  # fmt: skip


def _violins(measures: list[str]) -> Picture:
    caption = "Every point is a seed."
    return Picture(kind="violins", name="seeds", caption=caption, options={"measures": measures})


def _trade(number: int, x: str, y: str, varying: list[str]) -> Picture:
    options = {"x": x, "y": y}
    beside = f"numbers are {', '.join(varying)}, " if varying else ""
    caption = f"{y} against {x}; {beside}bars are two standard errors, a ring: not beaten by any."
    return Picture(kind="trade", name=f"trade-{number + 1}", caption=caption, options=options)


def _heat_map(number: int, measure: str, grid: list[str]) -> Picture:
    options = {"measure": measure, "rows": grid[0], "columns": grid[1]}
    caption = f"Mean of {measure} over seeds."
    return Picture(kind="heat-map", name=f"heat-map-{number + 1}", caption=caption, options=options)


def _ranks(measures: list[str]) -> Picture:
    caption = "Mean ranks of the kinds of run over grid points and seeds, with 95 % intervals."
    return Picture(kind="ranks", name="ranks", caption=caption, options={"measures": measures})


def _data_url(path: Path | None) -> str:
    if path is None:
        return ""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def _row_with_links(row: Row, folder: Path) -> dict[str, Any]:
    path = Path(row.folder)
    report = path / "report.html"
    return {
        "title": place_text(row.run, row.place), "seed": str(row.seed), "status": row.status,
        "step": f"{row.step} of {row.steps}", "time": duration(row.seconds),
        "folder": relative_link(path, folder),
        "report": relative_link(report, folder) if report.is_file() else "",
    }  # fmt: skip


def relative_link(path: Path, folder: Path) -> str:
    """Write a path so that a page in a folder can link to it."""
    return Path(os.path.relpath(path.absolute(), folder.absolute())).as_posix()
