"""Where data files are looked for, and what is checked before one is opened."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from unweave_data.errors import DataError, read_errors

# A file that is larger than this when unpacked, and so many times larger than on the disk, is a
# bomb: the whole of dSprites, black pictures with one small shape, is 116 times its npz.
_LARGE_BYTES = 1 << 30
_MOST_TIMES = 400

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_PAGE = (b"<!doctype html", b"<html", b"<?xml")


def regular_file(path: Path | str, what: str) -> Path:
    """Check that a path names a regular file that may be read and is not something in its place.

    Raises
    ------
    DataError
        If it does not exist, is a directory, a pipe or a device, it may not be read, or it is
        a Git LFS pointer or a web page.
    """
    path = Path(path).expanduser()
    with read_errors(path, what):
        if path.is_dir():
            raise DataError(f"path: {path} is a directory; give the path of {what}")
        # Looked at before it is opened: opening a pipe waits for a writer.
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"path: {path} is not a regular file; give the path of {what}")
        with path.open("rb") as file:
            _refuse_placeholder(path, file.read(128), what)
    return path


def _refuse_placeholder(path: Path, head: bytes, what: str) -> None:
    if head.startswith(_LFS_POINTER):
        raise DataError(
            f"path: {path} is a Git LFS pointer, not {what}; run `git lfs pull` where it came from"
        )
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGE):
        raise DataError(
            f"path: {path} is a web page, not {what}; the server sent a page instead of the file, "
            "so get the file again with a browser"
        )


def directory(path: Path | str, what: str) -> Path:
    """Check that a path names a directory whose files may be listed and looked at.

    Raises
    ------
    DataError
        If it does not exist or is not a directory.
    """
    path = Path(path).expanduser()
    with read_errors(path, what):
        if path.exists() and not path.is_dir():
            raise DataError(f"path: {path} is a file; give the path of {what}")
        next(path.iterdir(), None)
        (path / ".").stat()
    return path


def places(*folders: str) -> list[Path]:
    """Name the sub-folders of the directory in the environment variable UNWEAVE_DATA."""
    root = os.environ.get("UNWEAVE_DATA")
    return [Path(root).expanduser() / folder for folder in folders] if root else []


def require_path(path: Path | None, what: str) -> Path:
    """Insist on a path.

    Raises
    ------
    DataError
        If it is None.
    """
    if path is None:
        raise DataError(f"path must be given, got nothing; give path= with the path of {what}")
    return Path(path).expanduser()


def named_file(folder: Path, names: Iterable[str], what: str) -> Path:
    """Find the first of some file names in a folder.

    Raises
    ------
    DataError
        If none of them exists.
    """
    names = list(names)
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise DataError(f"path: {folder} has no file {' or '.join(names[:3])}; put {what} there")


def check_memory(size: int, path: Path, what: str) -> None:
    """Refuse what cannot fit into the memory of this machine, before reading it.

    A file's header may declare any shape; without this a few bytes could claim all memory.

    Raises
    ------
    DataError
        If `size` bytes are more than the machine has.
    """
    limit = _physical_memory()
    if size > limit:
        raise DataError(
            f"path: {what} in {path} needs {size / 1e9:.1f} GB, more than this machine's "
            f"{limit / 1e9:.1f} GB of memory; give a smaller file, or unpack= with a folder, from "
            "which it is then read"
        )


def check_unpacked(size: int, stored: int, path: Path, what: str) -> None:
    """Refuse what claims gigabytes and is kilobytes.

    Parameters
    ----------
    size
        bytes that are declared
    stored
        bytes that they take on the disk
    path, what
        for the message

    Raises
    ------
    DataError
        If `size` is above 1 GiB and above 400 times `stored`.
    """
    if size > _LARGE_BYTES and size > _MOST_TIMES * stored:
        raise DataError(
            f"path: {what} in {path} declares {size / 1e9:.1f} GB and has {stored / 1e6:.3g} MB on "
            "the disk; it is damaged, or it was made to fill the memory; get the file again"
        )


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # no such question on this system
        return 1 << 40
