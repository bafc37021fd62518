"""Where data files are looked for, and what is checked before one is opened."""

import os
from pathlib import Path

from unweave_data.errors import DataError, reading


def regular_file(path: Path | str, what: str) -> Path:
    """Check that a path names a regular file that may be read.

    Raises
    ------
    DataError : nothing is there, it is a directory or a device, or it may not be read

    """
    path = Path(path).expanduser()
    with reading(path, what):
        if path.is_dir():
            raise DataError(f"path: {path} is a directory; give the path of {what}")
        if path.exists() and not path.is_file():
            raise DataError(f"path: {path} is not a regular file; give the path of {what}")
        with path.open("rb") as file:
            file.read(1)
    return path


def directory(path: Path | str, what: str) -> Path:
    """Check that a path names a directory whose files may be listed and looked at.

    Raises
    ------
    DataError : nothing is there, or it is not a directory

    """
    path = Path(path).expanduser()
    with reading(path, what):
        if path.exists() and not path.is_dir():
            raise DataError(f"path: {path} is a file; give the path of {what}")
        next(path.iterdir(), None)
        (path / ".").stat()
    return path


def places(*folders: str) -> list[Path]:
    """Name the sub-folders of the directory in the environment variable UNWEAVE_DATA."""
    root = os.environ.get("UNWEAVE_DATA")
    return [Path(root).expanduser() / folder for folder in folders] if root else []


def required(path: Path | None, what: str) -> Path:
    """Insist on a path.

    Raises
    ------
    DataError : it is None

    """
    if path is None:
        raise DataError(f"path must be given, got nothing; give path= with the path of {what}")
    return Path(path)


def check_memory(size: int, path: Path, what: str) -> None:
    """Refuse what cannot fit into the memory of this machine, before reading it.

    A file's header may declare any shape; without this a few bytes could claim all memory.

    Raises
    ------
    DataError : `size` bytes are more than the machine has

    """
    limit = _physical_memory()
    if size > limit:
        raise DataError(
            f"path: {what} in {path} needs {size / 1e9:.1f} GB, more than this machine's "
            f"{limit / 1e9:.1f} GB of memory; give a smaller file, or an HDF5, which is read "
            "from disk"
        )


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # no such question on this system
        return 1 << 40
