"""Check the metadata of a code table, so that every file format can store it."""

from __future__ import annotations

from typing import Any

import numpy as np

from unweave_metrics._arrays import quoted

# HDF5 stores the name and the numbers of an attribute in at most 64 kB. Strings are stored
# elsewhere and take 16 bytes each.
MOST_BYTES = 60_000
POINTER = 16


def storable(text: str) -> bool:
    """Return whether files can store a text: it must have no NUL and no lone surrogate."""
    return "\0" not in text and text.encode("utf-8", "replace").decode() == text


def storable_metadata(key: object, value: Any, where: str) -> Any:
    """Return a number, a string, or a list of one of them in the form that files return.

    Raises
    ------
    TypeError, ValueError
        For a value that files can store only as a pickle, or not at all.
    """
    if not isinstance(key, str) or not key or "/" in key or not storable(key):
        raise TypeError(
            f"{where}: names of metadata must be strings without '/', got {quoted(key)}"
        )
    value = _with_words(value)
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError):  # rows of different lengths
        array = np.asarray(None)
    if array.dtype.kind not in "biufU" or not all(
        isinstance(item, str)
        for item in _words(value, array)  # numpy would turn numbers among strings into strings
    ):
        raise TypeError(
            f"{where}: metadata {key!r:.40} must be a number, a string, a list of numbers or a "
            f"list of strings, got {type(value).__name__} {quoted(value)}; write it as JSON text"
        )
    if not all(map(storable, _words(value, array))):
        raise ValueError(
            f"{where}: metadata {key!r:.40} must be valid Unicode text without NUL, got "
            f"{quoted(value)}"
        )
    return value


def check_room(key: str, value: Any, where: str) -> None:
    """Refuse a value that is too long for an attribute."""
    array = np.asarray(value)
    words = _words(value, array)
    size = len(key.encode()) + (POINTER * len(words) if words else array.nbytes)
    if size > MOST_BYTES:
        raise ValueError(
            f"{where}: metadata {key!r:.40} must take at most {MOST_BYTES:,} bytes with its name, "
            f"got {size:,}; write a long list as JSON text"
        )


def _words(value: Any, array: np.ndarray[Any, np.dtype[Any]]) -> list[Any]:
    """Return the items of a value whose array holds strings; for numbers, none."""
    if array.dtype.kind != "U":
        return []
    return np.asarray(value, dtype=object).ravel().tolist()


def readable(value: Any) -> Any:
    """Return text with replacement characters for invalid bytes; other values stay as they are."""
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _with_words(value: Any) -> Any:
    """Return text for bytes, and lists for arrays of strings, both of which HDF5 returns."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, np.ndarray) and value.dtype.kind in "OSU":
        return _with_words(value.tolist())
    if isinstance(value, list | tuple):
        return [_with_words(item) for item in value]
    return value
