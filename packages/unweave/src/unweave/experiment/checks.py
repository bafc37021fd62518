"""Check an experiment before anything is trained or written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar, cast

from unweave.config import make_config
from unweave.errors import ConfigError, unknown_name
from unweave.experiment.definition import Experiment, Job, unknown_label
from unweave.experiment.definition_checks import check_names
from unweave.experiment.measure_checks import Subject
from unweave.experiment.measures import split_measure
from unweave.experiment.own_grid import check_own_grids
from unweave.experiment.picture_checks import check_picture
from unweave.experiment.pictures import picture_options
from unweave.experiment.quantities import open_test_data
from unweave.experiment.toml_reader import split_spec
from unweave.holdout import split
from unweave.options import FIT_ARGUMENTS, build, convert, options_of, parse_spec
from unweave.protocols import Dataset
from unweave.registry import registry
from unweave.train_config import TrainConfig

USUAL_METRICS = {"MIG": "mig", "FactorVAE score": "factor-vae", "SAP": "sap"}
"""Default measures of an experiment if the factors are known."""
MOST_PROBLEMS = 3
"""Most data sets whose errors are shown if none can be opened."""

Kind = TypeVar("Kind", bound=Experiment)


def check_experiment(experiment: Kind) -> Kind:
    """Return an experiment that can be run, with its data set chosen and default measures added.

    Every name, option, measure, picture and label is checked, so that no error appears only after
    hours of training.

    Raises
    ------
    ConfigError
        If something is wrong; the message says what, and where.
    """
    check_names(experiment)
    check_own_grids(experiment)
    experiment, data = with_data(experiment)
    if not experiment.measures:
        experiment = experiment.model_copy(update={"measures": _usual_measures(data)})
    configurations = {job.name: configuration(experiment, job) for job in experiment.jobs()}
    _check_density(experiment)
    _check_texts(experiment)
    subjects = list(_subjects(experiment, configurations, data))
    _check_measures(experiment, subjects)
    _check_pictures(experiment, subjects, data)
    return experiment


def configuration(experiment: Experiment, job: Job) -> TrainConfig:
    """Return the configuration of a job; an error says which job."""
    with error_place(experiment, f"run {job.name}"):
        return make_config(registry(), job.settings)


@contextlib.contextmanager
def error_place(experiment: Experiment, place: str) -> Iterator[None]:
    """Put the name of the experiment and the place in front of the message of a user's error."""
    where = f"experiment {experiment.name}: {place}"
    try:
        yield
    except ConfigError as error:
        raise type(error)(f"{where}: {error}") from error
    except (ValueError, TypeError, OSError) as error:
        raise ConfigError(f"{where}: {error}") from error


def with_data(experiment: Kind) -> tuple[Kind, Dataset]:
    """Open the first of the experiment's data sets that can be opened.

    Raises
    ------
    ConfigError
        If none can be opened.
    """
    first = experiment.jobs()[0].settings
    texts = [first["data"]] if "data" in first else experiment.data
    if not texts:
        raise ConfigError(
            f"experiment {experiment.name} has no data; add --data NAME, or "
            'data = ["NAME"] to its file; `unweave data` lists the names'
        )
    problems = []
    for text in dict.fromkeys(texts):
        try:
            name, options = split_spec(text)
            dataset = build(registry().lookup("dataset", name), options=options)
        except ConfigError as error:
            problems.append(str(error))
            continue
        settings = {"data": text, **experiment.settings}
        return experiment.model_copy(update={"settings": settings}), cast(Dataset, dataset)
    reasons = problems[:MOST_PROBLEMS]
    if more := len(problems) - len(reasons):
        reasons.append(f"and {more:,} more data sets cannot be opened")
    raise ConfigError(f"experiment {experiment.name} cannot start: {'; '.join(reasons)}")


def _usual_measures(data: Dataset) -> dict[str, str]:
    metrics = registry().names("metric") if data.factors is not None else []
    scores = {label: f"metric {name}" for label, name in USUAL_METRICS.items() if name in metrics}
    return {"squared error": "squared-error", **scores}


def _check_density(experiment: Experiment) -> None:
    if experiment.density is None:
        return
    with error_place(experiment, "density"):
        name, options = parse_spec(experiment.density)
        target = registry().lookup("flow", name).load()
        parameters = {**options_of(target), **options_of(target.fit, FIT_ARGUMENTS)}
        for option, value in options.items():
            if option not in parameters:
                raise unknown_name(f"option of flow {name}", option, parameters)
            convert(f"option {option} of flow {name}", parameters[option].annotation, value)


def _check_texts(experiment: Experiment) -> None:
    """Raise for misspelt names before anything is built."""
    for label in experiment.better:
        if label not in experiment.measures:
            raise unknown_label("measure in [better]", label, experiment.measures)
    for label, text in experiment.measures.items():
        with error_place(experiment, f"measure {label}"):
            split_measure(text)
    for picture in experiment.pictures:
        with error_place(experiment, f"picture {picture.name}"):
            picture_options(experiment, picture)


def _check_measures(experiment: Experiment, subjects: Sequence[Subject]) -> None:
    if experiment.test is not None:
        with error_place(experiment, "test"):
            open_test_data(registry(), experiment, subjects[0].config)
    for label, text in experiment.measures.items():
        with error_place(experiment, f"measure {label}"):
            measure, argument = split_measure(text)
            for subject in subjects:
                measure.check(experiment, subject, argument)


def _check_pictures(experiment: Experiment, subjects: Sequence[Subject], data: Dataset) -> None:
    if not experiment.pictures:
        return
    config = subjects[0].config
    test = split(data, config.holdout, config.seed)[1] if config.holdout else data
    if experiment.test is not None:
        test = open_test_data(registry(), experiment, config)
    for picture in experiment.pictures:
        with error_place(experiment, f"picture {picture.name}"):
            check_picture(experiment, picture, subjects, test)


def _subjects(
    experiment: Experiment, configurations: Mapping[str, TrainConfig], data: Dataset
) -> Iterator[Subject]:
    """Build and rehearse one run of every kind, which finds parts that do not match."""
    from unweave.assemble import assemble
    from unweave.rehearsal import rehearse

    labels = set()
    for job in experiment.jobs():
        if job.label in labels:
            continue
        labels.add(job.label)
        config = configurations[job.name]
        with error_place(experiment, f"run {job.name}"):
            if config.stop_after:
                raise ConfigError("runs of an experiment have equal steps; leave out stop_after")
            train_data, _ = split(data, config.holdout, config.seed)
            assembly = assemble(registry(), config, train_data)
            terms = rehearse(assembly, train_data)
        logged = tuple(dict.fromkeys(("loss", *terms)))
        yield Subject(config, train_data, logged, assembly.model)
