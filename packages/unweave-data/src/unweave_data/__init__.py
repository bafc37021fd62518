"""Images with known factors as uint8 arrays, without torch."""

from unweave_data.catalogue import DATASETS, load
from unweave_data.dataset import ArrayDataset, Dataset
from unweave_data.errors import DataError
from unweave_data.vectors import VectorDataset

__all__ = ["DATASETS", "ArrayDataset", "DataError", "Dataset", "VectorDataset", "load"]
