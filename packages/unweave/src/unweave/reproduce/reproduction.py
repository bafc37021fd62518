"""Run a recipe: train what is not trained yet, measure, compare, draw, and write it all down."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unweave.errors import ConfigError
from unweave.files import write_text
from unweave.options import build, parse_spec
from unweave.progress import counting
from unweave.protocols import Executor
from unweave.registry import registry
from unweave.report import save_figure
from unweave.reproduce.measures import measure
from unweave.reproduce.pictures import draw
from unweave.reproduce.recipe import Expectation, Job, Recipe
from unweave.tables import table
from unweave.trained import Trained as Run


@dataclass(frozen=True)
class Outcome:
    """What came out of a recipe.

    recipe : the recipe.
    jobs : its runs, each with its measures by label.
    folder : where the runs, figures and texts lie.
    """

    recipe: Recipe
    folder: Path
    jobs: list[tuple[Job, dict[str, float]]] = field(default_factory=list)

    def run(self, job: Job) -> Run:
        """Open the run of a job."""
        return Run.open(self.folder / "runs" / job.folder)

    def values(self, measure: str, run: str, where: Mapping[str, Any]) -> list[float]:
        """Collect a measure over the seeds of one kind of run at one place of the grid.

        Raises
        ------
        ConfigError
            If the recipe has no such run.
        """
        return [values[measure] for _, values in self.at(run, where)]

    def at(self, run: str, where: Mapping[str, Any]) -> list[tuple[Job, dict[str, float]]]:
        """List one kind of run at one place of the grid, a job a seed, with its measures.

        Raises
        ------
        ConfigError
            If the recipe has no such run.
        """
        found = [
            (job, values)
            for job, values in self.jobs
            if job.label == run and all(job.place.get(k) == v for k, v in where.items())
        ]
        if not found:
            raise ConfigError(f"recipe {self.recipe.name} has no run {run!r} at {dict(where)}")
        return found

    def verdicts(self) -> Iterator[tuple[str, str, str, str]]:
        """Compare with what was published: claim, published, found, verdict."""
        for expected in self.recipe.expect:
            yield (expected.claim, *self._judge(expected))

    def _judge(self, expected: Expectation) -> tuple[str, str, str]:
        found = float(np.mean(self.values(expected.measure, expected.run, expected.where)))
        if expected.below is None:
            published, tolerance = expected.published or 0.0, expected.tolerance or 0.0
            holds = abs(found - published) <= tolerance
            return f"{published:g} ± {tolerance:g}", f"{found:.3g}", _verdict(holds)
        where = expected.where if expected.below_where is None else expected.below_where
        other = expected.below_measure or expected.measure
        limit = float(np.mean(self.values(other, expected.below, where)))
        told = "lower" if expected.published is None else _pair(expected)
        return told, f"{found:.3g} against {limit:.3g}", _verdict(found * expected.times < limit)


def reproduce(recipe: Recipe, folder: Path, executor: Executor) -> Outcome:
    """Reproduce an experiment in a folder; return what came out.

    Runs that are finished already are taken as they are, so an interrupted reproduction goes on.

    Raises
    ------
    ConfigError
        If the folder holds runs of another recipe or of other settings.
    """
    recipe = with_data(recipe)
    jobs = recipe.jobs()
    outcome = Outcome(recipe, folder)
    folder.mkdir(parents=True, exist_ok=True)
    work = [
        (recipe.model_dump(), job.model_dump(), str(folder / "runs" / job.folder)) for job in jobs
    ]
    with counting("training and measuring", "runs") as progress:
        progress(0, len(jobs))
        for done, (job, values) in enumerate(
            zip(jobs, executor.map(perform, work), strict=True), 1
        ):
            outcome.jobs.append((job, values))
            progress(done, len(jobs))
    _write(outcome)
    return outcome


def with_data(recipe: Recipe) -> Recipe:
    """Settle which of the recipe's data sets is taken: the first that is there.

    Raises
    ------
    ConfigError
        If none is.
    """
    if "data" in recipe.settings:
        return recipe
    problems = []
    for text in recipe.data:
        name, options = parse_spec(text)
        try:
            build(registry().lookup("dataset", name), options=options)
        except ConfigError as error:
            problems.append(str(error))
            continue
        return recipe.model_copy(update={"settings": recipe.settings | {"data": text}})
    raise ConfigError(f"recipe {recipe.name} needs data: {'; '.join(problems)}")


def perform(work: tuple[dict[str, Any], dict[str, Any], str]) -> dict[str, float]:
    """Train one run of a recipe and measure it; what is there already is not done again."""
    recipe, job, path = Recipe.model_validate(work[0]), Job.model_validate(work[1]), Path(work[2])
    run = _trained(job, path)
    kept = run.path / "measures.json"
    if kept.is_file():
        found = json.loads(kept.read_text(encoding="utf-8"))
        if found.keys() == recipe.measures.keys():
            return {name: float(value) for name, value in found.items()}
    if recipe.density is not None:
        run.fit_density(recipe.density)
    values = {name: measure(run, recipe, text) for name, text in recipe.measures.items()}
    write_text(kept, json.dumps(values, indent=2) + "\n")
    return values


def _trained(job: Job, path: Path) -> Run:
    from unweave.api import resume_training, train
    from unweave.config import make_config

    if not (path / "config.toml").is_file():
        return train(**job.settings, out=path)
    run = Run.open(path)
    if run.config != make_config(registry(), job.settings):
        raise ConfigError(
            f"{path} was trained with other settings than the recipe's; choose another --out"
        )
    lines = run.scalars()
    done = bool(lines) and lines[-1]["step"] == run.config.steps
    return run if done else resume_training(path)


def _write(outcome: Outcome) -> None:
    recipe, folder = outcome.recipe, outcome.folder
    figures = []
    for picture in recipe.pictures:
        save_figure(draw(outcome, picture), folder / f"{picture.name}.png")
        figures.append(f"![{picture.name}]({picture.name}.png)\n\n*{picture.caption}*\n")
    parts = [
        f"# {recipe.title}\n",
        f"{recipe.source}. `unweave reproduce {recipe.name}` repeats it.\n",
        f"**What differs from the paper.** {recipe.differs}\n",
        _markdown(("what was published", "published", "here", ""), list(outcome.verdicts())),
        *figures,
        "All numbers are means over seeds, ± one standard deviation where there are several.\n",
        _markdown(*_numbers(outcome)),
    ]
    write_text(folder / "outcome.md", "\n".join(parts))


def told(outcome: Outcome) -> str:
    """Lay the outcome out for a terminal."""
    header, rows = _numbers(outcome)
    verdicts = list(outcome.verdicts())
    return "\n\n".join(
        [
            table(header, rows),
            table(("what was published", "published", "here", ""), verdicts),
            f"{outcome.folder / 'outcome.md'}",
        ]
    )


def _numbers(outcome: Outcome) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    recipe = outcome.recipe
    rows = []
    for variant in recipe.runs:
        ours = (job for job, _ in outcome.jobs if job.label == variant.label)
        for place in dict.fromkeys(tuple(job.place.items()) for job in ours):
            cells = [
                _spread(outcome.values(name, variant.label, dict(place)))
                for name in recipe.measures
            ]
            rows.append((variant.label, *(f"{value}" for _, value in place), *cells))
    return ("run", *recipe.grid, *recipe.measures), rows


def _spread(values: list[float]) -> str:
    mean = f"{np.mean(values):.3g}"
    return mean if len(values) == 1 else f"{mean} ± {np.std(values, ddof=1):.2g}"


def _pair(expected: Expectation) -> str:
    return f"{expected.published:g} against {expected.published_below:g}"


def _verdict(holds: bool) -> str:
    return "agrees" if holds else "**disagrees**"


def _markdown(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
