"""Find data files, and check them before they are opened."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from unweave_data.errors import DataError, read_errors

# A file is refused if its uncompressed size exceeds both _LARGE_BYTES and _MOST_TIMES its size on
# the disk: it would only fill the memory. dSprites, black images with one small shape, is 116 times
# as large as its npz.
_LARGE_BYTES = 1 << 30
_MOST_TIMES = 400

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_PAGE = (b"<!doctype html", b"<html", b"<?xml")


def regular_file(path: Path | str, what: str) -> Path:
    """Return the path of a regular file after checking that it can be read.

    Raises
    ------
    DataError
        If the file does not exist, is a directory, a pipe or a device, cannot be read for lack of
        permission, or is a Git LFS pointer or a web page.
    """
    path = Path(path).expanduser()
    with read_errors(path, what):
        if path.is_dir():
            raise DataError(f"path: {path} is a directory; give the path of {what}")
        # Checked before it is opened, because opening a pipe waits for a writer.
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"path: {path} is not a regular file; give the path of {what}")
        with path.open("rb") as file:
            _refuse_placeholder(path, file.read(128), what)
    return path


def _refuse_placeholder(path: Path, head: bytes, what: str) -> None:
    if head.startswith(_LFS_POINTER):
        raise DataError(
            f"path: {path} is a Git LFS pointer, not {what}; run `git lfs pull` in its repository"
        )
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGE):
        raise DataError(
            f"path: {path} is a web page, not {what}, because the server sent a page instead of "
            "the file; get the file again with a browser"
        )


def directory(path: Path | str, what: str) -> Path:
    """Return the path of a directory after checking that its files can be listed.

    Raises
    ------
    DataError
        If it does not exist, is not a directory, or cannot be read for lack of permission.
    """
    path = Path(path).expanduser()
    with read_errors(path, what):
        if path.exists() and not path.is_dir():
            raise DataError(f"path: {path} is a file; give the path of {what}")
        next(path.iterdir(), None)
        (path / ".").stat()
    return path


def places(*folders: str) -> list[Path]:
    """Return sub-folders of the directory in the environment variable UNWEAVE_DATA."""
    root = os.environ.get("UNWEAVE_DATA")
    return [Path(root).expanduser() / folder for folder in folders] if root else []


def require_path(path: Path | None, what: str) -> Path:
    """Return a path, or raise an error if there is none.

    Raises
    ------
    DataError
        If the path is None.
    """
    if path is None:
        raise DataError(f"path is missing; set path= to the path of {what}")
    return Path(path).expanduser()


def named_file(folder: Path, names: Iterable[str], what: str) -> Path:
    """Return the first of some file names that exists in a folder.

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
    """Refuse, before it is read, an array that does not fit into the memory of this machine.

    A header may declare any shape; without this check a few bytes could take all memory.

    Raises
    ------
    DataError
        If the machine has less than `size` bytes of memory.
    """
    limit = _physical_memory()
    if size > limit:
        raise DataError(
            f"path: {what} in {path} needs {size / 1e9:.1f} GB, more than this machine's "
            f"{limit / 1e9:.1f} GB of memory; use a smaller file, or set unpack= to a folder, from "
            "which it is then read"
        )


def check_unpacked(size: int, stored: int, path: Path, what: str) -> None:
    """Refuse a small file that declares an array of gigabytes.

    Parameters
    ----------
    size
        size of the array in bytes according to the header
    stored
        size of the array on the disk in bytes
    path, what
        file and description of the array, for the message

    Raises
    ------
    DataError
        If `size` is above 1 GiB and above 400 times `stored`.
    """
    if size > _LARGE_BYTES and size > _MOST_TIMES * stored:
        raise DataError(
            f"path: {what} in {path} declares {size / 1e9:.1f} GB, but has only "
            f"{stored / 1e6:.3g} MB on the disk: it is damaged or made to fill the memory; get the "
            "file again"
        )


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # this system does not report its memory
        return 1 << 40
