"""Files that commands write: their types, and arrays in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave.errors import ConfigError, unknown_name
from unweave.files import replacing


def check_suffix(path: Path, suffixes: tuple[str, ...]) -> None:
    """Raise unless a file to write has a known suffix and its folder is there.

    Raises
    ------
    ConfigError
        If it has not; `figures` of a run is made when it is needed.
    """
    if path.suffix not in suffixes:
        raise unknown_name("file type", path.suffix or path.name, suffixes)
    if not path.parent.exists() and path.parent != path.parent.parent / "figures":
        raise ConfigError(f"folder {path.parent} does not exist; make it first")


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> Path:
    """Write arrays as a compressed `.npz`, whole or not at all; return its path."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    return path
