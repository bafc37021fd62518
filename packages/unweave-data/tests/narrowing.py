"""What tests know of data sets and their types do not: that optional parts are there."""

from typing import Any, TypeVar

from unweave_data import load
from unweave_data.rendered.projected_mixture import ProjectedMixture
from unweave_data.views.view import View

Value = TypeVar("Value")


def present(value: Value | None) -> Value:
    """Return a value that must not be None."""
    assert value is not None
    return value


def load_view(name: str, **options: Any) -> View:
    """Load a data set that must be a stochastic view."""
    data = load(name, **options)
    assert isinstance(data, View)
    return data


def load_mixture(**options: Any) -> ProjectedMixture:
    """Load the mixture that is laid into 100 dimensions."""
    data = load("gaussian-mixture-100d", **options)
    assert isinstance(data, ProjectedMixture)
    return data
