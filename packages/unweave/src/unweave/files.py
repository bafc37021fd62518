"""Files that are whole or not there: written beside their name, then renamed into place."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from unweave.errors import RunError

PARTIAL = ".partial-"
"""How the name of a file begins that is being written; the writer's host and process follow."""
WRITER = re.compile(r"\.partial-(?P<host>[0-9a-z]+)-(?P<pid>\d+)-")
ABANDONED_SECONDS = 24 * 3600.0
"""After which what another host was writing counts as left over."""


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
        prefix = f"{PARTIAL}{_host()}-{os.getpid()}-"
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=path.suffix, dir=path.parent)
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
    """Remove what killed processes had not finished writing, and nothing of a living one."""
    for path in folder.glob(f"{PARTIAL}*"):
        if not _being_written(path):
            path.unlink(missing_ok=True)


def _being_written(path: Path) -> bool:
    writer = WRITER.match(path.name)
    if writer is None or int(writer["pid"]) == os.getpid():
        return False
    if writer["host"] == _host():
        return is_alive(int(writer["pid"]))
    with contextlib.suppress(OSError):
        return time.time() - path.stat().st_mtime < ABANDONED_SECONDS
    return False


def is_alive(pid: int) -> bool:
    """Whether a process of this machine runs."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _host() -> str:
    return re.sub(r"[^0-9a-z]", "", socket.gethostname().lower())[:20] or "localhost"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
