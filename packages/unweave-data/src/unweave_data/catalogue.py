"""Which data sets there are, and how one is loaded by its name."""

import difflib
import inspect
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from unweave_data.errors import DataError

if TYPE_CHECKING:
    from unweave_data.dataset import Dataset

DATASETS = {
    "dsprites": "unweave_data.dsprites:dsprites",
    "mnist": "unweave_data.mnist:mnist",
    "fashion-mnist": "unweave_data.mnist:fashion_mnist",
    "lpc-sprites": "unweave_data.lpc_sprites:lpc_sprites",
    "digits": "unweave_data.digits:digits",
    "pinwheel": "unweave_data.pinwheel:pinwheel",
    "gaussian-mixture-100d": "unweave_data.projected_mixture:projected_mixture",
    "images": "unweave_data.folder:images",
    "npz": "unweave_data.arrays:npz",
    "hdf5": "unweave_data.arrays:hdf5",
}


def load(name: str, **options: Any) -> "Dataset":
    """Load a data set by its name.

    Parameters
    ----------
    name
        one of DATASETS
    options
        keyword arguments of that set's function

    Returns
    -------
    Dataset: images by index, and factors where they are known

    Raises
    ------
    DataError : no such set or option, or the data cannot be used

    >>> data = load("dsprites", resolution=32)
    >>> data.images([4, 2]).shape, data.factors[2].tolist()
    ((2, 32, 32, 1), [0, 0, 0, 0, 2])

    """
    if name not in DATASETS:
        raise DataError(f"name: no data set {name!r}; known: {_closest_first(name, DATASETS)}")
    module, _, attribute = DATASETS[name].partition(":")
    function: Callable[..., Dataset] = getattr(import_module(module), attribute)
    known = inspect.signature(function).parameters
    for option in options:
        if option not in known:
            listed = _closest_first(option, known) or "none"
            raise DataError(f"options: {name} has no option {option!r}; known: {listed}")
    return function(**options)


def _closest_first(wrong: str, known: Iterable[str]) -> str:
    likeness = difflib.SequenceMatcher(b=str(wrong))

    def unlike(name: str) -> float:
        likeness.set_seq1(name)
        return -likeness.ratio()

    return ", ".join(sorted(known, key=unlike))
