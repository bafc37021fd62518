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
class Asked:
    """A picture that is asked for, and what there will be to draw it of.

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
    def trained(self) -> Dataset:
        """What the first kind of run is trained on."""
        return self.subjects[0].data


Check = Callable[[Asked], None]


def check_picture(
    experiment: Experiment, picture: Picture, subjects: Sequence[Subject], test: Dataset
) -> None:
    """Raise unless a picture can be drawn when all runs are finished.

    Raises
    ------
    ConfigError
        Naming the option, what it takes and what it got.
    """
    asked = Asked(experiment, picture_options(experiment, picture), subjects, test)
    for check in CHECKS.get(picture.kind, ()):
        check(asked)


def _positive(*names: str) -> Check:
    """Check that options are above zero where they are given."""

    def check(asked: Asked) -> None:
        for name in names:
            value = asked.options.get(name, 1)
            if not 0 < value < math.inf:
                least = "at least 1" if isinstance(value, int) else "a positive number"
                raise ConfigError(f"{name} must be {least}, got {value}")

    return check


def _some(name: str) -> Check:
    """Check that a list is not empty."""

    def check(asked: Asked) -> None:
        if asked.options.get(name) == []:
            raise ConfigError(f"{name} must have at least one entry, got none")

    return check


def _images(asked: Asked) -> None:
    if asked.trained.bits == 32:
        raise ConfigError(f"it draws images, and {asked.trained.name} has vectors")


def _different(first: str, second: str) -> Check:
    """Check that two settings of the grid are not the same."""

    def check(asked: Asked) -> None:
        value = asked.options[first]
        if value == asked.options.get(second):
            raise ConfigError(f"{first} and {second} must be different settings, got {value} twice")

    return check


def _classes(data: Dataset) -> set[int]:
    if data.factors is None:
        raise ConfigError(f"it needs classes, and {data.name} has none")
    return {int(value) for value in np.unique(data.factors[:, 0])}


def _has_classes(asked: Asked) -> None:
    _classes(asked.test)


def _known_classes(tested: bool) -> Check:
    """Check that classes are of the first factor of the test images, or of those trained on."""

    def check(asked: Asked) -> None:
        if not (wanted := asked.options.get("classes")):
            return
        data = asked.test if tested else asked.trained
        known = _classes(data)
        for value in wanted:
            if value not in known:
                raise ConfigError(
                    f"{data.name} has no image of class {value}; the classes of its first factor "
                    f"go from {min(known)} to {max(known)}"
                )

    return check


def _some_left(asked: Asked) -> None:
    if not _classes(asked.test) - set(asked.options.get("without") or ()):
        raise ConfigError("without leaves no class; take some out of it")


def _sharpness_metric(asked: Asked) -> None:
    registry().lookup("metric", "laplacian-variance", "unweave-metrics")


def _method(asked: Asked) -> None:
    method = asked.options.get("method", "tsne")
    if method not in EMBEDDINGS:
        raise ConfigError(f"method must be one of {', '.join(EMBEDDINGS)}, got {method[:80]!r}")


def _enough_points(asked: Asked) -> None:
    points = asked.options.get("points", 3)
    if min(points, len(asked.test)) < 3:
        raise ConfigError(
            f"points must be at least 3, and at least 3 test images there, got {points} of "
            f"{len(asked.test)}"
        )


def _terms(asked: Asked) -> None:
    for term in asked.options.get("terms") or ():
        if not any(is_logged(subject, term) for subject in asked.subjects):
            known = (name for subject in asked.subjects for name in subject.terms)
            raise unknown_name("term in the log", term, dict.fromkeys(known))


def _numbers(asked: Asked) -> None:
    name = asked.options["x"]
    for value in asked.experiment.grid[name]:
        try:
            float(value)
        except ValueError:
            raise ConfigError(
                f"x must be a setting with numbers, and {name} has {str(value)[:80]!r}; "
                "take the picture violins"
            ) from None


def _direction(asked: Asked) -> None:
    names = asked.options["measures"]
    if all(better(asked.experiment, name) == "neither" for name in names):
        raise ConfigError(
            f"ranks need to know which values are better, and no direction is known of "
            f"{'; '.join(names)}; say it in [better]"
        )


def _plane(asked: Asked) -> None:
    if any(subject.config.dim < 2 for subject in asked.subjects):
        raise ConfigError("it draws two dimensions of the codes, and dim is 1")


def _flow(asked: Asked) -> None:
    density = asked.experiment.density
    if density is None:
        raise ConfigError('no density is fitted; say which, as in density = "maf"')
    entry = registry().lookup("flow", parse_spec(density)[0])
    if not hasattr(entry.load(), "to_noise"):
        raise ConfigError(f"density {entry} has no to_noise; take a flow, such as maf")


CHECKS: Mapping[str, Sequence[Check]] = {
    "aggregate": (_different("rows", "columns"), _positive("reach"), _plane),
    "curves": (_some("measures"), _different("x", "by"), _numbers),
    "heat-map": (_different("rows", "columns"),),
    "violins": (_some("measures"),),
    "ranks": (_some("measures"), _direction),
    "steps": (_some("terms"), _terms),
    "magnitudes": (_some("classes"), _known_classes(tested=False)),
    "noise": (_flow,),
    "samples": (_images,),
    "reconstructions": (_images,),
    "neighbours": (_images,),
    "traversals": (
        _images, _positive("dimensions", "reach"), _some("classes"), _known_classes(tested=True),
    ),
    "moves": (_positive("images", "dimensions", "reach"),),
    "embedding": (_method, _images, _has_classes, _enough_points),
    "sharpness": (_images, _has_classes, _some_left, _sharpness_metric),
}  # fmt: skip
"""Kind of picture -> what is looked at beside the types and names of its options."""
