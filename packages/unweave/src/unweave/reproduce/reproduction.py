"""Run a recipe, compare it with the published results, and write a page with pictures."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from unweave.experiment.comparison import Claim, Comparison
from unweave.experiment.definition import place_text
from unweave.experiment.layout import (
    CONTRASTS,
    MISSING,
    contrast_rows,
    data_note,
    markdown,
    missing_rows,
    seeds_note,
    summary_rows,
    test_note,
)
from unweave.experiment.page import PAGE, draw_all, relative_link, write_comparison
from unweave.experiment.results import Results
from unweave.experiment.sweep import results_kept, sweep
from unweave.files import write_text
from unweave.protocols import Executor
from unweave.reproduce.recipe import Recipe, check_recipe
from unweave.reproduce.verdicts import Verdict, verdicts
from unweave.tables import table

PUBLISHED = ("claim", "published", "here", "")


@dataclass(frozen=True)
class Outcome:
    """What came out of a recipe.

    Attributes
    ----------
    changes
        Settings that were put on top of the recipe's.
    command
        Repeats it.
    """

    recipe: Recipe
    results: Results
    changes: Mapping[str, Any]
    command: str

    def verdicts(self) -> list[Verdict]:
        """Compare with what was published."""
        return verdicts(self.recipe, self.results)

    @property
    def path(self) -> Path:
        """The page of the outcome."""
        return self.results.folder / "outcome.md"


def reproduce(
    recipe: Recipe,
    folder: Path,
    executor: Executor,
    *,
    changes: Mapping[str, Any] | None = None,
    command: str = "",
    device: str = "auto",
    together: int = 1,
) -> Outcome:
    """Reproduce an experiment in a folder; return what came out.

    Runs that are finished already are taken as they are, so an interrupted reproduction goes on.

    Parameters
    ----------
    changes
        What was put on top of the recipe, to be told.
    command
        What repeats it.
    device, together
        As in `sweep`.

    Raises
    ------
    ConfigError
        If something in the recipe is wrong, or the folder holds runs of other settings.
    StoppedError
        If a signal stopped it.
    """
    recipe = check_recipe(recipe)
    results = sweep(recipe, folder, executor, device=device, together=together)
    usual = f"unweave reproduce {recipe.name}"
    outcome = Outcome(recipe, results, changes or {}, command or usual)
    with results_kept():
        _write(outcome)
    return outcome


def _write(outcome: Outcome) -> None:
    recipe, results = outcome.recipe, outcome.results
    comparison = _comparison(outcome)
    pictures = list(draw_all(results, recipe.pictures, results.folder))
    write_comparison(comparison, results.folder, pictures)
    parts = [
        f"# {recipe.title or recipe.name}\n",
        f"{_wrap(recipe.source.rstrip('.') + '.')}\n`{outcome.command}` repeats it.\n",
        f"**What differs from the paper.**\n{_wrap(recipe.differs)}\n",
    ]
    if data := data_note(comparison):
        parts.append(f"**Data.**\n{_wrap(data)}\n")
    if outcome.changes:
        changes = ", ".join(f"`{name}={value}`" for name, value in outcome.changes.items())
        parts.append(f"**Changed for this outcome.** {changes}\n")
    if recipe.expect:
        parts.append(markdown(PUBLISHED, outcome.verdicts()) + "\n")
    for picture, caption, path in pictures:
        if path is not None:
            parts.append(f"![{picture.name}]({quote(path.name)})\n")
        if caption:
            parts.append(f"{_wrap(f'*{caption}*')}\n")
    parts += _tables(comparison)
    parts += [f"The same with intervals and tests as a page: [{PAGE}]({PAGE}).\n", _runs(results)]
    write_text(outcome.path, "\n".join(parts))


def _comparison(outcome: Outcome) -> Comparison:
    """Return the comparison of the runs, with the pairs that a claim is about."""
    claims: list[Claim] = []
    for one in outcome.recipe.expect:
        if one.below is not None:
            other = one.where if one.below_where is None else one.below_where
            claims.append(((one.run, one.where), (one.below, other)))
    return Comparison(outcome.results, claims=tuple(claims))


def _wrap(text: str) -> str:
    """Put every sentence on a separate line, and wrap lines at 100 columns.

    Examples
    --------
    >>> print(_wrap("Errors of v = .5. Rows: beta, see B.2 and C.4."))
    Errors of v = .5.
    Rows: beta, see B.2 and C.4.
    """
    sentences = re.split(r"(?<=[\w)\]%][.!?])\s+(?=[A-Z*`])", text.strip())
    return "\n".join(
        textwrap.fill(sentence, 100, break_long_words=False, break_on_hyphens=False)
        for sentence in sentences
    )


def _tables(comparison: Comparison) -> list[str]:
    parts = [
        _wrap(
            "All numbers are means over seeds, ± one standard deviation where there are several, "
            f"with the 95 % interval of the mean in brackets.{seeds_note(comparison)}"
        )
        + "\n",
        markdown(*summary_rows(comparison)) + "\n",
    ]
    contrasts = contrast_rows(comparison)
    if contrasts:
        parts += [markdown(CONTRASTS, contrasts) + "\n", _wrap(test_note(comparison)) + "\n"]
    missing = missing_rows(comparison)
    if missing:
        parts.append(markdown(MISSING, missing) + "\n")
    return parts


def _runs(results: Results) -> str:
    """Return links to the directory of every run, and to its report if there is one."""
    lines = []
    for row in results.rows:
        path = Path(row.folder)
        title = f"{place_text(row.run, row.place)}, seed {row.seed}"
        link = f"[{title}]({quote(relative_link(path, results.folder))})"
        if (path / "report.html").is_file():
            link += f" ([report]({quote(relative_link(path / 'report.html', results.folder))}))"
        lines.append(link)
    return f"Runs: {'; '.join(lines)}.\n"


def summary(outcome: Outcome) -> str:
    """Lay the outcome out for a terminal."""
    comparison = _comparison(outcome)
    parts = [table(*summary_rows(comparison))]
    if outcome.recipe.expect:
        rows = [(*judged, verdict.replace("**", "")) for *judged, verdict in outcome.verdicts()]
        parts.append(table(PUBLISHED, rows))
    missing = missing_rows(comparison)
    if missing:
        parts.append(table(MISSING, missing))
    return "\n\n".join([*parts, f"{outcome.path}"])
