"""Checks of pictures before training: whether the values of their options can be drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unweave.errors import ConfigError, unknown_name
from unweave.experiment.definition import Experiment, Picture
from unweave.experiment.measure_checks import Subject, is_logged
from unweave.experiment.measures import better
from unweave.experiment.pictures import picture_options
from unweave.options import parse_spec
from unweave.protocols import Dataset
from unweave.registry import registry
from unweave.report.embedding import KINDS as EMBEDDINGS


@dataclass(frozen=True)
class Request:
    """A picture of a study, and what it will be drawn from.

    Attributes
    ----------
    options
        By the names of the function that draws.
    subjects
        Every kind of run.
    test
        The images that were not trained on; those of the training where there are none.
    """

    experiment: Experiment
    options: Mapping[str, Any]
    subjects: Sequence[Subject]
    test: Dataset

    @property
    def train_data(self) -> Dataset:
        """The training data of the first kind of run."""
        return self.subjects[0].data


Check = Callable[[Request], None]


def check_picture(
    experiment: Experiment, picture: Picture, subjects: Sequence[Subject], test: Dataset
) -> None:
    """Raise unless a picture can be drawn when all runs are finished.

    Raises
    ------
    ConfigError
        Naming the option, what it takes and what it got.
    """
    request = Request(experiment, picture_options(experiment, picture), subjects, test)
    for check in CHECKS.get(picture.kind, ()):
        check(request)


def _positive(*names: str) -> Check:
    """Return a check that options, if present, are positive."""

    def check(request: Request) -> None:
        for name in names:
            value = request.options.get(name, 1)
            if not 0 < value < math.inf:
                least = "at least 1" if isinstance(value, int) else "a positive number"
                raise ConfigError(f"{name} must be {least}, got {value}")

    return check


def _some(name: str) -> Check:
    """Return a check that a list, if present, is not empty."""

    def check(request: Request) -> None:
        if request.options.get(name) == []:
            raise ConfigError(f"{name} must have at least one entry, got none")

    return check


def _images(request: Request) -> None:
    if request.train_data.bits == 32:
        raise ConfigError(
            f"it draws images, but {request.train_data.name} has vectors; choose another picture"
        )


def _different(first: str, second: str) -> Check:
    """Return a check that two options are different settings of the grid."""

    def check(request: Request) -> None:
        value = request.options[first]
        if value == request.options.get(second):
            raise ConfigError(f"{first} and {second} must be different settings, got {value} twice")

    return check


def _classes(data: Dataset) -> set[int]:
    if data.factors is None:
        raise ConfigError(f"it needs classes, but {data.name} has none; choose another picture")
    return {int(value) for value in np.unique(data.factors[:, 0])}


def _has_classes(request: Request) -> None:
    _classes(request.test)


def _known_classes(test: bool) -> Check:
    """Return a check that classes occur in the first factor of the test or training images."""

    def check(request: Request) -> None:
        if not (values := request.options.get("classes")):
            return
        data = request.test if test else request.train_data
        classes = _classes(data)
        for value in values:
            if value not in classes:
                raise ConfigError(
                    f"{data.name} has no image of class {value}; choose from {min(classes)} to "
                    f"{max(classes)}, the classes of its first factor"
                )

    return check


def _some_left(request: Request) -> None:
    if not _classes(request.test) - set(request.options.get("without") or ()):
        raise ConfigError("the option without removes all classes; remove some entries from it")


def _sharpness_metric(request: Request) -> None:
    registry().lookup("metric", "laplacian-variance", "unweave-metrics")


def _method(request: Request) -> None:
    method = request.options.get("method", "tsne")
    if method not in EMBEDDINGS:
        raise ConfigError(f"method must be one of {', '.join(EMBEDDINGS)}, got {method[:80]!r}")


def _enough_points(request: Request) -> None:
    points = request.options.get("points", 3)
    if min(points, len(request.test)) < 3:
        raise ConfigError(
            f"points and the number of test images must be at least 3, got {points} points and "
            f"{len(request.test)} images"
        )


def _terms(request: Request) -> None:
    for term in request.options.get("terms") or ():
        if not any(is_logged(subject, term) for subject in request.subjects):
            terms = (name for subject in request.subjects for name in subject.terms)
            raise unknown_name("term in the log", term, dict.fromkeys(terms))


def _numbers(request: Request) -> None:
    name = request.options["x"]
    for value in request.experiment.grid[name]:
        try:
            float(value)
        except ValueError:
            raise ConfigError(
                f"x must be a setting with numbers, but {name} has {str(value)[:80]!r}; "
                "choose the picture violins instead"
            ) from None


def _direction(request: Request) -> None:
    names = request.options["measures"]
    if all(better(request.experiment, name) == "neither" for name in names):
        raise ConfigError(
            "ranks need a measure whose better direction is known, but it is not known for "
            f"{'; '.join(names)}; add it to [better]"
        )


def _plane(request: Request) -> None:
    if any(subject.config.dim < 2 for subject in request.subjects):
        raise ConfigError("it draws two dimensions of the codes, but dim is 1; set dim=2 or more")


def _flow(request: Request) -> None:
    density = request.experiment.density
    if density is None:
        raise ConfigError('it needs a density; set one, as in density = "maf"')
    entry = registry().lookup("flow", parse_spec(density)[0])
    if not hasattr(entry.load(), "to_noise"):
        raise ConfigError(f"density {entry} has no to_noise; choose a flow, such as maf")


def _flow_if_requested(request: Request) -> None:
    if request.options.get("flow"):
        _flow(request)


CHECKS: Mapping[str, Sequence[Check]] = {
    "aggregate": (_different("rows", "columns"), _positive("reach"), _plane),
    "curves": (_some("measures"), _different("x", "by"), _numbers),
    "heat-map": (_different("rows", "columns"),),
    "violins": (_some("measures"),),
    "ranks": (_some("measures"), _direction),
    "steps": (_some("terms"), _terms),
    "magnitudes": (_some("classes"), _known_classes(test=False)),
    "noise": (_flow,),
    "histograms": (_positive("dimensions"), _flow_if_requested),
    "samples": (_images,),
    "reconstructions": (_images,),
    "neighbours": (_images,),
    "traversals": (
        _images, _positive("dimensions", "reach"), _some("classes"), _known_classes(test=True),
    ),
    "moves": (_positive("images", "dimensions", "reach"),),
    "embedding": (_method, _images, _has_classes, _enough_points),
    "sharpness": (_images, _has_classes, _some_left, _sharpness_metric),
}  # fmt: skip
"""Kind of picture -> checks in addition to those of the names and types of its options."""
