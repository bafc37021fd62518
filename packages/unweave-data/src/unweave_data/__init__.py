"""Images with known factors as uint8 arrays, without torch."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unweave_data.catalogue import DATASETS, load
    from unweave_data.dataset import ArrayDataset, Dataset
    from unweave_data.entries import ENTRIES, Entry
    from unweave_data.errors import DataError
    from unweave_data.selection import Subset, select
    from unweave_data.vectors import VectorDataset
    from unweave_data.views.view import View

__all__ = [
    "DATASETS", "ENTRIES", "ArrayDataset", "DataError", "Dataset", "Entry", "Subset",
    "VectorDataset", "View", "load", "select",
]  # fmt: skip

_HOMES = {
    "DATASETS": "catalogue",
    "load": "catalogue",
    "ArrayDataset": "dataset",
    "Dataset": "dataset",
    "ENTRIES": "entries",
    "Entry": "entries",
    "DataError": "errors",
    "Subset": "selection",
    "select": "selection",
    "VectorDataset": "vectors",
    "View": "views.view",
}


def __getattr__(name: str) -> Any:
    # Imported on demand: a program that only lists the names of data sets needs no numpy.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
