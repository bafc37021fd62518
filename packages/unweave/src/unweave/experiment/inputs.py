"""Input of `unweave compare`: the folder of an experiment, or run directories."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.config import steps_of
from unweave.errors import ConfigError
from unweave.experiment.definition import Experiment, Variant, short
from unweave.experiment.results import Results
from unweave.experiment.rows import (
    NOT_DEFINED,
    JobFiles,
    MeasuredValue,
    Row,
    failures,
    reached_step,
    read_row,
)
from unweave.experiment.sweep import DEFINITION
from unweave.experiment.toml_reader import read_definition
from unweave.options import short_name

if TYPE_CHECKING:
    from unweave.trained import Trained

ERROR = "reconstruction_error"
WRITES_AGAIN = "the command that made the folder writes it again, and trains no finished run twice"
NOT_COMPARED = ("seed", "log_every", "checkpoint_every", "method")
"""Settings that do not distinguish runs, and the method, which is their label."""


def open_results(paths: Sequence[Path]) -> Results:
    """Open the results of an experiment's folder, or of run directories.

    Raises
    ------
    ConfigError
        If a path is neither, or run directories and experiments are mixed.
    """
    if not paths:
        raise ConfigError("no path; give the folder of an experiment, or run directories")
    if len(paths) == 1 and (paths[0] / DEFINITION).is_file():
        return open_experiment(paths[0])
    for path in paths:
        if (path / DEFINITION).is_file():
            raise ConfigError(
                f"{path} is the folder of an experiment, which is compared alone; give only it, or "
                "the directories of its runs"
            )
        if (path / "jobs").is_dir():
            raise ConfigError(
                f"{path} is the folder of an experiment without its {DEFINITION}; {WRITES_AGAIN}"
            )
    return of_runs(paths)


def open_experiment(folder: Path) -> Results:
    """Open the results that exist in an experiment's folder; its plugins need not be installed."""
    try:
        experiment = read_definition(folder / DEFINITION, Experiment)
    except ConfigError as error:
        raise ConfigError(f"{folder / DEFINITION} is damaged ({error}); {WRITES_AGAIN}") from error
    rows = [
        read_row(job, JobFiles(folder, job), experiment, steps_of(job.settings))
        for job in experiment.jobs()
    ]
    return Results(experiment, folder, rows)


def of_runs(paths: Sequence[Path]) -> Results:
    """Treat run directories as an experiment: methods are kinds, differing settings the grid.

    Measures are the runs' scores; where a run has none yet, they are computed.
    """
    from unweave.trained import Trained

    runs = [Trained.open(path) for path in paths]
    places = _places(runs)
    rows = [_row(run, place) for run, place in zip(runs, places, strict=True)]
    _check_seeds(rows)
    labels = list(dict.fromkeys(row.run for row in rows))
    names = dict.fromkeys(name for row in rows for name in row.measures)
    experiment = Experiment(
        name="comparison", title="Comparison of runs",
        runs=[Variant(label=label) for label in labels],
        grid={k: _values(places, k) for k in dict.fromkeys(k for p in places for k in p)},
        seeds=sorted({row.seed for row in rows}),
        measures={name: _measure_of(name) for name in names},
    )  # fmt: skip
    return Results(experiment, Path(), rows)


def _row(run: Trained, place: Mapping[str, Any]) -> Row:
    step, steps = reached_step(run.path), run.config.steps
    measures = {
        name: _measured(name, entry, step) for name, entry in (_scores(run).items() if step else ())
    }
    return Row(
        run=_label(run), place=dict(place), seed=run.config.seed,
        status="finished" if step == steps else "stopped", step=step, steps=steps,
        folder=str(run.path), measures=measures, reason=failures(measures, report=""),
    )  # fmt: skip


def _measured(name: str, score: Mapping[str, Any], step: int) -> MeasuredValue:
    value = score["value"]
    if value is not None and math.isfinite(value):
        return MeasuredValue(measure=name, step=step, value=value)
    reason = score["reason"] or NOT_DEFINED
    return MeasuredValue(measure=name, step=step, value=None, reason=reason)


def _scores(run: Trained) -> dict[str, Any]:
    """Read the scores of a run; compute them again if the run was trained further."""
    from unweave.evaluate import evaluate
    from unweave.scores.file import read_scores

    content = read_scores(run)
    if content is None or content["step"] != run.step:
        evaluate(run)
        content = read_scores(run)
    return {} if content is None else dict(content["scores"])


def _measure_of(score: str) -> str:
    """Return the measure that a score is, so that its direction and range are known.

    Examples
    --------
    >>> _measure_of("reconstruction_error/sampled/holdout"), _measure_of("mig/sampled")
    ('noisy-test-squared-error', 'metric mig/sampled')
    """
    name, *parts = score.split("/")
    if name != ERROR:
        return f"metric {score}"
    return "noisy-" * ("sampled" in parts) + "test-" * ("holdout" in parts) + "squared-error"


def _label(run: Trained) -> str:
    return short_name(run.config.method)


def _places(runs: list[Trained]) -> list[dict[str, Any]]:
    """Return for each run the settings that differ among the runs of its method."""
    flat = [_flat(run.config.model_dump()) for run in runs]
    places: list[dict[str, Any]] = []
    for run, settings in zip(runs, flat, strict=True):
        others = [f for r, f in zip(runs, flat, strict=True) if _label(r) == _label(run)]
        varying = [k for k in settings if len({str(other.get(k)) for other in others}) > 1]
        places.append({key: settings[key] for key in varying})
    return places


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Merge settings and options of the method; a registered name with its options is one text."""
    options = settings.get("options", {})
    flat = {key: value for key, value in settings.items() if key != "options"} | dict(options)
    return {key: _comparable_value(value) for key, value in flat.items() if key not in NOT_COMPARED}


def _comparable_value(value: Any) -> Any:
    if isinstance(value, Mapping) and "name" in value:
        options = ",".join(f"{k}={v}" for k, v in value.get("options", {}).items() if v is not None)
        return f"{short_name(str(value['name']))}:{options}".rstrip(":")
    return value if isinstance(value, int | float | str) else str(value)


def _values(places: list[dict[str, Any]], key: str) -> list[Any]:
    values = {short(place[key]): place[key] for place in places if key in place}
    return sorted(values.values(), key=lambda v: (isinstance(v, str), v))


def _check_seeds(rows: list[Row]) -> None:
    by_seed: dict[tuple[str, str, int], Row] = {}
    for row in rows:
        other = by_seed.setdefault((row.run, str(row.place), row.seed), row)
        if other is not row:
            raise ConfigError(
                f"{other.folder} and {row.folder} have the same method, seed and settings; give "
                "only one of them"
            )
