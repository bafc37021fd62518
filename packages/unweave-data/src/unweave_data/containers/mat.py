"""Read single arrays of MATLAB's mat files of version 5, with scipy."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.errors import DataError, read_errors
from unweave_data.files import check_memory, check_unpacked, regular_file

# scipy's name of the class of an array -> bytes per number.
_BYTES = {
    "logical": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4,
    "single": 4, "int64": 8, "uint64": 8, "double": 8,
}  # fmt: skip


def read_mat(path: Path | str, names: tuple[str, ...], what: str) -> dict[str, NDArray[Any]]:
    """Read arrays of numbers from a mat file, and nothing else of it.

    Parameters
    ----------
    path
        path of the file
    names
        names of the arrays
    what
        description of the file, for messages

    Raises
    ------
    DataError
        If the file is not a mat file, is truncated, of version 7.3, lacks one of the arrays, or
        one of them is too large.
    """
    import scipy.io

    path = regular_file(path, what)
    with read_errors(path, what):
        with path.open("rb") as file:
            if file.read(10) == b"MATLAB 7.3" or _is_hdf5(path):
                raise DataError(
                    f"path: {path} must be of version 5 to 7, got 7.3; save it with -v7, or load "
                    "it as hdf5"
                )
        with _as_value_error():
            headers = {name: (shape, kind) for name, shape, kind in scipy.io.whosmat(path)}
        for name in names:
            _check(path, name, headers, what)
        with _as_value_error():
            arrays = scipy.io.loadmat(path, variable_names=list(names))
        return {name: np.asarray(arrays[name]) for name in names}


@contextmanager
def _as_value_error() -> Iterator[None]:
    """Turn the errors of scipy for a damaged file into ValueError, except OSError."""
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


def _check(path: Path, name: str, headers: Mapping[str, tuple[Any, str]], what: str) -> None:
    if name not in headers:
        names = ", ".join(str(key)[:40] for key in list(headers)[:10]) or "nothing"
        raise DataError(f"path: {path} should be {what}, with an array {name}, but has {names}")
    shape, kind = headers[name]
    if kind not in _BYTES:
        raise DataError(f"path: {name} in {path} should be an array of numbers, got {kind}")
    size = int(np.prod([int(n) for n in shape], dtype=object)) * _BYTES[kind]
    check_unpacked(size, path.stat().st_size, path, name)
    check_memory(size, path, name)
