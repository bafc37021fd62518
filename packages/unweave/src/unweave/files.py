"""Files that are complete or absent: written under a temporary name, then renamed."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unweave.errors import RunError, quote
from unweave.processes import is_alive

PARTIAL = ".partial-"
"""Prefix of the name of a file that is being written; host and process of the writer follow."""
WRITER = re.compile(r"\.partial-(?P<host>[0-9a-z]+)-(?P<pid>\d+)-")
ABANDONED_SECONDS = 24 * 3600.0
"""Age after which an unfinished file of another host counts as a leftover."""
_being_written_here: set[str] = set()
"""Names that threads of this process are writing; an older process may have had its id."""


def expanded(path: Path | str) -> Path:
    """Return a path with `~` replaced by the home folder.

    Raises
    ------
    RunError
        If there is no such folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise RunError(
            f"{quote(str(path))} begins with ~, and there is no such home folder; write it out"
        ) from error


@contextlib.contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """Make an empty file beside `path`, marked as this process's, and remove it afterwards.

    Raises
    ------
    RunError
        If the folder cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=_prefix(), suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}") from error
    temporary = Path(name)
    _being_written_here.add(temporary.name)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
        _being_written_here.discard(temporary.name)


@contextlib.contextmanager
def temporary_folder_beside(path: Path) -> Iterator[Path]:
    """Make a folder beside `path`, marked as this process's; it is removed unless it was renamed.

    Unfinished folders of killed processes are removed first.
    """
    remove_partial(path.parent, ours=False)
    temporary = Path(tempfile.mkdtemp(prefix=_prefix(), dir=path.parent))
    _being_written_here.add(temporary.name)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        _being_written_here.discard(temporary.name)


def _prefix() -> str:
    return f"{PARTIAL}{_host()}-{os.getpid()}-"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it into place when the block succeeds.

    The file is flushed to the disk before the rename, and the folder after it, so that a killed
    process or a power cut leaves the old content or the new. Unfinished files of killed processes
    are removed.

    Raises
    ------
    RunError
        If the disk is full or the folder cannot be written.
    """
    remove_partial(path.parent, ours=False)
    with temporary_beside(path) as temporary:
        try:
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
            sync_folder(path.parent)
        except OSError as error:
            raise RunError(f"{path} cannot be written: {error.strerror or error}") from error


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file's content."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Replace a file's content with UTF-8 text."""
    write_bytes(path, content.encode())


@contextlib.contextmanager
def writing_hdf5(path: Path) -> Iterator[Any]:
    """Give an HDF5 file in memory; write it to a path when the block succeeds.

    When the disk is full, the HDF5 library itself prints tracebacks and may end the process.

    Raises
    ------
    RunError
        If the disk is full or the folder cannot be written.
    """
    import h5py

    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        yield file
    write_bytes(path, content.getvalue())


def append_line(path: Path, line: str) -> None:
    """Add a line to a file and flush it to the disk.

    Raises
    ------
    RunError
        If the disk is full or the file cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}") from error


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk, if the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove_partial(folder: Path, *, ours: bool = True) -> None:
    """Remove unfinished files of killed processes, and none of a living one.

    Parameters
    ----------
    ours
        Whether only unweave writes in the folder; else only files that name their writer go.
    """
    with contextlib.suppress(OSError):  # what cannot be removed is in nobody's way
        for path in folder.glob(f"{PARTIAL}*"):
            if (ours or WRITER.match(path.name)) and not _being_written(path):
                _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _being_written(path: Path) -> bool:
    writer = WRITER.match(path.name)
    if writer is None:
        return False
    if writer["host"] == _host():
        mine = int(writer["pid"]) == os.getpid()
        return path.name in _being_written_here if mine else is_alive(int(writer["pid"]))
    with contextlib.suppress(OSError):
        return time.time() - path.stat().st_mtime < ABANDONED_SECONDS
    return False


def _host() -> str:
    return hashlib.blake2b(socket.gethostname().encode(), digest_size=6).hexdigest()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
