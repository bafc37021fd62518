"""Errors of data sets, one sentence each."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path
from tokenize import TokenError


class DataError(ValueError):
    """Data, an index or an option that cannot be used; the message is one sentence.

    Messages may contain names from unknown files, so each character that cannot be printed becomes
    a question mark.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(c if c.isprintable() else "?" for c in message))


# zipfile raises RuntimeError for an encrypted member and NotImplementedError for an unknown
# compression; numpy may raise SyntaxError or TokenError for a header; h5py raises OSError,
# KeyError, RuntimeError or TypeError for a damaged file.
_BROKEN = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    RuntimeError,
    NotImplementedError,
    OverflowError,
    TypeError,
    SyntaxError,
    TokenError,
    struct.error,
    zlib.error,
    LZMAError,
    zipfile.BadZipFile,
)


@contextmanager
def read_errors(path: Path, what: str) -> Iterator[None]:
    """Turn every error of a reader into a DataError that names the file.

    Raises
    ------
    DataError
        If the reader raises, for example "path: PATH should be WHAT, but ...; ...".
    """
    try:
        yield
    except DataError as error:
        if str(path) in str(error):
            raise
        raise DataError(f"path: in {path}, {error}") from None
    except PermissionError:
        raise DataError(f"path: no permission to read {path}; change its permissions") from None
    except FileNotFoundError:
        raise DataError(f"path: {path} does not exist; give the path of {what}") from None
    except MemoryError:
        raise DataError(f"path: {path} does not fit into memory; use a smaller file") from None
    except _BROKEN as error:
        reason = " ".join(str(error).split())[:80] or type(error).__name__
        raise DataError(
            f"path: {path} should be {what}, but it cannot be read ({reason}); "
            "get the file again, because it is damaged or has another format"
        ) from None
