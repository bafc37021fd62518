"""Files that are whole or not there: written beside their name, then renamed into place."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from unweave.errors import RunError

PARTIAL = ".partial-"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it into place when the block succeeds.

    The file is flushed to the disk before the rename, so that a killed process or a power cut
    leaves the old content or the new.

    Raises
    ------
    RunError
        If the disk is full or the folder cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=PARTIAL, suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}") from error
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file's content."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Replace a file's content by UTF-8 text."""
    write_bytes(path, content.encode())


def remove_partial(folder: Path) -> None:
    """Remove what a killed process had not finished writing."""
    for path in folder.glob(f"{PARTIAL}*"):
        path.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
