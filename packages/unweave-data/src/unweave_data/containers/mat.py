"""MATLAB's mat files of version 5, one array at a time, through scipy."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.errors import DataError, read_errors
from unweave_data.files import check_memory, check_unpacked, regular_file

# The class of an array by scipy's name, and the bytes of a number.
_BYTES = {
    "logical": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4,
    "single": 4, "int64": 8, "uint64": 8, "double": 8,
}  # fmt: skip


def read_mat(path: Path | str, names: tuple[str, ...], what: str) -> dict[str, NDArray[Any]]:
    """Read arrays of numbers from a mat file, and look at nothing else in it.

    Parameters
    ----------
    path
        the file
    names
        of the arrays
    what
        what it should be, for messages

    Raises
    ------
    DataError
        If it is not such a file, truncated, of version 7.3, without these arrays, or larger
        than it may be.
    """
    import scipy.io

    path = regular_file(path, what)
    with read_errors(path, what):
        with path.open("rb") as file:
            if file.read(10) == b"MATLAB 7.3" or _is_hdf5(path):
                raise DataError(
                    f"path: {path} is of version 7.3; save it with -v7, or load as hdf5"
                )
        with _damage_in_words():
            declared = {name: (shape, kind) for name, shape, kind in scipy.io.whosmat(path)}
        for name in names:
            _check(path, name, declared, what)
        with _damage_in_words():
            arrays = scipy.io.loadmat(path, variable_names=list(names))
        return {name: np.asarray(arrays[name]) for name in names}


@contextmanager
def _damage_in_words() -> Iterator[None]:
    """Raise one type for whatever scipy raises of a damaged file, its own exceptions among it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except OSError:
            raise
        except Exception as error:
            raise ValueError(str(error) or type(error).__name__) from None


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(1024)
    return b"\x89HDF\r\n\x1a\n" in (head[:8], head[512:520])


def _check(path: Path, name: str, declared: Mapping[str, tuple[Any, str]], what: str) -> None:
    if name not in declared:
        listed = ", ".join(str(key)[:40] for key in list(declared)[:10]) or "nothing"
        raise DataError(f"path: {path} should be {what}, with an array {name}, but has {listed}")
    shape, kind = declared[name]
    if kind not in _BYTES:
        raise DataError(f"path: {name} in {path} should be an array of numbers, got {kind}")
    size = int(np.prod([int(n) for n in shape], dtype=object)) * _BYTES[kind]
    check_unpacked(size, path.stat().st_size, path, name)
    check_memory(size, path, name)
