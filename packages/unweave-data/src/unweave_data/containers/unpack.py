"""Unpack an array once into an npy file, whose rows can be read in any order."""

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.containers.arrayfile import Header
from unweave_data.containers.npy import open_npy
from unweave_data.containers.rows import RawRows
from unweave_data.errors import DataError, read_errors

# The file is synchronised with the disk after each multiple of this many bytes.
_STRIDE = 1 << 28

Progress = Callable[[int, int], object]


def unpacked_rows(
    stem: str,
    key: str,
    header: Header,
    blocks: Callable[[], Iterable[NDArray[Any]]],
    folder: Path,
    progress: Progress | None = None,
) -> RawRows:
    """Return the rows of an array from an npy file in a folder, which is written if it is missing.

    It is written to a temporary name and then renamed. If the process is killed, it leaves a
    partial file; the next process continues after the last whole 256 MB of it.

    Parameters
    ----------
    stem, key
        the stem of the name of the npy, and a text of everything that the array depends on, whose
        digest follows the stem
    header
        shape and dtype of the array
    blocks
        function that returns the array in blocks along axis 0, the same at each call
    folder
        folder of the npy, which is created if it is missing
    progress
        function that is called as progress(done, total), in rows

    Raises
    ------
    DataError
        If the folder cannot be written, or another process is unpacking the same array.
    """
    digest = hashlib.blake2b(key.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
    target = Path(folder).expanduser() / f"{stem[:80]}-{digest}.npy"
    with read_errors(target, "a file that can be written"):
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(target, header, blocks(), progress)
    with open_npy(target, "the unpacked array") as npy:
        actual = npy.header("array")
        if (actual.shape, actual.dtype) != (header.shape, header.dtype.newbyteorder("=")):
            raise DataError(f"path: {target} contains another array; remove it and load again")
        rows = npy.rows("array")
    assert rows is not None  # it was written in C order
    return rows


def _write(
    target: Path, header: Header, blocks: Iterable[NDArray[Any]], progress: Progress | None
) -> None:
    partial = target.with_suffix(".npy.partial")
    head = _npy_head(header)
    with partial.open("ab") as out, _lock(out, partial):
        present_rows = _resume_at(out, head, header)
        rows = 0
        for block in blocks:
            data = np.ascontiguousarray(block.astype(block.dtype.newbyteorder("="), copy=False))
            rows += len(block)
            if rows > present_rows:
                strides = out.tell() // _STRIDE
                out.write(data[max(0, present_rows - (rows - len(block))) :].tobytes())
                if out.tell() // _STRIDE > strides:
                    out.flush()
                    os.fsync(out.fileno())
            if progress is not None:
                progress(rows, header.shape[0])
        out.flush()
        os.fsync(out.fileno())
        partial.replace(target)


def _npy_head(header: Header) -> bytes:
    stream = io.BytesIO()
    fields = {
        "descr": np.lib.format.dtype_to_descr(header.dtype.newbyteorder("=")),
        "fortran_order": False,
        "shape": header.shape,
    }
    np.lib.format.write_array_header_1_0(stream, fields)
    return stream.getvalue()


def _resume_at(out: IO[bytes], head: bytes, header: Header) -> int:
    """Truncate a partial file to the whole rows that are on the disk; return their number."""
    size = out.seek(0, os.SEEK_END) // _STRIDE * _STRIDE
    rows = max(0, size - len(head)) // header.row_bytes
    if rows == 0:
        out.truncate(0)
        out.write(head)
        return 0
    out.truncate(len(head) + rows * header.row_bytes)
    return rows


@contextmanager
def _lock(out: IO[bytes], partial: Path) -> Iterator[None]:
    """Lock the partial file until it is closed, because two writers would damage it."""
    try:
        import fcntl
    except ImportError:  # this system has no such locks
        yield
        return
    try:
        fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DataError(
            f"path: another process writes {partial}; wait until it has finished and load again"
        ) from None
    yield
