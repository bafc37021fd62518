"""Load a data set by its name."""

import difflib
import inspect
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from unweave_data.entries import ENTRIES
from unweave_data.errors import DataError

if TYPE_CHECKING:
    from unweave_data.dataset import Dataset

DATASETS = {entry.name: entry.target for entry in ENTRIES}


def load(name: str, **options: Any) -> "Dataset":
    """Load a data set by its name.

    Parameters
    ----------
    name
        one of the names in DATASETS
    options
        keyword arguments of the function that loads the set

    Returns
    -------
    Dataset: images by index, and factors if they are known

    Raises
    ------
    DataError
        If the set or an option does not exist, or the data cannot be used.

    Examples
    --------
    >>> data = load("dsprites", resolution=32)
    >>> data.images([4, 2]).shape, data.factors[2].tolist()
    ((2, 32, 32, 1), [0, 0, 0, 0, 2])
    >>> len(load("dsprites", keep="shape == 0 and position_x < 16", holdout=1000))
    121880
    """
    if name not in DATASETS:
        names = _closest_first(name, DATASETS)
        raise DataError(f"name: there is no data set {str(name)[:80]!r}; known: {names}")
    module, _, attribute = DATASETS[name].partition(":")
    function: Callable[..., Dataset] = getattr(import_module(module), attribute)
    # The option `range` is the parameter `range_`, because `range` is a name of Python.
    parameters = {name.rstrip("_"): name for name in inspect.signature(function).parameters}
    for option in options:
        if option.rstrip("_") not in parameters:
            names = _closest_first(option, parameters) or "none"
            raise DataError(f"options: {name} has no option {option[:80]!r}; known: {names}")
    return function(**{parameters[option.rstrip("_")]: value for option, value in options.items()})


def _closest_first(wrong: str, names: Iterable[str]) -> str:
    matcher = difflib.SequenceMatcher(b=str(wrong))

    def distance(name: str) -> float:
        matcher.set_seq1(name)
        return -matcher.ratio()

    return ", ".join(sorted(names, key=distance))
