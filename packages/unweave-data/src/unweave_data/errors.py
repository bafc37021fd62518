"""What goes wrong with data, in one sentence each."""

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

    Names come out of strangers' files: what no terminal should be sent becomes a question mark.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(c if c.isprintable() else "?" for c in message))


# zipfile says RuntimeError of an encrypted member and NotImplementedError of an unknown packing;
# numpy may say SyntaxError or TokenError of a header; h5py says OSError, KeyError, RuntimeError or
# TypeError of a damaged file.
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
    """Turn whatever a reader raises about a file into one sentence.

    Raises
    ------
    DataError
        If a reader raises: "path: PATH should be WHAT, but ...; ...".
    """
    try:
        yield
    except DataError as error:
        if str(path) in str(error):
            raise
        raise DataError(f"path: in {path}, {error}") from None
    except PermissionError:
        raise DataError(f"path: {path} may not be read; give yourself read permission") from None
    except FileNotFoundError:
        raise DataError(f"path: {path} does not exist; give the path of {what}") from None
    except MemoryError:
        raise DataError(f"path: {path} does not fit into memory; give a smaller file") from None
    except _BROKEN as error:
        reason = " ".join(str(error).split())[:80] or type(error).__name__
        raise DataError(
            f"path: {path} should be {what}, but it cannot be read ({reason}); "
            "get the file again, it is damaged or of another kind"
        ) from None
