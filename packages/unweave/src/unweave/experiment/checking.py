"""Check an experiment before anything is trained or written."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

from unweave.config import TrainConfig, make_config
from unweave.errors import ConfigError, unknown_name
from unweave.experiment.definition import Experiment, Job, Picture, check_names, short
from unweave.experiment.measures import Subject, open_test_data, split_measure
from unweave.experiment.reading import split_spec
from unweave.experiment.roles import Role
from unweave.options import build, convert, options_of, parse_spec
from unweave.protocols import Dataset
from unweave.registry import registry

if TYPE_CHECKING:
    pass

USUAL_METRICS = {"MIG": "mig", "FactorVAE score": "factor-vae", "SAP": "sap"}
"""What is measured where an experiment does not say and the factors are known."""

Kind = TypeVar("Kind", bound=Experiment)


def checked(experiment: Kind) -> Kind:
    """Return an experiment that can be run: its data settled, its measures filled in.

    Every name, option, measure, picture and label is looked at, so that nothing is told only
    after hours of training.

    Raises
    ------
    ConfigError
        Naming what is wrong, and where.
    """
    check_names(experiment)
    experiment, data = with_data(experiment)
    if not experiment.measures:
        experiment = experiment.model_copy(update={"measures": _usual_measures(data)})
    configurations = {job.name: configuration(experiment, job) for job in experiment.jobs()}
    _check_density(experiment)
    _check_measures(experiment, configurations, data)
    for picture in experiment.pictures:
        with told_with(experiment, f"picture {picture.name}"):
            picture_options(experiment, picture)
    return experiment


def configuration(experiment: Experiment, job: Job) -> TrainConfig:
    """Make the configuration of a job; an error says which job."""
    with told_with(experiment, f"run {job.name}"):
        return make_config(registry(), job.settings)


@contextlib.contextmanager
def told_with(experiment: Experiment, place: str) -> Iterator[None]:
    """Put an experiment's name and a place in front of a user's error of the block."""
    where = f"experiment {experiment.name}: {place}"
    try:
        yield
    except ConfigError as error:
        raise type(error)(f"{where}: {error}") from error
    except (ValueError, TypeError, OSError) as error:
        raise ConfigError(f"{where}: {error}") from error


def with_data(experiment: Kind) -> tuple[Kind, Dataset]:
    """Settle which of the experiment's data sets is taken, the first that is there, and open it.

    Raises
    ------
    ConfigError
        If none is.
    """
    first = experiment.jobs()[0].settings
    texts = [first["data"]] if "data" in first else experiment.data
    if not texts:
        raise ConfigError(
            f'experiment {experiment.name} names no data; add data = ["NAME"], '
            "`unweave data` lists them"
        )
    problems = []
    for text in texts:
        try:
            name, options = split_spec(text)
            dataset = build(registry().lookup("dataset", name), options=options)
        except ConfigError as error:
            problems.append(str(error))
            continue
        settings = {"data": text, **experiment.settings}
        return experiment.model_copy(update={"settings": settings}), cast(Dataset, dataset)
    raise ConfigError(f"experiment {experiment.name} cannot begin: {'; '.join(problems)}")


def _usual_measures(data: Dataset) -> dict[str, str]:
    known = registry().names("metric") if data.factors is not None else []
    scores = {label: f"metric {name}" for label, name in USUAL_METRICS.items() if name in known}
    return {"squared error": "squared-error", **scores}


def _check_density(experiment: Experiment) -> None:
    if experiment.density is None:
        return
    with told_with(experiment, "density"):
        name, options = parse_spec(experiment.density)
        target = registry().lookup("flow", name).load()
        known = {**options_of(target), **options_of(target.fit, ("generator", "progress"))}
        for option, value in options.items():
            if option not in known:
                raise unknown_name(f"option of flow {name}", option, known)
            convert(f"option {option} of flow {name}", known[option].annotation, value)


def _check_measures(
    experiment: Experiment, configurations: Mapping[str, TrainConfig], data: Dataset
) -> None:
    for label in experiment.better:
        if label not in experiment.measures:
            raise unknown_name("measure in [better]", label, experiment.measures)
    for label, text in experiment.measures.items():
        with told_with(experiment, f"measure {label}"):
            split_measure(text)  # a misspelt one is told before anything is built
    subjects = list(_subjects(experiment, configurations, data))
    if experiment.test is not None:
        with told_with(experiment, "test"):
            open_test_data(registry(), experiment, subjects[0].config)
    for label, text in experiment.measures.items():
        with told_with(experiment, f"measure {label}"):
            found, argument = split_measure(text)
            for subject in subjects:
                found.check(experiment, subject, argument)


def _subjects(
    experiment: Experiment, configurations: Mapping[str, TrainConfig], data: Dataset
) -> Iterator[Subject]:
    """Build and rehearse one run of every kind, which finds what does not fit together."""
    from unweave.assemble import assemble
    from unweave.holdout import split
    from unweave.rehearsal import rehearse

    seen = set()
    for job in experiment.jobs():
        if job.label in seen:
            continue
        seen.add(job.label)
        config = configurations[job.name]
        with told_with(experiment, f"run {job.name}"):
            if config.stop_after:
                raise ConfigError("runs of an experiment have equal steps; leave out stop_after")
            kept, _ = split(data, config.holdout, config.seed)
            terms = rehearse(assemble(registry(), config, kept), kept)
        yield Subject(config, kept, ("loss", *terms))


def picture_options(experiment: Experiment, picture: Picture) -> dict[str, Any]:
    """Check a picture's kind and options; return the options as its function takes them.

    Raises
    ------
    ConfigError
        If there is no such kind, or an option is unknown, missing, of another type, or names a
        measure, a setting of the grid or a kind of run that the experiment does not have.
    """
    from unweave.experiment.pictures import KINDS

    if picture.kind not in KINDS:
        raise unknown_name("kind of picture", picture.kind, KINDS)
    known = options_of(KINDS[picture.kind])
    for name in picture.options:
        if name not in known:
            raise unknown_name(f"option of picture {picture.kind}", name, known)
    found = {}
    for name, option in known.items():
        if name not in picture.options:
            if option.default is inspect.Parameter.empty:
                raise ConfigError(f"kind {picture.kind} needs the option {name}")
            continue
        what = f"option {name} of picture {picture.kind}"
        value = convert(what, option.annotation, picture.options[name])
        for role in _roles(option.annotation):
            _check_role(experiment, role, value)
        found[option.parameter] = value
    return found


def _roles(annotation: Any) -> Iterator[str]:
    for part in get_args(annotation):
        if isinstance(part, Role):
            yield part.what
        else:
            yield from _roles(part)


def _check_role(experiment: Experiment, role: str, value: Any) -> None:
    if role == "place":
        check_place(experiment, value)
        return
    known: Mapping[str, list[str]] = {
        "measure": list(experiment.measures),
        "setting of the grid": list(experiment.grid),
        "run": [variant.label for variant in experiment.runs],
    }
    for name in value if isinstance(value, list) else [value]:
        if name and name not in known[role]:
            raise unknown_name(role, name, known[role])


def check_place(experiment: Experiment, where: Mapping[str, Any]) -> None:
    """Raise unless every setting is of the grid and every value is one of its values."""
    for name, value in where.items():
        if name not in experiment.grid:
            raise unknown_name("setting of the grid", name, experiment.grid)
        values = [short(known) for known in experiment.grid[name]]
        if short(value) not in values:
            raise ConfigError(
                f"the grid has no {name} {short(value)[:80]!r}; it has {', '.join(values)}"
            )
